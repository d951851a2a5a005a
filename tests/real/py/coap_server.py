"""An aiocoap server with a lamp that can be watched and something long.

    coap_server.py PORT     of 127.0.0.1

Says {"ready": PORT} once it listens, and {"put": ...} when the lamp is set. It ends when its input does.
"""

import asyncio
import json
import sys

import aiocoap
from aiocoap import resource


class Lamp(resource.ObservableResource):
    state = b"off"

    async def render_get(self, _: aiocoap.Message) -> aiocoap.Message:
        return aiocoap.Message(payload=self.state)

    async def render_put(self, request: aiocoap.Message) -> aiocoap.Message:
        self.state = request.payload
        print(json.dumps({"put": self.state.decode()}), flush=True)
        self.updated_state()
        return aiocoap.Message(code=aiocoap.CHANGED)


class Long(resource.Resource):
    async def render_get(self, _: aiocoap.Message) -> aiocoap.Message:
        return aiocoap.Message(payload=b"x" * 5000)


async def main() -> None:
    port = int(sys.argv[1])
    site = resource.Site()
    site.add_resource([".well-known", "core"], resource.WKCResource(site.get_resources_as_linkheader))
    site.add_resource(["lamp"], Lamp())
    site.add_resource(["long"], Long())
    context = await aiocoap.Context.create_server_context(site, bind=("127.0.0.1", port))
    print(json.dumps({"ready": port}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await context.shutdown()


asyncio.run(main())
