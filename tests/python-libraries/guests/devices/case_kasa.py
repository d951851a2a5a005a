"""A TP-Link plug of the first protocol: found by its address, read, switched."""

from typing import Any

from kasa import Device, DeviceConfig
from kasa.iot import IotPlug


async def exchange(host: str, port: int, text: str) -> dict[str, Any]:
    plug: Device = IotPlug(host, config=DeviceConfig(host, port_override=port))
    await plug.update()
    before = plug.is_on
    await plug.set_alias(text)
    await plug.turn_on()
    await plug.update()
    answer = {"model": plug.model, "before": before, "after": plug.is_on, "alias": plug.alias}
    await plug.disconnect()
    return answer
