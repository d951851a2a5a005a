"""aioesphomeapi, as it is on PyPI: Home Assistant's client of ESPHome's devices."""

import asyncio
from typing import Any

from aioesphomeapi import APIClient, SensorInfo, SensorState, SwitchInfo, SwitchState
from igloo import Provider, action


async def esphome(host: str, port: int, key: str) -> Any:
    """A device's entities and states; its switch is set."""
    client = APIClient(host, port, None, client_info="igloo", noise_psk=key or None)
    await client.connect()
    info = await client.device_info()
    entities, _services = await client.list_entities_services()
    switch = next(each for each in entities if isinstance(each, SwitchInfo))
    sensor = next(each for each in entities if isinstance(each, SensorInfo))
    states: list[Any] = []
    outside: list[float] = []
    changed = asyncio.Event()

    def state(now: Any) -> None:
        if isinstance(now, SwitchState):
            states.append(now.state)
        elif isinstance(now, SensorState):
            outside.append(now.state)
        changed.set()

    async def until(done: Any) -> None:
        async with asyncio.timeout(10):
            while not done():
                changed.clear()
                await changed.wait()

    client.subscribe_states(state)
    await until(lambda: states and outside)
    client.switch_command(switch.key, not states[0])
    await until(lambda: len(states) > 1)
    await client.disconnect()
    return {
        "device": [info.name, info.mac_address],
        "switch": switch.name,
        "unit": sensor.unit_of_measurement,
        "outside": outside[0],
        "states": states,
    }


class Libraries(Provider[None]):
    @action
    async def exchange(self, library: str, host: str, port: int, text: str = "") -> Any:
        """What the device told."""
        return await esphome(host, port, text)
