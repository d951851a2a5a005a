from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from igloo import (
    Busy,
    Command,
    CommandError,
    Commands,
    Device,
    Failed,
    Provider,
    Ready,
    Rejected,
    Unavailable,
    _host,
    action,
)
from igloo._driver import Driver, Failure, config_type

from .fake import FakeHost


@dataclass
class Config:
    port: int = 3


def request(entity: str = "e", on: bool = True, number: int = 1) -> _host.CommandRequest:
    return _host.CommandRequest(number, "d", entity, [("switch", ("boolean", on))], 1500, 5000)


class Lamp(Provider[Config]):
    async def setup(self) -> None:
        device = Device("d", "D")
        self.switch = device.entity("e", "E").switch(writable=True)
        self.home.describe(device)
        self.active: list[int] = []
        self.order: list[int] = []
        self.most = 0
        self.error: BaseException | None = None

    async def command(self, command: Command) -> None:
        if self.error is not None:
            raise self.error
        self.active.append(command.id)
        self.order.append(command.id)
        self.most = max(self.most, len(self.active))
        await asyncio.sleep(0)
        self.active.remove(command.id)
        on = command.asks(self.switch)
        if on is not None:
            self.switch.write(on)

    @action
    async def pair_new(self, seconds: int = 30, name: str | None = None) -> dict[str, object]:
        return {"seconds": seconds, "name": name}

    @action(name="break")
    async def destroy(self) -> None:
        raise KeyError("no such lamp")


async def started(provider: type[Provider[Any]], host: FakeHost) -> tuple[Driver, asyncio.Task[None]]:
    driver = Driver(provider, host)
    task = asyncio.create_task(driver.run())
    while "ready" not in host.said:
        assert not task.done(), task.exception()
        await asyncio.sleep(0)
    return driver, task


def session(provider: type[Provider[Any]], host: FakeHost, work: Callable[[Driver], Awaitable[None]]) -> None:
    async def run() -> None:
        driver, task = await started(provider, host)
        await work(driver)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())


def author(driver: Driver) -> Lamp:
    assert isinstance(driver._provider, Lamp)
    return driver._provider


def test_commands_to_one_entity_wait_for_each_other_and_leave_nothing(host: FakeHost) -> None:
    async def work(driver: Driver) -> None:
        await asyncio.gather(*(driver.command(request(number=number)) for number in range(5)))
        assert author(driver).most == 1
        assert author(driver).order == [0, 1, 2, 3, 4]
        await asyncio.gather(driver.command(request("e")), driver.command(request("f")))
        assert author(driver).most == 2
        assert not driver._lanes

    session(Lamp, host, work)
    assert host.said[:2] == ["complete", "ready"]
    assert host.said[2] == [(10, ("boolean", True))]


def test_commands_at_once_do_not_wait(host: FakeHost) -> None:
    class AtOnce(Lamp):
        COMMANDS = Commands.AT_ONCE

    async def work(driver: Driver) -> None:
        await asyncio.gather(*(driver.command(request(number=number)) for number in range(3)))
        assert author(driver).most == 3

    session(AtOnce, host, work)


def test_a_cancelled_command_does_not_keep_the_next_from_its_turn(host: FakeHost) -> None:
    async def work(driver: Driver) -> None:
        first, second, third = (asyncio.create_task(driver.command(request(number=number))) for number in range(3))
        await asyncio.sleep(0)
        second.cancel()
        await first
        await third
        assert second.cancelled()
        assert author(driver).order == [0, 2]
        assert not driver._lanes

    session(Lamp, host, work)


