"""Runs `tls_cases.py` in a hub against OpenSSL's own server and client, and the real `cryptography`.

    run.py IGLOO PACKAGE [--python PYTHON] [--case CASE]…

IGLOO is the command, PACKAGE a folder with igloo.toml and the component, PYTHON one that has the real `cryptography`.
Everything is on loopback, in a directory of its own, with keys made for the run.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
#: Where the provider may listen: igloo.toml grants it.
LISTENED = 47443
PAGE = "A page, over TLS.\n" * 1000


def openssl(*arguments: str | Path, **more: Any) -> None:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False, **more)
    if done.returncode:
        raise SystemExit(f"openssl {' '.join(map(str, arguments))}: {done.stderr}")


class Certificates:
    """An authority, and what it signed."""

    def __init__(self, where: Path) -> None:
        self.where = where
        self.key("ca", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
        self.own("ca", "/CN=Authority of a test", "basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign")
        names = "subjectAltName=DNS:server.test,IP:127.0.0.1"
        for name, kind in (
            ("server", ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")),
            ("rsa", ("rsa", "-pkeyopt", "rsa_keygen_bits:2048")),
            ("ed25519", ("ed25519",)),
        ):
            self.key(name, *kind)
            self.signed(name, "/CN=server", names, "extendedKeyUsage=serverAuth")
        self.key("expired", "ed25519")
        self.signed("expired", "/CN=expired", names, days="-1")
        self.key("own", "ed25519")
        self.own("own", "/CN=own", names)
        self.key("client", "ec", "-pkeyopt", "ec_paramgen_curve:P-384")
        self.signed("client", "/CN=client", "extendedKeyUsage=clientAuth")
        openssl("pkcs8", "-topk8", "-in", self.path("client.key"), "-out", self.path("hidden.key"), "-passout", "pass:word")

    def path(self, name: str) -> Path:
        return self.where / name

    def text(self, *names: str) -> str:
        return "".join(self.path(name).read_text() for name in names)

    def key(self, name: str, kind: str, *options: str) -> None:
        openssl("genpkey", "-algorithm", kind, *options, "-out", self.path(f"{name}.key"))

    def own(self, name: str, subject: str, *extensions: str) -> None:
        more = [part for extension in extensions for part in ("-addext", extension)]
        openssl("req", "-x509", "-new", "-key", self.path(f"{name}.key"), "-subj", subject, "-days", "30", *more,
                "-out", self.path(f"{name}.pem"))  # fmt: skip

    def signed(self, name: str, subject: str, *extensions: str, days: str = "30") -> None:
        request, file = self.path(f"{name}.csr"), self.path(f"{name}.ext")
        file.write_text("\n".join(extensions))
        openssl("req", "-new", "-key", self.path(f"{name}.key"), "-subj", subject, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.path("ca.pem"), "-CAkey", self.path("ca.key"),
                "-CAcreateserial", "-days", days, "-extfile", file, "-out", self.path(f"{name}.pem"))  # fmt: skip


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise SystemExit(f"nothing listens on {port}") from None
            time.sleep(0.02)


@contextlib.contextmanager
def serving(certificates: Certificates, name: str, *options: str) -> Iterator[int]:
    """`openssl s_server` with this certificate."""
    port = free_port()
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", certificates.path(f"{name}.pem"), "-key",
               certificates.path(f"{name}.key"), "-quiet", *options]  # fmt: skip
    server = subprocess.Popen(
        command, cwd=certificates.where, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(port)
        yield port
    finally:
        server.kill()
        server.wait()


class Hub:
    """A hub with the provider."""

    def __init__(self, igloo: str, package: Path, data: Path) -> None:
        self.igloo, self.data = igloo, data
        self.log = (data / "hub.log").open("w")
        self.process = subprocess.Popen(
            [igloo, "up", "--data", str(data / "hub"), "--listen", "127.0.0.1:0"], stdout=self.log, stderr=self.log
        )
        try:
            self.until(lambda: self.call("providers") is not None, "the hub does not answer")
            self.call("install", str(package), "--yes")
            self.until(lambda: "running" in self.call("providers"), "the provider does not run")
        except BaseException:
            self.stop()
            raise

    def until(self, done: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + 120
        while True:
            try:
                if done():
                    return
            except RuntimeError as error:
                what = f"{what}: {error}"[:500]
            if time.monotonic() > end:
                raise SystemExit(f"{what}\n{(self.data / 'hub.log').read_text()[-3000:]}")
            time.sleep(0.1)

    def call(self, *arguments: str) -> str:
        command = [self.igloo, *arguments, "--data", str(self.data / "hub")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)[:200]}: {done.stdout}{done.stderr}")
        return done.stdout

    def ask(self, name: str, /, **given: Any) -> dict[str, Any]:
        parameters = json.dumps({"name": name, "given": json.dumps(given)})
        answer = json.loads(self.call("action", "python-tls-cases", "ask", parameters, "--json", "--timeout", "60s"))
        while not isinstance(answer, str):
            answer = answer.get("result", answer.get("answer")) if isinstance(answer, dict) else str(answer)
        found: dict[str, Any] = json.loads(answer)
        return found

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()
        self.log.close()


class Failed(Exception):
    pass


def expect(condition: object, what: object) -> None:
    if not condition:
        raise Failed(what)


Test = Callable[[Hub, Certificates], Any]
TESTS: dict[str, Test] = {}


def test(function: Test) -> Test:
    TESTS[function.__name__] = function
    return function


def answered(found: dict[str, Any]) -> Any:
    expect("answer" in found, found.get("traceback", found))
    return found["answer"]


def refused(found: dict[str, Any], error: str, text: str) -> dict[str, Any]:
    expect(found.get("error") == error and text in found.get("text", ""), found)
    return found


@test
def open_connection(hub: Hub, made: Certificates) -> Any:
    for server in ("server", "rsa", "ed25519"):
        for version, option in (("TLSv1.3", "-tls1_3"), ("TLSv1.2", "-tls1_2")):
            with serving(made, server, "-rev", option, "-alpn", "echo") as port:
                found = answered(hub.ask("open_connection", port=port, ca=made.text("ca.pem"), alpn=["h2", "echo"]))
            expect(found["echo"] == "olleh\n" and found["version"] == version and found["alpn"] == "echo", found)
            expect(["DNS", "server.test"] in found["names"] and found["der"] > 200, found)
            expect(found["cipher"][1] == version, found)
    return found["cipher"]


@test
def wrong_certificates(hub: Hub, made: Certificates) -> Any:
    ca = made.text("ca.pem")
    error = "SSLCertVerificationError"
    connector = "ClientConnectorCertificateError"
    with serving(made, "server", "-rev") as port:
        wrong = hub.ask("open_connection", port=port, ca=ca, name="other.test")
        refused(wrong, error, "Hostname mismatch, certificate is not valid for 'other.test'.")
        expect(wrong["verify_code"] == "62", wrong)
        stranger = hub.ask("open_connection", port=port, ca=made.text("own.pem"))
        expect(refused(stranger, error, "unable to get local issuer")["verify_code"] == "20", stranger)
        expect(answered(hub.ask("open_connection", port=port, ca=ca, name="x.test", any_name=True))["echo"], "any name")
        refused(hub.ask("early_context", port=port), error, "certificate verify failed")
        refused(hub.ask("blocking", port=port, ca=ca, name="other.test"), error, "Hostname mismatch")
        refused(hub.ask("get_aiohttp", port=port, ca=made.text("own.pem")), connector, "")
        expect("CERTIFICATE_VERIFY_FAILED" in hub.ask("get_httpx_roots", port=port)["text"], "httpx")
    with serving(made, "expired", "-rev") as port:
        expired = refused(hub.ask("open_connection", port=port, ca=ca), error, "certificate has expired")
        expect(expired["verify_code"] == "10", expired)
    with serving(made, "own", "-rev") as port:
        own = refused(hub.ask("open_connection", port=port, ca=ca), error, "self-signed certificate")
        expect(own["verify_code"] == "18", own)
        taken = answered(hub.ask("open_connection", port=port, ca=made.text("own.pem")))
        expect(taken["echo"] == "olleh\n", taken)
        unverified = answered(hub.ask("open_connection", port=port, ca=ca, unverified=True))
        expect(unverified["echo"] == "olleh\n" and unverified["subject"] == {} and unverified["der"] > 200, unverified)
    return wrong["text"]


@test
def other_ends(hub: Hub, made: Certificates) -> Any:
    """What is not TLS, too old, or closed."""
    ca = made.text("ca.pem")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        subprocess_ = subprocess.Popen(
            [sys.executable, "-c", "import socket,sys; s=socket.socket(fileno=int(sys.argv[1]));\n"
             "for _ in range(1): c,_=s.accept(); c.recv(1); c.sendall(b'HTTP/1.1 400 No\\r\\n\\r\\n'*9); c.close()\n"
             "c,_=s.accept(); c.recv(1); c.close()", str(listening.fileno())], pass_fds=[listening.fileno()],
        )  # fmt: skip
        port = listening.getsockname()[1]
        plain = hub.ask("open_connection", port=port, ca=ca)
        expect(plain.get("error") == "SSLError", plain)
        closed = hub.ask("open_connection", port=port, ca=ca)
        expect(closed.get("error") in ("SSLEOFError", "ConnectionResetError"), closed)
        subprocess_.wait()
    with serving(made, "server", "-rev", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0") as port:
        old = hub.ask("open_connection", port=port, ca=ca)
        expect(old.get("error") == "SSLError", old)
    with serving(made, "server", "-rev", "-tls1_3") as port:
        older = hub.ask("open_connection", port=port, ca=ca, maximum="TLSv1_2")
        expect(older.get("error") == "SSLError" and "PROTOCOL" in older["reason"], older)
    return {"plain": plain["text"], "closed": closed["text"], "old": old["text"], "older": older["text"]}


@test
def client_certificates(hub: Hub, made: Certificates) -> Any:
    ca = made.text("ca.pem")
    options = ("-rev", "-CAfile", str(made.path("ca.pem")), "-Verify", "2", "-verify_return_error")
    with serving(made, "server", *options) as port:
        without = hub.ask("open_connection", port=port, ca=ca)
        expect("error" in without or without["answer"]["echo"] == "", without)
    for key, password in (("client.key", None), ("hidden.key", "word")):
        with serving(made, "server", *options) as port:
            found = hub.ask(
                "open_connection", port=port, ca=ca, certificate=made.text(key, "client.pem"), password=password
            )
            expect(answered(found)["echo"] == "olleh\n", found)
    mixed = hub.ask("open_connection", port=1, ca=ca, certificate=made.text("rsa.key", "client.pem"))
    expect(mixed.get("error") == "SSLError", mixed)
    return {"without": without, "mixed": mixed["text"]}


@test
def upgrade(hub: Hub, made: Certificates) -> Any:
    ca = made.text("ca.pem")
    found = answered(hub.ask("upgrade", port=LISTENED, ca=ca, server=made.text("server.key", "server.pem")))
    expect(found["echo"] == "SECRET\n" and found["tls"] == "TLSv1.3", found)
    return found


@test
def server(hub: Hub, made: Certificates) -> Any:
    for verify, with_certificate, good in (
        ("CERT_NONE", False, True), ("CERT_OPTIONAL", False, True), ("CERT_REQUIRED", True, True),
        ("CERT_OPTIONAL", True, True),
    ):  # fmt: skip
        port = LISTENED
        command = [sys.executable, "-c", _CLIENT, str(port), str(made.path("ca.pem"))]
        if with_certificate:
            command += [str(made.path("client.pem")), str(made.path("client.key"))]
        peer = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        found = hub.ask(
            "server", port=port, ca=made.text("ca.pem"), server=made.text("rsa.key", "rsa.pem"), verify=verify
        )
        out, err = peer.communicate(timeout=20)
        expect(good and answered(found)["line"] == "hello\n" and out == "HELLO\n", (found, out, err))
        expect(bool(found["answer"]["der"]) is with_certificate and found["answer"]["alpn"] == "echo", found)
    return found["answer"]


_CLIENT = """
import socket, ssl, sys, time
context = ssl.create_default_context(cafile=sys.argv[2])
context.set_alpn_protocols(["echo"])
if len(sys.argv) > 3:
    context.load_cert_chain(sys.argv[3], sys.argv[4])
