"""`ssl`'s exceptions, and the hub's errors as such.

Sources: CPython 3.14, Modules/_ssl.c (types, attributes, messages); OpenSSL 3, x509_vfy.h (X509_V_ERR_*),
crypto/x509/x509_txt.c (their texts); RFC 8446, section 6 (alerts).
"""

from __future__ import annotations

from typing import Any

from . import constants


class SSLError(OSError):
    """An error occurred in the SSL implementation."""

    library: str | None = None
    reason: str | None = None

    def __str__(self) -> str:
        return self.strerror if isinstance(self.strerror, str) else str(self.args)


class SSLZeroReturnError(SSLError):
    """SSL/TLS session closed cleanly."""


class SSLWantReadError(SSLError):
    """Non-blocking SSL socket needs to read more data before the requested operation can be completed."""


class SSLWantWriteError(SSLError):
    """Non-blocking SSL socket needs to write more data before the requested operation can be completed."""


class SSLSyscallError(SSLError):
    """System error when attempting SSL operation."""


class SSLEOFError(SSLError):
    """SSL/TLS connection terminated abruptly."""


class SSLCertVerificationError(SSLError, ValueError):
    """A certificate could not be verified."""

    verify_code: int
    verify_message: str


for _kind in (
    SSLError, SSLZeroReturnError, SSLWantReadError, SSLWantWriteError, SSLSyscallError, SSLEOFError,
    SSLCertVerificationError,
):  # fmt: skip
    _kind.__module__ = "ssl"

#: By the hub's reason: OpenSSL's number and text.
_VERIFY = {
    "unknown-issuer": (20, "unable to get local issuer certificate"),
    "self-signed": (18, "self-signed certificate"),
    "self-signed-in-chain": (19, "self-signed certificate in certificate chain"),
    "expired": (10, "certificate has expired"),
    "not-yet-valid": (9, "certificate is not yet valid"),
    "hostname-mismatch": (62, "hostname mismatch"),
    "bad-signature": (7, "certificate signature failure"),
    "bad-encoding": (13, "format error in certificate"),
    "wrong-purpose": (26, "unsuitable certificate purpose"),
    "revoked": (23, "certificate revoked"),
    "unsupported-algorithm": (76, "unsupported signature algorithm"),
}
#: X509_V_ERR_UNSPECIFIED.
_UNSPECIFIED = 1
#: X509_V_ERR_IP_ADDRESS_MISMATCH.
_ADDRESS_MISMATCH = 64

#: By an alert's number: OpenSSL's reason. Those of TLS 1.3 alone begin with TLSV13.
_ALERTS = {
    10: "SSLV3_ALERT_UNEXPECTED_MESSAGE", 20: "SSLV3_ALERT_BAD_RECORD_MAC", 22: "TLSV1_ALERT_RECORD_OVERFLOW",
    40: "SSLV3_ALERT_HANDSHAKE_FAILURE", 42: "SSLV3_ALERT_BAD_CERTIFICATE", 43: "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
    44: "SSLV3_ALERT_CERTIFICATE_REVOKED", 45: "SSLV3_ALERT_CERTIFICATE_EXPIRED",
    46: "SSLV3_ALERT_CERTIFICATE_UNKNOWN", 47: "SSLV3_ALERT_ILLEGAL_PARAMETER", 48: "TLSV1_ALERT_UNKNOWN_CA",
    49: "TLSV1_ALERT_ACCESS_DENIED", 50: "TLSV1_ALERT_DECODE_ERROR", 51: "TLSV1_ALERT_DECRYPT_ERROR",
    70: "TLSV1_ALERT_PROTOCOL_VERSION", 71: "TLSV1_ALERT_INSUFFICIENT_SECURITY", 80: "TLSV1_ALERT_INTERNAL_ERROR",
    86: "TLSV1_ALERT_INAPPROPRIATE_FALLBACK", 90: "TLSV1_ALERT_USER_CANCELLED", 100: "TLSV1_ALERT_NO_RENEGOTIATION",
    109: "TLSV13_ALERT_MISSING_EXTENSION", 110: "TLSV1_UNSUPPORTED_EXTENSION", 112: "TLSV1_UNRECOGNIZED_NAME",
    113: "TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE", 116: "TLSV13_ALERT_CERTIFICATE_REQUIRED",
    120: "TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
}  # fmt: skip


