"""The class that a provider is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, ClassVar, Generic, ParamSpec, TypeVar, overload

from igloo.command import Command
from igloo.errors import Rejected
from igloo.home import Home

C = TypeVar("C")
P = ParamSpec("P")
R = TypeVar("R")


class Ready(Enum):
    """When the hub may deliver commands."""

    AFTER_SETUP = "after-setup"
    """`setup` describes every device: the SDK says `complete` and `ready` after it."""
    MANUAL = "manual"
    """The provider finds its devices later: it calls `home.complete()` and `home.ready()` itself."""


class Commands(Enum):
    """Whether commands to one entity wait for each other."""

    ONE_BY_ONE = "one-by-one"
    """Commands to one entity are carried out one after the other, in order; entities do not wait for each other."""
    AT_ONCE = "at-once"
    """All commands at the same time: the provider orders them itself."""


class Provider(Generic[C]):
    """A provider: its whole life. Subclass it, and name what its configuration is: a dataclass, or nothing.

    One object lives as long as the session. All of it runs on one event loop, in turns.
    """

    READY: ClassVar[Ready] = Ready.AFTER_SETUP
    COMMANDS: ClassVar[Commands] = Commands.ONE_BY_ONE

    home: Home
    """Its hub. There before `__init__`, which has no arguments."""
    config: C
    """The configuration, filled and checked. There before `__init__`. It does not change during a session."""

    async def setup(self) -> None:
        """Describes the devices. What it raises is a failure with its reason."""

    async def run(self) -> None:
        """The provider's work, for months. Returning is finishing; what it raises is a failure with its reason, and the
        hub starts the provider again. So a device that is away is no error: say that it is not available, try again.

        Without one of its own a provider waits for commands until it is stopped.
        """
        await _for_ever()

    async def command(self, command: Command) -> None:
        """Carries out a command. Returning means that the device accepted it; what is written before is visible before
        the outcome. Raise [`Rejected`], [`Busy`] or [`Unavailable`] otherwise; any other exception is logged with its
        traceback and answered as a failure. Asked while `run` waits."""
        raise Rejected("nothing here takes commands")

    async def stop(self) -> None:
        """A chance to say goodbye before the instance is dropped, within 5 seconds."""


async def _for_ever() -> None:
    import asyncio

    await asyncio.get_running_loop().create_future()


@overload
def action(function: Callable[P, Awaitable[R]], /) -> Callable[P, Awaitable[R]]: ...
@overload
def action(*, name: str) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Awaitable[R]]]: ...
def action(function: Callable[..., Any] | None = None, /, *, name: str | None = None) -> Any:
    """Makes a method an operation of the provider's own, such as `pair`, which the manifest names under `[actions]`.

    The parameters are the members of a JSON object, checked against the annotations; what it returns becomes JSON:
    dataclasses, lists, dictionaries and so on. It is called as its function, `pair_new` as `pair-new`, unless it is
    given a `name`.
    """

    def mark(marked: Callable[..., Any]) -> Callable[..., Any]:
        marked._igloo_action = name or marked.__name__.replace("_", "-")  # type: ignore[attr-defined]
        return marked

    return mark if function is None else mark(function)
