"""The `certifi` package: where the roots are. They are this home's, not Mozilla's as some package has them."""

from __future__ import annotations

__all__ = ["contents", "where"]
__version__ = "2026.1.1"

_ROOTS = "/etc/ssl/certs/ca-certificates.crt"


def where() -> str:
    """The path of a PEM file."""
    return _ROOTS


def contents() -> str:
    """What is in it."""
    with open(_ROOTS, encoding="ascii") as file:
        return file.read()
