"""`fcntl`: its constants, for libraries that import it. There is nothing to control: a component has no descriptors.

Locks are granted, because nobody else could hold one; everything else raises `OSError` (`ENOSYS`).
Numbers: Linux, asm-generic/fcntl.h and ioctls.h.
"""

from __future__ import annotations

import errno
from typing import Any, Final, NoReturn

F_DUPFD: Final = 0
F_GETFD: Final = 1
F_SETFD: Final = 2
F_GETFL: Final = 3
F_SETFL: Final = 4
F_GETLK: Final = 5
F_SETLK: Final = 6
F_SETLKW: Final = 7
F_SETOWN: Final = 8
F_GETOWN: Final = 9
F_RDLCK: Final = 0
F_WRLCK: Final = 1
F_UNLCK: Final = 2
F_DUPFD_CLOEXEC: Final = 1030
FD_CLOEXEC: Final = 1
LOCK_SH: Final = 1
LOCK_EX: Final = 2
LOCK_NB: Final = 4
LOCK_UN: Final = 8
FASYNC: Final = 0x2000


def fcntl(fd: Any, cmd: int, arg: Any = 0, /) -> NoReturn:
    """Raises `OSError`."""
    raise OSError(errno.ENOSYS, "a component has no `fcntl`")


def ioctl(fd: Any, request: int, arg: Any = 0, mutate_flag: bool = True, /) -> NoReturn:
    """Raises `OSError`."""
    raise OSError(errno.ENOSYS, "a component has no `ioctl`")


def flock(fd: Any, operation: int, /) -> None:
    """Does nothing, and succeeds: nobody but this component has its files open."""


def lockf(fd: Any, cmd: int, len: int = 0, start: int = 0, whence: int = 0, /) -> None:
    """Does nothing, and succeeds: nobody but this component has its files open."""
