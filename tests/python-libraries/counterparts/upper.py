"""The other end of a serial line, by pyserial: says every line again, in capitals.

upper.py PATH
"""

import json
import sys

import serial

port = serial.Serial(sys.argv[1], 115_200, timeout=None)
print(json.dumps({"ready": True}), flush=True)
while line := port.readline():
    port.write(line.upper())
