"""What a `cryptography` package computes, name by name: run with the real one and with the component's, and compared.

Everything here is determined by its inputs. Those with an RFC's or NIST's number in their name are from there, and are
checked against what stands there too: two packages with the same mistake would not be noticed otherwise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from cryptography import x509
from cryptography.exceptions import AlreadyFinalized, InvalidKey, InvalidSignature, InvalidTag, UnsupportedAlgorithm
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import cmac, constant_time, hashes, hmac, keywrap, padding, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

Case = tuple[str, Callable[[], Any]]

#: What must come out, by the document that says so.
KNOWN = {
    # RFC 8439, section 2.8.2.
    "rfc8439 aead": "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b"
    "1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de5"
    "76d26586cec64b61161ae10b594f09e26a7e902ecbd0600691",
    # RFC 8439, section 2.4.2.
    "rfc8439 chacha20": "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0bf91b65c5524733ab8f593dabcd62"
    "b3571639d624e65152ab8f530c359f0861d807ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab77937365af90bbf74a35be"
    "6b40b8eedf2785e42874d",
    # RFC 3610, section 8, packet vector 1 (the message without its header).
    "rfc3610 vector 1": "588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0",
    # RFC 7748, section 6.1.
    "rfc7748 shared": "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
    "rfc7748 public": "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
    # RFC 8032, section 7.1, test 2.
    "rfc8032 public": "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "rfc8032 signature": "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f1"
    "1d8c387b2eaeb4302aeeb00d291612bb0c00",
    # RFC 5869, appendix A.1.
    "rfc5869 case 1": "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    # RFC 6070, section 2, the second.
    "rfc6070 2 rounds": "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957",
    # RFC 4493, section 4, example 2.
    "rfc4493 example 2": "070a16b46b4d4144f79bdd9dd04a287c",
    # RFC 3394, section 4.1.
    "rfc3394 wrapped": "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5",
    # RFC 4231, section 4.3.
    "rfc4231 case 2": "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    # NIST SP 800-38A, appendix F.
    "sp800-38a ecb": "3ad77bb40d7a3660a89ecaf32466ef97",
    "sp800-38a cbc": "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2",
    "sp800-38a cfb": "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b",
    "sp800-38a ofb": "3b3fd92eb72dad20333449f8e83cfb4a7789508d16918f03f53c52dac54ed825",
    "sp800-38a ctr": "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff",
}  # fmt: skip

_NIST_KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
_NIST_TEXT = bytes.fromhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
_UP = bytes(range(256))
_SUNSCREEN = (
    b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
    b"sunscreen would be it."
)


def _ciphers() -> Iterator[Case]:
    def both(cipher: Cipher[Any], text: bytes, step: int = 7) -> bytes:
        encryptor, decryptor = cipher.encryptor(), cipher.decryptor()
        secret = b"".join(encryptor.update(text[at : at + step]) for at in range(0, len(text), step))
        secret += encryptor.finalize()
        again = decryptor.update(secret) + decryptor.finalize()
        assert again == text
        return secret

    key, text, iv = _NIST_KEY, _NIST_TEXT, _UP[:16]
    yield "sp800-38a ecb", lambda: both(Cipher(algorithms.AES(key), modes.ECB()), text[:16])
    yield "sp800-38a cbc", lambda: both(Cipher(algorithms.AES128(key), modes.CBC(iv)), text)
    yield "sp800-38a cfb", lambda: both(Cipher(algorithms.AES(key), modes.CFB(iv)), text)
    yield "sp800-38a ofb", lambda: both(Cipher(algorithms.AES(key), modes.OFB(iv)), text)
    counter = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
    yield "sp800-38a ctr", lambda: both(Cipher(algorithms.AES(key), modes.CTR(counter)), text)
    for bits in (128, 192, 256):
        for mode in (modes.CBC(iv), modes.CTR(iv), modes.ECB()):
            cipher = Cipher(algorithms.AES(_UP[: bits // 8]), mode)
            yield f"aes {bits} {mode.name}", lambda cipher=cipher: both(cipher, _UP * 5, 33)
    yield "aes cfb8", lambda: both(Cipher(algorithms.AES(key), modes.CFB8(iv)), _UP[:99], 10)
    nonce = bytes.fromhex("01000000000000000000004a00000000")
    yield "rfc8439 chacha20", lambda: both(Cipher(algorithms.ChaCha20(_UP[:32], nonce), None), _SUNSCREEN)

    def partial() -> None:
        encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
        encryptor.update(b"12345")
        encryptor.finalize()

    yield "cbc of a part of a block", partial
    yield "a key of 5 bytes", lambda: algorithms.AES(b"12345")
    yield "an iv of 5 bytes", lambda: Cipher(algorithms.AES(key), modes.CBC(b"12345"))

    def twice() -> None:
        encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
        encryptor.finalize()
        encryptor.update(b"")

    yield "update after finalize", twice
    secret = bytes.fromhex("00112233445566778899aabbccddeeff")
    yield "rfc3394 wrapped", lambda: keywrap.aes_key_wrap(_UP[:16], secret)
    yield "rfc3394 back", lambda: keywrap.aes_key_unwrap(_UP[:16], keywrap.aes_key_wrap(_UP[:16], secret))

    def wrong() -> None:
        try:
            keywrap.aes_key_unwrap(_UP[:16], _UP[:24])
        except keywrap.InvalidUnwrap:
            raise ValueError from None

    yield "a wrong wrap", wrong


def _gcm() -> Iterator[Case]:
    def encrypt(key: bytes) -> bytes:
        encryptor = Cipher(algorithms.AES(key), modes.GCM(_UP[:12])).encryptor()
        encryptor.authenticate_additional_data(b"head")
        encryptor.authenticate_additional_data(b"er")
        secret = encryptor.update(_UP[:100]) + encryptor.update(_UP[100:]) + encryptor.finalize()
        return secret + encryptor.tag

    def decrypt(length: int, change: int = 0) -> bytes:
        secret = encrypt(_UP[:16])
        tag = secret[-16:][:length]
        mode = modes.GCM(_UP[:12], bytes((tag[0] ^ change,)) + tag[1:], min_tag_length=12)
        decryptor = Cipher(algorithms.AES(_UP[:16]), mode).decryptor()
        decryptor.authenticate_additional_data(b"header")
        return decryptor.update(secret[:-16]) + decryptor.finalize()

    for bits in (128, 192, 256):
        yield f"gcm {bits}", lambda bits=bits: encrypt(_UP[: bits // 8])
    for length in (16, 13, 12):
        yield f"gcm with a tag of {length}", lambda length=length: decrypt(length)
    yield "gcm with a wrong tag", lambda: decrypt(12, 1)
    yield "gcm with a tag of 8", lambda: decrypt(8)


def _aead() -> Iterator[Case]:
    nonce = bytes.fromhex("070000004041424344454647")
    additional = bytes.fromhex("50515253c0c1c2c3c4c5c6c7")
    chacha = ChaCha20Poly1305(bytes(range(0x80, 0xA0)))
    yield "rfc8439 aead", lambda: chacha.encrypt(nonce, _SUNSCREEN, additional)
    yield "rfc8439 back", lambda: chacha.decrypt(nonce, chacha.encrypt(nonce, _SUNSCREEN, additional), additional)
    yield "chacha with other data", lambda: chacha.decrypt(nonce, chacha.encrypt(nonce, b"x", b"y"), b"z")
    yield "chacha too short", lambda: chacha.decrypt(nonce, b"123", None)
    yield "chacha with a short nonce", lambda: chacha.encrypt(b"123", b"", None)
    ccm = AESCCM(bytes(range(0xC0, 0xD0)), tag_length=8)
    ccm_nonce = bytes.fromhex("00000003020100a0a1a2a3a4a5")
    yield "rfc3610 vector 1", lambda: ccm.encrypt(ccm_nonce, _UP[8:31], _UP[:8])
    yield "rfc3610 back", lambda: ccm.decrypt(ccm_nonce, ccm.encrypt(ccm_nonce, _UP[8:31], _UP[:8]), _UP[:8])
    yield "ccm with a wrong tag", lambda: ccm.decrypt(ccm_nonce, _UP[:40], None)
    for size in (7, 11, 13):
        for tag in (4, 10, 16):
            one = AESCCM(_UP[:32], tag_length=tag)
            yield f"ccm {size} {tag}", lambda one=one, size=size: one.encrypt(_UP[:size], _UP * 4, b"more")
    yield "ccm with a tag of 5", lambda: AESCCM(_UP[:16], tag_length=5)
    gcm = AESGCM(_UP[:24])
    yield "aesgcm", lambda: gcm.encrypt(_UP[:12], _UP * 9, None)
    yield "aesgcm changed", lambda: gcm.decrypt(_UP[:12], gcm.encrypt(_UP[:12], b"abc", None)[::-1], None)
    yield "aesgcm with a key of 5", lambda: AESGCM(b"12345")


def _digests() -> Iterator[Case]:
    for name in (
        "MD5", "SHA1", "SHA224", "SHA256", "SHA384", "SHA512", "SHA3_224", "SHA3_256", "SHA3_384", "SHA3_512",
    ):  # fmt: skip
        algorithm = getattr(hashes, name)()

        def digest(algorithm: Any = algorithm) -> bytes:
            context = hashes.Hash(algorithm)
            context.update(_UP)
            other = context.copy()
            other.update(b"more")
            return context.finalize() + other.finalize()

        yield f"digest {name}", digest
        yield f"of {name}", lambda a=algorithm: repr((a.name, a.digest_size, a.block_size))

    def of(algorithm: Any) -> bytes:
        context = hashes.Hash(algorithm)
        context.update(_UP)
        return context.finalize()

    yield "digest BLAKE2b", lambda: of(hashes.BLAKE2b(64))
    yield "digest BLAKE2s", lambda: of(hashes.BLAKE2s(32))
    yield "digest SHAKE256", lambda: of(hashes.SHAKE256(77))

    def code(check: bytes | None = None) -> bytes | None:
        context = hmac.HMAC(b"Jefe", hashes.SHA256())
        context.update(b"what do ya want for nothing?")
        return context.finalize() if check is None else context.verify(check)

    yield "rfc4231 case 2", code
    yield "hmac checked", lambda: code(bytes.fromhex(KNOWN["rfc4231 case 2"]))
    yield "hmac wrong", lambda: code(b"no")

    def cmac_of(message: bytes) -> bytes:
        context = cmac.CMAC(algorithms.AES(_NIST_KEY))
        context.update(message)
        return context.finalize()

    yield "rfc4493 example 2", lambda: cmac_of(_NIST_TEXT[:16])
    yield "cmac of a part", lambda: cmac_of(_UP[:33])
    yield "bytes_eq", lambda: repr((constant_time.bytes_eq(b"a", b"a"), constant_time.bytes_eq(b"a", b"b")))
    for kind in (padding.PKCS7, padding.ANSIX923):
        for size in (0, 5, 16, 40):

            def padded(kind: Any = kind, size: int = size) -> bytes:
                padder, unpadder = kind(128).padder(), kind(128).unpadder()
                whole: bytes = padder.update(_UP[:size]) + padder.finalize()
                assert unpadder.update(whole) + unpadder.finalize() == _UP[:size]
                return whole

            yield f"{kind.__name__} {size}", padded

    def bad() -> bytes:
        unpadder = padding.PKCS7(128).unpadder()
        return unpadder.update(_UP[:16] + b"\1\2\3\4" * 4) + unpadder.finalize()

    yield "bad padding", bad


def _derivations() -> Iterator[Case]:
    sha1, sha256 = hashes.SHA1(), hashes.SHA256()
    yield "rfc5869 case 1", lambda: HKDF(sha256, 42, _UP[:13], bytes(range(0xF0, 0xFA))).derive(b"\x0b" * 22)
    yield "hkdf without salt", lambda: HKDF(hashes.SHA512(), 200, None, None).derive(b"secret")
    yield "hkdf expand", lambda: HKDFExpand(sha256, 80, b"info").derive(_UP[:32])
    yield "rfc6070 2 rounds", lambda: PBKDF2HMAC(sha1, 20, b"salt", 2).derive(b"password")
    yield "pbkdf2 sha512", lambda: PBKDF2HMAC(hashes.SHA512(), 100, b"salt", 50).derive(b"password" * 30)
    yield "hashlib's pbkdf2", lambda: hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 1000)
    yield "pbkdf2 wrong", lambda: PBKDF2HMAC(sha256, 20, b"salt", 2).verify(b"password", b"no")


def _written(key: Any, formats: list[tuple[str, str]]) -> str:
    found = []
    for encoding, form in formats:
        encoding_ = getattr(serialization.Encoding, encoding)
        if hasattr(key, "private_bytes"):
            form_ = getattr(serialization.PrivateFormat, form)
            found.append(key.private_bytes(encoding_, form_, serialization.NoEncryption()).hex())
        else:
            found.append(key.public_bytes(encoding_, getattr(serialization.PublicFormat, form)).hex())
    return " ".join(found)


_INFO = [("PEM", "SubjectPublicKeyInfo"), ("DER", "SubjectPublicKeyInfo")]
_PKCS8 = [("PEM", "PKCS8"), ("DER", "PKCS8")]
_POINTS = [("X962", "CompressedPoint"), ("X962", "UncompressedPoint")]


def _keys() -> Iterator[Case]:
    alice = x25519.X25519PrivateKey.from_private_bytes(
        bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
    )
    bob = x25519.X25519PublicKey.from_public_bytes(
        bytes.fromhex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
    )
    yield "rfc7748 shared", lambda: alice.exchange(bob)
    yield "rfc7748 public", lambda: alice.public_key().public_bytes_raw()
    small = x25519.X25519PublicKey.from_public_bytes(bytes(32))
    yield "x25519 with a point of small order", lambda: alice.exchange(small)
    yield "x25519 written", lambda: _written(alice, [*_PKCS8, ("Raw", "Raw")])
    yield "x25519 public written", lambda: _written(bob, [*_INFO, ("Raw", "Raw")])
    yield "x25519 short", lambda: x25519.X25519PrivateKey.from_private_bytes(b"123")
    signer = ed25519.Ed25519PrivateKey.from_private_bytes(
        bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    )
    yield "rfc8032 public", lambda: signer.public_key().public_bytes_raw()
    yield "rfc8032 signature", lambda: signer.sign(b"\x72")
    yield "ed25519 checked", lambda: signer.public_key().verify(signer.sign(b"abc"), b"abc")
    yield "ed25519 wrong", lambda: signer.public_key().verify(signer.sign(b"abc"), b"abd")
    yield "ed25519 written", lambda: _written(signer, [*_PKCS8, ("Raw", "Raw")])
    for curve, name in ((ec.SECP256R1(), "P-256"), (ec.SECP384R1(), "P-384")):
        size = curve.key_size // 8
        one = ec.derive_private_key(int.from_bytes(_UP[1 : size + 1], "big"), curve)
        other = ec.derive_private_key(int.from_bytes(_UP[2 : size + 2], "big"), curve)
        digest = hashes.SHA256() if size == 32 else hashes.SHA384()
        yield f"{name} shared", lambda one=one, other=other: one.exchange(ec.ECDH(), other.public_key())
        yield (
            f"{name} points",
            lambda one=one: _written(one.public_key(), [*_INFO, *_POINTS]),
        )
        yield f"{name} written", lambda one=one: _written(one, [*_PKCS8, ("PEM", "TraditionalOpenSSL")])

        def signed(one: Any = one, digest: Any = digest, message: bytes = b"abc") -> str:
            signature = one.sign(b"abc", ec.ECDSA(digest))
            assert encode_dss_signature(*decode_dss_signature(signature)) == signature
            return repr(one.public_key().verify(signature, message, ec.ECDSA(digest)))

        yield f"{name} signed", signed
        yield f"{name} wrong", lambda signed=signed: signed(message=b"abd")

        def again(one: Any = one, curve: Any = curve) -> str:
            point = one.public_key().public_bytes(
                serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint
            )
            numbers = ec.EllipticCurvePublicKey.from_encoded_point(curve, point).public_numbers()
            return repr((numbers.x, numbers.y, one.private_numbers().private_value))

        yield f"{name} decompressed", again
        yield f"{name} off the curve", lambda c=curve: ec.EllipticCurvePublicNumbers(1, 1, c).public_key()
    yield "a made key of P-256", lambda: repr(ec.generate_private_key(ec.SECP256R1()).key_size)


def _files(files: dict[str, str]) -> Iterator[Case]:
    """Keys and certificates that OpenSSL wrote."""
    for name, text in files.items():
        data = text.encode()
        if "encrypted" in name:
            yield f"{name} read", lambda data=data: _written(serialization.load_pem_private_key(data, b"word"), _PKCS8)
            yield f"{name} wrong", lambda data=data: serialization.load_pem_private_key(data, b"other")
            yield f"{name} none", lambda data=data: serialization.load_pem_private_key(data, None)
        elif name.endswith(".key"):
            yield f"{name} read", lambda data=data: _written(serialization.load_pem_private_key(data, None), _PKCS8)
            yield (
                f"{name} public",
                lambda data=data: _written(serialization.load_pem_private_key(data, None).public_key(), _INFO),
            )
        elif name.endswith(".pem"):

            def shown(data: bytes = data) -> str:
                one = x509.load_pem_x509_certificate(data)
                return repr((
                    one.serial_number, [a.value for a in one.subject], one.issuer.rfc4514_string(),
                    str(one.not_valid_before_utc), str(one.not_valid_after_utc), one.fingerprint(hashes.SHA256()).hex(),
                    one.public_bytes(serialization.Encoding.DER).hex(), _written(one.public_key(), _INFO),
                    one.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value,
                ))  # fmt: skip

            yield f"{name} shown", shown
    if "rsa.key" in files:
        key = files["rsa.key"].encode()

        def signed(padding_: Any, message: bytes = b"abc") -> str:
            private: rsa.RSAPrivateKey = serialization.load_pem_private_key(key, None)
            signature = private.sign(b"abc", padding_, hashes.SHA256())
            return repr((private.public_key().verify(signature, message, padding_, hashes.SHA256()), len(signature)))

        pss = rsa_padding.PSS(rsa_padding.MGF1(hashes.SHA256()), 32)
        yield "rsa signed", lambda: signed(rsa_padding.PKCS1v15())
        yield "rsa wrong", lambda: signed(rsa_padding.PKCS1v15(), b"abd")
        yield "rsa pss signed", lambda: signed(pss)
        yield (
            "rsa pkcs1 signature",
            lambda: serialization.load_pem_private_key(key, None).sign(b"x", rsa_padding.PKCS1v15(), hashes.SHA512()),
        )


def _fernet() -> Iterator[Case]:
    # The specification's own vectors: generate.json and verify.json.
    fernet = Fernet(b"cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=")
    token = (
        b"gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA=="
    )
    yield "fernet", lambda: fernet.decrypt(token)
    yield "fernet's time", lambda: repr(fernet.extract_timestamp(token))
    yield "fernet too old", lambda: fernet.decrypt(token, ttl=60)
    yield "fernet changed", lambda: fernet.decrypt(token[:-8] + b"AAAAAA==")
    yield "fernet again", lambda: fernet.decrypt(fernet.encrypt(b"hello"))


_EXPECTED = (
    ValueError, TypeError, AlreadyFinalized, InvalidKey, InvalidTag, InvalidSignature, InvalidToken,
    UnsupportedAlgorithm,
)  # fmt: skip


def results(files: dict[str, str]) -> dict[str, Any]:
    """Each case's outcome: bytes as hexadecimal digits, a text, or the exception's name."""
    found: dict[str, Any] = {"KNOWN": KNOWN}
    for family in (_ciphers, _gcm, _aead, _digests, _derivations, _keys, lambda: _files(files), _fernet):
        for name, compute in family():
            try:
                value = compute()
                found[name] = value.hex() if isinstance(value, bytes) else str(value)
            except _EXPECTED as error:
                found[name] = type(error).__name__
    return found


if __name__ == "__main__":
    import json
    import sys

    print(json.dumps(results(json.load(sys.stdin))))
