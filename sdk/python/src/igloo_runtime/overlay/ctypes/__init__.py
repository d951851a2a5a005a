"""`ctypes`: the names of its types, so that modules that declare some can be imported. A component loads no shared
libraries: opening one, and everything that needs memory of C's, raises `OSError` (`ENOSYS`).
"""

from __future__ import annotations

import errno
from typing import Any, Final, NoReturn

DEFAULT_MODE: Final = 0
RTLD_LOCAL: Final = 0
RTLD_GLOBAL: Final = 256


class ArgumentError(Exception):
    """An argument of a foreign function that cannot be converted."""


def _lacks(*_: Any, **__: Any) -> NoReturn:
    raise OSError(errno.ENOSYS, "a component has no C to call: `ctypes` is only there to be imported")


class _Type(type):
    def __mul__(cls, length: int) -> type:
        return _Type(f"{cls.__name__}_Array_{length}", (Array,), {"_type_": cls, "_length_": length})

    __rmul__ = __mul__


class _CData(metaclass=_Type):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _lacks()

    from_buffer = from_buffer_copy = from_address = in_dll = classmethod(_lacks)

    @classmethod
    def from_param(cls, value: Any) -> Any:
        return value


class _SimpleCData(_CData):
    """A number or a pointer. It has a value, and nobody to give it to."""

    def __init__(self, value: Any = 0) -> None:
        self.value = value


class Array(_CData):
    """An array."""


class Structure(_CData):
    """A structure: its fields are declared, and there is none."""


class Union(_CData):
    """A union."""


class BigEndianStructure(Structure):
    """A structure whose numbers begin with the most significant byte."""


class LittleEndianStructure(Structure):
    """A structure whose numbers begin with the least significant byte."""


class _Pointer(_CData):
    """A pointer."""


for _name in (
    "c_bool", "c_byte", "c_ubyte", "c_char", "c_wchar", "c_short", "c_ushort", "c_int", "c_uint", "c_long", "c_ulong",
    "c_longlong", "c_ulonglong", "c_float", "c_double", "c_longdouble", "c_size_t", "c_ssize_t", "c_time_t",
    "c_int8", "c_int16", "c_int32", "c_int64", "c_uint8", "c_uint16", "c_uint32", "c_uint64",
    "c_char_p", "c_wchar_p", "c_void_p", "py_object",
):  # fmt: skip
    globals()[_name] = _Type(_name, (_SimpleCData,), {})


def POINTER(cls: Any) -> type:
    """The type of pointers to `cls`."""
    return _Type(f"LP_{getattr(cls, '__name__', cls)}", (_Pointer,), {"_type_": cls})


def CFUNCTYPE(*types: Any, **flags: Any) -> type:
    """A type of functions."""
    return _Type("CFunctionType", (_CData,), {})


PYFUNCTYPE = CFUNCTYPE


class CDLL:
    """A shared library. There is none."""

    def __init__(self, name: Any = None, *args: Any, **kwargs: Any) -> None:
        raise OSError(errno.ENOSYS, f"a component loads no shared libraries, not {name!r}")


PyDLL = CDLL


class LibraryLoader:
    """Loads nothing."""

    def __init__(self, dlltype: Any) -> None:
        self._dlltype = dlltype

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._dlltype(name)

    def LoadLibrary(self, name: str) -> Any:
        """Raises `OSError`."""
        return self._dlltype(name)


cdll: Final = LibraryLoader(CDLL)
pydll: Final = LibraryLoader(PyDLL)

byref = pointer = cast = addressof = sizeof = alignment = resize = _lacks
create_string_buffer = create_unicode_buffer = c_buffer = string_at = wstring_at = memmove = memset = _lacks


def get_errno() -> int:
    """No foreign function has set one."""
    return 0


def set_errno(value: int) -> int:
    """No foreign function reads one."""
    return 0
