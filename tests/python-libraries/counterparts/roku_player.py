"""A Roku player, emulated by emulated-roku, that tells what it is asked for.

    roku_player.py PORT

Says {"ready": true} when it is there, {"pressed": KEY} and {"launched": CHANNEL}. It ends when its input does.
"""

import asyncio
import json
import sys

from emulated_roku import EmulatedRokuCommandHandler, EmulatedRokuServer


class Handler(EmulatedRokuCommandHandler):
    def on_keypress(self, roku_usn: str, key: str) -> None:
        print(json.dumps({"pressed": key}), flush=True)

    def launch(self, roku_usn: str, app_id: str) -> None:
        print(json.dumps({"launched": app_id}), flush=True)


async def main() -> None:
    loop = asyncio.get_running_loop()
    port = int(sys.argv[1])
    server = EmulatedRokuServer(loop, Handler(), roku_usn="igloo-test", host_ip="127.0.0.1", listen_port=port)
    await server.start()
    print(json.dumps({"ready": True}), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    await server.close()


asyncio.run(main())
