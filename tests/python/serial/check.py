"""Runs every case of a built package under a hub of its own: `check.py IGLOO PACKAGE ENGINE [CASE…]`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[3] / "sdk/python"), str(Path(__file__).parent)]

from peer import Peer
from tests.hub import Hub

CASES = (
    *("names", "pyserial", "pyserial-asyncio", "pyserial-asyncio-fast", "serialx-sync", "serialx-async"),
    *("igloo-serial", "zeroconf"),
)
UNPLUGGED = ("pyserial", "serialx_sync", "pyserial_asyncio_fast", "serialx")


def main(igloo: str, package: str, engine: str, only: list[str]) -> int:
    """How many cases failed."""
    failed = 0
    with tempfile.TemporaryDirectory() as folder, Peer(Path(folder) / "meter") as peer, Hub(
        Path(igloo), Path(folder)
    ) as hub:
        responder = subprocess.Popen([sys.executable, Path(__file__).with_name("responder.py")])
        grant = f"serial:meter={peer.name}"
        hub.run("install", package, "--yes", "--name", "cases", "--grant", grant, "--engine", engine)
        asked = [(case, {}) for case in CASES] + [("unplug", {"library": library}) for library in UNPLUGGED]
        for case, parameters in asked:
            if only and case not in only:
                continue
            done = hub.try_run("action", "cases", case, json.dumps(parameters), "--timeout", "60s")
            good = done.returncode == 0
            failed += not good
            print("ran   " if good else "FAILED", case, *parameters.values(), (done.stdout + done.stderr).strip())
            if case == "unplug":
                peer.plug()
        responder.terminate()
        responder.wait()
        if failed:
            print(hub.run("logs", "cases")[-4000:])
    return failed


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4], sys.argv[4:]))
