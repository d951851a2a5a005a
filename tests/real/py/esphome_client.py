"""What Home Assistant does with an ESPHome device, by aioesphomeapi: connects, lists, watches, and switches it on.

    esphome_client.py PORT KEY     the device at 127.0.0.1, and its key in base64

Says what it has found as one JSON object, and ends. It waits for a device that is not there yet.
"""

import asyncio
import json
import sys
from typing import Any

from aioesphomeapi import APIClient, APIConnectionError


async def connect(port: int, key: str) -> APIClient:
    async with asyncio.timeout(20):
        while True:
            client = APIClient("127.0.0.1", port, None, noise_psk=key)
            try:
                await client.connect()
            except APIConnectionError:
                await asyncio.sleep(0.05)
            else:
                return client


async def main() -> None:
    client = await connect(int(sys.argv[1]), sys.argv[2])
    info = await client.device_info()
    entities, _ = await client.list_entities_services()
    states: list[bool] = []
    changed: asyncio.Queue[None] = asyncio.Queue()

    def note(state: Any) -> None:
        states.append(state.state)
        changed.put_nowait(None)

    client.subscribe_states(note)
    async with asyncio.timeout(20):
        await changed.get()
        client.switch_command(entities[0].key, True)
        await changed.get()
    await client.disconnect()
    found = {
        "device": [info.name, info.mac_address, info.model],
        "entities": [[type(entity).__name__, entity.key, entity.name] for entity in entities],
        "states": states,
    }
    print(json.dumps(found), flush=True)


asyncio.run(main())
