"""Unpacks wheels into a folder that a component imports from: `unpack.py FOLDER WHEEL…`.

pip would judge a wheel by its tag. Some sources give a wheel with the machine's tag although nothing in it is native
code, so what is in it is looked at instead, by who runs this. Scripts, headers and data files are left out: a
component has no use for them (the layout is the binary distribution format's, PEP 427).
"""

import shutil
import sys
import zipfile
from pathlib import Path, PurePosixPath

LIBRARIES = ("purelib", "platlib")


def place(name: str) -> PurePosixPath | None:
    """Where a file of a wheel belongs below the folder, if it does."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        return None
    if path.parts[0].endswith(".data"):
        return PurePosixPath(*path.parts[2:]) if path.parts[1:2] and path.parts[1] in LIBRARIES else None
    return path


def unpack(wheel: Path, folder: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            inside = place(name)
            if inside is None or name.endswith("/"):
                continue
            target = folder / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink)


if __name__ == "__main__":
    for given in sys.argv[2:]:
        unpack(Path(given), Path(sys.argv[1]))
