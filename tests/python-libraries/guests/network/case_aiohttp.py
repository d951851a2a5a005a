"""HTTP with JSON both ways, a redirect, an error and an answer in chunks; and a server."""

import asyncio
from typing import Any

from aiohttp import ClientSession, web


async def exchange(host: str, port: int, text: str) -> dict[str, Any]:
    # `text` is the scheme.
    async with ClientSession(f"{text}://{host}:{port}") as session:
        async with session.put("/state", json={"on": True}) as response:
            stated = await response.json()
        async with session.get("/moved", params={"room": "küche"}) as response:
            path, moved = response.url.path, await response.json()
        async with session.get("/broken") as response:
            error = response.status
        async with session.get("/chunks") as response:
            parts = [part async for part in response.content.iter_any()]
    return {"stated": stated, "path": path, "moved": moved, "error": error, "chunks": b"".join(parts).decode()}


async def serve(host: str, port: int, text: str) -> dict[str, Any]:
    """Serves until somebody posts to `/end`."""
    ended = asyncio.Event()
    lamps: dict[str, bool] = {}

    async def put(request: web.Request) -> web.Response:
        lamps[request.match_info["lamp"]] = (await request.json())["on"]
        return web.Response(status=204)

    async def get(_: web.Request) -> web.Response:
        return web.json_response(lamps)

    async def end(_: web.Request) -> web.Response:
        ended.set()
        return web.Response(text=text)

    application = web.Application()
    application.add_routes([web.put("/lamps/{lamp}", put), web.get("/lamps", get), web.post("/end", end)])
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    await ended.wait()
    await runner.cleanup()
    return lamps
