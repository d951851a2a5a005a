"""Compares what came of CPython's tests in a component with what is expected, and writes docs/python-asyncio.md.

Usage: report.py RESULTS.json [--write]. RESULTS.json has what the actions of the provider answered: `{"modules": […],
"answers": […]}`. Every test must pass but those that expected.toml names, and each of those must not: a test that has
begun to pass is to be taken out. Where a group says `some_pass`, nothing is asked of its tests. Exit code 1 says that
it is otherwise, with the tests' names and their tracebacks.
"""

from __future__ import annotations

import fnmatch
import json
import sys
import tomllib
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
INTRODUCTION = """\
# asyncio in a component

<!-- Written by tests/python/asyncio/report.py from a run of the tests. -->

CPython's own tests of asyncio run in a component, on the event loop of Igloo's runtime. They are those of Debian's
`libpython3.11-testsuite`, unchanged; the component's CPython is 3.14, so some of them test what is no longer so.
What each test needs and a component has not is written beside it: nothing else is left out, and a test that stops
passing fails the run."""
DOCS = HERE.parents[2] / "docs" / "python-asyncio.md"


def main(results: Path, write: bool) -> int:
    """Compares, and writes or compares the document."""
    known = json.loads(results.read_text())
    groups: list[dict[str, Any]] = tomllib.loads((HERE / "expected.toml").read_text())["group"]
    by_group: dict[int, list[str]] = defaultdict(list)
    wrong: list[str] = []
    modules: dict[str, Counter[str]] = defaultdict(Counter)
    for answer in known["answers"]:
        name = answer["test"].removeprefix("test_asyncio.")
        module = name.partition(".")[0]
        modules[module]["tests"] += 1
        passed = answer["outcome"] in ("passed", "expected")
        matches = (
            at for at, group in enumerate(groups) if any(fnmatch.fnmatchcase(name, one) for one in group["tests"])
        )
        found = next(matches, None)
        if passed and (found is None or not groups[found].get("some_pass")):
            modules[module]["passed"] += 1
            if found is not None:
                wrong.append(f"{name} passes, but expected.toml says that it does not")
        elif found is None:
            wrong.append(f"{name} {answer['outcome']}: {answer['why']}")
        else:
            by_group[found].append(name)
            modules[module]["left"] += 1
    wrong += [f"expected.toml: nothing is left of the group “{group['reason']}”" for at, group in enumerate(groups)
              if at not in by_group and not group.get("modules")]  # fmt: skip
    text = document(modules, groups, by_group)
    if write:
        DOCS.write_text(text)
    elif not DOCS.exists() or DOCS.read_text() != text:
        wrong.append(f"{DOCS} is not what this run says: write it with --write")
    total = sum(count["tests"] for count in modules.values())
    passed = sum(count["passed"] for count in modules.values())
    print(
        f"{passed} of {total} tests passed, {total - passed} are not expected to; {len(wrong)} are wrong"
    )
    print("\n".join(wrong))
    return 1 if wrong else 0


def document(modules: dict[str, Counter[str]], groups: list[dict[str, Any]], by_group: dict[int, list[str]]) -> str:
    """docs/python-asyncio.md."""
    total = sum(count["tests"] for count in modules.values())
    passed = sum(count["passed"] for count in modules.values())
    lines = [
        *INTRODUCTION.splitlines(),
        "",
        f"**{passed} of {total} tests pass.** The others, by reason:",
        "",
        "| tests | reason |",
        "|---:|---|",
    ]
    lines += [f"| {len(by_group[at])} | {group['reason']} |" for at, group in enumerate(groups) if at in by_group]
    lines += [
        f"| - | {group['reason']}: {', '.join(f'`{name}`' for name in group['modules'])} |"
        for group in groups
        if group.get("modules")
    ]
    lines += ["", "| module | tests | pass |", "|---|---:|---:|"]
    lines += [f"| `{name}` | {count['tests']} | {count['passed']} |" for name, count in sorted(modules.items())]
    for at, group in enumerate(groups):
        if at in by_group:
            lines += ["", f"## {group['reason']}", ""]
            lines += [f"- `{name}`" for name in sorted(by_group[at])]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), "--write" in sys.argv[2:]))
