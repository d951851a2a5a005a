"""Random bytes, by the hub."""

from __future__ import annotations

import os


def get_random_bytes(n: int) -> bytes:
    return os.urandom(n)
