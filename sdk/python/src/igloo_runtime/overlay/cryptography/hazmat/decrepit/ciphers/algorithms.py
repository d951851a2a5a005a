"""Old ciphers. They can be named, and nothing more."""

from __future__ import annotations

from cryptography import utils
from cryptography.exceptions import _Reasons
from cryptography.hazmat.primitives._modes import CipherAlgorithm


class _Unsupported(CipherAlgorithm):
    def __init__(self, key: utils.Buffer) -> None:
        raise utils.unsupported(type(self).__name__, _Reasons.UNSUPPORTED_CIPHER)


class ARC4(_Unsupported):
    name = "RC4"


class Blowfish(_Unsupported):
    name = "Blowfish"


class CAST5(_Unsupported):
    name = "CAST5"


class Camellia(_Unsupported):
    name = "camellia"


class IDEA(_Unsupported):
    name = "IDEA"


class RC2(_Unsupported):
    name = "RC2"


class SEED(_Unsupported):
    name = "SEED"


class TripleDES(_Unsupported):
    name = "3DES"
