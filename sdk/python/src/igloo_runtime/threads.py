"""Waiting as `threading` does it, in a component, which has no threads.

What `threading.Condition` waits with, and so `Event`, `Semaphore` and `queue.Queue`, blocks the instance and is on
time. CPython's own lock would be a trap there: nobody could ever release it.
"""

from __future__ import annotations

import threading
from typing import Any

from . import driver


class Lock:
    """A lock like `threading.Lock`, whose waiting takes the hub's answers in."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = False

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Takes the lock. RuntimeError if that would wait for ever."""
        if not self._held:
            self._held = True
            return True
        if not blocking or timeout == 0:
            return False
        if not driver.block(lambda: not self._held, None if timeout < 0 else timeout):
            return False
        self._held = True
        return True

    def release(self) -> None:
        """Lets the lock go."""
        if not self._held:
            raise RuntimeError("release unlocked lock")
        self._held = False

    def locked(self) -> bool:
        """Whether somebody has it."""
        return self._held

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


def install() -> None:
    """What `threading` waits with from now on."""
    waits: Any = threading
    waits._allocate_lock = Lock
