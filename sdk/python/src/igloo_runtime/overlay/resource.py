"""`resource`: the hub limits a component, which cannot ask how much it has used.

Numbers: Linux, asm-generic/resource.h.
"""

from __future__ import annotations

import errno
from typing import Any, Final, NoReturn

error = OSError

RLIM_INFINITY: Final = -1
RLIMIT_CPU: Final = 0
RLIMIT_FSIZE: Final = 1
RLIMIT_DATA: Final = 2
RLIMIT_STACK: Final = 3
RLIMIT_CORE: Final = 4
RLIMIT_NPROC: Final = 6
RLIMIT_NOFILE: Final = 7
RLIMIT_AS: Final = 9
RUSAGE_SELF: Final = 0
RUSAGE_CHILDREN: Final = -1


def getrlimit(resource: int, /) -> tuple[int, int]:
    """No limit that the component could know of."""
    return RLIM_INFINITY, RLIM_INFINITY


def setrlimit(resource: int, limits: Any, /) -> NoReturn:
    """Raises `OSError`."""
    raise OSError(errno.ENOSYS, "a component's limits are its owner's to set")


def getrusage(who: int, /) -> NoReturn:
    """Raises `OSError`."""
    raise OSError(errno.ENOSYS, "a component cannot ask what it has used")


def getpagesize() -> int:
    """WebAssembly's page, in bytes (core specification, Memories)."""
    return 65536
