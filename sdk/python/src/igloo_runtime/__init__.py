"""Makes CPython in a WASI 0.3 component whole: an event loop, sockets, and what the standard library lacks there.

Only in a component, and imported before anything else: libraries that are imported after it find an ordinary Python.
It must not know what a provider is.
"""

from __future__ import annotations

import os
import sys

# What takes the place of the standard library's, and of packages that a component cannot load, is found before them.
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "overlay"))

from . import constants, crypto, loop, readiness, sockets, tls, zones


def install() -> None:
    """Takes effect for everything that is imported afterwards."""
    import selectors

    selectors.DefaultSelector = selectors.SelectSelector = selectors.PollSelector = readiness.Selector  # type: ignore[misc,assignment]
    constants.install()
    sockets.install()
    loop.install()
    crypto.install()
    tls.install()
    zones.install()


install()
