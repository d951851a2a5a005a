"""`pwd`: a component has no users, so there is nobody to be found."""

from __future__ import annotations

from typing import NamedTuple, NoReturn


class struct_passwd(NamedTuple):
    """A user."""

    pw_name: str
    pw_passwd: str
    pw_uid: int
    pw_gid: int
    pw_gecos: str
    pw_dir: str
    pw_shell: str


def getpwnam(name: str, /) -> NoReturn:
    """Raises `KeyError`."""
    raise KeyError(f"getpwnam(): name not found: {name!r}")


def getpwuid(uid: int, /) -> NoReturn:
    """Raises `KeyError`."""
    raise KeyError(f"getpwuid(): uid not found: {uid}")


def getpwall() -> list[struct_passwd]:
    """Nobody."""
    return []
