"""The terminal's library: there is no terminal. `curses` can be imported, and its functions raise its `error`."""

from __future__ import annotations

from typing import Any


class error(Exception):
    """What every function here raises."""


def _nothing(*_: Any, **__: Any) -> Any:
    raise error("a component has no terminal")


COLORS = COLOR_PAIRS = LINES = COLS = 0
A_NORMAL = A_BOLD = A_REVERSE = 0
ERR, OK = -1, 0

setupterm = initscr = endwin = start_color = color_content = init_color = color_pair = init_pair = _nothing
pair_content = raw = noraw = resizeterm = mousemask = getmouse = flash = beep = tparm = tigetflag = tigetnum = _nothing
has_colors = can_change_color = cbreak = nocbreak = echo = noecho = curs_set = newwin = newpad = doupdate = _nothing
has_key = tigetstr = _nothing
