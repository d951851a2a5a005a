"""HTTP and WebSockets, with aiohttp, curl and the websockets package."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

from host.bench import Bench, Engine, Python, Row, ask, free_port, same

REQUESTS = {
    "stated": {"state": {"on": True}, "type": "application/json"},
    "path": "/room",
    "moved": {"room": "küche"},
    "error": 503,
    "chunks": "one two three",
}


def aiohttp(bench: Bench, engine: Engine) -> Row:
    with Python("http_server.py") as server:
        answer = bench.exchange(
            "network", "aiohttp", [f"tcp://127.0.0.1:{server.ready}"], engine, port=server.ready, text="http"
        )
    same(answer, REQUESTS)
    what = "Client: JSON both ways, a query, a redirect that it follows, a server's error, an answer in chunks"
    return Row("aiohttp", engine, True, "aiohttp as a server", what)


def _https(bench: Bench, engine: Engine, library: str) -> Row:
    with Python("http_server.py", *bench.authority(trusted=True).server) as server:
        grants = [f"tcp://127.0.0.1:{server.ready}"]
        same(bench.exchange("network", library, grants, engine, port=server.ready, text="https"), REQUESTS)
    with Python("http_server.py", *bench.authority(trusted=False).server) as server:
        bench.refuses("network", library, server.ready, engine, "https")
    return Row(library, engine, True, "aiohttp as a server, TLS", f"https: all of it. {CHECKED}")


CHECKED = "The server's certificate is checked: one of an unknown authority is refused"


def aiohttp_tls(bench: Bench, engine: Engine) -> Row:
    return _https(bench, engine, "aiohttp")


def httpx_tls(bench: Bench, engine: Engine) -> Row:
    return _https(bench, engine, "httpx")


def aiohttp_server(bench: Bench, engine: Engine) -> Row:
    port = free_port()

    def curl(*arguments: str) -> str:
        patient = ("--silent", "--retry", "50", "--retry-connrefused", "--retry-delay", "1", "--max-time", "40")
        return ask("curl", *patient, *arguments)

    place = f"http://127.0.0.1:{port}"
    with ThreadPoolExecutor(1) as pool:
        grants = [f"listen:tcp://127.0.0.1:{port}?from=127.0.0.1/32"]
        serving = pool.submit(bench.exchange, "network", "aiohttp-server", grants, engine, port=port, text="bye")
        said = ("--write-out", "%{http_code}", "--request", "PUT", "--json", '{"on":true}')
        same(curl(*said, f"{place}/lamps/hall"), "204")
        same(json.loads(curl(f"{place}/lamps")), {"hall": True})
        same(curl("--request", "POST", f"{place}/end"), "bye")
        same(serving.result(), {"hall": True})
    return Row(
        "aiohttp", engine, True, "curl", "Server: JSON, typed paths, three requests, an end that waits for the last"
    )


def httpx(bench: Bench, engine: Engine) -> Row:
    with Python("http_server.py") as server:
        answer = bench.exchange(
            "network", "httpx", [f"tcp://127.0.0.1:{server.ready}"], engine, port=server.ready, text="http"
        )
    same(answer, REQUESTS)
    what = "JSON both ways, a query, a redirect that it follows, a server's error, an answer as a stream"
    return Row("httpx", engine, True, "aiohttp as a server", what)


def websockets(bench: Bench, engine: Engine) -> Row:
    with Python("websocket_server.py") as server:
        grants = [f"tcp://127.0.0.1:{server.ready}"]
        answer = bench.exchange("network", "websockets", grants, engine, port=server.ready, text="ws:grüezi")
        same(answer, {"texts": ["grüezi"], "bytes": 70_000, "close": [4001, "enough"]})
        same(server.line(), {"text": "grüezi", "bytes": 70_000, "pong": True, "path": "/api"})
    what = "Client: text, 70 kB in fragments, a ping answered, a close with its reason"
    return Row("websockets", engine, True, "websockets as a server", what)


def websockets_tls(bench: Bench, engine: Engine) -> Row:
    with Python("websocket_server.py", *bench.authority(trusted=True).server) as server:
        grants = [f"tcp://127.0.0.1:{server.ready}"]
        answer = bench.exchange("network", "websockets", grants, engine, port=server.ready, text="wss:grüezi")
        same(answer, {"texts": ["grüezi"], "bytes": 70_000, "close": [4001, "enough"]})
    with Python("websocket_server.py", *bench.authority(trusted=False).server) as server:
        bench.refuses("network", "websockets", server.ready, engine, "wss:grüezi")
    return Row("websockets", engine, True, "websockets as a server, TLS", f"wss: the same. {CHECKED}")
