"""A provider as a native process: messages on descriptor 3, as docs/process-protocol.md has them.

Must not be imported in a component.
"""

from igloo._process.entry import run

__all__ = ["run"]
