"""A LIFX lamp's hue and saturation, 16 bits each, and the screen's colours."""

import colorsys

FULL = 0xFFFF


def to_color(hue: int, saturation: int) -> tuple[float, float, float]:
    """Red, green and blue at full brightness, 0 to 1."""
    return colorsys.hsv_to_rgb(hue / (FULL + 1), saturation / FULL, 1.0)


def from_color(red: float, green: float, blue: float) -> tuple[int, int]:
    """Hue and saturation. How bright a colour is says nothing: that is the dimmer's."""
    hue, saturation, _ = colorsys.rgb_to_hsv(red, green, blue)
    return round(hue * (FULL + 1)) % (FULL + 1), round(saturation * FULL)
