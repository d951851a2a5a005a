"""A Zigbee coprocessor that speaks EZSP over ASH, framed and described by bellows.

    zigbee_coprocessor.py PATH     the serial port that it is behind

Says {"ready": 0} once it is there, and {"asked": NAME} for each command that it answers. It ends when its input does.
"""

import asyncio
import json
import struct
import sys
from typing import Any

import bellows.types as t
from bellows import ash
from bellows.ezsp.v13.commands import COMMANDS
from zigpy.serial import create_serial_connection

VERSION = 13
NAMES = {number: name for name, (number, _, _) in COMMANDS.items()}


class Link(ash.AshProtocol):
    """The coprocessor's end of ASH: what differs is who resets whom."""

    def rst_frame_received(self, frame: ash.RstFrame) -> None:
        super().rst_frame_received(frame)
        self._tx_seq = self._rx_seq = 0
        self._write_frame(ash.RStackFrame(version=2, reset_code=t.NcpResetCode.RESET_SOFTWARE))


class Coprocessor:
    """What bellows' ASH tells of, and asks no more of than this."""

    def __init__(self) -> None:
        self.link = Link(self)
        self.configuration: dict[int, int] = {}
        self.answers: set[asyncio.Task[None]] = set()

    def connection_made(self, _: asyncio.Transport) -> None:
        print(json.dumps({"ready": 0}), flush=True)

    def data_received(self, frame: bytes) -> None:
        # Until both know the version, frames have headers of version 4.
        if frame[1:3] != b"\x00\x01":
            header, name, data = bytes([frame[0], 0x80, frame[2]]), NAMES[frame[2]], frame[3:]
        else:
            (number,) = struct.unpack("<H", frame[3:5])
            header, name, data = struct.pack("<BBBH", frame[0], 0x80, 0x01, number), NAMES[number], frame[5:]
        _, asked, answered = COMMANDS[name]
        values, rest = t.deserialize_dict(data, asked)
        assert not rest, (name, rest)
        print(json.dumps({"asked": name}), flush=True)
        answer = header + t.serialize_dict((), self.command(name, values), answered)
        task = asyncio.create_task(self.link.send_data(answer))
        self.answers.add(task)
        task.add_done_callback(self.answers.discard)

    def command(self, name: str, values: dict[str, Any]) -> dict[str, Any]:
        match name:
            case "version":
                return {"protocolVersion": VERSION, "stackType": 2, "stackVersion": 0x7410}
            case "getEui64":
                return {"eui64": t.EUI64.convert("00:12:4b:00:12:34:56:78")}
            case "echo":
                return {"echo": values["data"]}
            case "customFrame":
                return {"status": t.EmberStatus.LIBRARY_NOT_PRESENT, "reply": b""}
            case "setConfigurationValue":
                self.configuration[values["configId"]] = values["value"]
                return {"status": t.EzspStatus.SUCCESS}
            case "getConfigurationValue":
                return {"status": t.EzspStatus.SUCCESS, "value": self.configuration[values["configId"]]}
            case other:
                raise ValueError(other)

    def __getattr__(self, name: str) -> Any:
        if name in ("reset_received", "error_received", "connection_lost", "eof_received"):
            return lambda *_: None
        raise AttributeError(name)


async def main() -> None:
    coprocessor = Coprocessor()
    loop = asyncio.get_running_loop()
    await create_serial_connection(loop, lambda: coprocessor.link, sys.argv[1], baudrate=115_200)
    await asyncio.to_thread(sys.stdin.read)


asyncio.run(main())
