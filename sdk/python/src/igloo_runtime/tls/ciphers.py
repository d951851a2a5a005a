"""Cipher suites by OpenSSL's names, and OpenSSL's lists of them.

The hub offers nine suites, all with ephemeral keys and authenticated encryption, and chooses among them. A list that
means none of them is an error, as in OpenSSL; one that means some is taken as "those will do", and the others stay
offered: none is weaker.

Sources: IANA's registry of cipher suites; OpenSSL 3, doc/man1/openssl-ciphers.pod.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from . import errors


@dataclass(frozen=True)
class Suite:
    """One cipher suite of the hub's."""

    number: int
    #: IANA's name, and OpenSSL's.
    iana: str
    name: str
    bits: int
    version: str
    words: frozenset[str]

    def described(self) -> dict[str, Any]:
        """As `SSLContext.get_ciphers` describes it."""
        new = self.version == "TLSv1.3"
        auth = "any" if new else "ECDSA" if "ECDSA" in self.words else "RSA"
        cipher = "CHACHA20/POLY1305" if "CHACHA20" in self.words else "AESGCM"
        symmetric = "chacha20-poly1305" if "CHACHA20" in self.words else f"aes-{self.bits}-gcm"
        exchange = "any" if new else "ECDH"
        return {
            "id": 0x03000000 | self.number,
            "name": self.name,
            "protocol": self.version,
            "description": f"{self.name:30} {self.version} Kx={exchange:8} Au={auth:5} Enc={cipher}({self.bits})"
            f"{'':12} Mac=AEAD",
            "strength_bits": self.bits,
            "alg_bits": self.bits,
            "aead": True,
            "symmetric": symmetric,
            "digest": None,
            "kea": "kx-any" if new else "kx-ecdhe",
            "auth": f"auth-{auth.lower()}",
        }


def _new(number: int, name: str, bits: int) -> Suite:
    return Suite(number, name, name, bits, "TLSv1.3", frozenset({"CHACHA20"} if "CHACHA20" in name else {"AESGCM"}))


def _older(number: int, auth: str, cipher: str, digest: str) -> Suite:
    words = {"ALL", "DEFAULT", "HIGH", "COMPLEMENTOFDEFAULT", "TLSV1.2", "ECDHE", "EECDH", "KECDHE", "KEECDH", "ECDH"}
    words |= {"AECDSA", "ECDSA"} if auth == "ECDSA" else {"ARSA", "RSA"}
    words |= {digest}
    if cipher == "CHACHA20_POLY1305":
        openssl, bits = "CHACHA20-POLY1305", 256
        words |= {"CHACHA20"}
    else:
        bits = int(cipher[4:7])
        openssl = f"AES{bits}-GCM-{digest}"
        words |= {"AES", "AESGCM", f"AES{bits}"}
    iana = f"TLS_ECDHE_{auth}_WITH_{cipher}_{digest}"
    return Suite(number, iana, f"ECDHE-{auth}-{openssl}", bits, "TLSv1.2", frozenset(words))


SUITES = (
    _new(0x1302, "TLS_AES_256_GCM_SHA384", 256),
    _new(0x1303, "TLS_CHACHA20_POLY1305_SHA256", 256),
    _new(0x1301, "TLS_AES_128_GCM_SHA256", 128),
    _older(0xC02C, "ECDSA", "AES_256_GCM", "SHA384"),
    _older(0xC030, "RSA", "AES_256_GCM", "SHA384"),
    _older(0xC02B, "ECDSA", "AES_128_GCM", "SHA256"),
    _older(0xC02F, "RSA", "AES_128_GCM", "SHA256"),
    _older(0xCCA9, "ECDSA", "CHACHA20_POLY1305", "SHA256"),
    _older(0xCCA8, "RSA", "CHACHA20_POLY1305", "SHA256"),
)
_BY_IANA = {suite.iana: suite for suite in SUITES}


def by_iana(name: str) -> tuple[str, str, int]:
    """As `SSLSocket.cipher` describes it: OpenSSL's name, the version it came with, the bits of its secret."""
    suite = _BY_IANA.get(name)
    return (name, "TLSv1.3", 0) if suite is None else (suite.name, suite.version, suite.bits)


def selected(text: str) -> tuple[Suite, ...]:
    """The suites that a list of OpenSSL's means; those of TLS 1.3 always, for the list is not for them."""
    if not isinstance(text, str):
        raise TypeError(f"set_ciphers() argument must be str, not {type(text).__name__}")
    older = [suite for suite in SUITES if suite.version == "TLSv1.2"]
    chosen: list[Suite] = []
    killed: set[Suite] = set()
    for token in re.split(r"[:, ]+", text):
        if not token or token.startswith("@"):
            continue
        sign = token[0] if token[0] in "!-+" else ""
        words = token[len(sign) :].upper().split("+")
        # `RSA` alone means a key exchange that the hub has not; in a sum with others too, unless it is `aRSA`.
        meant = [suite for suite in older if all(w == suite.name or w in suite.words - {"RSA", "ECDSA"} for w in words)]
        if sign in ("!", "-"):
            chosen = [suite for suite in chosen if suite not in meant]
            if sign == "!":
                killed.update(meant)
        elif not sign:
            chosen += [suite for suite in meant if suite not in chosen and suite not in killed]
    if not chosen:
        error = errors.SSLError("No cipher can be selected.")
        error.reason = "NO_CIPHER_MATCH"
        error.library = "SSL"
        raise error
    return (*(suite for suite in SUITES if suite.version == "TLSv1.3"), *chosen)
