"""The stand-in for `cryptography`, over the real one in the hub's place, against the real one."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

SDK = Path(__file__).resolve().parents[2]
VECTORS = SDK.parents[1] / "tests/python/tls/vectors.py"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the stand-in is for a component's Python, 3.14; 3.12 will do")
@pytest.mark.skipif(importlib.util.find_spec("cryptography") is None, reason="there is no real cryptography package")
def test_both_compute_the_same() -> None:
    def run(*arguments: str) -> dict[str, object]:
        command = [sys.executable, "-W", "ignore", *arguments]
        done = subprocess.run(command, input="{}", capture_output=True, text=True, cwd=SDK, check=False)
        assert not done.returncode, done.stderr
        found: dict[str, object] = json.loads(done.stdout)
        return found

    ours, real = run("-m", "tests.runtime.fake_crypto"), run(str(VECTORS))
    assert ours == real
    known = real["KNOWN"]
    assert isinstance(known, dict)
    assert {name: ours[name] for name in known} == known
