"""PEM (RFC 7468): named pieces of base64 in a text. What stands around them is skipped."""

from __future__ import annotations

import base64
import binascii
import re

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\s*?\n(.*?)-----END \1-----", re.DOTALL)


def blocks(data: bytes) -> list[tuple[str, bytes, dict[str, str]]]:
    """Each piece: its label, its content, and headers of old formats (`Proc-Type`). ValueError if one is damaged."""
    found = []
    for match in _BLOCK.finditer(data):
        headers: dict[str, str] = {}
        lines = match[2].replace(b"\r\n", b"\n").split(b"\n")
        while lines and b":" in lines[0]:
            name, _, value = lines.pop(0).decode("ascii", "replace").partition(":")
            headers[name] = value.strip()
        try:
            content = base64.b64decode(b"".join(b"".join(lines).split()), validate=True)
        except binascii.Error:
            raise ValueError("a PEM block has something else than base64 in it") from None
        found.append((match[1].decode("ascii"), content, headers))
    return found


def block(label: str, content: bytes) -> bytes:
    """One piece, in lines of 64 characters."""
    text = base64.b64encode(content)
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    name = label.encode("ascii")
    return b"\n".join((b"-----BEGIN " + name + b"-----", *lines, b"-----END " + name + b"-----", b""))
