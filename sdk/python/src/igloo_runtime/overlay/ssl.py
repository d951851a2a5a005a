"""CPython's own `ssl`, unchanged, over this runtime's sockets and `_ssl`.

It is here only because its `SSLSocket` is a subclass of `socket.socket`, which in this runtime is two classes: what it
must be a subclass of is the one for TCP.
"""

import os as _os
import sys as _sys
from importlib.machinery import PathFinder as _PathFinder

from igloo_runtime.sockets import for_tcp as _for_tcp

# This folder may be on the path under two names; it is the one with `_ssl.py` in it.
_others = [_path for _path in _sys.path if not _os.path.exists(_os.path.join(_path, "_ssl.py"))]
_spec = _PathFinder.find_spec("ssl", _others)
if _spec is None or _spec.loader is None:
    raise ImportError("CPython's own ssl.py is not on sys.path")
__file__ = _spec.origin
with _for_tcp():
    exec(_spec.loader.get_code("ssl"), globals())
