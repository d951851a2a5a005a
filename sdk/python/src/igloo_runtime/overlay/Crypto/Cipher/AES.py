"""AES in the modes ECB, CBC, CFB, OFB, CTR, GCM and CCM, with pycryptodome's interface."""

from __future__ import annotations

import os
from typing import Any

from igloo_runtime.crypto import host

MODE_ECB = 1
MODE_CBC = 2
MODE_CFB = 3
MODE_OFB = 5
MODE_CTR = 6
MODE_OPENPGP = 7
MODE_CCM = 8
MODE_EAX = 9
MODE_SIV = 10
MODE_GCM = 11
MODE_OCB = 12

block_size = 16
key_size = (16, 24, 32)

_NAMES = {MODE_ECB: "ecb", MODE_CBC: "cbc", MODE_CFB: "cfb", MODE_OFB: "ofb", MODE_CTR: "ctr"}


class _Plain:
    """A message under way in a mode that authenticates nothing."""

    block_size = 16

    def __init__(self, mode: int, name: str, key: bytes, iv: bytes) -> None:
        self.mode = mode
        if mode in (MODE_CBC, MODE_CFB, MODE_OFB):
            self.iv = self.IV = iv
        self._made = name, key, iv
        self._running: tuple[bool, host.Running] | None = None

    def _update(self, data: Any, encrypt: bool) -> bytes:
        piece = bytes(memoryview(data))
        if self.mode in (MODE_ECB, MODE_CBC) and len(piece) % 16:
            what = "padded" if encrypt else "of blocks"
            raise ValueError(f"Data must be {what} to 16 byte boundary in {_NAMES[self.mode].upper()} mode")
        if self._running is None:
            self._running = encrypt, host.Running(*self._made, encrypt)
        direction, running = self._running
        if direction is not encrypt:
            raise TypeError("encrypt() and decrypt() cannot be called on one object")
        return running.update(piece) if piece else b""

    def encrypt(self, plaintext: Any, output: Any = None) -> Any:
        return _into(self._update(plaintext, encrypt=True), output)

    def decrypt(self, ciphertext: Any, output: Any = None) -> Any:
        return _into(self._update(ciphertext, encrypt=False), output)


def _into(data: bytes, output: Any) -> Any:
    if output is None:
        return data
    memoryview(output).cast("B")[:] = data
    return None


class _Authenticated:
    """A message in GCM or CCM: encrypted or decrypted whole, in one call."""

    block_size = 16

    def __init__(self, mode: int, key: bytes, nonce: bytes, tag: int) -> None:
        self.mode, self.nonce, self._tag_length = mode, nonce, tag
        name = f"aes-{len(key) * 8}-{'gcm' if mode == MODE_GCM else 'ccm'}"
        try:
            self._key = host.Aead(name if tag == 16 else f"{name}-{tag}", key)
        except host.Unsupported as error:
            raise NotImplementedError(str(error)) from None
        self._additional = bytearray()
        self._done = False

    def update(self, assoc_data: Any) -> _Authenticated:
        """More data that is authenticated and not hidden."""
        self._additional += memoryview(assoc_data)
        return self

    def _once(self) -> None:
        if self._done:
            raise TypeError("a message in GCM or CCM is one call here")
        self._done = True

    def encrypt_and_digest(self, plaintext: Any, output: Any = None) -> tuple[Any, bytes]:
        self._once()
        sealed = self._key.seal(self.nonce, self._additional, memoryview(plaintext))
        return _into(sealed[: -self._tag_length], output), sealed[-self._tag_length :]

    def decrypt_and_verify(self, ciphertext: Any, received_mac_tag: Any, output: Any = None) -> Any:
        """The plaintext. ValueError if anything was changed."""
        self._once()
        tag = bytes(received_mac_tag)
        if len(tag) != self._tag_length:
            raise ValueError("MAC check failed")
        try:
            data = self._key.open(self.nonce, self._additional, bytes(memoryview(ciphertext)) + tag)
        except host.Refused:
            raise ValueError("MAC check failed") from None
        return _into(data, output)

    def encrypt(self, plaintext: Any, output: Any = None) -> Any:
        """The ciphertext of the whole message; then `digest()`."""
        data, self._tag = self.encrypt_and_digest(plaintext, output)
        return data

    def digest(self) -> bytes:
        if not hasattr(self, "_tag"):
            raise TypeError("digest() comes after encrypt()")
        return self._tag

    def hexdigest(self) -> str:
        return self.digest().hex()

    def decrypt(self, ciphertext: Any, output: Any = None) -> Any:
        raise NotImplementedError(
            "decrypting without checking the tag: use decrypt_and_verify(), or the process engine "
            '(`engine = "process"`)'
        )


def new(key: Any, mode: int, *args: Any, **kwargs: Any) -> Any:
    """A cipher for one message. A vector or nonce that is not given is made."""
    raw = bytes(memoryview(key))
    if len(raw) not in key_size:
        raise ValueError(f"Incorrect AES key length ({len(raw)} bytes)")
    if mode in (MODE_GCM, MODE_CCM):
        nonce = args[0] if args else kwargs.pop("nonce", None)
        nonce = bytes(nonce) if nonce is not None else os.urandom(12 if mode == MODE_GCM else 11)
        if mode == MODE_GCM and len(nonce) != 12:
            raise NotImplementedError("AES-GCM in a component has nonces of 12 bytes")
        return _Authenticated(mode, raw, nonce, kwargs.pop("mac_len", 16))
    if mode not in _NAMES:
        raise NotImplementedError(f'AES in mode {mode}: the process engine has it (`engine = "process"`)')
    name = f"aes-{len(raw) * 8}-{_NAMES[mode]}"
    if mode == MODE_ECB:
        return _Plain(mode, name, raw, b"")
    if mode == MODE_CTR:
        return _Plain(mode, name, raw, _counter(*args, **kwargs))
    iv = args[0] if args else kwargs.pop("iv", kwargs.pop("IV", None))
    vector = bytes(iv) if iv is not None else os.urandom(16)
    if len(vector) != 16:
        raise ValueError(f"Incorrect IV length (it must be 16 bytes long, not {len(vector)})")
    if mode == MODE_CFB:
        segment = kwargs.pop("segment_size", 8)
        if segment not in (8, 128):
            raise NotImplementedError("CFB in a component has segments of 8 or 128 bits")
        name = f"{name}8" if segment == 8 else name
    return _Plain(mode, name, raw, vector)


def _counter(*args: Any, nonce: Any = None, initial_value: Any = 0, counter: Any = None) -> bytes:
    """The first block: a nonce, and a number after it."""
    if counter is not None:
        raise NotImplementedError("CTR in a component takes `nonce` and `initial_value`, no `counter`")
    prefix = bytes(args[0] if args else nonce) if args or nonce is not None else os.urandom(8)
    if len(prefix) > 15 and (len(prefix) > 16 or initial_value):
        raise ValueError("Nonce is too long")
    if isinstance(initial_value, int):
        return prefix + initial_value.to_bytes(16 - len(prefix), "big")
    return prefix + bytes(initial_value)
