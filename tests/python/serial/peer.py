"""The other end of a serial port: a pseudo-terminal behind a name that stays.

It says everything in upper case, but for a line that begins with `!`: `!later` is answered with `later` after 0.3 s,
and `!hang up` unplugs the port.
"""

from __future__ import annotations

import os
import select
import threading
import time
import tty
from pathlib import Path
from typing import Self


class Peer:
    """Plugged in from the start, and again by `plug`, until the end of `with`."""

    def __init__(self, name: Path) -> None:
        self.name = name
        self._ours = -1
        self._thread: threading.Thread | None = None

    def plug(self) -> None:
        """There is a port again."""
        self.unplug()
        self._ours, theirs = os.openpty()
        tty.setraw(theirs)
        self.name.unlink(missing_ok=True)
        self.name.symlink_to(os.ttyname(theirs))
        self._thread = threading.Thread(target=self._serve, args=(self._ours, theirs), daemon=True)
        self._thread.start()

    def unplug(self) -> None:
        """There is no port."""
        self._ours = -1
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _serve(self, ours: int, theirs: int) -> None:
        # The other end stays open here, so that nobody's closing it looks like a hang-up.
        os.set_blocking(ours, False)
        held = b""
        try:
            while self._ours == ours:
                readable, _, _ = select.select([ours], [ours] if held else [], [], 0.05)[:3]
                if readable and len(held) < 4096:
                    data = os.read(ours, 4096)
                    if data == b"!later\n":
                        time.sleep(0.3)
                        data = b"later"
                        held += data
                    elif data == b"!hang up\n":
                        return
                    else:
                        held += data.upper()
                if held:
                    try:
                        held = held[os.write(ours, held) :]
                    except BlockingIOError:
                        time.sleep(0.001)
        finally:
            os.close(theirs)
            os.close(ours)

    def __enter__(self) -> Self:
        self.plug()
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()
