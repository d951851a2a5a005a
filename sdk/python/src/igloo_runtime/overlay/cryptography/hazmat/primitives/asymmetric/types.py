"""Names for type checkers."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa, x448, x25519

PublicKeyTypes = (
    rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey
    | x25519.X25519PublicKey | x448.X448PublicKey
)  # fmt: skip
PrivateKeyTypes = (
    rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey
    | x25519.X25519PrivateKey | x448.X448PrivateKey
)  # fmt: skip
CertificatePublicKeyTypes = PublicKeyTypes
CertificateIssuerPublicKeyTypes = PublicKeyTypes
CertificateIssuerPrivateKeyTypes = PrivateKeyTypes
