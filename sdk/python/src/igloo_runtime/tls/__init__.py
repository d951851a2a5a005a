"""What CPython's `ssl` needs of a TLS library (its extension module `_ssl`), over `igloo:tls`.

CPython's own `ssl.py` runs on it unchanged, and with it asyncio, http.client and everything that embeds them. The state
machine and all checks are the hub's; here are settings, buffers, and the shape that OpenSSL's has in Python. What
Python can ask for and the hub does not do is an `SSLError` or `NotImplementedError` that says so, never a weaker check.
"""

from __future__ import annotations

from typing import Any


def install() -> None:
    """Gives asyncio the module that it did not find when it was imported."""
    import importlib
    import ssl
    import sys

    # Codecs are imported when they are needed, and a component has only what it was made with.
    for name in ("ascii", "idna"):
        importlib.import_module(f"encodings.{name}")

    for name in ("sslproto", "base_events", "selector_events"):
        module: Any = sys.modules.get(f"asyncio.{name}")
        if module is not None and module.ssl is None:
            module.ssl = ssl
            if name == "sslproto":
                module.SSLAgainErrors = (ssl.SSLWantReadError, ssl.SSLSyscallError)
