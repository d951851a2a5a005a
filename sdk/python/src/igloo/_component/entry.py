"""The contract's export `driver` for a provider's class."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import igloo_provider_types as wit

from igloo import _host, _log
from igloo._component.host import ComponentHost
from igloo._component.values import from_wit
from igloo._driver import Driver, Failure
from igloo.errors import Busy, CommandError, Failed, Rejected, Unavailable
from igloo.provider import Provider

logger = logging.getLogger("igloo")


def driver(provider: type[Provider[Any]]) -> type[exports.Driver]:
    """The class that componentize-py is to find as `Driver` in the entry module.

    No method raises anything but `Err`, which would be a trap: whatever the session lets out (a library has cancelled
    every task there is) is told as a failure. The runtime makes an object of it for each interface, so the state is
    here and not in the object.
    """
    session: Driver | None = None

    def now() -> Driver:
        nonlocal session
        if session is None:
            session = Driver(provider, ComponentHost())
        return session

    class Export(exports.Driver):
        async def run(self) -> None:
            try:
                await now().run()
            except GeneratorExit:
                raise
            except BaseException as error:
                raise Err(_why(error)) from None

        async def command(self, command: Any) -> None:
            try:
                request = _host.CommandRequest(
                    command.id,
                    command.device,
                    command.entity,
                    [(change.kind, from_wit(change.value)) for change in command.changes],
                    command.transition_ms,
                    command.deadline_ms,
                )
                await now().command(request)
            except GeneratorExit:
                raise
            except BaseException as error:
                raise Err(_to_wit(error)) from None

        async def action(self, name: str, parameters: str) -> str:
            try:
                return await now().action(name, parameters)
            except GeneratorExit:
                raise
            except BaseException as error:
                raise Err(_to_wit(error)) from None

        async def stop(self) -> None:
            try:
                await now().stop()
            except BaseException as error:
                logger.error("stop failed: %s", _why(error))

    return Export


def _why(error: BaseException) -> str:
    if isinstance(error, asyncio.CancelledError):
        return "it was cancelled"
    return str(error) if isinstance(error, (Failure, CommandError)) else _log.summary(error)


def _to_wit(error: BaseException) -> Any:
    if isinstance(error, Rejected):
        return wit.CommandError_Rejected(str(error))
    if isinstance(error, Busy):
        return wit.CommandError_Busy()
    if isinstance(error, Unavailable):
        return wit.CommandError_Unavailable()
    if isinstance(error, Failed):
        return wit.CommandError_Other((error.code, error.text))
    return wit.CommandError_Other(("failed", _why(error)))
