"""`ctypes.util`: there is no library to be found."""

from __future__ import annotations


def find_library(name: str) -> str | None:
    """None: not found."""
    return None
