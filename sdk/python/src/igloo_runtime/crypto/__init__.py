"""Cryptography on the hub's `igloo:crypto`, for what takes the place of packages in C: `cryptography`, and parts of
`hashlib`.

With keys computes the hub, in constant time; digests are CPython's own (HACL*). Nothing here has ciphers of its own.
"""

from __future__ import annotations


def install() -> None:
    """Gives `hashlib` what CPython has from OpenSSL only."""
    import hashlib

    from . import kdf

    if not hasattr(hashlib, "pbkdf2_hmac"):
        hashlib.pbkdf2_hmac = kdf.pbkdf2_hmac
