"""Writes wheels without a content: `stand_in.py FOLDER NAME==VERSION…`.

They tell pip that a package is there which Igloo itself brings, so that pip decides about versions and asks for none of
that package's own dependencies.
"""

import sys
import zipfile
from pathlib import Path


def write(folder: Path, name: str, version: str) -> None:
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


if __name__ == "__main__":
    for given in sys.argv[2:]:
        write(Path(sys.argv[1]), *given.split("=="))
