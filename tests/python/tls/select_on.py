"""TLS over a socket that does not block, with `select`: as libraries with a loop of their own have it."""

from __future__ import annotations

import selectors
import socket
import ssl
from typing import Any


def exchange(context: ssl.SSLContext, host: str, port: int) -> dict[str, Any]:
    """Sends a line, and reads the one that comes back."""
    plain = socket.create_connection((host, port), timeout=10)
    tls = context.wrap_socket(plain, server_hostname="server.test", do_handshake_on_connect=False)
    tls.setblocking(False)
    waits = 0

    def until_done(function: Any) -> Any:
        nonlocal waits
        while True:
            try:
                return function()
            except ssl.SSLWantReadError:
                event = selectors.EVENT_READ
            except ssl.SSLWantWriteError:
                event = selectors.EVENT_WRITE
            waits += 1
            with selectors.DefaultSelector() as selector:
                selector.register(tls, event)
                if not selector.select(10):
                    raise TimeoutError("nothing came")

    until_done(tls.do_handshake)
    until_done(lambda: tls.send(b"hello\n"))
    line = until_done(lambda: tls.recv(3))
    rest = tls.pending()
    line += until_done(lambda: tls.recv(100))
    answer = {"echo": line.decode(), "pending": rest, "waited": waits > 0, "version": tls.version()}
    tls.close()
    return answer
