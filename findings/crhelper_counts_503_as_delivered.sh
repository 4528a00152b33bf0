#!/usr/bin/env bash
# crhelper takes any HTTP status of the ResponseURL for a delivered answer.
#
# Seen with crhelper 2.0.12, boto3 1.44.8, Python 3.11.
# One would guess: an answer that S3 turns away with 503 is sent again, as it is after a broken connection, and one that
# it refuses with 403 is at least logged as an error or fails the function.
# What happens: a broken connection is tried again, but 403 and 503 are final: one request, a line at level INFO, and the
# function ends as a success. CloudFormation never gets its answer.
# Who meets it: whoever writes a custom resource of their own next to Quayside's (Quayside's functions use crhelper, with
# a delivery of their own for this reason). The stack waits until the resource times out, and no alarm on the function's
# errors rings.
set -euo pipefail

folder=$(mktemp -d)
server=
finish() {
  if [[ -n $server ]]; then kill "$server" 2>/dev/null || true; fi
  rm -rf "$folder"
}
trap finish EXIT
cd "$folder"

"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --quiet --no-deps crhelper==2.0.12 boto3==1.44.8 botocore==1.44.8 s3transfer==0.19.3 \
  jmespath==1.1.0 python-dateutil==2.9.0.post0 six==1.17.0 urllib3==2.8.0
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 \
  -keyout key.pem -out certificate.pem 2>openssl.log

# Stands for S3: a path's number is the status of its answer, and /cut breaks the first connection.
cat >server.py <<'PYTHON'
import http.server
import pathlib
import ssl

cut = False


class Bucket(http.server.BaseHTTPRequestHandler):
    def do_PUT(self):
        global cut
        self.rfile.read(int(self.headers["content-length"]))
        with open("requests", "a") as requests:
            requests.write(self.path + "\n")
        if self.path == "/cut" and not cut:
            cut = True
            self.connection.close()
            return
        self.send_response(200 if self.path == "/cut" else int(self.path[1:]))
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("certificate.pem", "key.pem")
server = http.server.HTTPServer(("127.0.0.1", 0), Bucket)
server.socket = context.wrap_socket(server.socket, server_side=True)
pathlib.Path("port.new").write_text(str(server.server_port))
pathlib.Path("port.new").rename("port")
server.serve_forever()
PYTHON

cat >function.py <<'PYTHON'
import logging
import pathlib
import sys
import types

from crhelper import CfnResource

where = sys.argv[1]
levels = []


class Levels(logging.Handler):
    def emit(self, record):
        if record.name.startswith("crhelper"):
            levels.append(record.levelno)


logging.getLogger().addHandler(Levels())
resource = CfnResource(log_level="INFO", ssl_verify="certificate.pem")


@resource.create
def create(event, context):
    return "a-thing"


event = {
    "RequestType": "Create",
    "ResponseURL": f"https://127.0.0.1:{pathlib.Path('port').read_text()}/{where}",
    "StackId": "arn:aws:cloudformation:eu-central-1:123456789012:stack/a/b",
    "RequestId": where,
    "ResourceType": "Custom::Thing",
    "LogicalResourceId": "Thing",
    "ResourceProperties": {"ServiceToken": "arn:aws:lambda:eu-central-1:123456789012:function:thing"},
}
context = types.SimpleNamespace(
    get_remaining_time_in_millis=lambda: 60_000, aws_request_id=where, log_group_name="a", log_stream_name="b"
)
try:
    resource(event, context)
    outcome = "succeeded"
except Exception as error:
    outcome = f"failed: {error!r}"
requests = pathlib.Path("requests").read_text().splitlines().count(f"/{where}")
print(f"{where}: requests {requests}, highest log level {logging.getLevelName(max(levels))}, function {outcome}")
PYTHON

timeout 120 venv/bin/python server.py 2>server.log &
server=$!
for _ in {1..100}; do
  [[ -f port ]] && break
  sleep 0.1
done

for where in 200 cut 403 503; do
  AWS_DEFAULT_REGION=eu-central-1 AWS_REGION=eu-central-1 timeout 30 venv/bin/python function.py "$where" 2>>function.log
done | tee seen

for status in 403 503; do
  grep -q "^$status: requests 1, highest log level INFO, function succeeded$" seen || {
    echo "The behaviour changed: crhelper no longer counts a $status of the ResponseURL as delivered." >&2
    exit 1
  }
done
grep -q "^cut: requests 2, " seen || {
  echo "The behaviour changed: crhelper no longer tries again after a broken connection." >&2
  exit 1
}
echo "As described: 403 and 503 are never sent again, and nothing above INFO tells."
