"""Where old code looks for the backend."""

from __future__ import annotations

from cryptography.hazmat.backends.openssl.backend import backend

__all__ = ["backend"]
