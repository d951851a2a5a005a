"""Object identifiers, and those of names."""

from __future__ import annotations

from igloo_runtime import der
from igloo_runtime.tls import names

__all__ = ["ExtendedKeyUsageOID", "NameOID", "ObjectIdentifier"]


class ObjectIdentifier:
    def __init__(self, dotted_string: str) -> None:
        try:
            der.oid(dotted_string)
        except ValueError:
            raise ValueError(f"Invalid object identifier: {dotted_string}") from None
        self.dotted_string = dotted_string

    @property
    def _name(self) -> str:
        return names.LONG_NAMES.get(self.dotted_string, "Unknown OID")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ObjectIdentifier) and other.dotted_string == self.dotted_string

    def __hash__(self) -> int:
        return hash(self.dotted_string)

    def __repr__(self) -> str:
        return f"<ObjectIdentifier(oid={self.dotted_string}, name={self._name})>"


class NameOID:
    COMMON_NAME = ObjectIdentifier("2.5.4.3")
    COUNTRY_NAME = ObjectIdentifier("2.5.4.6")
    LOCALITY_NAME = ObjectIdentifier("2.5.4.7")
    STATE_OR_PROVINCE_NAME = ObjectIdentifier("2.5.4.8")
    STREET_ADDRESS = ObjectIdentifier("2.5.4.9")
    ORGANIZATION_NAME = ObjectIdentifier("2.5.4.10")
    ORGANIZATIONAL_UNIT_NAME = ObjectIdentifier("2.5.4.11")
    SERIAL_NUMBER = ObjectIdentifier("2.5.4.5")
    SURNAME = ObjectIdentifier("2.5.4.4")
    GIVEN_NAME = ObjectIdentifier("2.5.4.42")
    TITLE = ObjectIdentifier("2.5.4.12")
    USER_ID = ObjectIdentifier("0.9.2342.19200300.100.1.1")
    DOMAIN_COMPONENT = ObjectIdentifier("0.9.2342.19200300.100.1.25")
    EMAIL_ADDRESS = ObjectIdentifier("1.2.840.113549.1.9.1")


class ExtendedKeyUsageOID:
    SERVER_AUTH = ObjectIdentifier("1.3.6.1.5.5.7.3.1")
    CLIENT_AUTH = ObjectIdentifier("1.3.6.1.5.5.7.3.2")
