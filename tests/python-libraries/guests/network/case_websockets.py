"""A WebSocket: text, bytes in fragments, a ping from the server, and a close with its reason."""

from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed


async def exchange(host: str, port: int, text: str) -> dict[str, Any]:
    scheme, _, word = text.partition(":")
    async with connect(f"{scheme}://{host}:{port}/api") as socket:
        await socket.send(word)
        await socket.send(bytes([7]) * 70_000)
        texts, count, closed = [], 0, None
        try:
            while True:
                message = await socket.recv()
                if isinstance(message, str):
                    texts.append(message)
                else:
                    count += message.count(7)
        except ConnectionClosed as end:
            closed = end.rcvd
    return {"texts": texts, "bytes": count, "close": [closed.code, closed.reason] if closed else None}
