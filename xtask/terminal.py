"""Draws a terminal as SVG: `tmux capture-pane -e -p | python3 xtask/terminal.py TITLE > docs/terminal.svg`.

Understands text and SGR colours (ESC [ … m), which is all that a captured pane has.
"""

import re
import sys
from html import escape

WIDTH, LINE, TOP, LEFT = 8.43, 19, 46, 18
COLOURS = {
    30: "#5c6370", 31: "#e06c75", 32: "#98c379", 33: "#e5c07b", 34: "#61afef", 35: "#c678dd", 36: "#56b6c2",
    37: "#dcdfe4", 90: "#7f848e", 91: "#e06c75", 92: "#98c379", 93: "#e5c07b", 94: "#61afef", 95: "#c678dd",
    96: "#56b6c2", 97: "#ffffff",
}  # fmt: skip


def spans(line):
    """The line's pieces, each with its style as SVG attributes."""
    style = {}
    for piece in re.split(r"(\x1b\[[0-9;]*m)", line):
        if not piece.startswith("\x1b"):
            if piece:
                yield piece, " ".join(f'{key}="{value}"' for key, value in style.items())
            continue
        for code in (int(number or "0") for number in piece[2:-1].split(";")):
            if code in COLOURS:
                style["fill"] = COLOURS[code]
            elif code == 1:
                style["font-weight"] = "bold"
            elif code == 2:
                style["opacity"] = "0.65"
            elif code == 39:
                style.pop("fill", None)
            elif code == 22:
                style.pop("font-weight", None)
                style.pop("opacity", None)
            elif code == 0:
                style = {}


def draw(lines, title):
    columns = max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in lines)
    width, height = round(columns * WIDTH + 2 * LEFT), TOP + len(lines) * LINE + 12
    print(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">\n'
        f"<title>{escape(title)}</title>\n"
        f'<rect width="{width}" height="{height}" rx="10" fill="#21252b"/>\n'
        '<circle cx="22" cy="18" r="6" fill="#e06c75"/><circle cx="42" cy="18" r="6" fill="#e5c07b"/>'
        '<circle cx="62" cy="18" r="6" fill="#98c379"/>\n'
        '<g fill="#dcdfe4" font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" '
        'xml:space="preserve" style="white-space: pre">'
    )
    for row, line in enumerate(lines):
        y, column = TOP + row * LINE + 6, 0
        for text, style in spans(line):
            # Columns stay in line whatever the font: each piece between wide gaps is placed by itself.
            for shown in re.finditer(r"\S+(?: \S+)*", text):
                x = LEFT + (column + shown.start()) * WIDTH
                length = f'textLength="{len(shown[0]) * WIDTH:.1f}" lengthAdjust="spacingAndGlyphs"'
                print(f'<text x="{x:.1f}" y="{y}" {length} {style}>{escape(shown[0])}</text>')
            column += len(text)
    print("</g>\n</svg>")


if __name__ == "__main__":
    captured = [line.rstrip() for line in sys.stdin.read().rstrip().split("\n")]
    draw(captured, sys.argv[1] if len(sys.argv) > 1 else "A terminal")
