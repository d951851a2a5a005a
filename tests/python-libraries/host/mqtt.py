"""MQTT, with mosquitto and its tools."""

from __future__ import annotations

from host.bench import Bench, Engine, Program, Row, ask, find, free_port, same
from host.web import CHECKED

LISTENER = """\
listener {port} 127.0.0.1
allow_anonymous true
"""
TLS = """\
certfile {certificate}
keyfile {key}
"""


def _broker(bench: Bench, plain: int, tls: int | None = None, *, trusted: bool = True) -> Program:
    """mosquitto, on one or two ports of 127.0.0.1."""
    # It would become a user of its own, who may not read the key.
    configuration = "user root\nper_listener_settings true\n" + LISTENER.format(port=plain)
    if tls is not None:
        certificate, key = bench.authority(trusted=trusted).server
        configuration += LISTENER.format(port=tls) + TLS.format(certificate=certificate, key=key)
    file = bench.folder / f"mosquitto-{plain}.conf"
    file.write_text(configuration)
    return Program(find("mosquitto"), "-v", "-c", file, says="running")


def _exchange(bench: Bench, engine: Engine, library: str, *, tls: bool = False) -> None:
    plain, secret = free_port(), free_port() if tls else None
    port, scheme = (plain, "mqtt") if secret is None else (secret, "mqtts")
    with _broker(bench, plain, secret) as broker:
        tool = ("-h", "127.0.0.1", "-p", str(plain), "-q", "1", "-t")
        ask("mosquitto_pub", *tool, "lamp/set", "-r", "-m", "on")
        grants = [f"tcp://127.0.0.1:{port}"]
        answer = bench.exchange("network", library, grants, engine, port=port, text=f"{scheme}:it is on")
        same(answer, {"topic": "lamp/set", "payload": "on", "retained": True})
        state = ask("mosquitto_sub", *tool, f"lamp/state/{library}", "-C", "1", "-W", "10")
        same(state, "it is on\n")
        broker.says(f"Received DISCONNECT from {library}")
    if tls:
        plain, port = free_port(), free_port()
        with _broker(bench, plain, port, trusted=False):
            bench.refuses("network", library, port, engine, "mqtts:it is on")


WHAT = "Got a retained message; published one at QoS 1, which another client got; said goodbye"


def _tls(bench: Bench, engine: Engine, library: str) -> Row:
    _exchange(bench, engine, library, tls=True)
    return Row(library, engine, True, "mosquitto, TLS", f"mqtts: the same. {CHECKED}")


def gmqtt_tls(bench: Bench, engine: Engine) -> Row:
    return _tls(bench, engine, "gmqtt")


def aiomqtt_tls(bench: Bench, engine: Engine) -> Row:
    return _tls(bench, engine, "aiomqtt")


def paho_tls(bench: Bench, engine: Engine) -> Row:
    return _tls(bench, engine, "paho-mqtt")


def gmqtt(bench: Bench, engine: Engine) -> Row:
    _exchange(bench, engine, "gmqtt")
    return Row("gmqtt", engine, True, "mosquitto", WHAT)


def aiomqtt(bench: Bench, engine: Engine) -> Row:
    _exchange(bench, engine, "aiomqtt")
    return Row("aiomqtt", engine, True, "mosquitto", WHAT)


def paho(bench: Bench, engine: Engine) -> Row:
    _exchange(bench, engine, "paho-mqtt")
    return Row(
        "paho-mqtt",
        engine,
        True,
        "mosquitto",
        f"In asyncio's loop, by its callbacks for that (a component has no threads). {WHAT}",
    )
