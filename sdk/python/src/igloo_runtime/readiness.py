"""What can be waited for by its number: the descriptors of this runtime, and a selector over them.

A descriptor is what `fileno()` answers and `add_reader` takes: a number that nothing but this runtime knows. A selector
is told of each change, so waiting costs nothing and asking costs what is ready, however many descriptors there are.
"""

from __future__ import annotations

import itertools
import selectors
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakSet, WeakValueDictionary

from . import driver

READ = selectors.EVENT_READ
WRITE = selectors.EVENT_WRITE

#: Far above the descriptors that libc gives out for files.
_numbers = itertools.count(1 << 16)
_descriptors: WeakValueDictionary[int, Descriptor] = WeakValueDictionary()


class Descriptor:
    """Something with a number that can be ready for reading or writing."""

    def __init__(self) -> None:
        self._number = next(_numbers)
        self._selectors: WeakSet[Selector] = WeakSet()
        _descriptors[self._number] = self

    def fileno(self) -> int:
        """The descriptor's number; -1 once it is closed."""
        return self._number

    def _ready(self) -> int:
        """READ, WRITE, both or neither. An error counts as both, as it does for epoll."""
        raise NotImplementedError

    def _changed(self) -> None:
        for selector in self._selectors:
            selector.changed(self._number)

    def _take_number(self, other: Descriptor) -> None:
        """Takes another one's place, with whoever watches it."""
        self._number = other._number
        self._selectors = other._selectors
        _descriptors[self._number] = self
        other._number = -1
        other._selectors = WeakSet()

    def _forget_number(self) -> None:
        _descriptors.pop(self._number, None)
        self._number = -1


def descriptor(number: int) -> Descriptor | None:
    """The open descriptor of this number."""
    return _descriptors.get(number)


class Selector(selectors.BaseSelector):
    """`selectors.DefaultSelector` over this runtime's descriptors."""

    def __init__(self) -> None:
        self._keys: dict[int, selectors.SelectorKey] = {}
        #: Numbers that may be ready; the others are not.
        self._candidates: set[int] = set()
        #: Set by an event loop that must never block: it is called again when something is ready.
        self.never_blocks = False
        self._woken = False

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Begins to watch a descriptor for READ, WRITE or both."""
        if not events or events & ~(READ | WRITE):
            raise ValueError(f"Invalid events: {events!r}")
        number = _number(fileobj)
        if number in self._keys:
            raise KeyError(f"{fileobj!r} (FD {number}) is already registered")
        watched = descriptor(number)
        if watched is None:
            raise OSError(9, f"descriptor {number} cannot be waited for in a component")
        key = selectors.SelectorKey(fileobj, number, events, data)
        self._keys[number] = key
        watched._selectors.add(self)
        self._candidates.add(number)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """No longer watches a descriptor. KeyError if it was not watched."""
        number = self._registered(fileobj)
        key = self._keys.pop(number)
        self._candidates.discard(number)
        watched = descriptor(number)
        if watched is not None:
            watched._selectors.discard(self)
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watches a descriptor for something else."""
        number = self._registered(fileobj)
        if not events or events & ~(READ | WRITE):
            raise ValueError(f"Invalid events: {events!r}")
        key = self._keys[number]._replace(events=events, data=data)
        self._keys[number] = key
        self._candidates.add(number)
        return key

    def _registered(self, fileobj: Any) -> int:
        number = _number(fileobj, or_else=-1)
        if number not in self._keys:
            # One that was closed meanwhile has lost its number.
            number = next((n for n, key in self._keys.items() if key.fileobj is fileobj), -1)
        if number == -1:
            raise KeyError(f"{fileobj!r} is not registered")
        return number

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now; if nothing is, waits up to `timeout` seconds, or for ever (blocking the instance)."""
        found = self._poll()
        if not found and not self.never_blocks and (timeout is None or timeout > 0):
            self._woken = False
            driver.block(lambda: self._woken or bool(self._poll()), timeout)
            found = self._poll()
        return found

    def _poll(self) -> list[tuple[selectors.SelectorKey, int]]:
        found = []
        for number in list(self._candidates):
            watched = descriptor(number)
            ready = self._keys[number].events & (watched._ready() if watched is not None else 0)
            if ready:
                found.append((self._keys[number], ready))
            else:
                self._candidates.discard(number)
        return found

    def changed(self, number: int) -> None:
        """A descriptor may be ready now."""
        if number in self._keys:
            self._candidates.add(number)

    def wake(self) -> None:
        """Ends a `select` that blocks."""
        self._woken = True

    def close(self) -> None:
        """Watches nothing any more."""
        for number in self._keys:
            if (watched := descriptor(number)) is not None:
                watched._selectors.discard(self)
        self._keys.clear()
        self._candidates.clear()

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """What is watched, by number or by what has the number."""
        return _Keys(self._keys)


class _Keys(Mapping[Any, selectors.SelectorKey]):
    def __init__(self, keys: dict[int, selectors.SelectorKey]) -> None:
        self._keys = keys

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Any:
        return iter(self._keys)

    def __getitem__(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys[_number(fileobj)]


def _number(fileobj: Any, or_else: int | None = None) -> int:
    number = fileobj if isinstance(fileobj, int) else None
    if number is None:
        method: Callable[[], Any] | None = getattr(fileobj, "fileno", None)
        if method is None:
            raise ValueError(f"Invalid file object: {fileobj!r}")
        try:
            number = int(method())
        except (TypeError, ValueError):
            raise ValueError(f"Invalid file object: {fileobj!r}") from None
    if number < 0:
        if or_else is not None:
            return or_else
        raise ValueError(f"Invalid file descriptor: {number}")
    return number
