"""Devices on the network: lamps, plugs, buses behind gateways."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor

from host.bench import Bench, Engine, Program, Python, Row, ask, find, free_port, same

SERIAL_NUMBER = "d0:73:d5:00:00:01"


def pymodbus(bench: Bench, engine: Engine) -> Row:
    with Python("modbus_server.py", "tcp", "0") as server:
        port = server.ready
        server.ask({"do": "set", "unit": 1, "table": "i", "address": 4, "values": [7, 4242]})
        answer = bench.exchange("devices", "pymodbus", [f"tcp://127.0.0.1:{port}"], engine, port=port)
        same(answer, {"read": [7, 4242], "exception": 2})
        wrote = server.ask({"do": "get", "unit": 1, "table": "h", "address": 10, "count": 2})
        same(wrote, {"values": [1234, 65535]})
        coil = server.ask({"do": "get", "unit": 1, "table": "c", "address": 3, "count": 1})
        same(coil["values"][:1], [True])
    what = "TCP: read input registers, wrote two registers and a coil, and got the exception for what is not there"
    return Row("pymodbus", engine, True, "pymodbus as a server", what)


def aiolifx(bench: Bench, engine: Engine) -> Row:
    port = free_port()
    command = (find("lifx-emulator"), "--bind", "127.0.0.1", "--port", str(port), "--color", "1", "--verbose")
    with Program(*command, says="Server running"):
        grants = [f"udp://127.0.0.1:{port}"]
        answer = bench.exchange("devices", "aiolifx", grants, engine, port=port, text=SERIAL_NUMBER)
    same(answer, {"color": [21845, 65535, 32768, 3500], "on": True})
    return Row("aiolifx", engine, True, "lifx-emulator", "Switched a lamp on, set its colour, and read both back")


def kasa(bench: Bench, engine: Engine) -> Row:
    with Python("kasa_plug.py") as plug:
        port = plug.ready
        answer = bench.exchange("devices", "python-kasa", [f"tcp://127.0.0.1:{port}"], engine, port=port, text="küche")
        same(answer, {"model": "HS110", "before": False, "after": True, "alias": "küche"})
        same(plug.line(), {"on": True})
    what = "Read a plug, named it, and switched it on"
    return Row("python-kasa", engine, True, "an HS110's protocol, from its published description", what)


def xknx(bench: Bench, engine: Engine) -> Row:
    port, group = free_port(), free_port()
    # A bus with nothing on it, a tunnel at one end, and the program's own socket at the other.
    bus = ("-e", "1.1.1", "-E", "1.1.2:8", "-t", "31", "-f", "9", "-T", "-S", f"224.0.23.12:{port}")
    with Program(find("knxd"), *bus, "-i", str(group), "-b", "dummy:") as daemon:
        daemon.listens(group)
        place = f"ip:127.0.0.1:{group}"
        with Program(find("knxtool"), "groupsocketlisten", place) as listener, ThreadPoolExecutor(1) as pool:
            grants = [f"udp://127.0.0.1:{port}", "listen:udp://127.0.0.1:0"]
            talk = pool.submit(bench.exchange, "devices", "xknx", grants, engine, port=port, text="udp")
            while not (heard := listener.said("1/2/3")) and not talk.done():
                time.sleep(0.05)
            if talk.done():
                talk.result()
            ask("knxtool", "groupswrite", place, "1/2/4", "1")
            same(talk.result(), {"heard": ["1/2/4", 1]}, [daemon])
    assert re.search(r"Write.*1/2/3.*01", heard), heard
    return Row("xknx", engine, True, "knxd", "A tunnel over UDP: a telegram that `knxtool` heard, and one of its own")
