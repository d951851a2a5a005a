"""Libraries with native code, as they are on PyPI."""

from typing import Any

import numpy
import pydantic
from igloo import Provider, Rejected, action


class Reading(pydantic.BaseModel):
    name: str
    celsius: float = pydantic.Field(ge=-273.15)
    history: list[float] = []


class Libraries(Provider[None]):
    @action
    async def exchange(self, library: str, text: str = "") -> Any:
        """What the library made of the text, which is JSON."""
        if library == "pydantic":
            try:
                return {"read": Reading.model_validate_json(text).model_dump()}
            except pydantic.ValidationError as error:
                return {"refused": [[*each["loc"], each["type"]] for each in error.errors()]}
        if library == "numpy":
            samples = numpy.array([float(each) for each in text.split()])
            return {
                "peak": int(numpy.argmax(numpy.abs(numpy.fft.rfft(samples))[1:])) + 1,
                "mean": float(samples.mean()),
            }
        raise Rejected("no such library")
