"""A service on the network, announced by python-zeroconf on the loopback interface.

    services.py

It says {"ready": true} and obeys each line of its input, a JSON object:
    {"register": {"type": "_x._tcp", "name": "lamp", "port": 80, "properties": {"colour": "red"}}}
    {"unregister": "lamp"}
answering {"done": true} when it is done. It ends when its input does.
"""

import json
import socket
import sys

from zeroconf import ServiceInfo, Zeroconf

zeroconf = Zeroconf(interfaces=["127.0.0.1"])
services: dict[str, ServiceInfo] = {}
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    order = json.loads(line)
    if "register" in order:
        service = order["register"]
        kind = f"{service['type']}.local."
        info = ServiceInfo(
            kind,
            f"{service['name']}.{kind}",
            addresses=[socket.inet_aton("127.0.0.1")],
            port=service["port"],
            properties=service["properties"],
            server="igloo-test-host.local.",
        )
        services[service["name"]] = info
        zeroconf.register_service(info, strict=False)
    else:
        zeroconf.unregister_service(services.pop(order["unregister"]))
    print(json.dumps({"done": True}), flush=True)
zeroconf.close()
