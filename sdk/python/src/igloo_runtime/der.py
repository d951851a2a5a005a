"""DER, as much as certificates and keys need: reading of what is hostile, and writing of what is ours.

It knows tags and lengths, not what they mean. Definite lengths only, tags of one byte, no more than what was given.

Source: X.690 (DER).
"""

from __future__ import annotations

from collections.abc import Iterator

BOOLEAN = 0x01
INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
NULL = 0x05
OID = 0x06
UTF8_STRING = 0x0C
PRINTABLE_STRING = 0x13
TELETEX_STRING = 0x14
IA5_STRING = 0x16
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18
UNIVERSAL_STRING = 0x1C
BMP_STRING = 0x1E
SEQUENCE = 0x30
SET = 0x31


def context(number: int, constructed: bool = True) -> int:
    """The tag of `[number]`."""
    return 0x80 | number | (0x20 if constructed else 0)


class Malformed(ValueError):
    """These bytes are not the DER that was expected."""


class Reader:
    """Elements one after the other."""

    __slots__ = ("_at", "_data", "_end")

    def __init__(self, data: bytes, start: int = 0, end: int | None = None) -> None:
        self._data = data
        self._at = start
        self._end = len(data) if end is None else end

    def __bool__(self) -> bool:
        """Whether there is another element."""
        return self._at < self._end

    def peek(self) -> int:
        """The next element's tag; 0 at the end."""
        return self._data[self._at] if self._at < self._end else 0

    def _header(self) -> tuple[int, int, int]:
        data, at, end = self._data, self._at, self._end
        if at + 2 > end:
            raise Malformed("an element is cut off")
        tag, length = data[at], data[at + 1]
        if tag & 0x1F == 0x1F:
            raise Malformed("a tag has more than one byte")
        at += 2
        if length & 0x80:
            count = length & 0x7F
            if not 1 <= count <= 4 or at + count > end:
                raise Malformed("a length is not DER's")
            length = int.from_bytes(data[at : at + count], "big")
            at += count
        if at + length > end:
            raise Malformed("an element is longer than what holds it")
        return tag, at, at + length

    def any(self) -> tuple[int, bytes]:
        """The next element's tag and content."""
        tag, start, end = self._header()
        self._at = end
        return tag, self._data[start:end]

    def whole(self) -> bytes:
        """The next element with its tag and length."""
        start = self._at
        _, _, self._at = self._header()
        return self._data[start : self._at]

    def take(self, tag: int) -> bytes:
        """The next element's content, which must have this tag."""
        found, content = self.any()
        if found != tag:
            raise Malformed(f"tag {found:#04x} stands where {tag:#04x} is expected")
        return content

    def enter(self, tag: int = SEQUENCE) -> Reader:
        """The elements in the next element, which must have this tag."""
        found, start, end = self._header()
        if found != tag:
            raise Malformed(f"tag {found:#04x} stands where {tag:#04x} is expected")
        self._at = end
        return Reader(self._data, start, end)

    def optional(self, tag: int) -> bytes | None:
        """The next element's content if it has this tag."""
        return self.take(tag) if self.peek() == tag else None

    def integer(self) -> int:
        content = self.take(INTEGER)
        if not content:
            raise Malformed("an integer is empty")
        return int.from_bytes(content, "big", signed=True)

    def oid(self) -> str:
        return decode_oid(self.take(OID))

    def bit_string(self) -> bytes:
        """A bit string of whole bytes."""
        content = self.take(BIT_STRING)
        if not content or content[0]:
            raise Malformed("a bit string does not end with a byte")
        return content[1:]

    def end(self) -> None:
        """There must be nothing more."""
        if self:
            raise Malformed("something follows that does not belong there")

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        while self:
            yield self.any()


def decode_oid(content: bytes) -> str:
    """An object identifier in its dotted form."""
    if not content or content[-1] & 0x80:
        raise Malformed("an object identifier is cut off")
    numbers: list[int] = []
    value = 0
    for byte in content:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(value)
            value = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, [first, numbers[0] - 40 * first, *numbers[1:]]))


def element(tag: int, *contents: bytes) -> bytes:
    """One element of these contents."""
    content = b"".join(contents)
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + content


def sequence(*contents: bytes) -> bytes:
    return element(SEQUENCE, *contents)


def integer(value: int) -> bytes:
    return element(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def octets(value: bytes) -> bytes:
    return element(OCTET_STRING, value)


def bits(value: bytes) -> bytes:
    return element(BIT_STRING, b"\0", value)


def oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    content = bytearray()
    for number in (first * 40 + second, *rest):
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(number & 0x7F | 0x80)
        content += bytes(reversed(groups))
    return element(OID, bytes(content))


NULL_ELEMENT = element(NULL)
