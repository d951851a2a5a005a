from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from typing import Any

import pytest

from igloo._process import codec

VALUES: list[Any] = [
    None,
    *(True, False, 0, 127, 128, 255, 256, 65535, 65536, (1 << 32) - 1, 1 << 32, (1 << 64) - 1),
    *(-1, -32, -33, -128, -129, -32768, -32769, -(1 << 31), -(1 << 31) - 1, -(1 << 63)),
    *(0.5, -1e300, "", "x" * 31, "é" * 20, "x" * 256, "x" * 70000, b"", b"x" * 300, b"x" * 70000),
    *([], [1, [2, []]], list(range(20)), list(range(70000)), {}, {"a": {"b": [None]}}),
    {f"k{number}": number for number in range(70000)},
]
PACKERS = [codec.pack_plain, codec.pack]
UNPACKERS = [codec.unpack_plain, codec.unpack]


@pytest.mark.parametrize("pack", PACKERS)
@pytest.mark.parametrize("unpack", UNPACKERS)
def test_what_is_packed_comes_back(pack: Callable[[Any], bytes], unpack: Callable[[bytes], Any]) -> None:
    for value in VALUES:
        assert unpack(pack(value)) == value


def test_both_write_the_same() -> None:
    for value in VALUES:
        assert codec.pack_plain(value) == codec.pack(value)


def test_the_protocols_examples() -> None:
    answer = {"answer": {"id": 1, "result": {"ok": None}}}
    assert codec.pack_plain(answer).hex(" ").endswith("a6 72 65 73 75 6c 74 81 a2 6f 6b c0")


@pytest.mark.parametrize("unpack", UNPACKERS)
def test_anything_is_read_or_refused(unpack: Callable[[bytes], Any]) -> None:
    chance = random.Random(5)
    whole = codec.pack_plain({"call": {"id": 7, "request": {"command": {"changes": [{"kind": "switch"}] * 3}}}})
    for _ in range(20000):
        data = bytearray(whole[: chance.randrange(len(whole) + 1)])
        for _ in range(chance.randrange(4)):
            if data:
                data[chance.randrange(len(data))] = chance.randrange(256)
        with contextlib.suppress(codec.Malformed):
            unpack(bytes(data))
    with pytest.raises(codec.Malformed):
        codec.unpack_plain(b"\x91" * 1000)
    with pytest.raises(codec.Malformed):
        unpack(b"\xdd\xff\xff\xff\xff")
