"""Where a library is tried: an instance of its own for each, of the guest that has it, with exactly these grants."""

from __future__ import annotations

import contextlib
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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from tests.hub import Hub

from host.certificates import Authority

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

    def __init__(self, igloo: Path, hub: Hub, packages: Path, folder: Path) -> None:
        self.folder = folder
        """For files of cases."""
        self.igloo = igloo
        self.hub = hub
        self.packages = packages
        self._numbers = itertools.count(1)
        # A hub takes one upload at a time, and compiles a component once.
        self._installing = threading.Lock()
        self._certifying = threading.Lock()
        self._authorities: dict[str, Authority] = {}

    def authority(self, *, trusted: bool) -> Authority:
        """One that this home trusts beside the system's, or one that it does not know."""
        name = "trusted" if trusted else "unknown"
        with self._certifying:
            if name not in self._authorities:
                made = self._authorities[name] = Authority(self.folder, name)
                if trusted:
                    self.hub.run("roots", "add", made.certificate, "--name", name)
            return self._authorities[name]

    def refuses(self, guest: str, library: str, port: int, engine: Engine, text: str) -> None:
        """Its server has a certificate that nobody whom this home trusts has signed."""
        try:
            told = self.exchange(guest, library, [f"tcp://127.0.0.1:{port}"], engine, port=port, text=text)
        except Refused as refused:
            assert "certificate verify failed" in str(refused).lower(), refused
        else:
            raise AssertionError(f"{library} took a server of an unknown authority: {told}")

    @contextlib.contextmanager
    def instance(
        self, package: str, grants: Sequence[str], engine: Engine, config: Mapping[str, Any] | None = None
    ) -> Iterator[Instance]:
        """A running instance, until the end of `with`. Raises [`Refused`]."""
        name = f"{package}-{next(self._numbers)}"
        given = [word for grant in grants for word in ("--grant", grant)]
        given += [word for key, value in (config or {}).items() for word in ("--config", f"{key}={json.dumps(value)}")]
        with self._installing:
            installed = self.hub.try_run("install", self.packages / package, "--name", name, "--engine", engine, *given)
        if installed.returncode != 0:
            raise Refused(f"{installed.stderr.strip()}\n{self.hub.try_run('logs', name).stdout}")
        yield Instance(self.hub, name)
        self.hub.run("remove", name, "--yes")

    def exchange(
        self, guest: str, library: str, grants: Sequence[str] = (), engine: Engine = "component", **told: Any
    ) -> Any:
        """What the library says that it was told. Raises [`Refused`]."""
        with self.instance(f"python-libraries-{guest}", grants, engine) as instance:
            return instance.action("exchange", {"library": library, **told})


class Instance:
    """A provider that runs."""

    def __init__(self, hub: Hub, name: str) -> None:
        self._hub = hub
        self.name = name

    def story(self) -> str:
        """What it was denied and has logged, for a failing test."""
        return self._hub.try_run("denials", self.name).stdout + self._hub.try_run("logs", self.name).stdout

    def action(self, action: str, parameters: Mapping[str, Any]) -> Any:
        """What the action answers. Raises [`Refused`]."""
        told = json.dumps(parameters)
        done = self._hub.try_run("--json", "action", self.name, action, told, "--timeout", str(PATIENCE - 10))
        if done.returncode != 0:
            raise Refused(f"{done.stderr.strip() or done.stdout.strip()}\n{self.story()}")
        return json.loads(done.stdout)

    def set(self, path: str, *changes: str) -> None:
        """Asks an entity, `device/entity`, to change. Raises [`Refused`]."""
        done = self._hub.try_run("set", f"{self.name}/{path}", *changes, "--timeout", "20")
        if done.returncode != 0:
            raise Refused(f"{done.stderr.strip()}\n{self.story()}")

    def value(self, device: str, entity: str, kind: str) -> Any:
        """The current value of a component; None if it is not there or not known."""
        for each in self._devices():
            for part in each["entities"] if each["key"] == device else ():
                for component in part["components"] if part["id"] == entity else ():
                    if component["kind"] == kind:
                        return component["value"]
        return None

    def reachable(self, device: str) -> bool:
        """Whether the device is there."""
        return any(each["key"] == device and each["reachable"] for each in self._devices())

    def _devices(self) -> list[dict[str, Any]]:
        return [each for each in self._hub.json("devices") if each["instance"] == self.name]

    def until(self, what: str, is_so: Callable[[], object]) -> None:
        """Waits for it."""
        deadline = time.monotonic() + PATIENCE
        while not is_so():
            assert time.monotonic() < deadline, f"in vain: {what}\n{self._devices()}\n{self.story()}"
            time.sleep(0.05)


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

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

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
