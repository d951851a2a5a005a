"""Reads telegrams with dsmr-parser, an implementation that is not ours.

    dsmr_oracle.py {2,4,5} FILE

Says a line of JSON for each telegram of the file: [{"name": ..., "channel": ..., "value": ..., "time": ...}, ...].
Numbers are texts, as the telegram has them; a time is RFC 3339 in UTC.
"""

import json
import re
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from dsmr_parser import telegram_specifications
from dsmr_parser.objects import CosemObject, MBusObject
from dsmr_parser.parsers import TelegramParser

SPECIFICATIONS = {
    "2": telegram_specifications.V2_2,
    "4": telegram_specifications.V4,
    "5": telegram_specifications.V5,
}


def plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, int) else str(value)


def reading(name: str, channel: int, item: object) -> dict[str, Any] | None:
    if isinstance(item, MBusObject):
        time = plain(item.datetime)
        return {"name": name, "channel": channel, "value": plain(item.value), "unit": item.unit, "time": time}
    if isinstance(item, CosemObject):
        return {"name": name, "channel": channel, "value": plain(item.value), "unit": item.unit, "time": None}
    return None


def main() -> None:
    parser = TelegramParser(SPECIFICATIONS[sys.argv[1]])
    text = Path(sys.argv[2]).read_bytes().decode("ascii")
    for telegram in re.findall(r"/[^!]*![0-9A-F]*\r\n", text):
        parsed = parser.parse(telegram, throw_ex=True)
        found = [reading(name, 0, item) for name, item in parsed if name != "MBUS_DEVICES"]
        for meter in getattr(parsed, "MBUS_DEVICES", []):
            found += [reading(name, meter.channel_id, item) for name, item in meter]
        print(json.dumps([item for item in found if item]), flush=True)


main()
