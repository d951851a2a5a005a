"""A gateway of sensors, by the standard library's HTTP server: GET /sensors answers the temperatures of 15 as a list.

    sensors.py     on any free port of 127.0.0.1

It says {"ready": PORT}. Every line of its input is a temperature for all, answered with {"requests": N} since the last
time. It ends when its input does.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SENSORS = 15


class Gateway(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    temperature = 20.0
    requests = 0

    def do_GET(self) -> None:
        Gateway.requests += 1
        body = json.dumps([Gateway.temperature + number / 100 for number in range(SENSORS)]).encode()
        self.send_response(200 if self.path == "/sensors" else 404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(json.dumps({"ready": server.server_port}), flush=True)
for line in sys.stdin:
    Gateway.temperature = json.loads(line)
    requests, Gateway.requests = Gateway.requests, 0
    print(json.dumps({"requests": requests}), flush=True)
