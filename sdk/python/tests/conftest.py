"""What tests share."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator

import pytest

from igloo import _host, _log

from .fake import FakeHost


@pytest.fixture
def host() -> Iterator[FakeHost]:
    """A hub, and afterwards none; the log is the test's again."""
    fake = FakeHost()
    streams, level = (sys.stdout, sys.stderr), logging.getLogger().level
    _host.install(fake)
    yield fake
    _host.install(None)
    sys.stdout, sys.stderr = streams
    root = logging.getLogger()
    root.setLevel(level)
    for handler in list(root.handlers):
        if isinstance(handler, _log.Handler):
            root.removeHandler(handler)
