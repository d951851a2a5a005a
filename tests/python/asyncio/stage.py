"""Makes the project of the provider that runs CPython's tests of asyncio: what is here, and the tests as a dependency.

Usage: stage.py FOLDER. The tests are those of Debian's packages, unpacked with nothing installed, and made into a wheel:
`igloo build` forgives a dependency imports that a component lacks, and an author not. What is there already is kept.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGES = ("libpython3.11-testsuite", "libpython3.11-stdlib")
VERSION = "3.11"
#: Of the packages' `test`, what the tests of asyncio need.
NEEDED = ("__init__.py", "support", "test_asyncio", "lock_tests.py", "mock_socket.py")
CERTIFICATES = "*.pem"
WHEEL = f"cpython_asyncio_tests-{VERSION}-py3-none-any.whl"
#: What makes an archive a wheel (PyPA, "Binary distribution format").
ABOUT = {
    "METADATA": f"Metadata-Version: 2.1\nName: cpython-asyncio-tests\nVersion: {VERSION}\n",
    "WHEEL": "Wheel-Version: 1.0\nGenerator: stage.py\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "RECORD": "",
}
PROJECT = """\
[project]
name = "asyncio-suite"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["igloo-provider", "cpython-asyncio-tests @ {wheel}"]

[tool.igloo]
provider = "asyncio_suite:Suite"
imports = ["suite_modules"]
"""


def download(folder: str) -> None:
    """Downloads Debian's packages, with lists of packages of its own if the machine's are missing or old."""
    apt = ["apt-get", "-qq", "-o=APT::Sandbox::User=root"]
    if subprocess.run([*apt, "download", *PACKAGES], cwd=folder, capture_output=True, check=False).returncode == 0:
        return
    for part in ("lists/partial", "cache/archives/partial"):
        (Path(folder) / part).mkdir(parents=True)
    apt += [f"-o=Dir::State::lists={folder}/lists", f"-o=Dir::Cache={folder}/cache"]
    subprocess.run([*apt, "update"], cwd=folder, check=True)
    subprocess.run([*apt, "download", *PACKAGES], cwd=folder, check=True)


def fetch(wheel: Path) -> None:
    """Makes the wheel of Debian's tests."""
    with tempfile.TemporaryDirectory() as scratch:
        download(scratch)
        for archive in Path(scratch).glob("*.deb"):
            subprocess.run(["dpkg", "-x", archive, scratch], check=True)
        source = Path(scratch) / "usr/lib" / f"python{VERSION}"
        parts = [source / "test" / name for name in NEEDED] + list((source / "test").glob(CERTIFICATES))
        files = sorted(file for part in parts for file in (part.rglob("*") if part.is_dir() else [part]))
        made = wheel.with_suffix(".part")
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                if file.is_file() and "__pycache__" not in file.parts:
                    archive.write(file, file.relative_to(source))
            for name, text in ABOUT.items():
                archive.writestr(f"cpython_asyncio_tests-{VERSION}.dist-info/{name}", text)
        made.rename(wheel)


def write(path: Path, text: str) -> None:
    """Writes what is not so already: a build looks at the times of files."""
    if not path.is_file() or path.read_text() != text:
        path.write_text(text)


def main(folder: Path) -> None:
    """Fills `folder` with the project."""
    sources = folder / "src"
    sources.mkdir(parents=True, exist_ok=True)
    wheel = folder / WHEEL
    if not wheel.is_file():
        fetch(wheel)
    for file in (HERE / "src").glob("*.py"):
        write(sources / file.name, file.read_text())
    shutil.copy(HERE / "igloo.toml", folder)
    write(folder / "pyproject.toml", PROJECT.format(wheel=wheel.resolve().as_uri()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
