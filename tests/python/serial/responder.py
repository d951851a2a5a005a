"""A responder that announces one service of the type `_igloo-case._tcp`, until it is ended. Needs `zeroconf`."""

from __future__ import annotations

import socket
import time

from zeroconf import ServiceInfo, Zeroconf


def _address() -> str:
    """This machine's own, by which a datagram would leave it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as to_nobody:
        to_nobody.connect(("192.0.2.1", 9))
        return str(to_nobody.getsockname()[0])


if __name__ == "__main__":
    kind = "_igloo-case._tcp.local."
    service = ServiceInfo(
        kind, f"Desk lamp.{kind}", port=4711, addresses=[socket.inet_aton(_address())], properties={"id": "7"},
        server="igloo-case.local.",
    )  # fmt: skip
    with Zeroconf() as zeroconf:
        zeroconf.register_service(service)
        while True:
            time.sleep(60)
