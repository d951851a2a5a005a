"""Where a library is tried: an instance of its own for each, of the guest that has it, with exactly these grants."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from tests.hub import Hub

ROOT = Path(__file__).resolve().parents[3]
GUESTS = ROOT / "tests/python-libraries/guests"
COUNTERPARTS = (ROOT / "tests/python-libraries/counterparts", ROOT / "tests/real/py")
PATIENCE = 60
"""Seconds: many times what an exchange takes."""

Engine = Literal["component", "process"]


class Refused(Exception):
    """The provider, or its hub, did not do it."""


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    library: str
    engine: Engine
    ran: bool
    counterpart: str
    what: str
    """What it did, which the case has checked; or the blocker's words."""


class Bench:
    """The home of all instances."""

    def __init__(self, hub: Hub, packages: Path) -> None:
        self.hub = hub
        self._packages = packages
        self._numbers = itertools.count(1)
        # A hub takes one upload at a time, and compiles a component once.
        self._installing = threading.Lock()

    def exchange(
        self, guest: str, library: str, grants: Sequence[str] = (), engine: Engine = "component", **told: Any
    ) -> Any:
        """What the library says that it was told. Raises [`Refused`]."""
        name = f"{library.lower()}-{next(self._numbers)}"
        given = [word for grant in grants for word in ("--grant", grant)]
        package = self._packages / f"python-libraries-{guest}"
        with self._installing:
            installed = self.hub.try_run("install", package, "--name", name, "--engine", engine, *given)
        if installed.returncode != 0:
            raise Refused(installed.stderr.strip())
        parameters = json.dumps({"library": library, **told})
        done = self.hub.try_run("--json", "action", name, "exchange", parameters, "--timeout", str(PATIENCE - 10))
        if done.returncode != 0:
            log = self.hub.try_run("logs", name).stdout
            denied = self.hub.try_run("denials", name).stdout
            raise Refused(f"{done.stderr.strip() or done.stdout.strip()}\n{denied}{log}")
        self.hub.try_run("remove", name)
        return json.loads(done.stdout)


class Program:
    """A counterpart that runs until the end of `with`."""

    def __init__(self, *command: str | Path, cwd: Path | None = None, says: str | None = None) -> None:
        self._process = subprocess.Popen(
            [str(word) for word in command],
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: list[str] = []
        self._more = threading.Condition()
        self._ended = False
        threading.Thread(target=self._listen, daemon=True).start()
        if says is not None:
            self.says(says)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._more:
                self._lines.append(line.rstrip("\n"))
                self._more.notify_all()
        with self._more:
            self._ended = True
            self._more.notify_all()

    def said(self, text: str) -> str | None:
        """The first line with this in it, if it was said already."""
        with self._more:
            return next((line for line in self._lines if text in line), None)

    def says(self, text: str) -> str:
        """Waits until it has said a line with this in it, and gives the line, which is not waited for again."""
        with self._more:
            deadline = time.monotonic() + PATIENCE
            while True:
                for at, line in enumerate(self._lines):
                    if text in line:
                        del self._lines[: at + 1]
                        return line
                left = deadline - time.monotonic()
                assert left > 0 and not self._ended, f"{self._process.args} does not say {text!r}: {self._lines}"
                self._more.wait(left)

    def listens(self, port: int) -> None:
        """Waits until it listens on a TCP port of 127.0.0.1."""

        def connected() -> bool:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
            except ConnectionRefusedError:
                assert self._process.poll() is None, f"{self._process.args} has ended: {self._lines}"
                return False
            return True

        Hub.until(connected)

    def tell(self, line: str) -> None:
        """Writes a line to its input."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


class Python(Program):
    """A counterpart in Python, which says a line of JSON when it is ready, and may say and be told more."""

    def __init__(self, script: str, *arguments: str | Path) -> None:
        file = next(folder / script for folder in COUNTERPARTS if (folder / script).exists())
        super().__init__(sys.executable, file, *arguments)
        self.ready = self.line()["ready"]

    def line(self) -> Any:
        """The next thing that it says."""
        return json.loads(self.says("{"))

    def ask(self, question: Any) -> Any:
        """Tells it something, and waits for the answer."""
        self.tell(json.dumps(question))
        return self.line()


class Line:
    """A serial line with two ends, by socat."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp())
        self.near, self.far = self._folder / "near", self._folder / "far"

    def __enter__(self) -> Self:
        ends = [f"PTY,link={end},rawer,echo=0" for end in (self.near, self.far)]
        self._socat = subprocess.Popen([find("socat"), *ends])
        Hub.until(lambda: self.near.exists() and self.far.exists())
        return self

    def __exit__(self, *_: object) -> None:
        self._socat.kill()
        self._socat.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def ask(*command: str | Path) -> str:
    """Runs a program of the system to its end, which must be a good one: its output."""
    words = [find(str(command[0])), *map(str, command[1:])]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout


def find(program: str) -> str:
    """A program of the system, also where only root's PATH looks, or of the environment that runs this."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    found = shutil.which(program, path=path)
    assert found is not None, f"there is no {program}: run `cargo xtask setup`"
    return found


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses, for a program that cannot choose one itself."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            port: int = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def same(got: Any, expected: Any, more: Iterable[Any] = ()) -> None:
    """Fails unless they are."""
    assert got == expected, f"got {got!r}\nwanted {expected!r}\n{[*more] or ''}"
