"""`Cipher`: a cipher in a mode, whose messages the hub encrypts and decrypts piece by piece."""

from __future__ import annotations

import abc
from typing import Any

from cryptography import utils
from cryptography.exceptions import (
    AlreadyFinalized,
    AlreadyUpdated,
    InvalidTag,
    NotYetFinalized,
    UnsupportedAlgorithm,
    _Reasons,
)
from cryptography.hazmat.primitives import _modes as modes
from cryptography.hazmat.primitives._modes import CipherAlgorithm
from igloo_runtime.crypto import host


class CipherContext(metaclass=abc.ABCMeta):
    """A message under way."""

    @abc.abstractmethod
    def update(self, data: utils.Buffer) -> bytes: ...

    @abc.abstractmethod
    def finalize(self) -> bytes: ...

    def update_into(self, data: utils.Buffer, buf: utils.Buffer) -> int:
        """As `update`, into a buffer. Answers how many bytes it put there."""
        view = memoryview(buf).cast("B")
        if len(view) < len(memoryview(data)):
            raise ValueError(f"buffer must be at least {len(memoryview(data))} bytes for this payload")
        piece = self.update(data)
        view[: len(piece)] = piece
        return len(piece)

    def reset_nonce(self, nonce: bytes) -> None:
        """Begins anew with another nonce."""
        raise UnsupportedAlgorithm("This cipher or mode does not support resetting the nonce.")


class AEADCipherContext(CipherContext):
    @abc.abstractmethod
    def authenticate_additional_data(self, data: utils.Buffer) -> None: ...


class AEADDecryptionContext(AEADCipherContext):
    @abc.abstractmethod
    def finalize_with_tag(self, tag: bytes) -> bytes: ...


class AEADEncryptionContext(AEADCipherContext):
    @property
    @abc.abstractmethod
    def tag(self) -> bytes: ...


def _bytes(data: utils.Buffer) -> bytes:
    return data if isinstance(data, bytes) else bytes(memoryview(data))


def _started(algorithm: str, key: bytes, iv: bytes, encrypt: bool) -> host.Running:
    try:
        return host.Running(algorithm, key, iv, encrypt)
    except host.Unsupported as error:
        raise utils.of(error, _Reasons.UNSUPPORTED_CIPHER) from None


class _Running(CipherContext):
    def __init__(self, algorithm: str, key: bytes, iv: bytes, encrypt: bool, whole_blocks: bool, nonce: bool) -> None:
        self._made = algorithm, key, encrypt
        self._running: host.Running | None = _started(algorithm, key, iv, encrypt)
        self._rest: bytes | None = b"" if whole_blocks else None
        self._has_nonce = nonce

    def _open(self) -> host.Running:
        if self._running is None:
            raise AlreadyFinalized("Context was already finalized.")
        return self._running

    def update(self, data: utils.Buffer) -> bytes:
        running = self._open()
        piece = _bytes(data)
        if self._rest is not None:
            piece = self._rest + piece
            end = len(piece) - len(piece) % 16
            piece, self._rest = piece[:end], piece[end:]
        return running.update(piece) if piece else b""

    def finalize(self) -> bytes:
        running = self._open()
        if self._rest:
            raise ValueError("The length of the provided data is not a multiple of the block length.")
        self._running = None
        running.close()
        return b""

    def reset_nonce(self, nonce: bytes) -> None:
        if not self._has_nonce:
            super().reset_nonce(nonce)
        running = self._open()
        if len(nonce) != 16:
            raise ValueError(f"Nonce must be 16 bytes ({len(nonce)} provided)")
        algorithm, key, encrypt = self._made
        self._running = _started(algorithm, key, bytes(nonce), encrypt)
        running.close()


