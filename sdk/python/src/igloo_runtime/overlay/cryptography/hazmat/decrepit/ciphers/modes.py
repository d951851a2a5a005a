"""Modes that authenticate nothing and that the package moved here."""

from __future__ import annotations

from cryptography.hazmat.primitives._modes import CFB, CFB8, OFB

__all__ = ["CFB", "CFB8", "OFB"]
