"""A server of the websockets package: takes a text and bytes, gives both back, pings, and closes.

    websocket_server.py [CERTIFICATE KEY]    with TLS if there is a certificate

Says {"ready": PORT} once it listens on 127.0.0.1, and then for each connection
{"text": ..., "bytes": ..., "pong": whether the ping was answered, "path": ...}. It ends when its input does.
"""

import asyncio
import json
import ssl
import sys

from websockets.asyncio.server import ServerConnection, serve


async def handle(connection: ServerConnection) -> None:
    text = await connection.recv()
    data = await connection.recv()
    pong = await connection.ping()
    await connection.send(text)
    # In fragments, as a message may come.
    await connection.send([data[:1000], data[1000:]])
    await asyncio.wait_for(pong, 10)
    await connection.close(4001, "enough")
    path = connection.request.path if connection.request else None
    print(json.dumps({"text": text, "bytes": len(data), "pong": pong.done(), "path": path}), flush=True)


def tls() -> ssl.SSLContext | None:
    if not sys.argv[1:]:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*sys.argv[1:])
    return context


async def main() -> None:
    async with serve(handle, "127.0.0.1", 0, ssl=tls()) as server:
        print(json.dumps({"ready": next(iter(server.sockets)).getsockname()[1]}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


asyncio.run(main())
