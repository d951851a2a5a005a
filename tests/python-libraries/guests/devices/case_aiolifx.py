"""A LIFX lamp by unicast: switched on, coloured, and read."""

import asyncio
from functools import partial
from typing import Any

from aiolifx.aiolifx import Light


async def exchange(host: str, port: int, text: str) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    # `text` is the lamp's serial number.
    lamp = Light(loop, text, host, port)
    await loop.create_datagram_endpoint(lambda: lamp, remote_addr=(host, port))

    async def asked(function: Any, *arguments: Any) -> Any:
        answer: asyncio.Future[Any] = loop.create_future()

        def called(_light: Light, message: Any) -> None:
            if not answer.done():
                answer.set_result(message)

        function(*arguments, callb=called)
        return await asyncio.wait_for(answer, 10)

    await asked(partial(lamp.set_power, "on"))
    await asked(partial(lamp.set_color, [21845, 65535, 32768, 3500]))
    state = await asked(lamp.get_color)
    lamp.cleanup()
    return {"color": list(state.color), "on": state.power_level == 65535}
