"""
A version of some component, for the platforms' tests: every path tells digest, environment, folder and process.

A file `trouble` beside it names how this version misbehaves: crash, sick, lies, deaf, hangs, strict, worker.
"""

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

TROUBLE = Path("trouble").read_text()
DIGEST = "sha256:" + "0" * 64 if TROUBLE == "lies" else os.environ["TIDEGATE_DIGEST"]
in_flight: list[object] = []


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/slow":
            in_flight.append(self)
            time.sleep(0.8)
        if TROUBLE == "hangs":
            time.sleep(5)
        told = {"digest": DIGEST, "environment": dict(os.environ), "folder": str(Path.cwd()), "slow": len(in_flight)}
        body = json.dumps(told).encode()
        self.send_response(503 if TROUBLE == "sick" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False
    allow_reuse_address = TROUBLE != "strict"


def stop(*_: object) -> None:
    threading.Thread(target=server.shutdown).start()


if TROUBLE == "crash":
    print(f"no database at {os.environ.get('DATABASE', 'nowhere')}\x1b[31m", file=sys.stderr)
    sys.exit(3)
if TROUBLE == "worker":
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
server = Server((os.environ.get("HOST", "127.0.0.1"), int(os.environ["PORT"])), Answers)
signal.signal(signal.SIGTERM, signal.SIG_IGN if TROUBLE == "deaf" else stop)
server.serve_forever(0.02)
server.server_close()
