"""Files in memory: a component maps none. The module can be imported, and `mmap(…)` says so."""

from __future__ import annotations

import errno
from typing import Any, NoReturn

ACCESS_DEFAULT, ACCESS_READ, ACCESS_WRITE, ACCESS_COPY = range(4)
MAP_SHARED, MAP_PRIVATE, MAP_ANON, MAP_ANONYMOUS = 1, 2, 32, 32
PROT_READ, PROT_WRITE, PROT_EXEC = 1, 2, 4
PAGESIZE = ALLOCATIONGRANULARITY = 65536

error = OSError


class mmap:
    """What a map is: none is ever made."""

    def __new__(cls, *_: Any, **__: Any) -> NoReturn:
        raise OSError(errno.ENOSYS, "a component cannot map files or share memory: read the file instead")
