"""ESPHome's own firmware, compiled for this machine: a device with a relay, and a meter that follows it.

It is made once, in `target/esphome`: ESPHome generates the sources, and what PlatformIO would do for the host, which is to
compile and to link them, is done here, because PlatformIO fetches toolchains that nothing of this needs.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from host.bench import ROOT, Program, find, free_port

VERSION = "2026.6.5"
NAME = "igloo-test"
CONFIGURATION = f"""\
esphome:
  name: {NAME}
host:
api:
logger:
switch:
  - platform: template
    name: Relay
    id: relay
    optimistic: true
sensor:
  - platform: template
    name: Power
    unit_of_measurement: W
    update_interval: 200ms
    lambda: |-
      return id(relay).state ? 42.5f : 0.5f;
"""
FLAGS = ("-std=gnu++20", "-O1", "-fno-exceptions", "-DUSE_HOST", "-DESPHOME_LOG_LEVEL=ESPHOME_LOG_LEVEL_DEBUG", "-Isrc")
PORT = 6053
"""Of the native API (https://esphome.io/components/api)."""


def made() -> Path:
    """The firmware's program."""
    told = hashlib.sha256(repr((VERSION, CONFIGURATION, FLAGS)).encode()).hexdigest()[:12]
    folder = ROOT / "target/esphome" / told
    program = folder / "firmware"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _make(folder, program)
    return program


def _make(folder: Path, program: Path) -> None:
    def run(*command: str | Path, cwd: Path = folder) -> None:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"

    print(f"Making the firmware of ESPHome {VERSION}: about a minute, once", file=sys.stderr, flush=True)
    venv.create(folder / "venv", with_pip=True)
    run(folder / "venv/bin/pip", "install", "--quiet", f"esphome=={VERSION}")
    (folder / f"{NAME}.yaml").write_text(CONFIGURATION)
    run(folder / "venv/bin/esphome", "compile", "--only-generate", f"{NAME}.yaml")
    sources = folder / ".esphome/build" / NAME
    files = [file.relative_to(sources) for file in sorted(sources.glob("src/**/*.cpp"))]
    objects = [f"{number}.o" for number in range(len(files))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        compiled = [
            pool.submit(run, "g++", *FLAGS, "-c", file, "-o", to, cwd=sources)
            for file, to in zip(files, objects, strict=True)
        ]
        for each in compiled:
            each.result()
    run("g++", *objects, "-o", "firmware", "-lpthread", cwd=sources)
    (sources / "firmware").rename(program)


@contextlib.contextmanager
def running() -> Iterator[tuple[Program, int]]:
    """The firmware, and a port of 127.0.0.1 that leads to it: it listens on every address it has, so it has only the
    loopback interface of a network of its own."""
    inside = ("--user", "--map-root-user", "--net")
    # It writes its log as programs write to files: in blocks, unless it is told otherwise.
    start = 'ip link set lo up && exec stdbuf -oL "$0"'
    with Program("unshare", *inside, "sh", "-c", start, made(), says="setup() finished") as firmware:
        port = free_port()
        enter = f"nsenter --target {firmware.pid} --user --preserve-credentials --net"
        to = f"EXEC:{enter} {find('socat')} STDIO TCP\\:127.0.0.1\\:{PORT}"
        with Program("socat", f"TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr", to) as forwarder:
            forwarder.listens(port)
            yield firmware, port
