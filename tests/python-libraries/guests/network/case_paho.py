"""MQTT by paho's own protocol machine in asyncio's loop, by the callbacks that it has for that: a component has no thread
for its `loop_start`."""

import asyncio
import ssl
from socket import socket
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion


async def exchange(host: str, port: int, text: str) -> dict[str, Any]:
    scheme, _, text = text.partition(":")
    loop = asyncio.get_running_loop()
    messages: list[MQTTMessage] = []
    client = Client(CallbackAPIVersion.VERSION2, client_id="paho-mqtt")

    def opened(_client: Client, _data: Any, opened: socket) -> None:
        loop.add_reader(opened, client.loop_read)

    def closed(_client: Client, _data: Any, closed: socket) -> None:
        loop.remove_reader(closed)

    def wants_to_write(_client: Client, _data: Any, wanting: socket) -> None:
        loop.add_writer(wanting, client.loop_write)

    def has_written(_client: Client, _data: Any, written: socket) -> None:
        loop.remove_writer(written)

    client.on_socket_open, client.on_socket_close = opened, closed
    client.on_socket_register_write, client.on_socket_unregister_write = wants_to_write, has_written
    client.on_connect = lambda *_: client.subscribe("lamp/set", qos=1)
    client.on_message = lambda _client, _data, message: messages.append(message)
    if scheme == "mqtts":
        client.tls_set_context(ssl.create_default_context())
    client.connect(host, port)

    async def until(done: Any) -> None:
        while not done():
            client.loop_misc()
            await asyncio.sleep(0.02)

    await until(lambda: messages)
    message = messages[0]
    published = client.publish("lamp/state/paho-mqtt", text, qos=1, retain=True)
    await until(published.is_published)
    client.disconnect()
    await until(lambda: not client.is_connected())
    return {"topic": message.topic, "payload": message.payload.decode(), "retained": message.retain}
