"""MQTT with asyncio over paho-mqtt: gets a retained message, publishes one at QoS 1."""

import ssl
from typing import Any

from aiomqtt import Client


async def exchange(host: str, port: int, text: str) -> dict[str, Any]:
    scheme, _, text = text.partition(":")
    tls = ssl.create_default_context() if scheme == "mqtts" else None
    async with Client(host, port, identifier="aiomqtt", tls_context=tls) as client:
        await client.subscribe("lamp/set", qos=1)
        message = await anext(aiter(client.messages))
        await client.publish("lamp/state/aiomqtt", text, qos=1, retain=True)
    return {"topic": str(message.topic), "payload": bytes(message.payload).decode(), "retained": message.retain}