class _Gcm(AEADEncryptionContext, AEADDecryptionContext):
    """GCM piece by piece: each piece is hidden or shown at once, and the whole authenticated at the end.

    The hub's authenticated encryption takes whole messages. The pieces are in CTR mode, which GCM is (NIST SP 800-38D,
    section 7), and what came is kept until the end: at most 1 MiB.
    """

    def __init__(self, key: bytes, mode: modes.GCM, encrypt: bool) -> None:
        self._key, self._mode, self._encrypt = key, mode, encrypt
        nonce = mode.initialization_vector
        if len(nonce) != 12:
            raise utils.unsupported(f"AES-GCM with a nonce of {len(nonce)} bytes", _Reasons.UNSUPPORTED_CIPHER)
        # The counter's first value authenticates; the message begins with the second.
        self._pieces = _started(f"aes-{len(key) * 8}-ctr", key, nonce + b"\0\0\0\2", encrypt)
        self._additional = bytearray()
        self._message = bytearray()
        self._finalized = False
        self._tag: bytes | None = None

    def _open(self) -> None:
        if self._finalized:
            raise AlreadyFinalized("Context was already finalized.")

    def authenticate_additional_data(self, data: utils.Buffer) -> None:
        self._open()
        if self._message:
            raise AlreadyUpdated("Update has been called on this context")
        self._additional += memoryview(data)

    def update(self, data: utils.Buffer) -> bytes:
        self._open()
        piece = _bytes(data)
        if len(self._message) + len(piece) > host.LARGEST:
            raise ValueError("a message in GCM is at most 1 MiB")
        self._message += piece
        return self._pieces.update(piece) if piece else b""

    def _finish(self) -> None:
        self._finalized = True
        self._pieces.close()

    def finalize(self) -> bytes:
        self._open()
        if not self._encrypt:
            if self._mode.tag is None:
                raise ValueError("Authentication tag must be provided when decrypting.")
            return self._check(self._mode.tag)
        self._finish()
        key = self._aead(16)
        self._tag = key.seal(self._mode.initialization_vector, self._additional, self._message)[-16:]
        return b""

    def finalize_with_tag(self, tag: bytes) -> bytes:
        self._open()
        if self._encrypt:
            raise ValueError("only for decryption")
        utils._check_bytes("tag", tag)
        if len(tag) < self._mode._min_tag_length:
            raise ValueError(f"Authentication tag must be {self._mode._min_tag_length} bytes or longer.")
        if len(tag) > 16:
            raise ValueError("Authentication tag cannot be more than 16 bytes.")
        if self._mode.tag is not None:
            raise ValueError("tag provided both in mode and in call with finalize_with_tag: it should be once")
        return self._check(tag)

    def _aead(self, length: int) -> host.Aead:
        name = f"aes-{len(self._key) * 8}-gcm"
        try:
            return host.Aead(name if length == 16 else f"{name}-{length}", self._key)
        except host.Unsupported as error:
            raise utils.of(error, _Reasons.UNSUPPORTED_CIPHER) from None

    def _check(self, tag: bytes) -> bytes:
        key = self._aead(len(tag))
        self._finish()
        try:
            key.open(self._mode.initialization_vector, self._additional, bytes(self._message) + tag)
        except host.Refused:
            raise InvalidTag from None
        return b""

    @property
    def tag(self) -> bytes:
        if not self._encrypt:
            raise AttributeError("tag")
        if self._tag is None:
            raise NotYetFinalized("You must finalize encryption before getting the tag.")
        return self._tag


class Cipher:
    """A cipher in a mode."""

    def __init__(self, algorithm: CipherAlgorithm, mode: modes.Mode | None, backend: Any = None) -> None:
        if not isinstance(algorithm, CipherAlgorithm):
            raise TypeError("Expected interface of CipherAlgorithm.")
        if mode is not None:
            if not isinstance(mode, modes.Mode):
                raise TypeError("Expected interface of Mode.")
            mode.validate_for_algorithm(algorithm)
        self.algorithm = algorithm
        self.mode = mode

    def encryptor(self) -> Any:
        if isinstance(self.mode, modes.GCM) and self.mode.tag is not None:
            raise ValueError("Authentication tag must be None when encrypting.")
        return self._context(encrypt=True)

    def decryptor(self) -> Any:
        return self._context(encrypt=False)

    def _context(self, encrypt: bool) -> CipherContext:
        algorithm, mode = self.algorithm, self.mode
        if algorithm.name == "ChaCha20" and mode is None:
            nonce = algorithm.nonce  # type: ignore[attr-defined]
            return _Running("chacha20", algorithm.key, nonce, encrypt, whole_blocks=False, nonce=True)
        if algorithm.name != "AES" or mode is None:
            name = None if mode is None else mode.name
            raise utils.unsupported(f"cipher {algorithm.name} in mode {name}", _Reasons.UNSUPPORTED_CIPHER)
        key = algorithm.key
        if isinstance(mode, modes.GCM):
            return _Gcm(key, mode, encrypt)
        name = f"aes-{len(key) * 8}-{mode.name.lower()}"
        if isinstance(mode, modes.ECB):
            return _Running(name, key, b"", encrypt, whole_blocks=True, nonce=False)
        if isinstance(mode, modes.CTR):
            return _Running(name, key, mode.nonce, encrypt, whole_blocks=False, nonce=True)
        if isinstance(mode, modes.ModeWithInitializationVector):
            vector = mode.initialization_vector
            return _Running(name, key, vector, encrypt, whole_blocks=isinstance(mode, modes.CBC), nonce=False)
        raise utils.unsupported(f"AES in mode {mode.name}", _Reasons.UNSUPPORTED_CIPHER)
