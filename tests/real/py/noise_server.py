"""The other end of a Noise handshake, by the noiseprotocol package. Frames are a length of two bytes and the frame.

Says {"ready": PORT} once it listens on 127.0.0.1. Answers the two messages of its one peer with the same in capitals,
sends a third for the peer to forge, and says {"heard": [...]}.
"""

import json
import socket
import struct

from noise.connection import NoiseConnection

PATTERN = b"Noise_NNpsk0_25519_ChaChaPoly_SHA256"
KEY = b"the key of a lamp and of its hub"


def receive(stream: socket.socket) -> bytes:
    def exactly(count: int) -> bytes:
        return stream.recv(count, socket.MSG_WAITALL)

    return exactly(struct.unpack(">H", exactly(2))[0])


def send(stream: socket.socket, frame: bytes) -> None:
    stream.sendall(struct.pack(">H", len(frame)) + frame)


with socket.create_server(("127.0.0.1", 0)) as server:
    print(json.dumps({"ready": server.getsockname()[1]}), flush=True)
    stream, _ = server.accept()

noise = NoiseConnection.from_name(PATTERN)
noise.set_prologue(b"igloo")
noise.set_psks(KEY)
noise.set_as_responder()
noise.start_handshake()
noise.read_message(receive(stream))
send(stream, noise.write_message())
heard = []
for _ in range(2):
    heard.append(noise.decrypt(receive(stream)).decode())
    send(stream, noise.encrypt(heard[-1].upper().encode()))
send(stream, noise.encrypt(b"to be forged"))
print(json.dumps({"heard": heard}), flush=True)
