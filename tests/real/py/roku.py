"""A Roku player on the network, emulated by emulated-roku on the loopback interface.

    roku.py PORT

It says {"ready": true} when it is there, and leaves the network when its input ends.
"""

import asyncio
import json
import sys

from emulated_roku import EmulatedRokuCommandHandler, EmulatedRokuServer


async def main() -> None:
    loop = asyncio.get_running_loop()
    server = EmulatedRokuServer(
        loop,
        EmulatedRokuCommandHandler(),
        roku_usn="igloo-test",
        host_ip="127.0.0.1",
        listen_port=int(sys.argv[1]),
    )
    await server.start()
    print(json.dumps({"ready": True}), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    await server.close()


asyncio.run(main())
