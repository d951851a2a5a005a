"""An SDS011 particle sensor, after Nova Fitness' "Laser Dust Sensor Control Protocol V1.3".

    sds011_sensor.py PATH

It says {"ready": true} and then answers queries on the port until its input ends. PM2.5 is 12.3 µg/m³, PM10 45.6, the
firmware of 18-11-16, the identifier A160.
"""

import json
import sys
import threading

import serial

IDENTIFIER = bytes([0xA1, 0x60])
QUERY_BYTES = 19


def answer(query: bytes) -> bytes:
    command = query[2]
    kind, data = 0xC5, bytes([command, *query[3:6]])
    if command == 0x04:
        kind, data = 0xC0, (123).to_bytes(2, "little") + (456).to_bytes(2, "little")
    elif command == 0x07:
        data = bytes([command, 18, 11, 16])
    body = data + IDENTIFIER
    return bytes([0xAA, kind]) + body + bytes([sum(body) % 256, 0xAB])


def serve(port: serial.Serial) -> None:
    while True:
        query = port.read(QUERY_BYTES)
        if query[0] == 0xAA and query[18] == 0xAB and sum(query[2:17]) % 256 == query[17]:
            port.write(answer(query))


threading.Thread(target=serve, args=[serial.Serial(sys.argv[1], 9600)], daemon=True).start()
print(json.dumps({"ready": True}), flush=True)
sys.stdin.read()
