"""HTTP with JSON both ways, a redirect, an error and an answer in chunks."""

from typing import Any

from httpx import AsyncClient


async def exchange(host: str, port: int, text: str) -> dict[str, Any]:
    # `text` is the scheme.
    async with AsyncClient(base_url=f"{text}://{host}:{port}", follow_redirects=True) as client:
        stated = (await client.put("/state", json={"on": True})).json()
        moved = await client.get("/moved", params={"room": "küche"})
        error = (await client.get("/broken")).status_code
        async with client.stream("GET", "/chunks") as response:
            chunks = "".join([part async for part in response.aiter_text()])
    return {"stated": stated, "path": moved.url.path, "moved": moved.json(), "error": error, "chunks": chunks}
