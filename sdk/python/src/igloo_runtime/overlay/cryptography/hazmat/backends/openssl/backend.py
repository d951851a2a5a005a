"""The backend as an object, for code that hands it around. It has no functions."""

from __future__ import annotations


class Backend:
    """Stands for the hub."""

    name = "igloo"

    def openssl_version_text(self) -> str:
        return "igloo:crypto 0.1 in the hub (no OpenSSL)"

    def __repr__(self) -> str:
        return "<Backend(igloo:crypto)>"


backend = Backend()
