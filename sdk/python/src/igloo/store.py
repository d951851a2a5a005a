"""A small key-value store that belongs to the instance and outlives it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from igloo import _host
from igloo.errors import StoreError


class Store:
    """The instance's store. What is set or deleted is durable when the call returns. All raise [`StoreError`]."""

    async def get(self, key: str) -> bytes | None:
        """The bytes under `key`; None if there are none."""
        return await _host.current().store_get(key)

    async def set(self, key: str, value: bytes) -> None:
        """Sets the bytes under `key`: 256 bytes of it, and 1 MiB of value, at most."""
        await _host.current().store_set(key, bytes(value))

    async def delete(self, key: str) -> None:
        """Forgets `key`. One that is not there is no error."""
        await _host.current().store_delete(key)

    async def keys(self, prefix: str = "") -> Sequence[str]:
        """The keys that begin with `prefix`, in byte order."""
        return await _host.current().store_keys(prefix)

    async def get_json(self, key: str) -> Any:
        """The value under `key`, stored as JSON; None if there is none. The code is `format` for what is no JSON."""
        data = await self.get(key)
        if data is None:
            return None
        try:
            return json.loads(data)
        except ValueError as error:
            raise StoreError("format", f"{key}: {error}") from None

    async def set_json(self, key: str, value: object) -> None:
        """Sets the value under `key` as JSON."""
        try:
            text = json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise StoreError("format", f"{key}: {error}") from None
        await self.set(key, text.encode())
