"""CPython's `ssl` over the runtime's `_ssl`, with this Python's OpenSSL in the hub's place."""

from __future__ import annotations

import contextlib
import glob
import importlib
import itertools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.runtime import fakes

#: This Python's own, with what it keeps to itself.
real: Any = importlib.import_module("ssl")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server's own certificate, `c.pem` and `k.pem`."""
    where = tmp_path_factory.mktemp("certificates")
    names = "subjectAltName=DNS:server.test,IP:127.0.0.1,IP:::1"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
         "-keyout", "k.pem", "-out", "c.pem", "-subj", "/CN=server/O=A home", "-addext", names],
        cwd=where, check=True, capture_output=True,
    )  # fmt: skip
    return where


@pytest.fixture(scope="module")
def ssl(directory: Path) -> Iterator[Any]:
    before = dict(sys.modules)
    yield fakes.install(directory)
    for name in set(sys.modules) - set(before):
        if name.split(".")[0] in ("igloo_runtime", "wit_world", "componentize_py_types"):
            del sys.modules[name]


@pytest.fixture
def contexts(ssl: Any, directory: Path) -> tuple[Any, Any]:
    client = ssl.create_default_context(cafile=str(directory / "c.pem"))
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(str(directory / "c.pem"), str(directory / "k.pem"))
    return client, server


def pair(ssl: Any, contexts: tuple[Any, Any], name: str | None = "server.test") -> tuple[Any, Any]:
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client, server = contexts
    return (
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    )


def shake(ssl: Any, ends: tuple[Any, Any]) -> None:
    for _ in range(5):
        done = 0
        for end in ends:
            try:
                end.do_handshake()
                done += 1
            except ssl.SSLWantReadError:
                pass
        if done == 2:
            return
    raise AssertionError("the handshake does not end")


def test_both_ends_agree_and_talk(ssl: Any, contexts: tuple[Any, Any], directory: Path) -> None:
    contexts[0].set_alpn_protocols(["h2", "http/1.1"])
    contexts[1].set_alpn_protocols(["http/1.1"])
    client, server = pair(ssl, contexts)
    with pytest.raises(ValueError, match="handshake not done yet"):
        client.getpeercert()
    shake(ssl, (client, server))
    assert (client.version(), client.cipher()[1:]) == ("TLSv1.3", ("TLSv1.3", 256))
    assert client.selected_alpn_protocol() == server.selected_alpn_protocol() == "http/1.1"
    assert client.getpeercert() == real._ssl._test_decode_cert(str(directory / "c.pem"))
    assert server.getpeercert() is None
    text = b"x" * 200_000
    sent = 0
    received = bytearray()
    while len(received) < len(text):
        sent += client.write(text[sent:]) if sent < len(text) else 0
        try:
            received += server.read(50_000)
        except ssl.SSLWantReadError:
            continue
    assert received == text
    buffer = bytearray(10)
    server.write(b"abc")
    assert (client.read(10, buffer), bytes(buffer[:3])) == (3, b"abc")
    with pytest.raises(ssl.SSLWantReadError):
        client.unwrap()
    assert server.read(10) == b""
    assert server.unwrap() is None
    assert client.unwrap() is None


def test_who_the_peer_is_not(ssl: Any, contexts: tuple[Any, Any]) -> None:
    ends = pair(ssl, contexts, "other.test")
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch") as caught:
        shake(ssl, ends)
    assert isinstance(caught.value, ssl.CertificateError)
    assert (caught.value.verify_code, caught.value.reason) == (62, "CERTIFICATE_VERIFY_FAILED")
    with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
        shake(ssl, pair(ssl, (ssl.create_default_context(cadata=fakes_root()), contexts[1])))
    unverified = ssl._create_unverified_context()
    client, server = pair(ssl, (unverified, contexts[1]), None)
    shake(ssl, (client, server))
    assert client.getpeercert() == {}
    assert len(client.getpeercert(binary_form=True)) > 300


def fakes_root() -> str:
    """Somebody else's authority."""
    return str(real.DER_cert_to_PEM_cert(real.create_default_context().get_ca_certs(binary_form=True)[0]))


def test_an_end_without_a_close(ssl: Any, contexts: tuple[Any, Any]) -> None:
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = contexts[0].wrap_bio(to_client, to_server, server_hostname="server.test")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    to_client.write_eof()
    with pytest.raises(ssl.SSLEOFError):
        client.do_handshake()


def test_what_cannot_be_had_is_an_error(ssl: Any) -> None:
    context = ssl.create_default_context()
    with pytest.raises(ssl.SSLError, match=r"tls1\.1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ValueError, match="nothing older"):
        ssl.SSLContext(ssl.PROTOCOL_TLSv1)
    with pytest.raises(ssl.SSLError, match="No cipher can be selected"):
        context.set_ciphers("AES256-SHA:RC4-SHA")
    for name in ("sni_callback", "keylog_filename"):
        with pytest.raises(NotImplementedError, match="process"):
            setattr(context, name, print)
    with pytest.raises(NotImplementedError, match="revocation"):
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    with pytest.raises(ValueError, match="check_hostname"):
        context.verify_mode = ssl.CERT_NONE
    context.options |= ssl.OP_NO_TLSv1_2 | ssl.OP_NO_TLSv1_3
    with pytest.raises(ssl.SSLError, match="no protocols available"):
        context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="server.test")


@pytest.mark.parametrize(
    ("text", "bits"),
    [("DEFAULT:!aNULL", {128, 256}), ("ECDHE+AESGCM:!AES256", {128}), ("HIGH:!AES", {256}), ("CHACHA20", {256})],
)
def test_a_list_of_ciphers(ssl: Any, text: str, bits: set[int]) -> None:
    context = ssl.create_default_context()
    context.set_ciphers(text)
    older = [suite for suite in context.get_ciphers() if suite["protocol"] == "TLSv1.2"]
    assert {suite["strength_bits"] for suite in older} == bits


def test_contexts_begin_as_openssls(ssl: Any) -> None:
    for ours, theirs in ((ssl, real),):
        one, other = ours.create_default_context(), theirs.create_default_context()
        for name in ("verify_mode", "check_hostname", "verify_flags", "minimum_version", "maximum_version", "protocol"):
            assert int(getattr(one, name)) == int(getattr(other, name)), name


def test_certificates_are_shown_as_openssl_shows_them(ssl: Any, tmp_path: Path) -> None:
    certificate = importlib.import_module("igloo_runtime.tls.certificate")

    file = tmp_path / "one.pem"
    count = 0
    for name in itertools.islice(sorted(glob.glob("/etc/ssl/certs/*.pem")), 150):
        data = Path(name).read_bytes()
        if (found := certificate.from_pem(data)) and len(found) == 1:
            file.write_bytes(data)
            assert certificate.shown(found[0]) == real._ssl._test_decode_cert(str(file)), name
            count += 1
    if not count:
        pytest.skip("this machine has no /etc/ssl/certs")


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_a_damaged_certificate_is_a_value_error(ssl: Any, directory: Path, cut: int) -> None:
    certificate = importlib.import_module("igloo_runtime.tls.certificate")

    whole = certificate.from_pem((directory / "c.pem").read_bytes())[0]
    with pytest.raises(ValueError):  # noqa: PT011 - a subclass, whichever it is
        certificate.shown(whole[:cut])
    changed = bytearray(whole)
    changed[cut] ^= 0xFF
    with contextlib.suppress(ValueError):
        certificate.shown(bytes(changed))
