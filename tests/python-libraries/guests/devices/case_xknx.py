"""KNX: a tunnel over UDP, a telegram each way."""

import asyncio
from typing import Any

from xknx import XKNX
from xknx.dpt import DPTBinary
from xknx.io import ConnectionConfig, ConnectionType
from xknx.telegram import GroupAddress, Telegram
from xknx.telegram.apci import GroupValueWrite


async def exchange(host: str, port: int, text: str) -> dict[str, Any]:
    got: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()

    def heard(telegram: Telegram) -> None:
        if isinstance(telegram.payload, GroupValueWrite) and not got.done():
            got.set_result([str(telegram.destination_address), telegram.payload.value.value])

    # `text` is the kind of tunnel. Its own address is what the other end sees: loopback.
    kind = ConnectionType.TUNNELING if text == "udp" else ConnectionType.TUNNELING_TCP
    local = {"local_ip": "127.0.0.1", "route_back": True} if text == "udp" else {}
    config = ConnectionConfig(connection_type=kind, gateway_ip=host, gateway_port=port, **local)
    async with XKNX(connection_config=config, telegram_received_cb=heard) as xknx:
        write = Telegram(GroupAddress("1/2/3"), payload=GroupValueWrite(DPTBinary(1)))
        xknx.telegrams.put_nowait(write)
        await xknx.telegrams.join()
        return {"heard": await asyncio.wait_for(got, 20)}
