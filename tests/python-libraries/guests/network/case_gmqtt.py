"""MQTT 5: gets a retained message, publishes one at QoS 1, and says goodbye."""

import asyncio
import ssl
from typing import Any

from gmqtt import Client


async def exchange(host: str, port: int, text: str) -> dict[str, Any]:
    scheme, _, text = text.partition(":")
    got: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
    client = Client("gmqtt")

    async def on_message(_: Client, topic: str, payload: bytes, _qos: int, properties: dict[str, Any]) -> int:
        if not got.done():
            got.set_result({"topic": topic, "payload": payload.decode(), "retained": bool(properties["retain"])})
        return 0

    client.on_message = on_message
    await client.connect(host, port, ssl=ssl.create_default_context() if scheme == "mqtts" else False)
    client.subscribe("lamp/set", qos=1)
    answer = await asyncio.wait_for(got, 10)
    client.publish("lamp/state/gmqtt", text, qos=1, retain=True)
    # It tells of no acknowledgement, but does not lose what has none.
    while not client._persistent_storage.is_empty:
        await asyncio.sleep(0.02)
    await client.disconnect()
    return answer
