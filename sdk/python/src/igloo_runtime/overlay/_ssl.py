"""CPython's extension module `_ssl`, over the hub's TLS: see `igloo_runtime.tls`."""

from __future__ import annotations

import os

from igloo_runtime.tls import certificate as _certificate
from igloo_runtime.tls import names as _names
from igloo_runtime.tls.bio import MemoryBIO
from igloo_runtime.tls.certificate import Certificate
from igloo_runtime.tls.connection import _SSLSocket
from igloo_runtime.tls.constants import *  # noqa: F403
from igloo_runtime.tls.context import ROOTS_DIRECTORY as _ROOTS_DIRECTORY
from igloo_runtime.tls.context import ROOTS_FILE as _ROOTS_FILE
from igloo_runtime.tls.context import _SSLContext
from igloo_runtime.tls.errors import (
    SSLCertVerificationError,
    SSLEOFError,
    SSLError,
    SSLSyscallError,
    SSLWantReadError,
    SSLWantWriteError,
    SSLZeroReturnError,
)

__all__ = [
    "Certificate", "MemoryBIO", "SSLCertVerificationError", "SSLEOFError", "SSLError", "SSLSession", "SSLSyscallError",
    "SSLWantReadError", "SSLWantWriteError", "SSLZeroReturnError", "_SSLContext", "_SSLSocket",
]  # fmt: skip

OPENSSL_VERSION = "rustls in the hub (igloo:tls 0.1), with the interface of OpenSSL 3.0"
#: Of the interface, for libraries that ask whether it is new enough.
OPENSSL_VERSION_INFO = _OPENSSL_API_VERSION = (3, 0, 0, 0, 0)
OPENSSL_VERSION_NUMBER = 0x30000000
_DEFAULT_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


class SSLSession:
    """The hub resumes no sessions, and shows none."""

    def __init__(self) -> None:
        raise TypeError("cannot create 'ssl.SSLSession' instances")


def txt2obj(txt: str, name: bool = False) -> tuple[int, str, str, str]:
    return _names.by_text(txt, name)


def nid2obj(nid: int, /) -> tuple[int, str, str, str]:
    return _names.by_number(nid)


def RAND_bytes(n: int, /) -> bytes:
    return os.urandom(n)


def RAND_add(string: str | bytes, entropy: float, /) -> None:
    """The hub's random numbers need nothing added."""


def RAND_status() -> bool:
    return True


def get_default_verify_paths() -> tuple[str, str, str, str]:
    return "SSL_CERT_FILE", _ROOTS_FILE, "SSL_CERT_DIR", _ROOTS_DIRECTORY


def _test_decode_cert(path: str, /) -> dict[str, object]:
    with open(path, "rb") as file:
        return _certificate.shown(_certificate.from_pem(file.read())[0])
