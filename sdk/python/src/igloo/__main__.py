"""`python -m igloo lamp:Lamp` runs a provider, when a hub has started it."""

import sys

from igloo import _main, _process


def _run() -> int:
    if len(sys.argv) != 2:
        sys.stderr.write("Usage: python -m igloo MODULE:CLASS\n")
        return 2
    # Found after the hub is there, so that what an import raises is told to its owner.
    return _process.run(lambda: _main.find(sys.argv[1]))


if __name__ == "__main__":
    sys.exit(_run())
