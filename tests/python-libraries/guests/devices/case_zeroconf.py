"""A service on the network, browsed for: by multicast, or by the hub where there is none."""

import asyncio
from typing import Any

from zeroconf.asyncio import AsyncServiceBrowser, AsyncZeroconf


async def exchange(host: str, port: int, text: str) -> dict[str, Any]:
    found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def changed(name: str, **_: Any) -> None:
        if not found.done():
            found.set_result(name)

    async with AsyncZeroconf(interfaces=[host]) as zeroconf:
        browser = AsyncServiceBrowser(zeroconf.zeroconf, text, handlers=[changed])
        name = await asyncio.wait_for(found, 10)
        await browser.async_cancel()
    return {"found": name}
