"""Hands a role's temporary credentials to who asks on loopback, as EC2 and ECS do for theirs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from local_aws.control import LocalAws

# Where AWS's SDKs ask (AWS SDKs and Tools Reference Guide, "Container credential provider").
VARIABLE = "AWS_CONTAINER_CREDENTIALS_FULL_URI"


@contextmanager
def handed_out(aws: LocalAws, name: str, policies: dict[str, str]) -> Iterator[str]:
    """Create a role, and hand its credentials out as long as the block lasts.

    Args:
        aws: whose IAM and STS are used.
        name: of the role.
        policies: names and texts of what it may do.
    Returns:
        the address that gives the credentials.
    """
    iam, sts = aws.client("iam"), aws.client("sts")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"]
    for policy, text in policies.items():
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=text)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given = sts.assume_role(RoleArn=role["Arn"], RoleSessionName=name)["Credentials"]
            answer = {
                "AccessKeyId": given["AccessKeyId"],
                "SecretAccessKey": given["SecretAccessKey"],
                "Token": given["SessionToken"],
                "Expiration": given["Expiration"].isoformat(),
            }
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
