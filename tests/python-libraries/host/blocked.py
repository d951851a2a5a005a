"""Libraries that no component can have: what `igloo build` says of each."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from host.bench import PATIENCE, Bench, Engine, Row
from host.table import versions

MANIFEST = """\
[package]
name = "blocked"
version = "0.1.0"
description = "One library"
license = "MIT"

[provider]
engine = "component"
component = "blocked.wasm"
"""


def built(library: str) -> Callable[[Bench, Engine], Row]:
    """A case that builds a provider with the library, in vain."""

    def blocked(bench: Bench, engine: Engine) -> Row:
        requirement = f"{library}=={versions()[library]}"
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "igloo.toml").write_text(MANIFEST)
            (folder / "pyproject.toml").write_text(
                f'[project]\nname = "blocked"\nversion = "0.1.0"\ndependencies = ["igloo-provider", "{requirement}"]\n\n'
                '[tool.igloo]\nprovider = "blocked:Blocked"\n'
            )
            (folder / "blocked.py").write_text(
                f"import {library}\nfrom igloo import Provider\n\n\nclass Blocked(Provider[None]):\n    pass\n"
            )
            command = [bench.igloo, "build", folder, "--engine", engine]
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        told = re.search(r"error: (.*):\n  (\S+ \S+) \([^)]*\)(, which .*)?", done.stderr)
        assert done.returncode != 0 and told is not None, f"{library}: {done.stderr}"
        words = f"{told[1]} {told[2]}{(told[3] or '').replace('`', '')}"
        return Row(library, engine, False, "`igloo build`", f"Says: {words}")

    return blocked
