"""Padding of whole blocks."""

from __future__ import annotations

import hmac


def _filler(count: int, style: str) -> bytes:
    if style == "pkcs7":
        return bytes((count,)) * count
    if style == "x923":
        return bytes(count - 1) + bytes((count,))
    if style == "iso7816":
        return b"\x80" + bytes(count - 1)
    raise ValueError("Unknown padding style")


def pad(data_to_pad: bytes, block_size: int, style: str = "pkcs7") -> bytes:
    return bytes(data_to_pad) + _filler(block_size - len(data_to_pad) % block_size, style)


def unpad(padded_data: bytes, block_size: int, style: str = "pkcs7") -> bytes:
    data = bytes(padded_data)
    if not data:
        raise ValueError("Zero-length input cannot be unpadded")
    if len(data) % block_size:
        raise ValueError("Input data is not padded")
    count = len(data) - data.rfind(b"\x80") if style == "iso7816" else data[-1]
    if not 1 <= count <= min(block_size, len(data)):
        raise ValueError("Padding is incorrect.")
    if not hmac.compare_digest(data[-count:], _filler(count, style)):
        raise ValueError("Padding is incorrect.")
    return data[:-count]
