"""docs/python-libraries.md, made from what ran and from the versions that the guests pin."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable

from host.bench import GUESTS, ROOT, Row

PAGE = ROOT / "docs/python-libraries.md"
HEAD = """\
# Python libraries in a provider

Written by `cargo xtask python-libraries`, which runs every one of them: packages as they are on PyPI, built as `igloo
build` does it, in a provider with nothing granted but what the exchange needs. `component` is a WebAssembly component,
`process` a native process in a sandbox. What is said to have happened is what the test has checked. The code is in
`tests/python-libraries`.

| package | version | engine | result | with | what happened |
|---|---|---|---|---|---|
"""


def versions() -> dict[str, str]:
    """The version of each package that a guest pins."""
    found = {}
    for project in GUESTS.glob("*/pyproject.toml"):
        for requirement in tomllib.loads(project.read_text())["project"]["dependencies"]:
            if pinned := re.fullmatch(r"([\w.-]+)==([\w.]+)", requirement):
                found[pinned[1]] = pinned[2]
    return found


def page(rows: Iterable[Row]) -> str:
    """The page as it is to be."""
    pinned = versions()
    lines = [
        f"| `{row.library}` | {pinned[row.library]} | {row.engine} | {'ran' if row.ran else 'blocked'} "
        f"| {row.counterpart} | {row.what} |\n"
        for row in rows
    ]
    return HEAD + "".join(lines)


def check(rows: Iterable[Row], *, write: bool) -> int:
    """Compares the page with what it would be now, or writes it: the program's exit code."""
    text = page(rows)
    if write:
        PAGE.write_text(text)
    elif not PAGE.exists() or PAGE.read_text() != text:
        print("docs/python-libraries.md is not what happens: run `cargo xtask python-libraries`", file=sys.stderr)
        return 1
    return 0
