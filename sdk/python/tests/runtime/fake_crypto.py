"""A hub's `igloo:crypto` for tests without a hub: the interfaces of wit/deps/igloo-crypto.wit over the real
`cryptography` package, so that the stand-in of that name can be compared with it natively.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib
import sys
import types
from collections.abc import Iterator
from typing import Any

from tests.runtime.fakes import SOURCES, Err


def _case(name: str) -> Any:
    return dataclasses.make_dataclass(name, [("value", object, None)])


Unsupported, InvalidKey, InvalidArgument, Refused = map(
    _case, ("ErrorCode_Unsupported", "ErrorCode_InvalidKey", "ErrorCode_InvalidArgument", "ErrorCode_Refused")
)

_real: dict[str, types.ModuleType] = {}


def _modules() -> dict[str, types.ModuleType]:
    return {name: module for name, module in sys.modules.items() if name.split(".")[0] == "cryptography"}


@contextlib.contextmanager
def real() -> Iterator[None]:
    """Meanwhile `cryptography` is the real package."""
    ours = _modules()
    for name in ours:
        del sys.modules[name]
    sys.modules.update(_real)
    finders = sys.meta_path[:]
    sys.meta_path[:] = [one for one in finders if getattr(one, "__name__", "") != "_Absent"]
    path, sys.path[:] = sys.path[:], [one for one in sys.path if not one.endswith("overlay")]
    try:
        yield
    finally:
        sys.path[:], sys.meta_path[:] = path, finders
        _real.update(_modules())
        for name in _modules():
            del sys.modules[name]
        sys.modules.update(ours)


def over_real(function: Any) -> Any:
    @functools.wraps(function)
    def wrapped(*args: Any) -> Any:
        with real():
            from cryptography.exceptions import InvalidSignature, InvalidTag

            try:
                return function(*args)
            except (InvalidTag, InvalidSignature):
                raise Err(Refused()) from None
            except ValueError as error:
                raise Err(InvalidArgument(str(error))) from None

    return wrapped


class Key:
    """`aead.key`."""

    algorithm: str
    raw: bytes

    @classmethod
    def import_raw(cls, algorithm: str, raw: bytes) -> Key:
        self = cls()
        self.algorithm, self.raw = algorithm, raw
        return self

    def _parts(self) -> tuple[str, int]:
        if self.algorithm == "chacha20-poly1305":
            return "chacha", 16
        name, _, tag = self.algorithm.removeprefix("aes-")[4:].partition("-")
        return name, int(tag or 16)

    def _real(self) -> Any:
        from cryptography.hazmat.primitives.ciphers import aead

        name, tag = self._parts()
        if name == "chacha":
            return aead.ChaCha20Poly1305(self.raw)
        return aead.AESGCM(self.raw) if name == "gcm" else aead.AESCCM(self.raw, tag)

    @over_real
    def seal(self, nonce: bytes, additional: bytes, plaintext: bytes) -> bytes:
        found: bytes = self._real().encrypt(nonce, plaintext, additional)
        # A tag of GCM's is cut to be shorter.
        return found[: len(plaintext) + self._parts()[1]]

    @over_real
    def open(self, nonce: bytes, additional: bytes, ciphertext: bytes) -> bytes:
        name, tag = self._parts()
        if name == "gcm":
            from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

            mode = modes.GCM(nonce, ciphertext[-tag:], min_tag_length=tag)
            decryptor = Cipher(algorithms.AES(self.raw), mode).decryptor()
            decryptor.authenticate_additional_data(additional)
            return decryptor.update(ciphertext[:-tag]) + decryptor.finalize()
        found: bytes = self._real().decrypt(nonce, ciphertext, additional)
        return found


class Running:
    """`cipher.running`."""

    context: Any

    @classmethod
    @over_real
    def _started(cls, algorithm: str, key: bytes, iv: bytes, encrypt: bool) -> Running:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        if algorithm == "chacha20":
            cipher: Any = Cipher(algorithms.ChaCha20(key, iv), None)
        else:
            mode = getattr(modes, algorithm.split("-")[2].upper())
            cipher = Cipher(algorithms.AES(key), mode(iv) if iv else mode())
        self = cls()
        self.context = cipher.encryptor() if encrypt else cipher.decryptor()
        return self

    @classmethod
    def encrypt(cls, algorithm: str, key: bytes, iv: bytes) -> Any:
        return cls._started(algorithm, key, iv, True)

    @classmethod
    def decrypt(cls, algorithm: str, key: bytes, iv: bytes) -> Any:
        return cls._started(algorithm, key, iv, False)

    @over_real
    def update(self, piece: bytes) -> bytes:
        found: bytes = self.context.update(piece)
        return found

    def __exit__(self, *_: object) -> None:
        pass


def _curve(algorithm: str) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.SECP256R1() if "p256" in algorithm else ec.SECP384R1()


def _secret(algorithm: str, raw: bytes) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519

    if algorithm == "x25519":
        return x25519.X25519PrivateKey.from_private_bytes(raw)
    if algorithm == "ed25519":
        return ed25519.Ed25519PrivateKey.from_private_bytes(raw)
    return ec.derive_private_key(int.from_bytes(raw, "big"), _curve(algorithm))


def _public(key: Any) -> bytes:
    from cryptography.hazmat.primitives import serialization

    if hasattr(key, "public_bytes_raw"):
        return bytes(key.public_bytes_raw())
    if hasattr(key, "curve"):
        return bytes(
            key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        )
    return bytes(key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1))


class StaticKey:
    """`agreement.static-key`."""

    algorithm: str
    raw: bytes
    key: Any

    @classmethod
    def generate(cls, algorithm: str) -> Any:
        return cls.import_raw(algorithm, bytes(range(1, 33)) if "384" not in algorithm else bytes(range(1, 49)))

    @classmethod
    @over_real
    def import_raw(cls, algorithm: str, raw: bytes) -> StaticKey:
        self = cls()
        self.algorithm, self.raw, self.key = algorithm, raw, _secret(algorithm, raw)
        return self

    def export_raw(self) -> bytes:
        return self.raw

    @over_real
    def public_key(self) -> bytes:
        return _public(self.key.public_key())

    @over_real
    def agree(self, peer: bytes) -> bytes:
        from cryptography.hazmat.primitives.asymmetric import ec, x25519

        try:
            if self.algorithm == "x25519":
                return bytes(self.key.exchange(x25519.X25519PublicKey.from_public_bytes(peer)))
            public = ec.EllipticCurvePublicKey.from_encoded_point(_curve(self.algorithm), peer)
            return bytes(self.key.exchange(ec.ECDH(), public))
        except ValueError:
            raise Err(Refused()) from None


def _arguments(algorithm: str) -> tuple[Any, ...]:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding

    kind, _, rest = algorithm.partition("-")
    if kind == "ed25519":
        return ()
    digest = getattr(hashes, rest.rpartition("-")[2].upper())()
    if kind == "ecdsa":
        return (ec.ECDSA(digest),)
    if "pss" in rest:
        return padding.PSS(padding.MGF1(digest), digest.digest_size), digest
    return padding.PKCS1v15(), digest


class SigningKey:
    """`signature.signing-key`."""

    key: Any

    @classmethod
    @over_real
    def import_der(cls, format: str, der: bytes) -> SigningKey:
        from cryptography.hazmat.primitives import serialization

        self = cls()
        self.key = serialization.load_der_private_key(der, None)
        return self

    @classmethod
    @over_real
    def import_raw(cls, algorithm: str, raw: bytes) -> SigningKey:
        self = cls()
        self.key = _secret(algorithm, raw)
        return self

    @over_real
    def public_key(self) -> bytes:
        return _public(self.key.public_key())

    @over_real
    def sign(self, algorithm: str, message: bytes) -> bytes:
        return bytes(self.key.sign(message, *_arguments(algorithm)))


@over_real
def verify(algorithm: str, public_key: bytes, message: bytes, signature: bytes) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    key: Any
    if algorithm == "ed25519":
        key = ed25519.Ed25519PublicKey.from_public_bytes(public_key)
    elif algorithm.startswith("ecdsa"):
        key = ec.EllipticCurvePublicKey.from_encoded_point(_curve(algorithm), public_key)
    else:
        key = serialization.load_der_public_key(public_key)
    key.verify(signature, message, *_arguments(algorithm))


@over_real
def authenticate(algorithm: str, key: bytes, message: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import algorithms
    from cryptography.hazmat.primitives.cmac import CMAC

    context = CMAC(algorithms.AES(key))
    context.update(message)
    return context.finalize()


def install() -> None:
    """From now on `cryptography` is the stand-in, over these."""
    importlib.import_module("cryptography.hazmat.primitives.serialization")
    importlib.import_module("cryptography.hazmat.primitives.asymmetric.rsa")
    _real.update(_modules())
    for name in _real:
        del sys.modules[name]
    contents: dict[str, dict[str, Any]] = {
        "componentize_py_types": {"Err": Err},
        "wit_world": {},
        "wit_world.imports": {},
        "wit_world.imports.aead": {"Key": Key},
        "wit_world.imports.agreement": {"StaticKey": StaticKey},
        "wit_world.imports.cipher": {"Running": Running},
        "wit_world.imports.mac": {"authenticate": authenticate},
        "wit_world.imports.signature": {"SigningKey": SigningKey, "verify": verify},
        "igloo_runtime": {"__path__": [str(SOURCES / "igloo_runtime")]},
        "igloo_runtime.driver": {"is_live": lambda: True},
    }
    for name, members in contents.items():
        module = types.ModuleType(name)
        vars(module).update(members)
        sys.modules[name] = module
        parent, _, own = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], own, module)
    # Not the runtime's `ssl`: that is another test's.
    tls = types.ModuleType("igloo_runtime.tls")
    tls.__path__ = [str(SOURCES / "igloo_runtime/tls")]
    sys.modules["igloo_runtime.tls"] = tls
    sys.path.insert(0, str(SOURCES / "igloo_runtime/overlay"))


if __name__ == "__main__":
    import json
    import warnings

    warnings.simplefilter("ignore")
    install()
    sys.path.insert(0, str(SOURCES.parents[2] / "tests/python/tls"))
    vectors = importlib.import_module("vectors")
    print(json.dumps(vectors.results(json.load(sys.stdin))))
