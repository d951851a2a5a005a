"""A hub's `igloo:tls` for tests without a hub: the interface of wit/deps/igloo-tls.wit over this Python's own OpenSSL.

It makes `igloo_runtime`'s modules importable natively by standing in for the generated bindings. What it cannot tell is
what only the hub decides (chains, names, limits): tests/python/tls asks a real hub.
"""

from __future__ import annotations

import _ssl as real
import contextlib
import dataclasses
import ssl
import sys
import types
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).resolve().parents[2] / "src"


@dataclasses.dataclass
class Err(Exception):
    value: Any


@dataclasses.dataclass
class CertificateProblem:
    reason: str
    text: str


def _case(name: str) -> Any:
    return dataclasses.make_dataclass(name, [("value", object, None)])


Data, WouldBlock, Closed, Truncated = map(
    _case, ("ReadOutcome_Data", "ReadOutcome_WouldBlock", "ReadOutcome_Closed", "ReadOutcome_Truncated")
)
_REASONS = {10: "expired", 18: "self-signed", 19: "self-signed-in-chain", 20: "unknown-issuer", 62: "hostname-mismatch"}
_VERSIONS = {"tls1.2": ssl.TLSVersion.TLSv1_2, "tls1.3": ssl.TLSVersion.TLSv1_3}


def _error(error: ssl.SSLError) -> Err:
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = _REASONS.get(error.verify_code, "other")
        return Err(_case("ErrorCode_Certificate")(CertificateProblem(reason, error.verify_message)))
    return Err(_case("ErrorCode_Protocol")(str(error)))


class Configuration:
    """Settings that a context is made of."""

    def __init__(self) -> None:
        self.roots = b""
        self.mode = "full"
        self.identity: tuple[bytes, bytes] | None = None
        self.alpn: list[bytes] = []
        self.versions: tuple[str | None, str | None] = (None, None)

    def add_home_roots(self) -> None:
        pass

    def add_roots(self, certificates: bytes) -> int:
        self.roots += certificates
        return certificates.count(b"BEGIN CERTIFICATE")

    def set_verification(self, mode: str) -> None:
        self.mode = mode

    def set_certificate(self, chain: bytes, key: bytes) -> None:
        self.identity = chain, key

    def set_alpn(self, protocols: list[bytes]) -> None:
        self.alpn = protocols

    def set_versions(self, minimum: str | None, maximum: str | None) -> None:
        self.versions = minimum, maximum

    def context(self, server: bool, directory: Path) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
        made.check_hostname = self.mode == "full" and not server
        if self.mode == "none":
            made.verify_mode = ssl.CERT_NONE
        elif self.mode == "optional":
            made.verify_mode = ssl.CERT_OPTIONAL
        else:
            made.verify_mode = ssl.CERT_REQUIRED
        if self.roots:
            made.load_verify_locations(cadata=self.roots.decode())
        if self.identity:
            file = directory / "identity.pem"
            file.write_bytes(self.identity[1] + self.identity[0])
            made.load_cert_chain(file)
        if self.alpn:
            made.set_alpn_protocols([one.decode() for one in self.alpn])
        minimum, maximum = self.versions
        made.minimum_version = _VERSIONS[minimum or "tls1.2"]
        made.maximum_version = _VERSIONS[maximum or "tls1.3"]
        return made


class Connection:
    """One connection over two of OpenSSL's buffers."""

    directory = Path()

    def __init__(self, configuration: Configuration, server: bool, name: str | None) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = configuration.context(server, self.directory)
        self._ssl = context.wrap_bio(self._in, self._out, server_side=server, server_hostname=name)
        self._complete = False

    @classmethod
    def client(cls, configuration: Configuration, server_name: str | None) -> Connection:
        return cls(configuration, False, server_name)

    @classmethod
    def server(cls, configuration: Configuration) -> Connection:
        return cls(configuration, True, None)

    def feed(self, ciphertext: bytes) -> int:
        if self._in.pending > 64 * 1024:
            return 0
        return self._in.write(ciphertext)

    def feed_end(self) -> None:
        self._in.write_eof()

    def take(self, maximum: int) -> bytes:
        return self._out.read(maximum)

    def wants_take(self) -> bool:
        return bool(self._out.pending)

    def handshake(self) -> bool:
        try:
            self._ssl.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            raise _error(error) from None
        return True

    def write(self, plaintext: bytes) -> int:
        return self._ssl.write(plaintext)

    def read(self, maximum: int) -> Any:
        try:
            data = self._ssl.read(maximum)
        except ssl.SSLWantReadError:
            return WouldBlock()
        except ssl.SSLZeroReturnError:
            return Closed()
        except ssl.SSLEOFError:
            return Truncated()
        except ssl.SSLError as error:
            raise _error(error) from None
        return Data(data) if data else Closed()

    def readable(self) -> int:
        return self._ssl.pending()

    def close_notify(self) -> None:
        with contextlib.suppress(ssl.SSLError):
            self._ssl.unwrap()

    def peer_certificates(self) -> list[bytes]:
        found = self._ssl.getpeercert(binary_form=True)
        return [] if found is None else [found]

    def version(self) -> str | None:
        return {"TLSv1.2": "tls1.2", "TLSv1.3": "tls1.3"}.get(self._ssl.version() or "")

    def cipher_suite(self) -> str | None:
        found = self._ssl.cipher()
        return None if found is None else found[0]

    def alpn(self) -> bytes | None:
        found = self._ssl.selected_alpn_protocol()
        return None if found is None else found.encode()

    def resumed(self) -> bool:
        return bool(self._ssl.session_reused)


def install(directory: Path) -> types.ModuleType:
    """Makes the runtime's `_ssl` the one that CPython's `ssl.py` is over, and answers that `ssl`."""
    import importlib.util

    assert real is not None
    Connection.directory = directory
    modules: dict[str, dict[str, Any]] = {
        "componentize_py_types": {"Err": Err},
        "wit_world": {},
        "wit_world.imports": {},
        "wit_world.imports.connections": {
            "Configuration": Configuration, "Connection": Connection, "ReadOutcome_Data": Data,
            "ReadOutcome_WouldBlock": WouldBlock, "ReadOutcome_Closed": Closed, "ReadOutcome_Truncated": Truncated,
        },
        "igloo_runtime": {"__path__": [str(SOURCES / "igloo_runtime")]},
        "igloo_runtime.driver": {"is_live": lambda: True},
    }  # fmt: skip
    for name, contents in modules.items():
        module = types.ModuleType(name)
        vars(module).update(contents)
        sys.modules[name] = module
        parent, _, own = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], own, module)
    of_openssl = sys.modules.pop("_ssl")
    try:
        spec = importlib.util.spec_from_file_location("_ssl", SOURCES / "igloo_runtime/overlay/_ssl.py")
        assert spec is not None
        assert spec.loader is not None
        ours = importlib.util.module_from_spec(spec)
        sys.modules["_ssl"] = ours
        spec.loader.exec_module(ours)
        # What CPython 3.11's `ssl.py` imports, and 3.12's no longer does.
        vars(ours).setdefault("RAND_pseudo_bytes", None)
        code = importlib.util.spec_from_file_location("ssl", ssl.__file__)
        assert code is not None
        assert code.loader is not None
        module = importlib.util.module_from_spec(code)
        sys.modules["ssl"] = module
        code.loader.exec_module(module)
        return module
    finally:
        sys.modules["_ssl"], sys.modules["ssl"] = of_openssl, ssl
