"""`select.select` and `select.poll` over this runtime's descriptors.

Libraries that wait for several sockets or serial ports at once use them. Waiting blocks the instance, as it blocks a
thread natively.
"""

from __future__ import annotations

import select as stdlib
import selectors
from collections.abc import Iterable
from typing import Any

from .readiness import READ, WRITE, Selector, descriptor

#: The events of poll(2), with Linux's numbers (asm-generic/poll.h).
POLLIN, POLLPRI, POLLOUT, POLLERR, POLLHUP, POLLNVAL = 1, 2, 4, 8, 16, 32


def select(
    readers: Iterable[Any], writers: Iterable[Any], errors: Iterable[Any], timeout: float | None = None
) -> tuple[list[Any], list[Any], list[Any]]:
    """What of the readers and writers is ready. Nothing is ever exceptional: there is no urgent data."""
    if timeout is not None and timeout < 0:
        raise ValueError("timeout must be non-negative")
    readers, writers = list(readers), list(writers)
    wanted: dict[int, int] = {}
    for objects, event in ((readers, READ), (writers, WRITE)):
        for each in objects:
            number = selectors._fileobj_to_fd(each)  # type: ignore[attr-defined]
            wanted[number] = wanted.get(number, 0) | event
    selector = Selector()
    try:
        for number, events in wanted.items():
            selector.register(number, events)
        ready = {key.fd: events for key, events in selector.select(timeout)}
    finally:
        selector.close()

    def of(objects: list[Any], event: int) -> list[Any]:
        return [each for each in objects if ready.get(selectors._fileobj_to_fd(each), 0) & event]  # type: ignore[attr-defined]

    return of(readers, READ), of(writers, WRITE), []


class poll:
    """`select.poll()`: descriptors are registered once, and asked for again and again."""

    def __init__(self) -> None:
        self._events: dict[int, int] = {}

    def register(self, fd: Any, eventmask: int = POLLIN | POLLPRI | POLLOUT) -> None:
        """Begins to watch a descriptor, or watches it for something else."""
        self._events[selectors._fileobj_to_fd(fd)] = eventmask  # type: ignore[attr-defined]

    def modify(self, fd: Any, eventmask: int) -> None:
        """Watches a descriptor for something else. FileNotFoundError if it is not watched."""
        number = selectors._fileobj_to_fd(fd)  # type: ignore[attr-defined]
        if number not in self._events:
            raise FileNotFoundError(2, "No such file or directory")
        self._events[number] = eventmask

    def unregister(self, fd: Any) -> None:
        """No longer watches a descriptor. KeyError if it was not watched."""
        del self._events[selectors._fileobj_to_fd(fd)]  # type: ignore[attr-defined]

    def poll(self, timeout: float | None = None) -> list[tuple[int, int]]:
        """What is ready, as numbers with events; waits for up to `timeout` milliseconds, or for ever."""
        gone = [(number, POLLNVAL) for number in self._events if descriptor(number) is None]
        selector = Selector()
        try:
            for number, mask in self._events.items():
                events = (READ if mask & POLLIN else 0) | (WRITE if mask & POLLOUT else 0)
                if events and descriptor(number) is not None:
                    selector.register(number, events)
            for_ever = timeout is None or timeout < 0
            wait = 0 if gone else None if for_ever else (timeout or 0) / 1000
            found = selector.select(wait)
        finally:
            selector.close()
        return gone + [
            (key.fd, (POLLIN if events & READ else 0) | (POLLOUT if events & WRITE else 0)) for key, events in found
        ]


def install() -> None:
    """Makes these the standard library's."""
    stdlib.select = select  # type: ignore[assignment]
    stdlib.poll = poll  # type: ignore[assignment,misc]
    for name, value in (
        ("POLLIN", POLLIN), ("POLLPRI", POLLPRI), ("POLLOUT", POLLOUT), ("POLLERR", POLLERR), ("POLLHUP", POLLHUP),
        ("POLLNVAL", POLLNVAL),
    ):  # fmt: skip
        setattr(stdlib, name, value)
