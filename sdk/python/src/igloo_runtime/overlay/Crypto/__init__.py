"""The part of `pycryptodome` that libraries for devices use, on the hub's `igloo:crypto`: AES, padding, random bytes.

See docs/python-cryptography.md. `Cryptodome`, its other name, is this too.
"""

from __future__ import annotations

version_info = (4, 4, "0")
__version__ = "4.4.0"
