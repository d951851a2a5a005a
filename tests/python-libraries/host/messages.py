"""Forms of messages, with other implementations of the same."""

from __future__ import annotations

import yaml

from host.bench import Bench, Engine, Python, Row, same


def protobuf(bench: Bench, engine: Engine) -> Row:
    with Python("protobuf_server.py") as server:
        port = server.ready
        answer = bench.exchange("network", "protobuf", [f"tcp://127.0.0.1:{port}"], engine, port=port, text="porch")
        source = {"address": str(0x0012_4B00_1234_5678), "key": "AP8="}
        heard = {"name": "porch", "offset": -40, "history": [20.5, -3.25], "source": source}
        same(server.line(), heard)
        changed = {**heard, "name": "hcrop", "offset": -40_000, "history": [20.5, -3.25, 1e300], "valid": True}
        same(answer["answer"], changed)
    implementation = {"python": "its implementation in Python", "upb": "its implementation in C"}[
        answer["implementation"]
    ]
    what = f"By {implementation}, messages both ways: nested, repeated, zigzag, fixed and optional fields"
    return Row("protobuf", engine, True, "protobuf, its implementation in C", what)


def pyyaml(bench: Bench, engine: Engine) -> Row:
    home = {"home": "Süd", "rooms": [{"name": "hall", "lamps": [0x10, -1.5e3, False]}], "since": "2026-01-01"}
    text = yaml.dump(home, Dumper=yaml.CSafeDumper, allow_unicode=True)
    answer = bench.exchange("network", "PyYAML", [], engine, text=text)
    home["rooms"].append({"name": "küche", "lamps": [1, 2.5, None, True]})  # type: ignore[attr-defined]
    same(yaml.load(answer["text"], Loader=yaml.CSafeLoader), home)
    return Row(
        "PyYAML", engine, True, "libyaml", "Read what it wrote, and wrote what it read: nested, numbers, dates as text"
    )
