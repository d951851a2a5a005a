"""An aiohttp server with a lamp's state, an answer in chunks, a redirect, and something broken.

    http_server.py [CERTIFICATE KEY]    with TLS if there is a certificate

Says {"ready": PORT} once it listens on 127.0.0.1, and ends when its input does.
"""

import asyncio
import json
import ssl
import sys

from aiohttp import web

routes = web.RouteTableDef()


@routes.get("/chunks")
async def chunks(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    response.enable_chunked_encoding()
    await response.prepare(request)
    for part in ("one ", "two ", "three"):
        await response.write(part.encode())
    return response


@routes.post("/upper")
async def upper(request: web.Request) -> web.Response:
    return web.Response(text=(await request.text()).upper(), status=201)


@routes.put("/state")
async def state(request: web.Request) -> web.Response:
    return web.json_response({"state": await request.json(), "type": request.content_type})


@routes.get("/moved")
async def moved(request: web.Request) -> web.Response:
    raise web.HTTPFound(f"/room?{request.query_string}")


@routes.get("/room")
async def room(request: web.Request) -> web.Response:
    return web.json_response({"room": request.query["room"]})


@routes.get("/broken")
async def broken(_: web.Request) -> web.Response:
    return web.Response(status=503)


def tls() -> ssl.SSLContext | None:
    if not sys.argv[1:]:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*sys.argv[1:])
    return context


async def main() -> None:
    application = web.Application()
    application.add_routes(routes)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls())
    await site.start()
    print(json.dumps({"ready": runner.addresses[0][1]}), flush=True)
    await asyncio.to_thread(sys.stdin.read)


asyncio.run(main())
