"""The test modules, imported while the component is made: nothing can be imported later."""

import asyncio
import asyncio.events
import importlib
import sys
import types
import warnings

warnings.simplefilter("ignore")

from test import support
from test.support import socket_helper

# It thinks that no WASI has sockets.
support.has_socket_support = True
# It looks by binding a socket, which cannot be while the component is being made.
socket_helper.IPV6_ENABLED = True

# Terminals are asked for only by tests of pseudo-terminals.
try:
    importlib.import_module("termios")
except ImportError:
    for missing in ("termios", "tty"):
        sys.modules[missing] = types.ModuleType(missing)



def _no_child_watcher(policy: object) -> None:
    raise NotImplementedError


class _ChildWatcher:
    def attach_loop(self, loop: object) -> None: ...

    def close(self) -> None: ...


# 3.11's own helpers set a child watcher and close it. 3.14 has none.
asyncio.events._BaseDefaultEventLoopPolicy.get_child_watcher = _no_child_watcher
asyncio.SafeChildWatcher = _ChildWatcher
asyncio.set_child_watcher = lambda watcher: None

#: Those that were imported.
MODULES: list[str] = []
#: Those that cannot be imported here, and why.
REFUSED: list[tuple[str, str]] = []

for name in (
    "base_events", "buffered_proto", "context", "events", "futures", "futures2", "locks", "pep492", "proactor_events",
    "protocols", "queues", "runners", "selector_events", "sendfile", "server", "sock_lowlevel", "ssl", "sslproto",
    "streams", "subprocess", "taskgroups", "tasks", "threads", "timeouts", "transports", "unix_events", "waitfor",
    "windows_events", "windows_utils",
):  # fmt: skip
    full = f"test_asyncio.test_{name}"
    try:
        importlib.import_module(f"test.{full}")
    except Exception as error:  # noqa: BLE001
        REFUSED.append((full, f"{type(error).__name__}: {error}"))
    else:
        MODULES.append(full)
