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
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "sdk/python")]

from tests.hub import Hub

from host import table
from host.bench import Bench, Row
from host.cases import CASES, Case

AT_ONCE = 4
"""Cases that run at the same time."""


class Outcome(NamedTuple):
    """What came of a case."""

    case: Case
    good: bool
    row: Row | None


def tried(bench: Bench, case: Case) -> Outcome:
    """Runs a case. What goes wrong is shown."""
    try:
        return Outcome(case, True, case.run(bench, case.engine))
    except Exception:
        print(f"--- {case}\n{traceback.format_exc()}", file=sys.stderr, flush=True)
        return Outcome(case, False, None)


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
        tempfile.TemporaryDirectory() as files,
        Hub(given.igloo, Path(folder)) as hub,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        bench = Bench(given.igloo, hub, given.packages, Path(files))
        outcomes = list(pool.map(lambda case: tried(bench, case), cases))
    for case, good, row in outcomes:
        print(f"{case}: {'went wrong' if not good else 'blocked' if row and not row.ran else 'ran'}", file=sys.stderr)
    if not all(outcome.good for outcome in outcomes):
        return 1
    return 0 if given.cases else table.check([row for _, _, row in outcomes if row is not None], write=given.write)


if __name__ == "__main__":
    sys.exit(main())
