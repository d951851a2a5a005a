"""An ESPHome device with a switch and a sensor: messages by aioesphomeapi, encryption by noiseprotocol.

    esphome_server.py KEY     32 bytes in base64

Says {"ready": PORT} once it listens on 127.0.0.1, {"command": ...} when its switch is set, and {"pinged": ...} when its
one client says goodbye: whether that answered a ping.
"""

import asyncio
import base64
import json
import struct
import sys

from aioesphomeapi import api_pb2 as api
from aioesphomeapi.core import MESSAGE_TYPE_TO_PROTO
from google.protobuf.message import Message
from noise.connection import NoiseConnection

TYPES = {proto: number for number, proto in MESSAGE_TYPE_TO_PROTO.items()}
SWITCH, SENSOR = 11, 22


class Device:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.noise = NoiseConnection.from_name(b"Noise_NNpsk0_25519_ChaChaPoly_SHA256")
        self.noise.set_prologue(b"NoiseAPIInit\0\0")
        self.noise.set_psks(base64.b64decode(sys.argv[1]))
        self.noise.set_as_responder()
        self.noise.start_handshake()

    async def receive_frame(self) -> bytes:
        start, length = struct.unpack(">BH", await self.reader.readexactly(3))
        assert start == 1, "not encrypted"
        return await self.reader.readexactly(length)

    def send_frame(self, frame: bytes) -> None:
        self.writer.write(struct.pack(">BH", 1, len(frame)) + frame)

    async def receive(self) -> Message:
        data = bytes(self.noise.decrypt(await self.receive_frame()))
        number, length = struct.unpack(">HH", data[:4])
        return MESSAGE_TYPE_TO_PROTO[number].FromString(data[4 : 4 + length])

    def send(self, message: Message) -> None:
        data = message.SerializeToString()
        self.send_frame(self.noise.encrypt(struct.pack(">HH", TYPES[type(message)], len(data)) + data))

    async def greet(self) -> None:
        await self.receive_frame()
        self.send_frame(b"\x01porch\0AABBCCDDEEFF\0")
        self.noise.read_message((await self.receive_frame())[1:])
        self.send_frame(b"\0" + self.noise.write_message())

    def answer(self, message: Message) -> None:
        match message:
            case api.HelloRequest():
                self.send(api.HelloResponse(api_version_major=1, api_version_minor=16, name="porch"))
            case api.DeviceInfoRequest():
                self.send(api.DeviceInfoResponse(name="porch", model="host", mac_address="AA:BB:CC:DD:EE:FF"))
            case api.ListEntitiesRequest():
                self.send(api.ListEntitiesSwitchResponse(key=SWITCH, object_id="relay", name="Relay"))
                self.send(
                    api.ListEntitiesSensorResponse(
                        key=SENSOR, object_id="outside", name="Outside", unit_of_measurement="°C", accuracy_decimals=1
                    )
                )
                self.send(api.ListEntitiesDoneResponse())
            case api.SubscribeStatesRequest():
                self.send(api.PingRequest())
                self.send(api.SensorStateResponse(key=SENSOR, state=-3.5))
                self.send(api.SwitchStateResponse(key=SWITCH, state=False))
            case api.SwitchCommandRequest():
                print(json.dumps({"command": [message.key, message.state]}), flush=True)
                self.send(api.SwitchStateResponse(key=message.key, state=message.state))

    async def serve(self) -> None:
        await self.greet()
        pinged = False
        while not isinstance(message := await self.receive(), api.DisconnectRequest):
            pinged |= isinstance(message, api.PingResponse)
            self.answer(message)
            await self.writer.drain()
        print(json.dumps({"pinged": pinged}), flush=True)


async def main() -> None:
    connection: asyncio.Future[Device] = asyncio.get_running_loop().create_future()
    async with await asyncio.start_server(
        lambda reader, writer: connection.set_result(Device(reader, writer)), "127.0.0.1", 0
    ) as server:
        print(json.dumps({"ready": server.sockets[0].getsockname()[1]}), flush=True)
        await (await connection).serve()


asyncio.run(main())
