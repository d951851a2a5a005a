"""CPython's own tests of asyncio, run in a component: one test after the other, each with what came of it.

The modules of `test.test_asyncio` are Debian's, bundled as they are. A test makes event loops of its own and runs them,
which blocks the instance as it blocks a thread natively; so it runs outside of the instance's loop, and between two tests
the instance comes to rest.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
import traceback
import unittest
import warnings
from asyncio import events
from dataclasses import dataclass
from typing import Any

from igloo import Provider, action

try:
    from igloo_runtime import driver
    from wit_world.imports import monotonic_clock
except ImportError:  # Natively nothing blocks an instance.
    driver = None

#: No test takes as long, in seconds: one that does waits for something that never comes.
PATIENCE = 12
#: For how long tests are run before what came of them is answered, in seconds.
SHIFT = 8


#: Some tests put functions of their own in the place of these.
_FUNCTIONS = {
    name: getattr(events, name)
    for name in ("_get_running_loop", "_set_running_loop", "get_running_loop", "get_event_loop")
}


class Stuck(BaseException):
    """Ends a test that waits for ever."""


@dataclass
class Answer:
    """What came of one test: `passed`, `failed`, `skipped` or `expected` (a failure that CPython expects)."""

    test: str
    outcome: str
    why: str = ""
    seconds: float = 0.0


class _Result(unittest.TestResult):
    def __init__(self) -> None:
        super().__init__()
        self.outcome = "passed"
        self.why = ""

    def _bad(self, error: Any) -> None:
        self.outcome = "failed"
        text = "".join(traceback.format_exception(*error))
        self.why = (self.why + "\n" + text).strip()[-6000:]

    def addError(self, test: Any, err: Any) -> None:
        super().addError(test, err)
        self._bad(err)

    def addFailure(self, test: Any, err: Any) -> None:
        super().addFailure(test, err)
        self._bad(err)

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._bad(err)

    def addSkip(self, test: Any, reason: str) -> None:
        super().addSkip(test, reason)
        if self.outcome == "passed":
            self.outcome, self.why = "skipped", reason

    def addExpectedFailure(self, test: Any, err: Any) -> None:
        super().addExpectedFailure(test, err)
        self.outcome = "expected"

    def addUnexpectedSuccess(self, test: Any) -> None:
        super().addUnexpectedSuccess(test)
        self.outcome, self.why = "failed", "unexpected success"


def flatten(suite: Any) -> list[unittest.TestCase]:
    """A suite's tests."""
    if isinstance(suite, unittest.TestCase):
        return [suite]
    return [test for part in suite for test in flatten(part)]


def one(test: unittest.TestCase) -> Answer:
    """Runs one test, with its module's and its class's fixtures."""
    result = _Result()
    began = time.monotonic()
    over = False

    def stuck(_value: Any, _error: Any) -> None:
        if not over:
            raise Stuck(f"nothing ended it within {PATIENCE} s")

    outside = events._get_running_loop()
    policy = events._get_event_loop_policy()
    current = getattr(policy._local, "_loop", None)
    events._set_running_loop(None)
    try:
        if driver is not None:
            driver.start(monotonic_clock.wait_for(PATIENCE * 1_000_000_000), stuck)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            unittest.TestSuite([test]).run(result)
    except BaseException as error:  # noqa: BLE001
        result._bad((type(error), error, error.__traceback__))
    finally:
        over = True
        for name, function in _FUNCTIONS.items():
            setattr(events, name, function)
        events._set_event_loop_policy(policy)
        policy._local._loop = current
        events._set_running_loop(outside)
    return Answer(test.id().removeprefix("test."), result.outcome, result.why, round(time.monotonic() - began, 3))


class Suite(Provider[None]):
    """Runs what it is asked for."""

    @action
    async def names(self, module: str) -> list[str]:
        """The tests of a module, in their order."""
        tests = flatten(unittest.TestLoader().loadTestsFromModule(sys.modules[f"test.{module}"]))
        return [test.id().removeprefix("test.") for test in tests]

    @action
    async def modules(self) -> list[str]:
        """The modules that are bundled, and those that cannot be imported with the reason."""
        import suite_modules

        return [*suite_modules.MODULES, *(f"{name}: {why}" for name, why in suite_modules.REFUSED)]

    @action
    async def check(
        self, module: str, first: int = 0, count: int = 0, only: str = "", leave: list[str] = []  # noqa: B006
    ) -> list[Answer]:
        """Runs a module's tests from the `first` on, but those that are to be left alone, for some seconds.

        An action has a deadline: whoever asks, asks again for those after the last answer, until none comes.
        """
        tests = flatten(unittest.TestLoader().loadTestsFromModule(sys.modules[f"test.{module}"]))
        names = [test.id().removeprefix("test.") for test in tests]
        chosen = [
            test
            for test, name in zip(tests, names, strict=True)
            if only in name and not any(name.startswith(prefix) for prefix in leave)
        ]
        answers: list[Answer] = []
        until = time.monotonic() + SHIFT
        for test in chosen[first:]:
            if time.monotonic() > until or (count and len(answers) == count):
                break
            # In a callback, not in a task: a test's own tasks cannot run within another.
            loop = asyncio.get_running_loop()
            answer: asyncio.Future[Answer] = loop.create_future()
            loop.call_soon(lambda test=test, answer=answer: answer.set_result(one(test)))  # type: ignore[misc]
            answers.append(await answer)
            await asyncio.sleep(0.0002)
        gc.collect()
        return answers

    async def setup(self) -> None:
        # The only place where a component may write files.
        if sys.platform == "wasi":
            os.chdir("/data")

    async def run(self) -> None:
        await asyncio.Event().wait()
