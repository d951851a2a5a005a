"""What a component is made with stays for good, and nothing writes to it for being looked at.

An instance begins with the memory of the component, mapped from a file, and gets pages of its own where it writes.
CPython counts references in each object, and its collector marks each that it knows: so reading writes. Immortal
objects (PEP 683) are neither counted nor, once the collector has seen them, known to it. What was imported is needed as
long as the instance lives anyway.

Called once, as the last thing before the component's memory is kept.
"""

import gc
import sys
from types import CodeType

import igloo_intrinsics as intrinsics


def make_immortal() -> None:
    """Makes all objects immortal that there are."""
    gc.collect()
    pending = gc.get_objects()
    while pending:
        thing = pending.pop()
        if sys._is_immortal(thing):
            continue
        intrinsics.immortal(thing)
        pending += gc.get_referents(thing)
        if type(thing) is CodeType:  # The collector does not look into code. A proxy must not be asked what it is.
            pending += [
                thing.co_consts, thing.co_names, thing.co_filename, thing.co_name, thing.co_qualname,
                thing.co_linetable, thing.co_exceptiontable, *thing.co_varnames, *thing.co_freevars, *thing.co_cellvars,
            ]  # fmt: skip
    # The collector forgets what is immortal when it comes across it.
    gc.collect()
    gc.freeze()