for _ in range(500):
    try:
        plain = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=10)
        break
    except ConnectionRefusedError:
        time.sleep(0.02)
tls = context.wrap_socket(plain, server_hostname="server.test")
tls.sendall(b"hello\\n")
print(tls.recv(100).decode(), end="")
"""


@test
def blocking(hub: Hub, made: Certificates) -> Any:
    with serving(made, "server", "-rev") as port:
        found = answered(hub.ask("blocking", port=port, ca=made.text("ca.pem")))
        expect(found["echo"] == "olleh\n" and "timed out" in found["timeout"], found)
    with serving(made, "server", "-rev") as port:
        selected = answered(hub.ask("not_blocking", port=port, ca=made.text("ca.pem")))
        expect(selected["echo"] == "olleh\n" and selected["pending"] == 3 and selected["waited"], selected)
    return selected


@test
def pages(hub: Hub, made: Certificates) -> Any:
    made.path("page.txt").write_text(PAGE)
    for name in ("get_urllib", "get_http_client", "get_aiohttp", "get_httpx"):
        with serving(made, "rsa", "-WWW") as port:
            found = answered(hub.ask(name, port=port, ca=made.text("ca.pem")))
            expect(found == {"status": 200, "text": PAGE}, (name, str(found)[:300]))
    with serving(made, "rsa", "-WWW") as port:
        websocket = hub.ask("get_websockets", port=port, ca=made.text("ca.pem"))
        expect(websocket.get("error") in ("InvalidStatus", "InvalidMessage"), websocket)
    return websocket["text"]


@test
def bulk(hub: Hub, made: Certificates) -> Any:
    port = free_port()
    echo = subprocess.Popen([sys.executable, "-c", _ECHO, str(port), str(made.path("server.pem")), str(made.path("server.key"))])
    try:
        wait_for(port)
        return answered(hub.ask("bulk", port=port, ca=made.text("ca.pem"), lines=100, size=60_000))
    finally:
        echo.kill()
        echo.wait()


_ECHO = """
import asyncio, ssl, sys
async def main():
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    async def echo(reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
    server = await asyncio.start_server(echo, "127.0.0.1", int(sys.argv[1]), ssl=context)
    await server.serve_forever()
asyncio.run(main())
"""


@test
def settings(hub: Hub, made: Certificates) -> Any:
    found = answered(hub.ask("settings"))
    for name, begins in {
        "tls1.1": "SSLError: ", "protocol": "ValueError: ", "ciphers": "SSLError: ", "callback": "NotImplementedError: ",
        "keylog": "NotImplementedError: ", "none": "ValueError: ", "cafile": "FileNotFoundError: ",
        "cadata": "SSLError: ", "many": "{None}", "kept": "90",
    }.items():  # fmt: skip
        expect(found[name].startswith(begins), (name, found[name]))
    roots = answered(hub.ask("home_roots"))
    expect(roots["some"] and roots["paths"] == "/etc/ssl/certs/ca-certificates.crt", roots)
    return found


@test
def noise(hub: Hub, made: Certificates) -> Any:
    found = answered(hub.ask("noise_handshake"))
    expect(found == {"text": "secret", "finished": True}, found)
    return found


@test
def absent(hub: Hub, made: Certificates) -> Any:
    found = answered(hub.ask("absent"))
    expect(len(found) == 5 and all('engine = "process"' in text for text in found.values()), found)
    return found


@test
def cryptography(hub: Hub, made: Certificates) -> Any:
    """The same cases with the component's package and with the real one."""
    openssl("ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", made.path("p384.key"))
    for name, options in (("encrypted256.key", ()), ("encrypted128.key", ("-v2", "aes-128-cbc", "-iter", "3000"))):
        openssl("pkcs8", "-topk8", *options, "-in", made.path("client.key"), "-out", made.path(name), "-passout", "pass:word")
    files = {
        name: made.text(name)
        for name in ("rsa.key", "p384.key", "client.key", "ed25519.key", "encrypted256.key", "encrypted128.key", "rsa.pem",
                     "server.pem", "ed25519.pem")
    }  # fmt: skip
    theirs = subprocess.run(
        [PYTHON, "-W", "ignore", HERE / "vectors.py"], input=json.dumps(files), capture_output=True, text=True, check=False
    )
    expect(theirs.returncode == 0, theirs.stderr)
    real: dict[str, Any] = json.loads(theirs.stdout)
    known = real.pop("KNOWN")
    ours = answered(hub.ask("cryptography", files=files))
    ours.pop("KNOWN")
    different = {name: (ours.get(name), value) for name, value in real.items() if ours.get(name) != value}
    expect(not different, json.dumps(different, indent=1)[:5000])
    wrong = [name for name, value in known.items() if ours[name] != value]
    expect(not wrong, wrong)
    return f"{len(real)} cases, {len(known)} of them known"


PYTHON = sys.executable


def main() -> int:
    global PYTHON
    parser = argparse.ArgumentParser()
    parser.add_argument("igloo")
    parser.add_argument("package", type=Path)
    parser.add_argument("--python", default=PYTHON)
    parser.add_argument("--case", action="append", dest="cases")
    given = parser.parse_args()
    PYTHON = given.python
    failed = passed = 0
    with tempfile.TemporaryDirectory() as directory:
        where = Path(directory)
        os.chmod(where, 0o755)
        (where / "certificates").mkdir()
        made = Certificates(where / "certificates")
        hub = Hub(given.igloo, given.package, where)
        try:
            for name in given.cases or TESTS:
                try:
                    print(f"{name}: {str(TESTS[name](hub, made))[:1500]}", flush=True)
                    passed += 1
                except (Failed, RuntimeError) as error:
                    print(f"{name}: FAILED\n{error}", flush=True)
                    failed += 1
            if failed:
                print(hub.call("logs", "python-tls-cases"))
        finally:
            hub.stop()
            if failed:
                print((where / "hub.log").read_text()[-3000:])
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
