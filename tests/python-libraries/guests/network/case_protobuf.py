"""Messages both ways: nested, repeated, zigzag, fixed and optional fields, by the package's implementation in Python."""

import asyncio
import struct
from typing import Any

from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    json_format,
    message_factory,
)
from google.protobuf.internal import api_implementation

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


def _reading() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="lamp.proto", package="lamp", syntax="proto3")
    for message, fields in FIELDS.items():
        described = file.message_type.add(name=message)
        for name, number, kind, label, type_name in fields:
            described.field.add(name=name, number=number, type=kind, label=label, type_name=type_name)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("lamp.Reading"))


async def exchange(host: str, port: int, text: str) -> dict[str, Any]:
    reading = _reading()(name=text, offset=-40, history=[20.5, -3.25])
    reading.source.address = 0x0012_4B00_1234_5678
    reading.source.key = b"\x00\xff"
    reader, writer = await asyncio.open_connection(host, port)
    data = reading.SerializeToString()
    writer.write(struct.pack(">H", len(data)) + data)
    (length,) = struct.unpack(">H", await reader.readexactly(2))
    answer = _reading().FromString(await reader.readexactly(length))
    writer.close()
    return {"implementation": api_implementation.Type(), "answer": json_format.MessageToDict(answer)}
