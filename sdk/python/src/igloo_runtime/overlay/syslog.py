"""`syslog`: lines go where `logging` sends them. Numbers: RFC 5424, 6.2.1."""

from __future__ import annotations

import logging
from typing import Any, Final

LOG_EMERG, LOG_ALERT, LOG_CRIT, LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG = range(8)
LOG_KERN, LOG_USER, LOG_MAIL, LOG_DAEMON, LOG_AUTH, LOG_SYSLOG = (number << 3 for number in range(6))
LOG_PID: Final = 1
LOG_CONS: Final = 2
LOG_NDELAY: Final = 8

_LEVELS: Final = (*[logging.CRITICAL] * 3, logging.ERROR, logging.WARNING, *[logging.INFO] * 2, logging.DEBUG)


def syslog(*args: Any) -> None:
    """`syslog(message)` or `syslog(priority, message)`."""
    priority, message = args if len(args) == 2 else (LOG_INFO, args[0])
    logging.getLogger("syslog").log(_LEVELS[priority & 7], "%s", message)


def openlog(*args: Any, **kwargs: Any) -> None:
    """Nothing needs to be opened."""


def closelog() -> None:
    """Nothing needs to be closed."""


def setlogmask(maskpri: int, /) -> int:
    """Levels are the owner's to choose. Answers that all are kept."""
    return 0xFF
