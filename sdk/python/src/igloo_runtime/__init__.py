"""Makes CPython in a WASI 0.3 component whole: an event loop, sockets, and what the standard library lacks there.

Only in a component, and imported before anything else: libraries that are imported after it find an ordinary Python.
It must not know what a provider is.
"""

from . import constants, loop, readiness, sockets, threads


def install() -> None:
    """Takes effect for everything that is imported afterwards."""
    import selectors

    selectors.DefaultSelector = selectors.SelectSelector = selectors.PollSelector = readiness.Selector  # type: ignore[misc,assignment]
    constants.install()
    sockets.install()
    loop.install()
    threads.install()


install()
