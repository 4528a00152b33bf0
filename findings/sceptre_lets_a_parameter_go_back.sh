#!/usr/bin/env bash
# sceptre leaves out of an update what its config doesn't name, so that a value set by others goes back to the default.
#
# Seen with sceptre 4.7.0 and boto3 1.44.8, Python 3.11, against a few answers of CloudFormation's API made here.
# One would guess: a parameter that the config doesn't name keeps the value that the stack has, as with
# `aws cloudformation deploy`, which sends UsePreviousValue for it.
# What happens: UpdateStack gets the named parameters alone. CloudFormation then takes the template's default for the
# others (its API reference says so of the type Parameter), and what sceptre prints mentions none of them.
# Who meets it: whoever deploys a service of Quayside with sceptre. A rotation changes the service's ActiveUser by an
# update of its own; the next `sceptre launch` sends it back to blue, perhaps in the middle of another rotation.
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
venv/bin/pip install --quiet --quiet --no-deps sceptre==4.7.0 sceptre-cmd-resolver==2.0.0 sceptre-file-resolver==1.0.6 attrs==26.1.0 \
  boto3==1.44.8 botocore==1.44.8 certifi==2026.10.19.post1 cfn-flip==1.3.0 charset-normalizer==3.5.3 click==8.5.1 colorama==0.4.3 \
  deepdiff==8.6.2 deprecation==2.1.0 idna==3.20 Jinja2==3.1.6 jmespath==1.1.0 jsonschema==3.2.0 MarkupSafe==3.0.4 networkx==2.6.3 \
  orderly-set==5.5.0 packaging==24.2 pyrsistent==0.20.0 python-dateutil==2.9.0.post0 PyYAML==6.0.4 requests==2.34.2 \
  s3transfer==0.19.3 setuptools==65.5.0 six==1.17.0 urllib3==2.8.0

mkdir config templates
cat >config/config.yaml <<'YAML'
project_code: shop
region: eu-central-1
YAML
cat >config/orders.yaml <<'YAML'
template: {type: file, path: orders.yaml} # sceptre takes no .yml
parameters: {Image: "2"}
YAML
cat >templates/orders.yaml <<'YAML'
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Image: {Type: String}
  ActiveUser: {Type: String, Default: blue, AllowedValues: [blue, green]}
Resources:
  Parameter:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: !Sub "${Image} ${ActiveUser}"}
YAML

# Stands for CloudFormation: there is a stack whose ActiveUser is green; what UpdateStack gets is written to `sent`.
cat >server.py <<'PYTHON'
import http.server
import pathlib
import urllib.parse

ARN = "arn:aws:cloudformation:eu-central-1:123456789012:stack/shop-orders/1"
STACK = f"""<Stacks><member><StackName>shop-orders</StackName><StackId>{ARN}</StackId>
<CreationTime>2026-01-01T00:00:00Z</CreationTime><StackStatus>UPDATE_COMPLETE</StackStatus><Parameters>
<member><ParameterKey>Image</ParameterKey><ParameterValue>1</ParameterValue></member>
<member><ParameterKey>ActiveUser</ParameterKey><ParameterValue>green</ParameterValue></member>
</Parameters></member></Stacks>"""
RESULTS = {
    "DescribeStacks": STACK,
    "DescribeStackEvents": "<StackEvents/>",
    "UpdateStack": f"<StackId>{ARN}</StackId>",
}


class CloudFormation(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        request = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["content-length"])).decode()))
        action = request["Action"]
        if action == "UpdateStack":
            lines = [f"{key}={value}\n" for key, value in request.items() if key.startswith("Parameters.")]
            pathlib.Path("sent").write_text("".join(lines))
        result = f"<{action}Result>{RESULTS[action]}</{action}Result>" if action in RESULTS else ""
        body = f"<{action}Response>{result}</{action}Response>".encode()
        self.send_response(200 if result else 400)
        self.send_header("content-type", "text/xml")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), CloudFormation)
pathlib.Path("port.new").write_text(str(server.server_port))
pathlib.Path("port.new").rename("port")
server.serve_forever()
PYTHON
timeout 120 venv/bin/python server.py 2>server.log &
server=$!
for _ in {1..100}; do
  [[ -f port ]] && break
  sleep 0.1
done

export AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none AWS_CONFIG_FILE=$folder/none AWS_SHARED_CREDENTIALS_FILE=$folder/none
export AWS_EC2_METADATA_DISABLED=true AWS_MAX_ATTEMPTS=1 AWS_ENDPOINT_URL
AWS_ENDPOINT_URL=http://127.0.0.1:$(cat port)
timeout 60 venv/bin/sceptre --no-colour launch --yes orders.yaml >printed 2>&1 || echo "exit status $?" >>printed
cat printed
echo "--- what UpdateStack got:"
touch sent
cat sent

if [[ $(grep -cE '=(Image|2)$' sent) != 2 ]]; then
  echo "sceptre did not update the stack; nothing is shown." >&2
  exit 1
fi
if grep -q ActiveUser sent printed; then
  echo "The behaviour changed: sceptre's update now says something of a parameter that its config doesn't name." >&2
  exit 1
fi
echo "As described: ActiveUser, green in the stack, is not sent, neither its value nor UsePreviousValue."
