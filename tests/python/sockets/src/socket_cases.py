"""What sockets and loops do, as cases with an outcome that is the same natively and in a component.

`python3 socket_cases.py` runs them natively and prints the outcomes as JSON; the provider `Cases` has them as an action.
Blocking cases run outside of any loop, the others within one.
"""

from __future__ import annotations

import asyncio
import errno
import json
import queue
import select
import socket
import threading
from collections.abc import Callable
from typing import Any


def _failed(call: Callable[[], Any]) -> str:
    """The class and errno's name of what a call raises."""
    try:
        return f"answered {call()!r}"
    except OSError as error:
        return f"{type(error).__name__} {errno.errorcode.get(error.errno or 0, error.errno)}"
    except Exception as error:  # noqa: BLE001
        return type(error).__name__


def _pair() -> tuple[socket.socket, socket.socket]:
    """Two ends of a connection over the loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        one = socket.create_connection(server.getsockname())
        other, _ = server.accept()
    return one, other


def blocking() -> dict[str, Any]:
    """Blocking sockets, with timeouts."""
    found: dict[str, Any] = {}
    one, other = _pair()
    with one, other:
        one.sendall(b"hello")
        found["peek"] = other.recv(3, socket.MSG_PEEK).decode()
        found["recv"] = other.recv(10).decode()
        other.settimeout(0.02)
        found["timeout"] = _failed(lambda: other.recv(1))
        other.setblocking(False)
        found["would block"] = _failed(lambda: other.recv(1))
        other.setblocking(True)
        one.sendall(b"last")
        one.shutdown(socket.SHUT_WR)
        found["half close"] = [other.recv(10).decode(), other.recv(10).decode()]
        other.sendall(b"back")
        found["after half close"] = one.recv(10).decode()
        found["send after shutdown"] = _failed(lambda: one.send(b"x"))
    found["closed"] = _failed(lambda: one.recv(1))
    one, other = _pair()
    with one, other:
        file = other.makefile("rw", newline="\n")
        one.sendall(b"line 1\nline 2\n")
        found["lines"] = [file.readline(), file.readline()]
        file.write("answer\n")
        file.flush()
        found["file"] = one.recv(20).decode()
        other.close()
        found["file keeps"] = _failed(lambda: one.send(b"line 3\n"))
        found["file reads on"] = file.readline()
        file.close()
        found["eof"] = one.recv(1).decode()
    with socket.socket() as unconnected:
        found["recv unconnected"] = _failed(lambda: unconnected.recv(1))
        found["send unconnected"] = _failed(lambda: unconnected.send(b"x"))
        found["getpeername"] = _failed(unconnected.getpeername)
        found["accept"] = _failed(unconnected.accept)
        found["unbound name"] = list(unconnected.getsockname())
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        found["in use"] = _failed(lambda: socket.create_server(address, reuse_port=False).close())
        server.settimeout(0.01)
        found["accept timeout"] = _failed(server.accept)
    found["refused"] = _failed(lambda: socket.create_connection(address, timeout=5))
    with socket.socket() as again:
        found["connect_ex"] = errno.errorcode.get(again.connect_ex(address))
    with socket.create_server(address) as server:
        found["bound again"] = server.getsockname() == address
    return found


def datagrams() -> dict[str, Any]:
    """UDP."""
    found: dict[str, Any] = {}
    with socket.socket(type=socket.SOCK_DGRAM) as one, socket.socket(type=socket.SOCK_DGRAM) as other:
        one.bind(("127.0.0.1", 0))
        address = one.getsockname()
        other.sendto(b"question", address)
        data, where = one.recvfrom(4)
        found["cut"] = data.decode()
        one.sendto(b"answer", where)
        found["answer"] = other.recvfrom(100)[0].decode()
        other.connect(address)
        other.send(b"")
        found["empty"] = one.recv(10).decode()
        found["too large"] = _failed(lambda: other.send(bytes(70_000)))
        one.settimeout(0.01)
        found["timeout"] = _failed(lambda: one.recv(1))
        found["bind twice"] = _failed(lambda: one.bind(("127.0.0.1", 0)))
    with socket.socket(type=socket.SOCK_DGRAM) as nowhere:
        found["no destination"] = _failed(lambda: nowhere.send(b"x"))
    return found


def many() -> dict[str, Any]:
    """`select`, pairs, `threading`'s waiting."""
    found: dict[str, Any] = {}
    one, other = socket.socketpair()
    with one, other:
        found["nothing"] = [len(part) for part in select.select([one], [], [], 0.01)]
        other.sendall(b"x")
        found["readable"] = [len(part) for part in select.select([one], [one], [], 1)]
        poll = select.poll()
        poll.register(one, select.POLLIN)
        found["poll"] = [event for _, event in poll.poll(100)]
        found["pair"] = one.recv(1).decode()
        other.close()
        found["pair ended"] = one.recv(1).decode()
        found["pair broken"] = _failed(lambda: one.send(b"x"))
    found["queue"] = _failed(lambda: queue.Queue().get(timeout=0.01))
    found["event"] = threading.Event().wait(0.01)
    return found


async def loops() -> dict[str, Any]:
    """asyncio."""
    found: dict[str, Any] = {}
    loop = asyncio.get_running_loop()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read(100)).upper())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"shout")
    found["stream"] = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    for _ in range(20):
        # Given up at any moment.
        task = asyncio.create_task(asyncio.open_connection(*address))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()[1].close()
    server.close()
    with socket.socket() as raw:
        raw.setblocking(False)
        try:
            await loop.sock_connect(raw, address)
        except OSError as error:
            found["sock_connect"] = [type(error).__name__, errno.errorcode.get(error.errno or 0)]

    told: list[str] = []
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: told.append(type(context.get("exception")).__name__))

    def breaks() -> None:
        raise ValueError("in a callback")

    loop.call_soon(breaks)
    await asyncio.sleep(0.01)
    loop.set_exception_handler(before)
    found["callback"] = told

    async def cancelled_read() -> str:
        one, other = socket.socketpair()
        with one, other:
            one.setblocking(False)
            reading = asyncio.create_task(loop.sock_recv(one, 1))
            await asyncio.sleep(0)
            reading.cancel()
            await asyncio.wait([reading])
            other.send(b"y")
            return (await loop.sock_recv(one, 1)).decode()

    found["read again"] = await cancelled_read()
    try:
        async with asyncio.timeout(0.01):
            await loop.create_future()
    except TimeoutError:
        found["timeout"] = True
    found["spins"] = 0
    loop.call_later(0.02, found.__setitem__, "done", True)
    while "done" not in found:
        await asyncio.sleep(0)
    try:
        await asyncio.create_subprocess_exec("true")
        found["subprocess"] = "started"
    except NotImplementedError:
        found["subprocess"] = "NotImplementedError"
    found["thread"] = await asyncio.to_thread(lambda: 42)
    return found


#: What differs by nature, and is not compared.
DIFFERS = {"loops": ["subprocess"]}


def main() -> None:
    """The native run."""
    answers = {case.__name__: case() for case in (blocking, datagrams, many)}
    answers["loops"] = asyncio.run(loops())
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
