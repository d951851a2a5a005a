"""Authorities of a test, and what they certify: made by openssl for the run."""

from __future__ import annotations

import subprocess
from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30")


class Authority:
    """An authority, and the certificate of a server on 127.0.0.1."""

    def __init__(self, folder: Path, name: str) -> None:
        at = folder / name
        at.mkdir()
        self.certificate = at / "authority.pem"
        self.server = (at / "server.pem", at / "server.key")
        key = at / "authority.key"
        _certify(
            *("-subj", f"/CN={name}", "-keyout", key, "-out", self.certificate),
            *("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"),
        )
        _certify(
            *("-CA", self.certificate, "-CAkey", key, "-subj", "/CN=server"),
            *("-keyout", self.server[1], "-out", self.server[0]),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-addext", "extendedKeyUsage=serverAuth"),
            *("-addext", "basicConstraints=critical,CA:FALSE"),
        )


def _certify(*words: str | Path) -> None:
    done = subprocess.run(["openssl", "req", "-x509", *_KEY, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
