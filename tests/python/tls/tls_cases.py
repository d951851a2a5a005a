"""What Python's libraries do with TLS and cryptography, one action for each, in a component.

`run.py` beside it makes the certificates, serves with `openssl s_server`, and asks. An action answers what came of it,
or the exception's type and text: a case that is to fail is a case too.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import ssl
import traceback
import urllib.request
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import httpx
import noise.connection
import websockets.asyncio.client
from cryptography.hazmat.primitives.kdf import scrypt as scrypt  # For `absent`.
from igloo import Provider, action

import vectors

HOST = "127.0.0.1"
Parameters = dict[str, Any]
CASES: dict[str, Callable[[Parameters], Awaitable[Any]]] = {}


def case(function: Callable[[Parameters], Awaitable[Any]]) -> Callable[[Parameters], Awaitable[Any]]:
    CASES[function.__name__] = function
    return function


# Made while the component is, as libraries do.
EARLY = ssl.create_default_context()


def client(given: Parameters) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=given["ca"])
    if given.get("unverified"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if given.get("any_name"):
        context.check_hostname = False
    if "alpn" in given:
        context.set_alpn_protocols(given["alpn"])
    if "maximum" in given:
        context.maximum_version = getattr(ssl.TLSVersion, given["maximum"])
    if "certificate" in given:
        load_chain(context, given["certificate"], given.get("password"))
    return context


def load_chain(context: ssl.SSLContext, pem: str, password: str | None = None) -> None:
    """There are files in a component's own directory only."""
    with open("/data/chain.pem", "w", encoding="ascii") as file:
        file.write(pem)
    context.load_cert_chain("/data/chain.pem", password=password)


def shown(tls: Any) -> dict[str, Any]:
    certificate = tls.getpeercert()
    return {
        "version": tls.version(),
        "cipher": tls.cipher(),
        "alpn": tls.selected_alpn_protocol(),
        "subject": certificate.get("subject") if certificate else certificate,
        "names": certificate.get("subjectAltName") if certificate else None,
        "der": len(tls.getpeercert(True) or b""),
    }


@case
async def open_connection(given: Parameters) -> Any:
    """asyncio's streams; the peer sends back what it gets, reversed (`openssl s_server -rev`)."""
    name = given.get("name", "server.test")
    context = client(given)
    reader, writer = await asyncio.open_connection(HOST, given["port"], ssl=context, server_hostname=name)
    answer = shown(writer.get_extra_info("ssl_object"))
    writer.write(b"hello\n")
    await writer.drain()
    answer["echo"] = (await reader.readline()).decode()
    writer.close()
    await writer.wait_closed()
    return answer


@case
async def early_context(given: Parameters) -> Any:
    """A context from when the component was made, with the home's roots."""
    return await asyncio.open_connection(HOST, given["port"], ssl=EARLY, server_hostname="server.test")


@case
async def home_roots(given: Parameters) -> Any:
    roots = EARLY.get_ca_certs(binary_form=True)
    return {"some": len(roots) > 50, "paths": ssl.get_default_verify_paths().cafile}


@case
async def bulk(given: Parameters) -> Any:
    """Much in both directions."""
    context = client(given)
    reader, writer = await asyncio.open_connection(HOST, given["port"], ssl=context, server_hostname="server.test")
    lines, size = given["lines"], given["size"]

    async def send() -> None:
        for number in range(lines):
            writer.write(b"%d" % (number % 10) * size + b"\n")
            await writer.drain()

    sending = asyncio.create_task(send())
    began = asyncio.get_running_loop().time()
    for number in range(lines):
        line = await reader.readuntil(b"\n")
        assert line == b"%d" % (number % 10) * size + b"\n", (number, len(line))
    await sending
    took = asyncio.get_running_loop().time() - began
    writer.close()
    return {"mib_per_s": round(2 * lines * size / took / 2**20, 1)}


@case
async def upgrade(given: Parameters) -> Any:
    """A plain connection to a server in this provider that becomes a secret one at both ends (STARTTLS)."""
    server_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    load_chain(server_context, given["server"])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readline() == b"STARTTLS\n"
        writer.write(b"go\n")
        await writer.drain()
        await writer.start_tls(server_context)
        writer.write((await reader.readline()).upper())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, HOST, given["port"])
    try:
        reader, writer = await asyncio.open_connection(HOST, given["port"])
        writer.write(b"STARTTLS\n")
        assert await reader.readline() == b"go\n"
        await writer.start_tls(client(given), server_hostname="server.test")
        writer.write(b"secret\n")
        answer = await reader.readline()
        writer.close()
        return {"echo": answer.decode(), "tls": writer.get_extra_info("ssl_object").version()}
    finally:
        server.close()


