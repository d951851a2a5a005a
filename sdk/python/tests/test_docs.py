"""What the guide shows is what is tested: the example's files, word by word, and names that exist."""

from __future__ import annotations

import re

import igloo

from .hub import ROOT

GUIDE = (ROOT / "docs/writing-a-provider-python.md").read_text()


def test_the_guide_shows_the_example() -> None:
    for name in ("lamp.py", "pyproject.toml", "igloo.toml"):
        assert (ROOT / "examples/python-lamp" / name).read_text() in GUIDE, name


def test_the_guide_names_what_there_is() -> None:
    for name, attribute in re.findall(r"`(?:async with |await )*(serial|discovery|kinds)\.(\w+)", GUIDE):
        assert hasattr(getattr(igloo, name), attribute), f"{name}.{attribute}"
    for name in ("Rejected", "Busy", "Unavailable", "Failed", "Commands", "Ready", "Color", "main"):
        assert f"{name}" in GUIDE
        assert hasattr(igloo, name)
