"""Runs libraries from PyPI, as they are, in providers under a real hub, each against a real counterpart, and writes or
checks docs/python-libraries.md.

    run.py [--igloo FILE] [--packages FOLDER] [--write] [--engine ENGINE] [CASE...]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "sdk/python")]

from host import table
from host.bench import Bench, Row
from host.cases import CASES, Case
from tests.hub import Hub

AT_ONCE = 4
"""Cases that run at the same time."""


def tried(bench: Bench, case: Case) -> Row | None:
    """What came of a case; nothing if it went wrong, which is shown."""
    try:
        return case.run(bench, case.engine)
    except Exception:
        print(f"--- {case}\n{traceback.format_exc()}", file=sys.stderr, flush=True)
        return None


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--igloo", type=Path, default=ROOT / "target/release/igloo")
    parser.add_argument("--packages", type=Path, default=ROOT / "target/packages")
    parser.add_argument("--write", action="store_true", help="write the page instead of comparing it")
    parser.add_argument("cases", nargs="*", help="only these")
    given = parser.parse_args()
    cases = [case for case in CASES if not given.cases or str(case) in given.cases or case.library in given.cases]
    with (
        tempfile.TemporaryDirectory() as folder,
        Hub(given.igloo, Path(folder)) as hub,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        bench = Bench(hub, given.packages)
        rows = list(pool.map(lambda case: tried(bench, case), cases))
    for case, row in zip(cases, rows, strict=True):
        print(f"{case}: {'went wrong' if row is None else 'ran' if row.ran else 'blocked'}", file=sys.stderr)
    if None in rows:
        return 1
    if given.cases:
        return 0
    return table.check([row for row in rows if row is not None], write=given.write)


if __name__ == "__main__":
    sys.exit(main())
