"""`grp`: a component has no groups of users, so there is none to be found."""

from __future__ import annotations

from typing import NamedTuple, NoReturn


class struct_group(NamedTuple):
    """A group of users."""

    gr_name: str
    gr_passwd: str
    gr_gid: int
    gr_mem: list[str]


def getgrnam(name: str) -> NoReturn:
    """Raises `KeyError`."""
    raise KeyError(f"getgrnam(): name not found: {name!r}")


def getgrgid(id: int) -> NoReturn:
    """Raises `KeyError`."""
    raise KeyError(f"getgrgid(): gid not found: {id}")


def getgrall() -> list[struct_group]:
    """None."""
    return []