@pytest.mark.parametrize(
    ("error", "outcome", "text"),
    [
        (Rejected("locked"), Rejected, "locked"),
        (Busy(), Busy, "busy"),
        (ConnectionResetError("gone"), Unavailable, "ConnectionResetError: gone"),
        (TimeoutError(), Unavailable, "TimeoutError"),
        (asyncio.IncompleteReadError(b"", 4), Unavailable, "IncompleteReadError"),
        (ValueError("odd"), Failed, "failed: ValueError: odd"),
        (SystemExit(1), Failed, "failed: SystemExit: 1"),
        (asyncio.CancelledError(), Failed, "failed: it was cancelled"),
    ],
)
def test_what_an_author_raises_is_a_typed_error(
    host: FakeHost, error: BaseException, outcome: type[CommandError], text: str
) -> None:
    async def work(driver: Driver) -> None:
        author(driver).error = error
        with pytest.raises(outcome) as raised:
            await driver.command(request())
        assert type(raised.value) is outcome
        assert str(raised.value).startswith(text)
        author(driver).error = None
        await driver.command(request())

    session(Lamp, host, work)
    tracebacks = [line for level, line in host.lines if level == "error"]
    assert len(tracebacks) == (outcome is Failed)
    assert all("test_driver.py" in line and ", line " in line for line in tracebacks)


def test_actions_take_and_give_json(host: FakeHost) -> None:
    async def work(driver: Driver) -> None:
        assert json.loads(await driver.action("pair-new", '{"seconds": 5}')) == {"seconds": 5, "name": None}
        assert json.loads(await driver.action("pair-new", "{}")) == {"seconds": 30, "name": None}
        for name, parameters, text in [
            ("pair-new", '{"seconds": "5"}', "seconds: wanted an integer, got '5'"),
            ("pair-new", '{"second": 5}', "pair-new has no parameter `second`"),
            ("pair-new", "[]", "the parameters are no JSON object"),
            ("other", "{}", "there is no action `other`"),
        ]:
            with pytest.raises(Rejected) as error:
                await driver.action(name, parameters)
            assert error.value.reason == text
        with pytest.raises(Failed):
            await driver.action("break", "{}")

    session(Lamp, host, work)


def test_a_command_says_what_is_asked() -> None:
    device = Device("d", "D")
    switch, other = device.entity("e", "E").switch(), device.entity("f", "F").switch()
    trigger = device.entity("e", "E").trigger()
    asked = _host.CommandRequest(
        7, "d", "e", [("switch", ("boolean", False)), ("trigger", ("boolean", True)), ("x", ("choice", 1))], None, 250
    )
    command = Command(asked)
    assert command.asks(switch) is False
    assert command.asks(other) is None
    assert command.asks(trigger) is True
    assert command.changes == {"switch": False, "trigger": True, "x": 1}
    assert (command.transition, command.deadline) == (None, 0.25)


def run_to_the_end(provider: type[Provider[Any]], host: FakeHost) -> str:
    with pytest.raises(Failure) as failure:
        asyncio.run(Driver(provider, host).run())
    return str(failure.value)


def test_a_life_that_fails_says_why(host: FakeHost) -> None:
    class Setup(Provider[None]):
        async def setup(self) -> None:
            raise OSError("no lamp") from ValueError("firmware")

    class Run(Provider[None]):
        async def run(self) -> None:
            task = asyncio.create_task(asyncio.sleep(60))
            task.cancel()
            await task

    assert run_to_the_end(Setup, host) == "OSError: no lamp: ValueError: firmware"
    assert run_to_the_end(Run, host) == "CancelledError"
    host.text = '{"port": "x"}'
    assert run_to_the_end(Lamp, host).endswith("config.port: wanted an integer, got 'x'")


def test_configurations_are_named_by_the_class() -> None:
    class Annotated(Provider[Any]):
        config: Config

    class Nothing(Provider[None]):
        pass

    class Derived(Lamp):
        pass

    assert config_type(Annotated) is Config
    assert config_type(Derived) is Config
    assert config_type(Nothing) is type(None)


def test_a_provider_may_be_ready_later(host: FakeHost) -> None:
    class Later(Provider[None]):
        READY = Ready.MANUAL

        async def run(self) -> None:
            assert "ready" not in host.said
            self.home.complete()
            self.home.ready()
            print("printed")
            logging.getLogger("library").warning("%s left", 3)

    asyncio.run(Driver(Later, host).run())
    assert host.said == ["complete", "ready"]
    assert host.lines == [("info", "printed"), ("warn", "library: 3 left")]
