"""Relays behind an MQTT broker, by paho-mqtt: each answers relay/N/set with its state on relay/N/state.

    relays.py PORT     the broker's port on 127.0.0.1

It says {"ready": true} once it is connected, and answers every line of its input with {"set": [[N, "on"], ...]}: what
relays were told since the last time. It ends when its input does.
"""

import json
import sys

import paho.mqtt.client as mqtt

told: list[tuple[int, str]] = []


def on_connect(client: mqtt.Client, _data: object, _flags: object, _code: object, _properties: object) -> None:
    client.subscribe("relay/+/set", qos=1)


def on_subscribe(_client: mqtt.Client, _data: object, _id: int, _codes: object, _properties: object) -> None:
    print(json.dumps({"ready": True}), flush=True)


def on_message(client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
    number, state = int(message.topic.split("/")[1]), message.payload.decode()
    told.append((number, state))
    client.publish(f"relay/{number}/state", state, qos=1, retain=True)


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="relays")
client.on_connect = on_connect
client.on_subscribe = on_subscribe
client.on_message = on_message
client.connect("127.0.0.1", int(sys.argv[1]))
client.loop_start()
for _ in sys.stdin:
    now, told = told, []
    print(json.dumps({"set": now}), flush=True)
client.loop_stop()
