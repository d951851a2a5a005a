"""The common part of the `cryptography` package, on the hub's `igloo:crypto` and CPython's digests.

It has the names of version 50.0 as far as docs/python-cryptography.md lists them. What is not there is an ImportError
or `UnsupportedAlgorithm` that says how to get it; nothing is computed in another way than it was asked for.
"""

from __future__ import annotations

import sys as _sys
from collections.abc import Sequence
from typing import Any

from .__about__ import __author__, __copyright__, __version__

__all__ = ["__author__", "__copyright__", "__version__"]


class _Absent:
    """Says of the package's other modules why they are not there."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: Any = None) -> None:
        if name.startswith("cryptography."):
            # Without its `name`, for which `from package import module` would put a shorter text in its place.
            raise ModuleNotFoundError(
                f"`{name}` is not among what a component has of cryptography (docs/python-cryptography.md); "
                'with `engine = "process"` the whole package is there'
            )


_sys.meta_path.append(_Absent)
