"""The other end of an exchange of messages, by Google's protobuf package, from a description made here.

Says {"ready": PORT} once it listens on 127.0.0.1. Reads one message after its length in two bytes, says it as JSON, and
answers with a changed one.
"""

import json
import socket
import struct

from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    json_format,
    message_factory,
)

Field = descriptor_pb2.FieldDescriptorProto

FIELDS = {
    "Reading": [
        ("name", 1, Field.TYPE_STRING, Field.LABEL_OPTIONAL, None),
        ("offset", 2, Field.TYPE_SINT32, Field.LABEL_OPTIONAL, None),
        ("history", 3, Field.TYPE_DOUBLE, Field.LABEL_REPEATED, None),
        ("source", 4, Field.TYPE_MESSAGE, Field.LABEL_OPTIONAL, ".lamp.Source"),
        ("valid", 5, Field.TYPE_BOOL, Field.LABEL_OPTIONAL, None),
    ],
    "Source": [
        ("address", 1, Field.TYPE_FIXED64, Field.LABEL_OPTIONAL, None),
        ("key", 2, Field.TYPE_BYTES, Field.LABEL_OPTIONAL, None),
    ],
}

file = descriptor_pb2.FileDescriptorProto(name="lamp.proto", package="lamp", syntax="proto3")
for message, fields in FIELDS.items():
    described = file.message_type.add(name=message)
    for name, number, kind, label, type_name in fields:
        described.field.add(name=name, number=number, type=kind, label=label, type_name=type_name)
pool = descriptor_pool.DescriptorPool()
pool.Add(file)
Reading = message_factory.GetMessageClass(pool.FindMessageTypeByName("lamp.Reading"))

with socket.create_server(("127.0.0.1", 0)) as server:
    print(json.dumps({"ready": server.getsockname()[1]}), flush=True)
    stream, _ = server.accept()
length = struct.unpack(">H", stream.recv(2, socket.MSG_WAITALL))[0]
reading = Reading.FromString(stream.recv(length, socket.MSG_WAITALL))
print(json.dumps(json_format.MessageToDict(reading)), flush=True)
reading.name = reading.name[::-1]
reading.offset *= 1000
reading.history.append(1e300)
reading.valid = True
answer = reading.SerializeToString()
stream.sendall(struct.pack(">H", len(answer)) + answer)
