"""Ordinary libraries on the hub's capabilities: installed as they are, they find here what they lack in a sandbox.

| library | what it gets |
|---|---|
| `pyserial` (and `pyserial-asyncio`, `pyserial-asyncio-fast` on it) | `serial.Serial` opens a slot of the manifest |
| `serialx` | a platform, whose ports are the manifest's slots |
| `zeroconf` | questions are answered from `igloo:discovery` |

Under both engines, and only in a provider that a hub runs: elsewhere the libraries are what they always are.
"""

from __future__ import annotations

import os
import sys

from igloo._libraries import finder


def install() -> None:
    """Takes effect for what is imported afterwards, and for what was imported already, as far as that can be."""
    if sys.platform == "wasi" or "IGLOO_FD" in os.environ:
        finder.install()
