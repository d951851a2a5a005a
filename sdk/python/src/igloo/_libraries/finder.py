"""An import hook: modules of installed packages that are replaced by ours, and modules that are added to once loaded.

It imports none of those packages itself, and changes nothing that is not in its tables.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import spec_from_loader
from types import ModuleType
from typing import Any, Final

REPLACED: Final = {
    "serial.serialposix": "igloo._libraries.pyserial",
    "serial.tools.list_ports_linux": "igloo._libraries.pyserial_ports",
    "serial.tools.list_ports_posix": "igloo._libraries.pyserial_ports",
}
"""The modules that take their places."""
EXTENDED: Final = {
    "serialx.common": "igloo._libraries.serialx_slots",
    "zeroconf._engine": "igloo._libraries.zeroconf_link",
}
"""Modules whose function `extend` is called with the module, once it is loaded."""


class _Replacing(Loader):
    def __init__(self, ours: str) -> None:
        self._ours = ours

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return importlib.import_module(self._ours)

    def exec_module(self, module: ModuleType) -> None:
        """It was, when it was imported under its own name."""


class _Extending(Loader):
    def __init__(self, theirs: Any, ours: str) -> None:
        self._theirs = theirs
        self._ours = ours

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        created: ModuleType | None = self._theirs.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        self._theirs.exec_module(module)
        importlib.import_module(self._ours).extend(module)

    def __getattr__(self, name: str) -> Any:
        # `get_source`, `get_data` and what else the package's own loader can do.
        return getattr(self._theirs, name)


class Finder(MetaPathFinder):
    """Finds what is in the tables."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Of a package that is installed: its parent is imported before."""
        ours = REPLACED.get(fullname)
        if ours is not None:
            return spec_from_loader(fullname, _Replacing(ours))
        ours = EXTENDED.get(fullname)
        spec = None if ours is None else PathFinder.find_spec(fullname, path, target)
        if ours is not None and spec is not None and spec.loader is not None:
            spec.loader = _Extending(spec.loader, ours)
        return spec


def install() -> None:
    """Takes effect for what is imported afterwards, and for what was imported already."""
    if any(isinstance(finder, Finder) for finder in sys.meta_path):
        return
    sys.meta_path.insert(0, Finder())
    for name, ours in REPLACED.items():
        theirs = sys.modules.get(name)
        if theirs is not None:
            _exchange(name, theirs, importlib.import_module(ours))
    for name, ours in EXTENDED.items():
        theirs = sys.modules.get(name)
        if theirs is not None:
            importlib.import_module(ours).extend(theirs)


def _exchange(name: str, theirs: ModuleType, ours: ModuleType) -> None:
    """Where a package has taken something out of the module, it gets ours instead."""
    sys.modules[name] = ours
    package = name.partition(".")[0]
    for module in list(sys.modules.values()):
        if (getattr(module, "__name__", "") + ".").startswith(package + "."):
            for attribute, value in list(vars(module).items()):
                if value is theirs:
                    setattr(module, attribute, ours)
                elif attribute in vars(ours) and value is vars(theirs).get(attribute) and isinstance(value, type):
                    setattr(module, attribute, vars(ours)[attribute])
