"""The author's log is the hub's: standard `logging` with its level, `print` as `info`, tracebacks as `error`.

A hub keeps 4 KiB of a line, its beginning; of a traceback the end matters. So what is longer loses its middle here.
"""

from __future__ import annotations

import io
import logging
import sys
import traceback as tracebacks
from typing import Final

from igloo import _host

LINE: Final = 4096
"""Bytes of a log line that a hub keeps (`wit/provider.wit`)."""
_HEAD: Final = 1024
_HERE: Final = __file__.removesuffix("_log.py")


def level(number: int) -> _host.Level:
    """The hub's level for one of `logging`."""
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warn"
    if number >= logging.INFO:
        return "info"
    return "debug" if number >= logging.DEBUG else "trace"


def log(at: _host.Level, message: str) -> None:
    """A line for the hub. Never raises; without a hub nobody reads it."""
    if _host._current is not None:
        _host._current.log(at, shorten(message))


def shorten(message: str) -> str:
    """At most as much as a hub keeps, of which the end is kept rather than the middle."""
    if len(message) * 4 <= LINE:
        return message
    data = message.encode("utf-8", "replace")
    if len(data) <= LINE:
        return message
    mark = "\n[…]\n".encode()
    head, tail = data[:_HEAD], data[-(LINE - _HEAD - len(mark)) :]
    return (head + mark + tail).decode("utf-8", "ignore")


def summary(error: BaseException) -> str:
    """`error: its cause`, with the class where the text alone would not say enough."""
    parts: list[str] = []
    at: BaseException | None = error
    while at is not None and len(parts) < 8:
        text = str(at)
        named = f"{type(at).__name__}: {text}" if text else type(at).__name__
        if not parts or text not in parts[-1]:
            parts.append(named)
        at = at.__cause__
    return ": ".join(parts)


def traceback(what: str, error: BaseException) -> None:
    """An author's exception, with file and line, from where the author's code begins."""
    at = error.__traceback__
    while at is not None and at.tb_frame.f_code.co_filename.startswith(_HERE):
        at = at.tb_next
    text = "".join(tracebacks.TracebackException(type(error), error, at or error.__traceback__).format())
    log("error", f"{what}\n{text.rstrip()}")


class Handler(logging.Handler):
    """Hands records to the hub."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = self.format(record)
        except Exception:
            # A record whose arguments do not fit its text.
            message = f"{record.msg!r} % {record.args!r}"
        log(level(record.levelno), message)


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return text if record.name in ("root", "igloo", "__main__") else f"{record.name}: {text}"


class Lines(io.TextIOBase):
    """A text stream whose lines go to the log."""

    def __init__(self, at: _host.Level) -> None:
        super().__init__()
        self._level = at
        self._rest = ""

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    def write(self, text: str, /) -> int:
        lines = (self._rest + text).split("\n")
        self._rest = lines.pop()
        for line in lines:
            if line.strip():
                log(self._level, line)
        if len(self._rest) > LINE:
            log(self._level, self._rest)
            self._rest = ""
        return len(text)

    def flush(self) -> None:
        """A line is told when it is whole."""


def install() -> None:
    """Makes the hub's log the interpreter's. What an author or a library configured stays."""
    root = logging.getLogger()
    if not any(isinstance(handler, Handler) for handler in root.handlers):
        handler = Handler()
        handler.setFormatter(_Formatter("%(message)s"))
        root.addHandler(handler)
        if root.level == logging.WARNING:
            root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    sys.stdout = Lines("info")
    sys.stderr = Lines("warn")
