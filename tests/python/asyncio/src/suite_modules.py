"""The test modules, imported while the component is made: nothing can be imported later."""

import importlib
import sys
import warnings
from unittest import SkipTest

warnings.simplefilter("ignore")

from test import support  # noqa: E402
from test.support import socket_helper  # noqa: E402

# It thinks that no WASI has sockets.
support.has_socket_support = True
# It looks by binding a socket, which cannot be while the component is being made.
socket_helper.IPV6_ENABLED = True

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
    except Exception as error:
        REFUSED.append((full, f"{type(error).__name__}: {error}"))
    else:
        MODULES.append(full)
