"""A provider's process, from its hello to its end."""

from __future__ import annotations

import asyncio
import faulthandler
import socket
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final

import igloo
from igloo import _driver, _host, _log, _main
from igloo._process import tagged
from igloo._process.connection import Closed, Connection, Lost, Message, TooLarge
from igloo._process.host import ProcessHost
from igloo.errors import Busy, CommandError, Failed, Rejected, Unavailable
from igloo.provider import Provider

DESCRIPTOR: Final = 3
"""On which a provider finds its socket (docs/process-protocol.md)."""
FINISHED: Final = 0
FAILED: Final = 1
USAGE: Final = 2
GOODBYE: Final = 2.0
"""Seconds that tasks of the author's may take to end when `run` is over."""
REASON: Final = 64 * 1024
"""Characters of a failure's reason: what does not fit into a frame is read by nobody."""

Find = Callable[[], type[Provider[Any]]] | type[Provider[Any]]


def inherited() -> socket.socket | None:
    """The hub's socket, if one started this process."""
    try:
        hub = socket.socket(fileno=DESCRIPTOR)
    except OSError:
        return None
    if hub.family != socket.AF_UNIX:
        hub.detach()
        return None
    hub.set_inheritable(False)
    return hub


def run(find: Find) -> int:
    """Runs a provider, or what finds one, until its life is over. The process's exit code."""
    hub = inherited()
    if hub is None:
        sys.stderr.write(_main.USAGE)
        return USAGE
    faulthandler.enable()
    connection = Connection(hub)
    try:
        welcome = connection.greet(f"igloo-provider {igloo.__version__} (Python {sys.version.split()[0]})")
    except Lost as lost:
        return _gone(lost)
    host = ProcessHost(connection, str(welcome.get("config", "{}")))
    _host.install(host)
    return asyncio.run(_live(connection, host, find))


def _gone(lost: Lost) -> int:
    if sys.__stderr__ is not None:
        sys.__stderr__.write(f"{lost}\n")
    return FINISHED if isinstance(lost, Closed) else FAILED


async def _live(connection: Connection, host: ProcessHost, find: Find) -> int:
    orders = _Orders(connection, host)
    connection.attach(orders.heard)
    life = asyncio.create_task(orders.live(find))
    lost = connection.lost
    assert lost is not None
    await asyncio.wait((life, lost), return_when=asyncio.FIRST_COMPLETED)
    if not life.done():
        life.cancel()
        await asyncio.wait((life,), timeout=GOODBYE)
        return _gone(lost.result())
    error = life.result()
    await _end_others()
    try:
        connection.say("finished", {} if error is None else {"error": error[:REASON]})
        connection.flush()
    except Lost as gone:
        return _gone(gone)
    return FINISHED if error is None else FAILED


async def _end_others() -> None:
    """What the author's tasks still say comes before the last message."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=GOODBYE)


class _Orders:
    """What the hub asks, begun in the order of its asking."""

    def __init__(self, connection: Connection, host: ProcessHost) -> None:
        self._connection = connection
        self._host = host
        self._driver: _driver.Driver | None = None
        # A task that nobody holds may be collected before it is done. The hub has at most 64 calls under way.
        self._tasks: set[asyncio.Task[None]] = set()

    async def live(self, find: Find) -> str | None:
        """The provider's whole life: why it failed, or None."""
        _log.install()
        try:
            provider = find if isinstance(find, type) else find()
        except (Exception, SystemExit) as error:
            _log.traceback("the provider cannot be imported", error)
            return _log.summary(error)
        self._driver = _driver.Driver(provider, self._host)
        try:
            await self._driver.run()
        except _driver.Failure as failure:
            return str(failure)
        return None

    def heard(self, name: str, fields: Message) -> None:
        """A message of the hub's, in the loop."""
        if name != "call":
            return self._host.heard(name, fields)
        call = fields.get("id", 0)
        try:
            ((order, content),) = fields["request"].items()
            asked = self._asked(order, content)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            return self._answer(call, {"error": {"other": ["malformed", repr(error)[:256]]}})
        if asked is None:
            self._connection.unknown(order)
            return self._answer(call, {"error": {"other": ["unsupported", f"unknown request `{order[:64]}`"]}})
        task = asyncio.get_running_loop().create_task(self._carry_out(call, asked))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return None

    def _asked(self, order: str, content: Any) -> Coroutine[Any, Any, str | None] | None:
        driver = self._driver
        if order == "command":
            request = _host.CommandRequest(
                content["id"],
                content["device"],
                content["entity"],
                [(change["kind"], tagged.from_message(change["value"])) for change in content["changes"]],
                content.get("transition-ms"),
                content["deadline-ms"],
            )
            return driver.command(request) if driver is not None else _too_early()
        if order == "action":
            name, parameters = content["name"], content["parameters"]
            return driver.action(name, parameters) if driver is not None else _too_early()
        if order == "stop":
            return driver.stop() if driver is not None else _nothing()
        return None

    async def _carry_out(self, call: int, asked: Coroutine[Any, Any, str | None]) -> None:
        try:
            result: Message = {"ok": await asked}
        except CommandError as error:
            result = {"error": _error(error)}
        self._answer(call, result)

    def _answer(self, call: int, result: Message) -> None:
        # Sent at once where it is the only one: a turn of the loop is much of what a command costs.
        is_only = len(self._tasks) <= 1
        try:
            self._connection.say("answer", {"id": call, "result": result}, now=is_only)
        except TooLarge as error:
            self._connection.say("answer", {"id": call, "result": {"error": {"other": ["too-large", str(error)]}}})


async def _too_early() -> str | None:
    raise Unavailable


async def _nothing() -> None:
    pass


def _error(error: CommandError) -> Any:
    if isinstance(error, Rejected):
        return {"rejected": error.reason}
    if isinstance(error, Busy):
        return "busy"
    if isinstance(error, Unavailable):
        return "unavailable"
    if isinstance(error, Failed):
        return {"other": [error.code, error.text]}
    return {"other": ["failed", str(error) or type(error).__name__]}
