from __future__ import annotations

import pytest

from igloo import Access, Device, EmitError, Home, Trigger, WriteError, _host, kinds

from .fake import FakeHost


def test_a_device_is_described_and_its_parts_get_their_handles(host: FakeHost) -> None:
    lamp = Device("lamp-1", "Lamp", manufacturer="Acme", serial_number=None)
    bulb = lamp.entity("bulb", "Bulb", category="primary").light()
    switch = bulb.switch(writable=True)
    mode = bulb.climate_mode(options=["heat"])
    ring = bulb.doorbell(["ring"])
    Home().describe(lamp)
    (described,) = host.devices
    assert described.attributes == (("manufacturer", ("text", "Acme")),)
    (entity,) = described.entities
    assert entity.attributes == (("category", ("text", "primary")),)
    shown = [(part.kind, part.access, part.attributes) for part in entity.components]
    assert shown == [
        ("light", "read", ()),
        ("switch", "read-write", ()),
        ("climate-mode", "read", (("options", ("texts", ["heat"])),)),
        ("doorbell", "event", (("options", ("texts", ["ring"])),)),
    ]
    switch.write(True)
    Home().write([switch.to(False), mode.to(kinds.ClimateMode.HEAT), switch.to_unknown()])
    ring.emit("ring", 3)
    assert host.said == [
        [(11, ("boolean", True))],
        [(11, ("boolean", False)), (12, ("choice", 2)), (11, ("unknown", None))],
        (13, "ring", ("integer", 3)),
    ]


def test_an_entity_has_one_component_of_a_kind() -> None:
    entity = Device("d", "D").entity("e", "E")
    power = entity.power(precision=1)
    assert entity.power(unit="kW", writable=True) is power
    assert power.access is Access.READ_WRITE
    assert [key for key, _ in power.describe().attributes] == ["precision", "unit"]
    assert entity.cover_command().access is Access.COMMAND
    assert isinstance(entity.trigger(), Trigger)


def test_kinds_may_be_known_by_name_only(host: FakeHost) -> None:
    device = Device("d", "D")
    entity = device.entity("e", "E")
    power, future = entity.component("power"), entity.component("of-the-future")
    with pytest.raises(TypeError):
        entity.component("light")
    Home().describe(device)
    power.write(3)
    future.write(3)
    assert host.said == [[(10, ("real", 3.0))], [(11, ("integer", 3))]]


def test_what_is_refused_is_told_by_name(host: FakeHost) -> None:
    device = Device("d", "D")
    power, ring = device.entity("e", "E").power(), device.entity("e", "E").button(["press"])
    with pytest.raises(WriteError, match="refused: d/e/power: its device is not described"):
        power.write(1)
    with pytest.raises(EmitError, match="d/e/button: the event's device is not described"):
        ring.emit("press")
    Home().describe(device)
    host.bad = [_host.BadUpdate(0, "wrong-type", "")]
    with pytest.raises(WriteError) as error:
        power.write(float("nan"))
    assert error.value.refused[0].code == "wrong-type"
    with pytest.raises(TypeError, match="d/e/power: wanted a number, got 'x'"):
        power.write("x")  # type: ignore[arg-type]
