"""Object identifiers that certificates and `ssl` speak of, by OpenSSL's numbers and names.

Source: OpenSSL 3, crypto/objects/objects.txt.
"""

from __future__ import annotations

#: Number, short name, long name, identifier.
_OBJECTS = (
    (13, "CN", "commonName", "2.5.4.3"),
    (100, "SN", "surname", "2.5.4.4"),
    (105, "serialNumber", "serialNumber", "2.5.4.5"),
    (14, "C", "countryName", "2.5.4.6"),
    (15, "L", "localityName", "2.5.4.7"),
    (16, "ST", "stateOrProvinceName", "2.5.4.8"),
    (660, "street", "streetAddress", "2.5.4.9"),
    (17, "O", "organizationName", "2.5.4.10"),
    (18, "OU", "organizationalUnitName", "2.5.4.11"),
    (106, "title", "title", "2.5.4.12"),
    (107, "description", "description", "2.5.4.13"),
    (860, "businessCategory", "businessCategory", "2.5.4.15"),
    (661, "postalCode", "postalCode", "2.5.4.17"),
    (173, "name", "name", "2.5.4.41"),
    (99, "GN", "givenName", "2.5.4.42"),
    (101, "initials", "initials", "2.5.4.43"),
    (509, "generationQualifier", "generationQualifier", "2.5.4.44"),
    (174, "dnQualifier", "dnQualifier", "2.5.4.46"),
    (510, "pseudonym", "pseudonym", "2.5.4.65"),
    (1089, "organizationIdentifier", "organizationIdentifier", "2.5.4.97"),
    (48, "emailAddress", "emailAddress", "1.2.840.113549.1.9.1"),
    (49, "unstructuredName", "unstructuredName", "1.2.840.113549.1.9.2"),
    (391, "DC", "domainComponent", "0.9.2342.19200300.100.1.25"),
    (458, "UID", "userId", "0.9.2342.19200300.100.1.1"),
    (955, "jurisdictionL", "jurisdictionLocalityName", "1.3.6.1.4.1.311.60.2.1.1"),
    (956, "jurisdictionST", "jurisdictionStateOrProvinceName", "1.3.6.1.4.1.311.60.2.1.2"),
    (957, "jurisdictionC", "jurisdictionCountryName", "1.3.6.1.4.1.311.60.2.1.3"),
    (129, "serverAuth", "TLS Web Server Authentication", "1.3.6.1.5.5.7.3.1"),
    (130, "clientAuth", "TLS Web Client Authentication", "1.3.6.1.5.5.7.3.2"),
    (131, "codeSigning", "Code Signing", "1.3.6.1.5.5.7.3.3"),
    (132, "emailProtection", "E-mail Protection", "1.3.6.1.5.5.7.3.4"),
    (133, "timeStamping", "Time Stamping", "1.3.6.1.5.5.7.3.8"),
    (180, "OCSPSigning", "OCSP Signing", "1.3.6.1.5.5.7.3.9"),
)

Object = tuple[int, str, str, str]

LONG_NAMES = {identifier: long for _, _, long, identifier in _OBJECTS}


def by_text(text: str, name: bool = False) -> Object:
    """By identifier, or with `name` by a short or long name too. ValueError if it is not known."""
    for known in _OBJECTS:
        if text == known[3] or (name and text in known[1:3]):
            return known
    raise ValueError(f"unknown object '{text[:100]}'")


def by_number(number: int) -> Object:
    """By OpenSSL's number. ValueError if it is not known."""
    if number < 1:
        raise ValueError("NID must be positive")
    for known in _OBJECTS:
        if number == known[0]:
            return known
    raise ValueError(f"unknown NID {number}")
