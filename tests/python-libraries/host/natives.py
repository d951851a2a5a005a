"""Libraries with native code."""

from __future__ import annotations

import json
import math

from host.bench import Bench, Engine, Row, same


def pydantic(bench: Bench, engine: Engine) -> Row:
    def read(told: object) -> object:
        return bench.exchange("native", "pydantic", [], engine, text=json.dumps(told))

    good = {"name": "hall", "celsius": 21.5, "history": [20.0, 21.0]}
    same(read(good), {"read": good})
    bad = read({"celsius": -300, "history": ["x"]})
    same(bad, {"refused": [["name", "missing"], ["celsius", "greater_than_equal"], ["history", 0, "float_parsing"]]})
    return Row("pydantic", engine, True, "the hub's JSON", "Read a model from JSON; told of each member that is wrong")


def numpy(bench: Bench, engine: Engine) -> Row:
    samples = [1.5 + math.sin(2 * math.pi * 7 * at / 128) for at in range(128)]
    answer = bench.exchange("native", "numpy", [], engine, text=" ".join(map(repr, samples)))
    same((answer["peak"], round(answer["mean"], 9)), (7, 1.5))
    return Row("numpy", engine, True, "a sine of the host's", "Its frequency and mean, by a Fourier transform")