@case
async def server(given: Parameters) -> Any:
    """Serves one line to whoever comes (`openssl s_client`), with a client's certificate if one is asked for."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=given["ca"])
    load_chain(context, given["server"])
    context.verify_mode = getattr(ssl, given.get("verify", "CERT_NONE"))
    context.set_alpn_protocols(["echo"])
    done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answer = shown(writer.get_extra_info("ssl_object"))
        line = await reader.readline()
        writer.write(line.upper())
        await writer.drain()
        writer.close()
        done.set_result(answer | {"line": line.decode()})

    listening = await asyncio.start_server(serve, HOST, given["port"], ssl=context)
    try:
        return await asyncio.wait_for(done, 10)
    finally:
        listening.close()


@case
async def blocking(given: Parameters) -> Any:
    """`wrap_socket` over a blocking socket."""
    with socket.create_connection((HOST, given["port"]), timeout=10) as plain:
        with client(given).wrap_socket(plain, server_hostname=given.get("name", "server.test")) as tls:
            answer = shown(tls)
            tls.sendall(b"hello\n")
            answer["echo"] = tls.recv(100).decode()
            tls.settimeout(0.05)
            try:
                tls.recv(1)
            except TimeoutError as error:
                answer["timeout"] = str(error)
            return answer


@case
async def not_blocking(given: Parameters) -> Any:
    """As paho-mqtt does: a socket that does not block, selected on."""
    import select_on

    return select_on.exchange(client(given), HOST, given["port"])


@case
async def get_aiohttp(given: Parameters) -> Any:
    connector = aiohttp.TCPConnector(ssl=client(given))
    async with aiohttp.ClientSession(connector=connector) as session:
        async with session.get(f"https://{HOST}:{given['port']}/page.txt") as response:
            return {"status": response.status, "text": await response.text()}


@case
async def get_httpx(given: Parameters) -> Any:
    async with httpx.AsyncClient(verify=client(given)) as session:
        response = await session.get(f"https://{HOST}:{given['port']}/page.txt")
        return {"status": response.status_code, "text": response.text}


@case
async def get_httpx_roots(given: Parameters) -> Any:
    """With what httpx takes for roots by itself: certifi's."""
    async with httpx.AsyncClient() as session:
        await session.get(f"https://{HOST}:{given['port']}/page.txt")


@case
async def get_urllib(given: Parameters) -> Any:
    opened = urllib.request.urlopen(f"https://{HOST}:{given['port']}/page.txt", context=client(given), timeout=10)
    with opened as response:
        return {"status": response.status, "text": response.read().decode()}


@case
async def get_http_client(given: Parameters) -> Any:
    connection = http.client.HTTPSConnection(HOST, given["port"], context=client(given), timeout=10)
    connection.request("GET", "/page.txt")
    response = connection.getresponse()
    return {"status": response.status, "text": response.read().decode()}


@case
async def get_websockets(given: Parameters) -> Any:
    """Against a page: the handshake of TLS is done, that of WebSocket is refused."""
    await websockets.asyncio.client.connect(f"wss://{HOST}:{given['port']}/page.txt", ssl=client(given))


@case
async def settings(given: Parameters) -> Any:
    """What cannot be had is an error, and contexts hold what they are given."""

    def tried(function: Callable[[], Any]) -> str:
        try:
            return repr(function())
        except Exception as error:
            return f"{type(error).__name__}: {error}"

    def begun() -> ssl.SSLObject:
        """A connection with a context of its own."""
        return ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), False, "x.test")

    context = ssl.create_default_context()
    return {
        "openssl": ssl.OPENSSL_VERSION,
        "tls1.1": tried(lambda: setattr(context, "maximum_version", ssl.TLSVersion.TLSv1_1)),
        "protocol": tried(lambda: ssl.SSLContext(ssl.PROTOCOL_TLSv1)),
        "ciphers": tried(lambda: context.set_ciphers("RC4-SHA")),
        "callback": tried(lambda: setattr(context, "sni_callback", print)),
        "keylog": tried(lambda: setattr(context, "keylog_filename", "/data/keys")),
        "none": tried(lambda: setattr(context, "verify_mode", ssl.CERT_NONE)),
        "cafile": tried(lambda: context.load_verify_locations("/nowhere")),
        "cadata": tried(lambda: context.load_verify_locations(cadata="nothing")),
        "pem": ssl.PEM_cert_to_DER_cert(ssl.DER_cert_to_PEM_cert(b"abc")).decode(),
        "many": tried(lambda: {begun().version() for _ in range(300)}),
        "kept": tried(lambda: len([begun() for _ in range(90)])),
    }  # fmt: skip


@case
async def cryptography(given: Parameters) -> Any:
    return vectors.results(given["files"])


@case
async def absent(given: Parameters) -> Any:
    """What is not there says so."""
    found = {}
    for text in (
        "from cryptography.hazmat.primitives.asymmetric import dh",
        "import cryptography.hazmat.primitives.serialization.pkcs12",
        "from cryptography.x509 import CertificateBuilder",
        "from cryptography.hazmat.primitives.asymmetric import rsa; rsa.generate_private_key(65537, 2048)",
        "from cryptography.hazmat.primitives.kdf.scrypt import Scrypt; Scrypt(b'', 1, 2, 3, 4)",
    ):
        try:
            exec(text, {})
        except Exception as error:
            found[text] = f"{type(error).__name__}: {error}"
    return found


@case
async def noise_handshake(given: Parameters) -> Any:
    """The Noise protocol that ESPHome's devices speak, with both ends here."""
    ends = []
    for initiator in (True, False):
        end = noise.connection.NoiseConnection.from_name(b"Noise_NNpsk0_25519_ChaChaPoly_SHA256")
        end.set_psks(bytes(32))
        (end.set_as_initiator if initiator else end.set_as_responder)()
        end.start_handshake()
        ends.append(end)
    one, other = ends
    other.read_message(one.write_message())
    one.read_message(other.write_message())
    return {"text": other.decrypt(one.encrypt(b"secret")).decode(), "finished": one.handshake_finished}


class TlsCases(Provider[None]):
    @action
    async def ask(self, name: str, given: str) -> str:
        """Answers a JSON text: strings of any length pass."""
        try:
            answer = {"answer": await CASES[name](json.loads(given))}
        except Exception as error:
            answer = {"error": type(error).__name__, "text": str(error), "traceback": traceback.format_exc(limit=-4)}
            for attribute in ("reason", "verify_code", "verify_message"):
                if hasattr(error, attribute):
                    answer[attribute] = repr(getattr(error, attribute))
            cause = error.__cause__ or error.__context__
            if cause is not None:
                answer["cause"] = f"{type(cause).__name__}: {cause}"
        return json.dumps(answer)