def failed(reason: str, text: str) -> SSLError:
    """An error of the protocol or of what was asked: OpenSSL's reason, and a text."""
    error = SSLError(constants.SSL_ERROR_SSL, f"[SSL: {reason}] {text}")
    error.library = "SSL"
    error.reason = reason
    return error


def want_read() -> SSLWantReadError:
    return SSLWantReadError(constants.SSL_ERROR_WANT_READ, "The operation did not complete (read)")


def want_write() -> SSLWantWriteError:
    return SSLWantWriteError(constants.SSL_ERROR_WANT_WRITE, "The operation did not complete (write)")


def zero_return() -> SSLZeroReturnError:
    return SSLZeroReturnError(constants.SSL_ERROR_ZERO_RETURN, "TLS/SSL connection has been closed (EOF)")


def end_of_file() -> SSLEOFError:
    error = SSLEOFError(
        constants.SSL_ERROR_EOF, "[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol"
    )
    error.library = "SSL"
    error.reason = "UNEXPECTED_EOF_WHILE_READING"
    return error


def _not_verified(problem: Any, hostname: str | None) -> SSLError:
    if problem.reason == "missing":
        return failed("PEER_DID_NOT_RETURN_A_CERTIFICATE", "peer did not return a certificate")
    code, text = _VERIFY.get(problem.reason, (_UNSPECIFIED, problem.text))
    if problem.reason == "hostname-mismatch" and hostname is not None:
        # An address has digits or colons at its end, a name never has.
        if ":" in hostname or hostname.rpartition(".")[2].isdigit():
            code, what = _ADDRESS_MISMATCH, "IP address"
        else:
            what = "Hostname"
        text = f"{what} mismatch, certificate is not valid for '{hostname}'."
    error = SSLCertVerificationError(
        constants.SSL_ERROR_SSL, f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {text}"
    )
    error.library = "SSL"
    error.reason = "CERTIFICATE_VERIFY_FAILED"
    error.verify_code = code
    error.verify_message = text
    return error


def of(code: Any, hostname: str | None = None) -> Exception:
    """The exception for a case of `igloo:tls/types.error-code`."""
    case = type(code).__name__.removeprefix("ErrorCode_")
    value: Any = getattr(code, "value", None)
    if case == "Certificate":
        return _not_verified(value, hostname)
    if case == "Alert":
        reason = _ALERTS.get(value, f"ALERT_{value}")
        return failed(reason, f"{reason.lower().replace('_', ' ')} (the peer's alert {value})")
    if case == "NotTls":
        return failed("WRONG_VERSION_NUMBER", "wrong version number: the peer does not speak TLS here")
    if case == "Handshake":
        return failed("NO_PROTOCOLS_AVAILABLE" if "version" in value else "HANDSHAKE_FAILURE", value)
    if case == "Protocol":
        return failed("BAD_RECORD", value)
    if case == "Unsupported":
        return failed("UNSUPPORTED", f'{value}; `engine = "process"` has OpenSSL')
    if case == "InvalidArgument":
        return failed("INVALID_ARGUMENT", value)
    if case == "Limit":
        return failed("LIMIT", "a limit of the hub's is exceeded: too long, or too many connections or settings")
    if case == "Closed":
        return failed("PROTOCOL_IS_SHUTDOWN", "protocol is shutdown")
    if case == "Other":
        return failed(value[0].upper().replace("-", "_"), value[1])
    return failed("INTERNAL_ERROR", repr(code))
