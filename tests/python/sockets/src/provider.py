"""The cases as a provider, and what only a component can be asked: how it takes what would end a process."""

from __future__ import annotations

import asyncio
import gc
import random
import secrets
import socket
import sys
import time
import uuid
import weakref
from collections import Counter
from typing import Any

import socket_cases
from igloo import Provider, action


class Cases(Provider[None]):
    """Runs what it is asked for."""

    @action
    async def cases(self) -> dict[str, Any]:
        """The cases, in turn."""
        found: dict[str, Any] = {}
        for case in (socket_cases.blocking, socket_cases.datagrams, socket_cases.many):
            found[case.__name__] = case()
            await asyncio.sleep(0)
        found["loops"] = await socket_cases.loops()
        return found

    @action
    async def chances(self) -> list[str]:
        """What must differ between two instances."""
        return [str(random.random()), secrets.token_hex(8), str(uuid.uuid4())]

    @action
    async def immortal(self) -> dict[str, bool]:
        """What was imported, and what was not: whether its references are counted, and whether the collector knows it."""
        code = Cases.chances.__code__
        imported = [Cases, vars(asyncio), asyncio.Future, code, code.co_consts, code.co_filename, Cases.chances]
        own = [0] * 3
        gone = weakref.ref(made := Cases())
        del made
        return {
            "imported": all(map(sys._is_immortal, imported)),  # type: ignore[attr-defined]
            "known": any(map(gc.is_tracked, imported)),
            "own": sys._is_immortal(own),  # type: ignore[attr-defined]
            "own_goes": gone() is None,
        }

    @action
    async def garbage(self) -> dict[str, int]:
        """What only the garbage collector can free after timers, connections, datagrams and the store, by its type."""
        loop = asyncio.get_running_loop()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.read(100))
            writer.close()

        async def work(server: asyncio.Server) -> None:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"ping")
            await reader.read()
            writer.close()
            await writer.wait_closed()
            with socket.socket(type=socket.SOCK_DGRAM) as one:
                one.bind(("127.0.0.1", 0))
                one.setblocking(False)
                await loop.sock_sendto(one, b"ping", one.getsockname())
                await loop.sock_recvfrom(one, 100)
            await self.home.store.set("key", b"value")
            await asyncio.sleep(0.001)

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            await work(server)
            gc.collect()
            gc.disable()
            try:
                for _ in range(20):
                    await work(server)
                await asyncio.sleep(0.1)
                gc.set_debug(gc.DEBUG_SAVEALL)
                gc.collect()
            finally:
                gc.set_debug(0)
                gc.enable()
        found = Counter(f"{type(thing).__module__}.{type(thing).__qualname__}" for thing in gc.garbage)
        gc.garbage.clear()
        return dict(found.most_common(10))

    @action
    async def exits(self) -> str:
        """`sys.exit` and the like in a callback and in a task: nothing else ends."""
        def out() -> None:
            sys.exit(3)

        async def interrupted() -> None:
            raise KeyboardInterrupt

        asyncio.get_running_loop().call_soon(out)
        task = asyncio.create_task(interrupted())
        await asyncio.sleep(0.01)
        return type(task.exception()).__name__

    @action
    async def leaves(self) -> None:
        """`sys.exit` in an action."""
        sys.exit(4)

    @action
    async def cancels_all(self) -> None:
        """A library that cancels every task there is, this one among them."""
        for task in asyncio.all_tasks():
            task.cancel()
        await asyncio.sleep(1)

    @action
    async def echoes(self, count: int = 1000) -> float:
        """Microseconds for one exchange of 64 bytes within the component."""
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(4096):
                writer.write(data)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        began = time.perf_counter()
        for _ in range(count):
            writer.write(bytes(64))
            await reader.readexactly(64)
        took = time.perf_counter() - began
        writer.close()
        server.close()
        return round(took / count * 1e6, 1)
