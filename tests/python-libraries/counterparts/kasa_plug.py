"""A TP-Link HS110, as its protocol has been described: a length of four bytes, and JSON under an autokey cipher
("Reverse Engineering the TP-Link HS110", softScheck, 2016).

Says {"ready": PORT} once it listens on 127.0.0.1, and {"on": ...} whenever it is switched. It ends when its input does.
"""

import asyncio
import json
import struct
import sys
from typing import Any

INFORMATION = {
    "sw_ver": "1.2.6 Build 200727 Rel.121701",
    "hw_ver": "1.0",
    "model": "HS110(EU)",
    "deviceId": "8006" + 36 * "0",
    "hwId": 32 * "0",
    "oemId": 32 * "0",
    "alias": "plug",
    "dev_name": "Wi-Fi Smart Plug With Energy Monitoring",
    "type": "IOT.SMARTPLUGSWITCH",
    "mac": "50:C7:BF:00:00:01",
    "rssi": -50,
    "relay_state": 0,
    "on_time": 0,
    "led_off": 0,
    "feature": "TIM",
    "updating": 0,
    "err_code": 0,
}


def encipher(text: bytes) -> bytes:
    key, out = 171, bytearray()
    for byte in text:
        key ^= byte
        out.append(key)
    return bytes(out)


def decipher(data: bytes) -> bytes:
    key, out = 171, bytearray()
    for byte in data:
        out.append(key ^ byte)
        key = byte
    return bytes(out)


def answer(module: str, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    match module, name:
        case "system", "get_sysinfo":
            return INFORMATION
        case "system", "set_relay_state":
            INFORMATION["relay_state"] = arguments["state"]
            print(json.dumps({"on": bool(arguments["state"])}), flush=True)
        case "system", "set_dev_alias":
            INFORMATION["alias"] = arguments["alias"]
        case "time", "get_time":
            return {"year": 2026, "month": 1, "mday": 1, "hour": 0, "min": 0, "sec": 0, "err_code": 0}
        case "time", "get_timezone":
            return {"index": 39, "err_code": 0}
        case _:
            return {"err_code": -1, "err_msg": "module not support"}
    return {"err_code": 0}


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while header := await reader.read(4):
        (length,) = struct.unpack(">I", header + await reader.readexactly(4 - len(header)))
        asked = json.loads(decipher(await reader.readexactly(length)))
        told = {
            module: {name: answer(module, name, arguments or {}) for name, arguments in names.items()}
            for module, names in asked.items()
        }
        data = encipher(json.dumps(told).encode())
        writer.write(struct.pack(">I", len(data)) + data)
    writer.close()


async def main() -> None:
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        print(json.dumps({"ready": server.sockets[0].getsockname()[1]}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


asyncio.run(main())
