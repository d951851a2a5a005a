"""The native entry of a provider: `main(Lamp)`, or `python -m igloo lamp:Lamp`. A component has no use for it."""

from __future__ import annotations

import importlib
import sys
from typing import Any, NoReturn

from igloo.provider import Provider

USAGE = """\
This is an Igloo provider. It does nothing by itself: a hub starts it, with a socket as descriptor 3.
Put it into a package, beside its igloo.toml, and run

    igloo install FOLDER

"""


def main(provider: type[Provider[Any]]) -> NoReturn:
    """Runs a provider until its life is over, and ends the process. The last thing that a program does."""
    from igloo import _process

    sys.exit(_process.run(provider))


def find(name: str) -> type[Provider[Any]]:
    """`lifx:Lifx` → the class. Raises `ImportError`, or whatever the module raises."""
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        raise ImportError(f"{name!r} is no MODULE:CLASS, such as lamp:Lamp")
    found: Any = importlib.import_module(module)
    for part in attribute.split("."):
        found = getattr(found, part, None)
        if found is None:
            raise ImportError(f"the module {module} has no {attribute}")
    if not (isinstance(found, type) and issubclass(found, Provider)):
        raise ImportError(f"{name} is no class that derives from igloo.Provider")
    return found
