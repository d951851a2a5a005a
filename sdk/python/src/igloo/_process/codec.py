"""MessagePack (the specification of 2017-08-09), as much of it as the protocol has: nil, booleans, integers, floats,
texts, binaries, arrays and maps with texts as keys.

`msgpack`, a library in C, does it where it is installed (`pip install igloo-provider[fast]`); this module's own
functions do it everywhere else, so that a provider can be one file without native code. Both are tested with the same
cases.

Promises: [`unpack`] raises [`Malformed`] and nothing else, whatever it is given; it makes nothing larger than what it
was given can hold.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final

MAX_FRAME: Final = 4 << 20
"""The largest frame, without its length, in either direction."""
DEPTH: Final = 32
"""How deep maps and lists may be nested."""


class Malformed(ValueError):
    """Bytes that are no message."""


def pack_plain(value: Any) -> bytes:
    """In Python. Raises `TypeError` for what the protocol has no form for, `OverflowError` beyond 64 bits."""
    out = bytearray()
    _pack(value, out)
    return bytes(out)


_FLOAT: Final = struct.Struct(">Bd").pack


def _pack(value: Any, out: bytearray) -> None:
    kind = value.__class__
    if kind is str:
        data = value.encode()
        _head(out, len(data), 0xA0, 31, 0xD9)
        out += data
    elif kind is dict:
        _head(out, len(value), 0x80, 15, None)
        for key, item in value.items():
            _pack(key, out)
            _pack(item, out)
    elif kind is bool:
        out.append(0xC3 if value else 0xC2)
    elif kind is int:
        _pack_integer(value, out)
    elif kind is float:
        out += _FLOAT(0xCB, value)
    elif value is None:
        out.append(0xC0)
    elif kind is list or kind is tuple:
        _head(out, len(value), 0x90, 15, None)
        for item in value:
            _pack(item, out)
    elif kind is bytes:
        _head(out, len(value), None, -1, 0xC4)
        out += value
    else:
        raise TypeError(f"{kind.__name__} cannot be sent")


def _head(out: bytearray, length: int, fixed: int | None, largest: int, tag8: int | None) -> None:
    """The tag and the length: in one byte, or with the length in one (texts and binaries only), two or four."""
    if fixed is not None and length <= largest:
        out.append(fixed | length)
    elif tag8 is not None and length <= 0xFF:
        out += bytes((tag8, length))
    elif length <= 0xFFFF:
        tag16 = tag8 + 1 if tag8 is not None else 0xDE if fixed == 0x80 else 0xDC
        out += struct.pack(">BH", tag16, length)
    else:
        tag32 = tag8 + 2 if tag8 is not None else 0xDF if fixed == 0x80 else 0xDD
        out += struct.pack(">BI", tag32, length)


def _pack_integer(value: int, out: bytearray) -> None:
    if 0 <= value <= 0x7F:
        out.append(value)
    elif -32 <= value < 0:
        out.append(value + 0x100)
    elif value >= 0:
        for tag, bits in ((0xCC, 8), (0xCD, 16), (0xCE, 32), (0xCF, 64)):
            if value < 1 << bits:
                out.append(tag)
                out += value.to_bytes(bits // 8, "big")
                return
        raise OverflowError(f"{value} does not fit into 64 bits")
    else:
        for tag, bits in ((0xD0, 8), (0xD1, 16), (0xD2, 32), (0xD3, 64)):
            if value >= -(1 << bits - 1):
                out.append(tag)
                out += value.to_bytes(bits // 8, "big", signed=True)
                return
        raise OverflowError(f"{value} does not fit into 64 bits")


def unpack_plain(data: bytes) -> Any:
    """In Python. Raises [`Malformed`]."""
    try:
        value, at = _unpack(data, 0, 0)
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise Malformed(str(error)) from None
    if at != len(data):
        raise Malformed(f"{len(data) - at} bytes too many")
    return value


_NUMBERS: Final = {
    tag: (struct.Struct(form).unpack_from, struct.calcsize(form))
    for tag, form in (
        *((0xCA, ">f"), (0xCB, ">d"), (0xCC, ">B"), (0xCD, ">H"), (0xCE, ">I"), (0xCF, ">Q")),
        *((0xD0, ">b"), (0xD1, ">h"), (0xD2, ">i"), (0xD3, ">q")),
    )
}
# Bytes of the length that follows.
_LENGTHS: Final = {
    0xC4: 1,
    0xC5: 2,
    0xC6: 4,
    0xD9: 1,
    0xDA: 2,
    0xDB: 4,
    0xDC: 2,
    0xDD: 4,
    0xDE: 2,
    0xDF: 4,
}


def _unpack(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    tag = data[at]
    at += 1
    if 0xA0 <= tag <= 0xBF:
        return _text(data, at, tag & 0x1F)
    if tag <= 0x7F:
        return tag, at
    if tag >= 0xE0:
        return tag - 0x100, at
    if tag <= 0x8F:
        return _map(data, at, tag & 0x0F, depth)
    if tag <= 0x9F:
        return _array(data, at, tag & 0x0F, depth)
    if tag == 0xC0:
        return None, at
    if tag == 0xC2 or tag == 0xC3:
        return tag == 0xC3, at
    number = _NUMBERS.get(tag)
    if number is not None:
        unpack, size = number
        return unpack(data, at)[0], at + size
    size = _LENGTHS.get(tag, 0)
    if not size or at + size > len(data):
        raise Malformed(f"the tag 0x{tag:02x} is not the protocol's" if not size else "it ends too early")
    length = int.from_bytes(data[at : at + size], "big")
    at += size
    if tag >= 0xDE:
        return _map(data, at, length, depth)
    if tag >= 0xDC:
        return _array(data, at, length, depth)
    if tag >= 0xD9:
        return _text(data, at, length)
    return _bytes(data, at, length), at + length


def _bytes(data: bytes, at: int, length: int) -> bytes:
    if at + length > len(data):
        raise Malformed("it ends too early")
    return data[at : at + length]


def _text(data: bytes, at: int, length: int) -> tuple[str, int]:
    return _bytes(data, at, length).decode(), at + length


def _array(data: bytes, at: int, length: int, depth: int) -> tuple[list[Any], int]:
    if depth >= DEPTH:
        raise Malformed(f"it is nested more than {DEPTH} deep")
    items = []
    for _ in range(length):
        item, at = _unpack(data, at, depth + 1)
        items.append(item)
    return items, at


def _map(data: bytes, at: int, length: int, depth: int) -> tuple[dict[str, Any], int]:
    if depth >= DEPTH:
        raise Malformed(f"it is nested more than {DEPTH} deep")
    found: dict[str, Any] = {}
    for _ in range(length):
        key, at = _unpack(data, at, depth + 1)
        if key.__class__ is not str:
            raise Malformed("a key is no text")
        found[key], at = _unpack(data, at, depth + 1)
    return found, at


def _choose() -> tuple[Callable[[Any], bytes], Callable[[bytes], Any]]:
    try:
        import msgpack
    except ImportError:
        return pack_plain, unpack_plain

    # One packer for all: it keeps its buffer.
    packer = msgpack.Packer(use_bin_type=True)

    def unpack(data: bytes) -> Any:
        try:
            return msgpack.unpackb(data, raw=False, strict_map_key=True)
        except Exception as error:
            # The library has several kinds of errors, `ValueError` among them.
            raise Malformed(str(error) or type(error).__name__) from None

    return packer.pack, unpack


pack, unpack = _choose()
