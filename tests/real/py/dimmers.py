"""Dimmers on a serial bus, by pyserial: the line `3=40` is answered with `3:40`, after some noise now and then.

    dimmers.py PATH

It says {"ready": true}, and answers every line of its input with {"levels": {"3": 40, ...}}. It ends when its input
does, or the bus.
"""

import json
import sys
import threading

import serial

levels: dict[str, int] = {}
port = serial.Serial(sys.argv[1], 115_200, timeout=None)


def serve() -> None:
    count = 0
    while line := port.readline():
        number, _, level = line.decode().strip().partition("=")
        levels[number] = int(level)
        count += 1
        noise = "\x00\x7f?\n" if count % 7 == 0 else ""
        port.write(f"{noise}{number}:{level}\n".encode())


threading.Thread(target=serve, daemon=True).start()
print(json.dumps({"ready": True}), flush=True)
for _ in sys.stdin:
    print(json.dumps({"levels": levels}), flush=True)
