"""Mixed work for as long as it is let: every wake-up that is expected is counted, and every one that is seen.

A wake-up is lost if it is expected for longer than `PATIENCE`. Memory is told as counts of what could pile up: objects of
the garbage collector, tasks, what the runtime watches, timers at the hub, UDP sockets that wait for their end.
"""

from __future__ import annotations

import asyncio
import gc
import random
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import igloo
from igloo import Command, Device, Provider, action

try:
    from igloo_runtime import driver, sockets
except ImportError:  # Natively the system counts.
    driver = sockets = None  # type: ignore[assignment]

#: Nothing that is waited for takes longer, in seconds; the machine may be busy.
PATIENCE = 20.0


@dataclass
class Config:
    """Where the test's echo server listens, for TCP and UDP."""

    tcp: int = 0
    udp: int = 0
    timers: int = 20
    clients: int = 4


class Waits:
    """What is waited for, since when."""

    def __init__(self) -> None:
        self.expected: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self._under_way: dict[int, tuple[str, float]] = {}
        self._next = 0

    @asynccontextmanager
    async def one(self, what: str) -> AsyncIterator[None]:
        """Expects one wake-up of this kind."""
        self._next += 1
        key = self._next
        self.expected[what] += 1
        self._under_way[key] = (what, time.monotonic())
        try:
            yield
        finally:
            self.seen[what] += 1
            del self._under_way[key]

    def lost(self) -> list[str]:
        """What has been waited for so long that nothing will come."""
        now = time.monotonic()
        return sorted(what for what, since in self._under_way.values() if now - since > PATIENCE)

    def pending(self) -> int:
        """How many are under way."""
        return len(self._under_way)


class Asking(asyncio.DatagramProtocol):
    """Waits for one answer. A class for each would be no flat memory: the interpreter keeps something of every one."""

    def __init__(self) -> None:
        self.answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if not self.answered.done():
            self.answered.set_result(data)


