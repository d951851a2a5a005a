"""From JSON to the types that an author named, and back.

Promises: what is filled has the types that its annotations say; what does not fit is a [`ConfigError`] that names the
place (`config.lamps[2].port`) and what is wrong. Members that no field has are left out: the hub has checked the
configuration against the manifest's schema.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from igloo.errors import ConfigError

T = TypeVar("T")

_NAMES: dict[object, str] = {bool: "true or false", int: "an integer", float: "a number", str: "a text"}


def fill(wanted: Any, value: Any, place: str = "config") -> Any:
    """The value of the type `wanted` for a value of JSON.

    Types are bool, int, float, str, None, Any, object, dataclasses, enumerations (by value), `Literal`, optional and
    other unions, `list[T]`, `tuple[T, ...]`, `dict[str, T]`, and classes that are made from one text, such as
    `ipaddress.IPv4Address` or `pathlib.Path`.
    """
    if wanted is Any or wanted is object:
        return value
    if wanted in _NAMES:
        return _scalar(wanted, value, place)
    if wanted is None or wanted is types.NoneType:
        if value is None:
            return None
        raise _mismatch("null", value, place)
    origin = get_origin(wanted)
    if origin is not None:
        return _generic(wanted, origin, get_args(wanted), value, place)
    if wanted in (list, tuple, dict):
        return _generic(wanted, wanted, (), value, place)
    if dataclasses.is_dataclass(wanted) and isinstance(wanted, type):
        return _dataclass(wanted, value, place)
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        for member in wanted:
            if member.value == value and type(member.value) is type(value):
                return member
        choices = ", ".join(repr(member.value) for member in wanted)
        raise _mismatch(f"one of {choices}", value, place)
    if isinstance(wanted, type):
        return _from_text(wanted, value, place)
    raise ConfigError(f"{place}: the type {wanted!r} cannot be filled from JSON")


def _scalar(wanted: Any, value: Any, place: str) -> Any:
    kind = type(value)
    if kind is wanted:
        return value
    if wanted is float and kind is int:
        return float(value)
    # JSON has one type of number: 3.0 is an integer.
    if wanted is int and kind is float and value.is_integer():
        return int(value)
    raise _mismatch(_NAMES[wanted], value, place)


def _generic(wanted: Any, origin: Any, arguments: tuple[Any, ...], value: Any, place: str) -> Any:
    if origin is typing.Annotated:
        return fill(arguments[0], value, place)
    if origin is Literal:
        for choice in arguments:
            if choice == value and type(choice) is type(value):
                return choice
        raise _mismatch("one of " + ", ".join(map(repr, arguments)), value, place)
    if origin in (Union, types.UnionType):
        return _union(arguments, value, place)
    if origin is list or origin is tuple:
        if not isinstance(value, list):
            raise _mismatch("a list", value, place)
        if origin is tuple and arguments and arguments[-1] is not Ellipsis:
            if len(value) != len(arguments):
                raise _mismatch(f"{len(arguments)} items", value, place)
            pairs = zip(arguments, value, strict=True)
            return tuple(fill(each, item, f"{place}[{at}]") for at, (each, item) in enumerate(pairs))
        item_type = arguments[0] if arguments else Any
        return origin(fill(item_type, item, f"{place}[{at}]") for at, item in enumerate(value))
    if origin is dict or origin is Mapping:
        if not isinstance(value, dict):
            raise _mismatch("an object", value, place)
        item_type = arguments[1] if len(arguments) == 2 else Any
        return {key: fill(item_type, item, f"{place}.{key}") for key, item in value.items()}
    raise ConfigError(f"{place}: the type {wanted!r} cannot be filled from JSON")


def _union(arguments: tuple[Any, ...], value: Any, place: str) -> Any:
    errors = []
    # An exact match first: `float | int` keeps an integer.
    exact = [each for each in arguments if each is type(value)]
    for each in exact + [each for each in arguments if each not in exact]:
        if each is types.NoneType and value is not None:
            continue
        try:
            return fill(each, value, place)
        except ConfigError as error:
            errors.append(str(error))
    raise ConfigError(errors[0] if len(errors) == 1 else f"{place}: fits nothing that it may be: {'; '.join(errors)}")


def _dataclass(wanted: type[Any], value: Any, place: str) -> Any:
    if not isinstance(value, dict):
        raise _mismatch("an object", value, place)
    annotations = hints(wanted)
    found = {}
    for field in dataclasses.fields(wanted):
        if not field.init:
            continue
        name = member(field.name, value)
        if name is not None:
            found[field.name] = fill(annotations[field.name], value[name], f"{place}.{name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ConfigError(f"{place}.{field.name} is missing")
    try:
        return wanted(**found)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{place}: {error}") from error


def _from_text(wanted: type[Any], value: Any, place: str) -> Any:
    if not isinstance(value, str):
        raise _mismatch(f"a text for {wanted.__name__}", value, place)
    try:
        return wanted(value)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{place}: {error}") from None


def _mismatch(wanted: str, value: object, place: str) -> ConfigError:
    shown = repr(value)
    # A secret may be in it, if the schema let a wrong one through: only its beginning is told.
    shown = shown if len(shown) <= 40 else shown[:37] + "…"
    return ConfigError(f"{place}: wanted {wanted}, got {shown}")


def member(name: str, value: Mapping[str, Any]) -> str | None:
    """The member of a JSON object that is this field's: `baud_rate`, or `baud-rate`."""
    if name in value:
        return name
    dashed = name.replace("_", "-")
    return dashed if dashed in value else None


def hints(of: Any) -> dict[str, Any]:
    """The annotations of a class or a function, as types. Raises [`ConfigError`] for a name that is not there when the
    provider runs, such as one that is imported only for type checkers."""
    try:
        return get_type_hints(of)
    except NameError as error:
        name = getattr(of, "__qualname__", of)
        raise ConfigError(f"{name}: an annotation cannot be read when the provider runs: {error}") from None


def to_json(value: Any) -> Any:
    """What `json.dumps` takes, for what an action returns."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, Enum):
        return to_json(value.value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_json(item) for item in value]
    if isinstance(value, (bytes, bytearray)):
        raise TypeError("bytes are no JSON: encode them, such as with .hex()")
    return str(value)
