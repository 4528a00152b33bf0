"""A service that shows its environment, sleeps, becomes sick and dies on request.

Tasks started together have addresses one after the other, so half of them can be sick, or crash.
"""

import json
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

state = {"health": 200}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path, _, argument = self.path.partition("?")
        if path == "/die":
            os._exit(int(argument))
        if path == "/sick":
            state["health"] = int(argument)
        if path == "/sleep":
            time.sleep(float(argument))
        status = state["health"] if path == "/health" else 200
        body = json.dumps(dict(os.environ) | {"pid": os.getpid()}).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


odd = int(os.environ["BIND_HOST"].rsplit(".", 1)[1]) % 2
if os.environ.get("EVERY_OTHER_IS_SICK") and odd:
    state["health"] = 500
if os.environ.get("CRASH") or (os.environ.get("EVERY_OTHER_CRASHES") and odd):
    sys.exit("asked to crash")
server = ThreadingHTTPServer((os.environ["BIND_HOST"], int(os.environ["PORT"])), Handler)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("listening with", os.environ.get("COLOUR"), flush=True)
server.serve_forever()