class Soak(Provider[Config]):
    """The provider."""

    async def setup(self) -> None:
        """One switch; its commands leave tasks behind that go on."""
        device = Device("soak", "Soak")
        self.switch = device.entity("switch", "Switch").switch(writable=True)
        self.home.describe(device)
        self.switch.write(False)
        self.waits = Waits()
        self.random = random.Random()
        self.noise = 0
        self.began = time.monotonic()

    async def run(self) -> None:
        """Starts everything, and goes on with all of it."""
        work: list[Callable[[], Awaitable[None]]] = [self.timer] * self.config.timers
        if self.config.tcp:
            work += [self.client] * self.config.clients + [self.reconnects, self.blocking]
        if self.config.udp:
            work += [self.datagrams]
        work += [self.cancellations, self.stored, self.pair, self.serial]
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(self.again_and_again(each))

    async def again_and_again(self, work: Callable[[], Awaitable[None]]) -> None:
        """One piece of work after the other. A failure is counted, and is no end."""
        while True:
            try:
                await work()
            except (OSError, igloo.IglooError, asyncio.IncompleteReadError, ExceptionGroup) as error:
                self.waits.failed[f"{work.__name__}: {type(error).__name__}"] += 1
                await asyncio.sleep(0.1)

    async def timer(self) -> None:
        """A timer that is on time."""
        async with self.waits.one("timer"):
            await asyncio.sleep(self.random.random() * 0.2)

    async def client(self) -> None:
        """A connection over which blocks of all sizes go to and fro."""
        async with self.waits.one("connect"):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.config.tcp)
        try:
            for _ in range(self.random.randrange(1, 20)):
                block = bytes(self.random.randrange(1, 1 << self.random.randrange(1, 18)))
                async with self.waits.one("echo"):
                    writer.write(block)
                    await writer.drain()
                    await reader.readexactly(len(block))
                await asyncio.sleep(self.random.random() * 0.05)
        finally:
            writer.close()
            async with self.waits.one("close"):
                with suppress(OSError):
                    await writer.wait_closed()

    async def reconnects(self) -> None:
        """Connections that are given up at any moment: while connecting, writing, reading."""
        async def exchange() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.config.tcp)
            try:
                writer.write(bytes(200_000))
                await writer.drain()
                await reader.readexactly(200_000)
                await reader.read(1)
            finally:
                writer.close()

        async with self.waits.one("given up"):
            task = asyncio.create_task(exchange())
            await asyncio.sleep(self.random.random() * 0.02)
            task.cancel()
            await asyncio.wait([task])
        await asyncio.sleep(0.02)

    async def blocking(self) -> None:
        """A library that blocks, for a moment: with a timeout that passes, and with an answer."""
        async with self.waits.one("blocking"):
            with socket.create_connection(("127.0.0.1", self.config.tcp), timeout=5) as connection:
                connection.sendall(b"hello")
                connection.settimeout(2)
                got = b""
                while len(got) < 5:
                    got += connection.recv(5)
                connection.settimeout(0.001)
                with suppress(TimeoutError):
                    connection.recv(1)
        await asyncio.sleep(0.3)

    async def datagrams(self) -> None:
        """A socket of its own for each question, as many drivers of lamps have."""
        loop = asyncio.get_running_loop()
        where = ("127.0.0.1", self.config.udp)
        async with self.waits.one("datagram"):
            transport, asking = await loop.create_datagram_endpoint(Asking, remote_addr=where)
            try:
                transport.sendto(b"ping")
                async with asyncio.timeout(5):
                    await asking.answered
            finally:
                transport.close()
        await asyncio.sleep(0.05)

    async def cancellations(self) -> None:
        """Waits of every kind, cancelled at any moment."""
        event, queue, lock = asyncio.Event(), asyncio.Queue[int](), asyncio.Lock()
        await lock.acquire()
        kinds: list[Callable[[], Awaitable[Any]]] = [
            event.wait, queue.get, lock.acquire, lambda: asyncio.sleep(60), lambda: self.home.store.get("key"),
            lambda: asyncio.get_running_loop().getaddrinfo("127.0.0.1", 1), lambda: asyncio.gather(event.wait(), queue.get()),
        ]  # fmt: skip
        for kind in kinds:
            async with self.waits.one("cancelled"):
                with suppress(TimeoutError):
                    async with asyncio.timeout(self.random.random() * 0.01):
                        await kind()

    async def stored(self) -> None:
        """The store, asked and told."""
        async with self.waits.one("store"):
            await self.home.store.set("key", str(time.time()).encode())
        async with self.waits.one("store"):
            await self.home.store.get("key")
        await asyncio.sleep(0.5)

    async def pair(self) -> None:
        """Two sockets of its own, of which one waits for the other."""
        loop = asyncio.get_running_loop()
        one, other = socket.socketpair()
        with one, other:
            one.setblocking(False)
            other.setblocking(False)
            async with self.waits.one("pair"):
                waiting = asyncio.create_task(loop.sock_recv(one, 10))
                await asyncio.sleep(0)
                await loop.sock_sendall(other, b"x")
                await waiting
        await asyncio.sleep(0.1)

    async def serial(self) -> None:
        """Noise of a line, if the owner has bound one."""
        if not any(slot.bound for slot in igloo.serial.slots()):
            await asyncio.sleep(3600)
            return
        async with await igloo.serial.open("noise", baudrate=115200) as port:
            for _ in range(50):
                port.writer.write(self.random.randbytes(32))
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.2):
                        self.noise += len(await port.reader.read(4096))

    async def command(self, command: Command) -> None:
        """Answers at once; a task that it leaves behind goes on."""
        on = command.asks(self.switch)
        if on is None:
            return
        asyncio.create_task(self.afterwards())
        async with self.waits.one("command"):
            await asyncio.sleep(self.random.choice([0, 0, 0.001, 0.01]))
        self.switch.write(on)

    async def afterwards(self) -> None:
        """Goes on after its command was answered."""
        async with self.waits.one("afterwards"):
            await asyncio.sleep(0.05)
            gc.collect(0)
            await asyncio.sleep(0.05)

    @action
    async def write(self, times: int) -> None:
        """Writes so often, in one go."""
        for count in range(times):
            self.switch.write(count % 2 == 0)

    @action
    async def report(self) -> dict[str, Any]:
        """What was expected and what was seen, and what could pile up."""
        gc.collect()
        answer: dict[str, Any] = {
            "seconds": round(time.monotonic() - self.began, 1),
            "expected": dict(self.waits.expected),
            "seen": dict(self.waits.seen),
            "failed": dict(self.waits.failed),
            "pending": self.waits.pending(),
            "lost": self.waits.lost(),
            "noise": self.noise,
            "objects": len(gc.get_objects()),
            "tasks": len(asyncio.all_tasks()),
        }
        if driver is not None:
            answer |= {
                "watched": len(driver._watched),
                "timers": len(driver._armed),
                "udp_waiting": len(sockets._Port.waiting),
                "calls": len(driver._tasks),
            }
        return answer
