"""What a hub asks, carried out by the author's class: the contract's `driver`, for either way to run.

Promises:

- `run`, `command`, `action` and `stop` raise nothing but [`Failure`] and [`CommandError`], and `CancelledError` when
  their own task is cancelled. An author's exception is a logged traceback and a typed error; other calls go on.
- Commands to one entity start in the order in which they were asked, and by default wait for each other.
- A `CancelledError` that the author's own code let out (a task of its own was cancelled) is a failure like any other.
  One that belongs to the caller's cancellation goes through.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from igloo import _config, _host, _log
from igloo.command import Command
from igloo.errors import CommandError, ConfigError, Failed, Rejected, Unavailable, is_connection_lost
from igloo.home import Home
from igloo.provider import Commands, Provider, Ready

logger = logging.getLogger("igloo")

T = TypeVar("T")


class Failure(Exception):
    """`run` failed: the text is the reason, for the owner."""


class Driver:
    """One session of a provider. Make it where the event loop is, and call [`run`] once."""

    def __init__(self, provider: type[Provider[Any]], host: _host.Host) -> None:
        _host.install(host)
        self._class = provider
        self._host = host
        self._provider: Provider[Any] | None = None
        self._actions: dict[str, _Action] = {}
        self._lanes: dict[tuple[str, str], _Lane] = {}
        self._at_once = provider.COMMANDS is Commands.AT_ONCE

    async def run(self) -> None:
        """The provider's whole life. Raises [`Failure`]."""
        _log.install()
        try:
            await self._live()
        except Exception as error:
            raise self._failure(error) from error
        except asyncio.CancelledError as error:
            if _is_own_cancellation():
                raise
            raise self._failure(error) from error
        except SystemExit as error:
            if error.code in (None, 0):
                return
            raise Failure(f"sys.exit({error.code!r})") from error
        finally:
            self._provider = None

    async def _live(self) -> None:
        provider = self._class.__new__(self._class)
        provider.home = Home()
        provider.config = configuration(self._class, self._host.config())
        provider.__init__()  # type: ignore[misc]
        self._actions = actions(provider)
        await provider.setup()
        self._provider = provider
        if provider.READY is Ready.AFTER_SETUP:
            provider.home.complete()
            provider.home.ready()
        await provider.run()

    def _failure(self, error: BaseException) -> Failure:
        if isinstance(error, ConfigError):
            return Failure(f"the configuration does not fit: {error}")
        _log.traceback("the provider failed", error)
        return Failure(_log.summary(error))

    async def command(self, request: _host.CommandRequest) -> None:
        """Carries out a command. Raises [`CommandError`]."""
        provider = self._provider
        if provider is None:
            raise Unavailable("the provider is not ready")
        command = Command(request)
        if self._at_once:
            return await self._guard("a command", provider.command, command)
        key = (request.device, request.entity)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = _Lane()
        lane.users += 1
        try:
            async with lane.lock:
                await self._guard("a command", provider.command, command)
        finally:
            lane.users -= 1
            if not lane.users:
                del self._lanes[key]

    async def action(self, name: str, parameters: str) -> str:
        """Carries out an operation of the provider's own: JSON in, JSON out. Raises [`CommandError`]."""
        if self._provider is None:
            raise Unavailable("the provider is not ready")
        found = self._actions.get(name)
        if found is None:
            raise Rejected(f"there is no action `{name}`")
        return await self._guard(f"the action {name}", found, parameters)

    async def stop(self) -> None:
        """A chance to say goodbye. Raises nothing."""
        if self._provider is not None:
            with contextlib.suppress(CommandError):
                await self._guard("stop", self._provider.stop)

    async def _guard(self, what: str, function: Callable[..., Awaitable[T]], *arguments: object) -> T:
        try:
            return await function(*arguments)
        except CommandError:
            raise
        except asyncio.CancelledError as error:
            if _is_own_cancellation():
                raise
            _log.traceback(f"{what} failed", error)
            raise Failed("failed", "it was cancelled") from None
        except (Exception, SystemExit) as error:
            if is_connection_lost(error):
                logger.warning("%s: the device is unavailable: %s", what, _log.summary(error))
                raise Unavailable(_log.summary(error)) from None
            _log.traceback(f"{what} failed", error)
            raise Failed("failed", _log.summary(error)) from None


def _is_own_cancellation() -> bool:
    """Whether this very task is being cancelled, so that a `CancelledError` in it is not the author's."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class _Lane:
    """One entity's commands, one after the other. The lock is fair: who waits first is next."""

    __slots__ = ("lock", "users")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.users = 0


class _Action:
    """A method that is an action."""

    def __init__(self, name: str, function: Callable[..., Awaitable[Any]]) -> None:
        self._name = name
        self._function = function
        self._hints = _config.hints(function)
        self._parameters = [
            (parameter.name, parameter.default is not inspect.Parameter.empty)
            for parameter in inspect.signature(function).parameters.values()
        ]

    async def __call__(self, parameters: str) -> str:
        arguments = self._arguments(parameters)
        answer = await self._function(**arguments)
        return json.dumps(_config.to_json(answer), allow_nan=False)

    def _arguments(self, parameters: str) -> dict[str, Any]:
        try:
            value = json.loads(parameters)
        except ValueError as error:
            raise Rejected(f"the parameters are no JSON: {error}") from None
        value = {} if value is None else value
        if not isinstance(value, dict):
            raise Rejected("the parameters are no JSON object")
        found = {}
        taken = set()
        try:
            for name, has_default in self._parameters:
                key = _config.member(name, value)
                if key is not None:
                    found[name] = _config.fill(self._hints.get(name, Any), value[key], key)
                    taken.add(key)
                elif not has_default:
                    raise ConfigError(f"{name} is missing")
        except ConfigError as error:
            raise Rejected(str(error)) from None
        unknown = sorted(value.keys() - taken)
        if unknown:
            raise Rejected(f"{self._name} has no parameter `{unknown[0]}`")
        return found


def actions(provider: Provider[Any]) -> dict[str, _Action]:
    """The methods of a provider that are actions, by their names."""
    found = {}
    for attribute in dir(type(provider)):
        name = getattr(getattr(type(provider), attribute, None), "_igloo_action", None)
        if name is not None:
            found[name] = _Action(name, getattr(provider, attribute))
    return found


def configuration(provider: type[Provider[Any]], text: str) -> Any:
    """The configuration, as the provider's class wants it. Raises [`ConfigError`]."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"it is no JSON: {error}") from None
    wanted = config_type(provider)
    if wanted is None or wanted is type(None):
        return None
    return _config.fill(wanted, value)


def config_type(provider: type[Provider[Any]]) -> Any:
    """`Lamp(Provider[Config])` → `Config`; an annotation `config: Config` does as well. Any without either."""
    for cls in provider.__mro__:
        if cls is Provider:
            break
        if "config" in inspect.get_annotations(cls):
            return _config.hints(cls)["config"]
        for base in cls.__dict__.get("__orig_bases__", ()):
            if getattr(base, "__origin__", None) is Provider and not isinstance(base.__args__[0], TypeVar):
                return base.__args__[0]
    return Any
