"""Gets CPython's tests of asyncio: Debian's packages, unpacked into a folder, with nothing installed.

Usage: fetch.py FOLDER. What is there already is kept.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGES = ("libpython3.11-testsuite", "libpython3.11-stdlib")
#: Of the packages' `test`, what the tests of asyncio need.
NEEDED = ("__init__.py", "support", "test_asyncio", "lock_tests.py", "mock_socket.py")
CERTIFICATES = "*.pem"


def main(folder: Path) -> None:
    """Fills `folder` with the package `test`."""
    if (folder / "test" / "test_asyncio").is_dir():
        return
    with tempfile.TemporaryDirectory() as scratch:
        for package in PACKAGES:
            subprocess.run(["apt-get", "download", package], cwd=scratch, check=True)
        for archive in Path(scratch).glob("*.deb"):
            subprocess.run(["dpkg", "-x", archive, scratch], check=True)
        source = Path(scratch) / "usr/lib/python3.11/test"
        target = folder / "test"
        target.mkdir(parents=True, exist_ok=True)
        for part in [source / name for name in NEEDED] + list(source.glob(CERTIFICATES)):
            if part.is_dir():
                shutil.copytree(part, target / part.name, dirs_exist_ok=True)
            else:
                shutil.copy(part, target)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
