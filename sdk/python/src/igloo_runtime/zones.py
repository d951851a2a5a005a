"""`zoneinfo` in a component, which has no files: the zones of the package `tzdata`, if the provider depends on it.

They are read when the component is made, and kept as they are in the files, about 400 KiB. Without `tzdata` only UTC is
known, and `ZoneInfo("Europe/Amsterdam")` raises what it raises on a machine without zones.
"""

from __future__ import annotations

import importlib.util
import io
import os
from typing import Any

_zones: dict[str, bytes] = {}


def _read(folder: str) -> None:
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            with open(path, "rb") as file:
                data = file.read()
            # RFC 9636, 3.1: what a zone's file begins with.
            if data.startswith(b"TZif"):
                _zones[os.path.relpath(path, folder).replace(os.sep, "/")] = data


def _load(key: str) -> Any:
    try:
        return io.BytesIO(_zones[key])
    except KeyError:
        import zoneinfo

        raise zoneinfo.ZoneInfoNotFoundError(
            f"No time zone found with key {key}: a component has those of the package `tzdata`"
        ) from None


def install() -> None:
    """Makes `zoneinfo` find them."""
    import zoneinfo
    from zoneinfo import _common

    found = importlib.util.find_spec("tzdata")
    for folder in (found and found.submodule_search_locations) or ():
        _read(os.path.join(folder, "zoneinfo"))
    _common.load_tzdata = _load
    zoneinfo.available_timezones = lambda: set(_zones)
