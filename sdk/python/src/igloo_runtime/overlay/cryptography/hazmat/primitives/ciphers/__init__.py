"""Ciphers."""

from __future__ import annotations

from cryptography.hazmat.primitives._modes import BlockCipherAlgorithm, CipherAlgorithm
from cryptography.hazmat.primitives.ciphers.base import (
    AEADCipherContext,
    AEADDecryptionContext,
    AEADEncryptionContext,
    Cipher,
    CipherContext,
)

__all__ = [
    "AEADCipherContext", "AEADDecryptionContext", "AEADEncryptionContext", "BlockCipherAlgorithm", "Cipher",
    "CipherAlgorithm", "CipherContext",
]  # fmt: skip
