"""MQTT, with mosquitto and its tools."""

from __future__ import annotations

from host.bench import Bench, Engine, Program, Row, ask, find, free_port, same


def _exchange(bench: Bench, engine: Engine, library: str) -> None:
    port = free_port()
    with Program(find("mosquitto"), "-v", "-p", str(port), says="running") as broker:
        tool = ("-h", "127.0.0.1", "-p", str(port), "-q", "1", "-t")
        ask("mosquitto_pub", *tool, "lamp/set", "-r", "-m", "on")
        answer = bench.exchange("network", library, [f"tcp://127.0.0.1:{port}"], engine, port=port, text="it is on")
        same(answer, {"topic": "lamp/set", "payload": "on", "retained": True})
        state = ask("mosquitto_sub", *tool, f"lamp/state/{library}", "-C", "1", "-W", "10")
        same(state, "it is on\n")
        broker.says(f"Received DISCONNECT from {library}")


WHAT = "Got a retained message; published one at QoS 1, which another client got; said goodbye"


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
