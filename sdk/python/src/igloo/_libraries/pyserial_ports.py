"""pyserial's `serial.tools.list_ports_posix` and its like: the ports that there are are the manifest's slots."""

from __future__ import annotations

from serial.tools.list_ports_common import ListPortInfo

from igloo import _host


def comports(include_links: bool = False) -> list[ListPortInfo]:
    """The slots that are bound to a port. What is behind one a provider does not learn."""
    found = []
    for name, bound in _host.current().serial_slots():
        if bound:
            port = ListPortInfo(name, skip_link_detection=True)
            port.description = f"Slot {name}"
            found.append(port)
    return found
