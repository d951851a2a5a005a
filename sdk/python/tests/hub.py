"""A real hub for tests, with providers that are one file each: the SDK and the author's module in a zipapp.

The command is `IGLOO_COMMAND`, or `target/release/igloo`. Where there is none, tests that need it are skipped.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
import zipapp
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[3]
SOURCE = Path(__file__).resolve().parents[1] / "src"
NO_CONFIG = "[config]\ntype = 'object'\n"
PATIENCE = 60.0
"""Seconds: longer than anything here takes on a busy machine."""


def command() -> Path | None:
    """Where the command is, if it is there."""
    path = Path(os.environ.get("IGLOO_COMMAND", ROOT / "target/release/igloo"))
    return path if path.exists() else None


def package(module: str, cls: str, source: str, folder: Path, manifest: str = NO_CONFIG) -> Path:
    """A package whose executable is a zipapp with the SDK and one module. A sandbox has the system's Python."""
    content = folder / "content"
    shutil.copytree(SOURCE / "igloo", content / "igloo", ignore=shutil.ignore_patterns("__pycache__", "_component"))
    (content / f"{module}.py").write_text(source)
    (content / "__main__.py").write_text(f"from igloo import main\nfrom {module} import {cls}\n\nmain({cls})\n")
    made = folder / module
    made.mkdir()
    zipapp.create_archive(content, made / "provider", "/usr/bin/env python3")
    (made / "provider").chmod(0o755)
    (made / "igloo.toml").write_text(
        f'[package]\nname = "{module}"\nversion = "0.1.0"\ndescription = "For a test"\nlicense = "MIT"\n\n'
        f'[provider]\nengine = "process"\nexecutable = "provider"\n\n{manifest}'
    )
    return made


class Hub:
    """A hub of its own, until the end of `with`."""

    def __init__(self, igloo: Path, folder: Path) -> None:
        self._igloo = igloo
        self._data = folder / "home"
        self._log = (folder / "hub.log").open("w")
        self._process = subprocess.Popen(
            [igloo, "up", "--data", self._data, "--listen", "127.0.0.1:0"], stdout=self._log, stderr=subprocess.STDOUT
        )

    def __enter__(self) -> Self:
        self.until(lambda: self.try_run("ps").returncode == 0)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._process.kill()
        self._process.wait()
        self._log.close()

    def try_run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Runs the command."""
        return subprocess.run(
            [self._igloo, "--data", self._data, *arguments],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def run(self, *arguments: str | Path) -> str:
        """Runs the command, which must succeed."""
        done = self.try_run(*arguments)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """What the command prints with `--json`."""
        return json.loads(self.run("--json", *arguments))

    @staticmethod
    def until(is_so: Any) -> Any:
        """Waits for something to have happened, and gives it."""
        deadline = time.monotonic() + PATIENCE
        while not (result := is_so()):
            assert time.monotonic() < deadline, "it does not happen"
            time.sleep(0.02)
        return result
