#!/usr/bin/env bash
# hypercorn answers a running request with 500 three seconds after SIGTERM, though its shutdown time-out is a minute.
#
# Seen with Hypercorn 0.18.0 and uvicorn 0.54.0, Python 3.11.
# One would guess: after SIGTERM a request under way is finished, for as long as shutdown_timeout (60 seconds) allows,
# as uvicorn does with its defaults.
# What happens: after graceful_timeout (3 seconds) the application's coroutine is cancelled and the client gets a 500
# with an empty body. shutdown_timeout is for the lifespan's end only. With a longer --graceful-timeout the request is
# finished.
# Who meets it: a service that runs hypercorn on Fargate. Every deployment and every rotation of its password stops
# tasks by SIGTERM, and requests that take longer than three seconds fail then, whatever its stopTimeout.
set -euo pipefail

folder=$(mktemp -d)
server=
# Waits for the server's end, and makes it after 20 seconds.
end_server() {
  for _ in {1..200}; do
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  server=
}
finish() {
  if [[ -n $server ]]; then
    kill -TERM "$server" 2>/dev/null || true
    end_server
  fi
  rm -rf "$folder"
}
trap finish EXIT
cd "$folder"

"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --quiet --no-deps Hypercorn==0.18.0 h11==0.16.0 h2==4.4.1 hpack==4.2.0 hyperframe==6.1.0 \
  priority==2.0.0 wsproto==1.3.2 uvicorn==0.54.0 click==8.5.1 typing_extensions==4.16.0

cat >application.py <<'PYTHON'
import asyncio
import pathlib


async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["path"] == "/slow":
        pathlib.Path("under-way").touch()
        await asyncio.sleep(6)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
    await send({"type": "http.response.body", "body": b"done"})
PYTHON

cat >request.py <<'PYTHON'
import http.client
import sys
import time

port, path = int(sys.argv[1]), sys.argv[2]
for _ in range(200):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        break
    except ConnectionRefusedError:
        time.sleep(0.1)
response = connection.getresponse()
print(response.status, response.read().decode())
PYTHON

# Runs a server ($2..., at PORT), sends a request of six seconds and, when it is under way, SIGTERM; prints the answer.
stop_during_request() {
  local name=$1 command=("${@:2}") port request begun
  port=$(venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  rm -f under-way
  # No timeout(1) around it: that signals the whole process group, and a container's first process gets SIGTERM alone.
  "${command[@]/PORT/$port}" >>server.log 2>&1 &
  server=$!
  timeout 30 venv/bin/python request.py "$port" /slow >answer 2>>request.log &
  request=$!
  for _ in {1..200}; do
    [[ -f under-way ]] && break
    sleep 0.1
  done
  kill -TERM "$server"
  begun=$SECONDS
  wait "$request" || echo "no answer" >answer
  end_server
  echo "$name: $(cat answer) (about $((SECONDS - begun)) s after SIGTERM)"
}

{
  stop_during_request uvicorn venv/bin/uvicorn application:application --host 127.0.0.1 --port PORT
  stop_during_request hypercorn venv/bin/hypercorn application:application --bind 127.0.0.1:PORT
  stop_during_request "hypercorn --graceful-timeout 30" \
    venv/bin/hypercorn application:application --bind 127.0.0.1:PORT --graceful-timeout 30
} | tee seen

if [[ $(grep -cE '^(uvicorn|hypercorn --graceful-timeout 30): 200 done ' seen) != 2 ]]; then
  echo "The behaviour changed: a request is broken off where it was finished." >&2
  exit 1
fi
grep -q '^hypercorn: 500  *(' seen || {
  echo "The behaviour changed: hypercorn no longer answers a running request with 500 after SIGTERM." >&2
  exit 1
}
echo "As described: by its defaults hypercorn broke the request off, and uvicorn finished it."
