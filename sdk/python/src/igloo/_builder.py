# Generated from `model/components.toml` and `model/attributes.toml` by `cargo xtask generate`; change those.
"""What an entity can have: one method for each component kind. See [`igloo.Entity`]."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar, Unpack

from igloo import kinds
from igloo._kind import EventKind, Kind, Marker, TriggerKind
from igloo._parts import Component, Event, Trigger
from igloo.values import Color

if TYPE_CHECKING:
    from typing import Self

    from igloo._attributes import ComponentAttributes

T = TypeVar("T")


class EntityKinds:
    """The methods of an entity that add a component."""

    def _component(
        self, kind: Kind[T], writable: bool, command_only: bool, attributes: ComponentAttributes
    ) -> Component[T]:
        raise NotImplementedError

    def _mark(self, kind: Marker) -> None:
        raise NotImplementedError

    def _event(self, kind: EventKind, events: tuple[str, ...], attributes: ComponentAttributes) -> Event:
        raise NotImplementedError

    def _trigger(self, kind: TriggerKind, attributes: ComponentAttributes) -> Trigger:
        raise NotImplementedError

    def integer(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[int]:
        """`integer`: An integer whose meaning the entity's name and attributes give."""
        return self._component(kinds.INTEGER, writable, command_only, attributes)

    def real(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`real`: A real whose meaning the entity's name and attributes give."""
        return self._component(kinds.REAL, writable, command_only, attributes)

    def text(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[str]:
        """`text`: A text whose meaning the entity's name and attributes give."""
        return self._component(kinds.TEXT, writable, command_only, attributes)

    def boolean(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[bool]:
        """`boolean`: A boolean whose meaning the entity's name and attributes give."""
        return self._component(kinds.BOOLEAN, writable, command_only, attributes)

    def color(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[Color]:
        """`color`: A color whose meaning the entity's name and attributes give."""
        return self._component(kinds.COLOR, writable, command_only, attributes)

    def date(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[dt.date]:
        """`date`: A date whose meaning the entity's name and attributes give."""
        return self._component(kinds.DATE, writable, command_only, attributes)

    def time(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[dt.time]:
        """`time`: A time of day whose meaning the entity's name and attributes give."""
        return self._component(kinds.TIME, writable, command_only, attributes)

    def integer_list(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[list[int]]:
        """`integer-list`: A list of integers."""
        return self._component(kinds.INTEGER_LIST, writable, command_only, attributes)

    def real_list(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[list[float]]:
        """`real-list`: A list of reals."""
        return self._component(kinds.REAL_LIST, writable, command_only, attributes)

    def text_list(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[list[str]]:
        """`text-list`: A list of texts."""
        return self._component(kinds.TEXT_LIST, writable, command_only, attributes)

    def boolean_list(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[list[bool]]:
        """`boolean-list`: A list of booleans."""
        return self._component(kinds.BOOLEAN_LIST, writable, command_only, attributes)

    def color_list(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[list[Color]]:
        """`color-list`: A list of colors."""
        return self._component(kinds.COLOR_LIST, writable, command_only, attributes)

    def date_list(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[list[dt.date]]:
        """`date-list`: A list of dates."""
        return self._component(kinds.DATE_LIST, writable, command_only, attributes)

    def time_list(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[list[dt.time]]:
        """`time-list`: A list of times of day."""
        return self._component(kinds.TIME_LIST, writable, command_only, attributes)

    def timestamp(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[dt.datetime]:
        """`timestamp`: An instant, such as the last time something happened."""
        return self._component(kinds.TIMESTAMP, writable, command_only, attributes)

    def duration(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[dt.timedelta]:
        """`duration`: A length of time. In ns."""
        return self._component(kinds.DURATION, writable, command_only, attributes)

    def weekday(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[kinds.Weekday]:
        """`weekday`: A day of the week."""
        return self._component(kinds.WEEKDAY, writable, command_only, attributes)

    def trigger(self, **attributes: Unpack[ComponentAttributes]) -> Trigger:
        """`trigger`: Can be asked to act, and has no state: a button on a screen. Its access is `command`."""
        return self._trigger(kinds.TRIGGER, attributes)

    def button(self, events: Iterable[str], **attributes: Unpack[ComponentAttributes]) -> Event:
        """`button`: A physical button. Its events are in `options`, such as `press`, `double-press`, `hold`.
        `events` are what it emits, such as `press`."""
        return self._event(kinds.BUTTON, tuple(events), attributes)

    def doorbell(self, events: Iterable[str], **attributes: Unpack[ComponentAttributes]) -> Event:
        """`doorbell`: Somebody rings. `events` are what it emits, such as `press`."""
        return self._event(kinds.DOORBELL, tuple(events), attributes)

    def light(self) -> Self:
        """`light`: A light."""
        self._mark(kinds.LIGHT)
        return self

    def outlet(self) -> Self:
        """`outlet`: A switched socket."""
        self._mark(kinds.OUTLET)
        return self

    def cover(self) -> Self:
        """`cover`: A blind, curtain, shutter or garage door."""
        self._mark(kinds.COVER)
        return self

    def valve(self) -> Self:
        """`valve`: A valve."""
        self._mark(kinds.VALVE)
        return self

    def siren(self) -> Self:
        """`siren`: A siren."""
        self._mark(kinds.SIREN)
        return self

    def sensor(self) -> Self:
        """`sensor`: A sensor."""
        self._mark(kinds.SENSOR)
        return self

    def fan(self) -> Self:
        """`fan`: A fan."""
        self._mark(kinds.FAN)
        return self

    def climate(self) -> Self:
        """`climate`: A thermostat, heat pump or air conditioner."""
        self._mark(kinds.CLIMATE)
        return self

    def lock(self) -> Self:
        """`lock`: A lock."""
        self._mark(kinds.LOCK)
        return self

    def media_player(self) -> Self:
        """`media-player`: A media player."""
        self._mark(kinds.MEDIA_PLAYER)
        return self

    def alarm(self) -> Self:
        """`alarm`: An alarm system."""
        self._mark(kinds.ALARM)
        return self

    def meter(self) -> Self:
        """`meter`: A meter of a utility."""
        self._mark(kinds.METER)
        return self

    def config(self) -> Self:
        """`config`: A setting of the device itself."""
        self._mark(kinds.CONFIG)
        return self

    def diagnostic(self) -> Self:
        """`diagnostic`: Tells about the device itself."""
        self._mark(kinds.DIAGNOSTIC)
        return self

    def text_select(self) -> Self:
        """`text-select`: A choice among the entity's `options`, held in its `text` component."""
        self._mark(kinds.TEXT_SELECT)
        return self

    def switch(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[bool]:
        """`switch`: On or off. As commanded and as confirmed by the device."""
        return self._component(kinds.SWITCH, writable, command_only, attributes)

    def dimmer(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`dimmer`: Brightness as the eye sees it. From 0 to 1."""
        return self._component(kinds.DIMMER, writable, command_only, attributes)

    def color_temperature(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[int]:
        """`color-temperature`: Correlated colour temperature. In K. From 1000 to 20000."""
        return self._component(kinds.COLOR_TEMPERATURE, writable, command_only, attributes)

    def color_mode(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[kinds.ColorMode]:
        """`color-mode`: Which of the colour components is in force."""
        return self._component(kinds.COLOR_MODE, writable, command_only, attributes)

    def light_effect(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[str]:
        """`light-effect`: The effect that runs, one of the entity's `options`; empty for none."""
        return self._component(kinds.LIGHT_EFFECT, writable, command_only, attributes)

    def volume(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`volume`: Loudness. From 0 to 1."""
        return self._component(kinds.VOLUME, writable, command_only, attributes)

    def muted(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[bool]:
        """`muted`: Whether it is silent whatever the volume."""
        return self._component(kinds.MUTED, writable, command_only, attributes)

    def media_state(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[kinds.MediaState]:
        """`media-state`: What a player does."""
        return self._component(kinds.MEDIA_STATE, writable, command_only, attributes)

    def media_title(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[str]:
        """`media-title`: What is playing."""
        return self._component(kinds.MEDIA_TITLE, writable, command_only, attributes)

    def fan_speed(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[kinds.FanSpeed]:
        """`fan-speed`: A fan's speed by name."""
        return self._component(kinds.FAN_SPEED, writable, command_only, attributes)

    def fan_level(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`fan-level`: A fan's speed as a share of its highest. From 0 to 1."""
        return self._component(kinds.FAN_LEVEL, writable, command_only, attributes)

    def fan_direction(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[kinds.FanDirection]:
        """`fan-direction`: Which way it turns."""
        return self._component(kinds.FAN_DIRECTION, writable, command_only, attributes)

    def fan_oscillation(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[kinds.FanOscillation]:
        """`fan-oscillation`: How it swings."""
        return self._component(kinds.FAN_OSCILLATION, writable, command_only, attributes)

    def climate_mode(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[kinds.ClimateMode]:
        """`climate-mode`: What a thermostat was asked to do."""
        return self._component(kinds.CLIMATE_MODE, writable, command_only, attributes)

    def climate_action(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[kinds.ClimateAction]:
        """`climate-action`: What it does at this moment."""
        return self._component(kinds.CLIMATE_ACTION, writable, command_only, attributes)

    def target_temperature(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`target-temperature`: The temperature asked for. In °C. At least -273.15."""
        return self._component(kinds.TARGET_TEMPERATURE, writable, command_only, attributes)

    def target_temperature_low(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`target-temperature-low`: The lower end of the range asked for. In °C. At least -273.15."""
        return self._component(kinds.TARGET_TEMPERATURE_LOW, writable, command_only, attributes)

    def target_temperature_high(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`target-temperature-high`: The upper end of the range asked for. In °C. At least -273.15."""
        return self._component(kinds.TARGET_TEMPERATURE_HIGH, writable, command_only, attributes)

    def target_humidity(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`target-humidity`: The relative humidity asked for. In %. From 0 to 100."""
        return self._component(kinds.TARGET_HUMIDITY, writable, command_only, attributes)

    def lock_state(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[kinds.LockState]:
        """`lock-state`: What the lock says of itself."""
        return self._component(kinds.LOCK_STATE, writable, command_only, attributes)

    def target_lock(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[bool]:
        """`target-lock`: Locked (true) or unlocked (false), as asked for."""
        return self._component(kinds.TARGET_LOCK, writable, command_only, attributes)

    def cover_state(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[kinds.CoverState]:
        """`cover-state`: What a cover does."""
        return self._component(kinds.COVER_STATE, writable, command_only, attributes)

    def cover_command(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[kinds.CoverCommand]:
        """`cover-command`: What a cover is asked to do. Its access is `command`."""
        return self._component(kinds.COVER_COMMAND, writable, command_only, attributes)

    def position(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`position`: How far it is open: 0 closed, 1 open. From 0 to 1."""
        return self._component(kinds.POSITION, writable, command_only, attributes)

    def target_position(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`target-position`: How far it was asked to open. From 0 to 1."""
        return self._component(kinds.TARGET_POSITION, writable, command_only, attributes)

    def tilt(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`tilt`: How far the slats are turned: 0 closed, 1 open. From 0 to 1."""
        return self._component(kinds.TILT, writable, command_only, attributes)

    def target_tilt(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`target-tilt`: How far the slats were asked to turn. From 0 to 1."""
        return self._component(kinds.TARGET_TILT, writable, command_only, attributes)

    def valve_state(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[kinds.ValveState]:
        """`valve-state`: What a valve does."""
        return self._component(kinds.VALVE_STATE, writable, command_only, attributes)

    def alarm_state(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[kinds.AlarmState]:
        """`alarm-state`: What an alarm system does."""
        return self._component(kinds.ALARM_STATE, writable, command_only, attributes)

    def siren_active(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[bool]:
        """`siren-active`: Whether the siren sounds."""
        return self._component(kinds.SIREN_ACTIVE, writable, command_only, attributes)

    def temperature(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`temperature`: Temperature. In °C. At least -273.15."""
        return self._component(kinds.TEMPERATURE, writable, command_only, attributes)

    def humidity(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`humidity`: Relative humidity. In %. From 0 to 100."""
        return self._component(kinds.HUMIDITY, writable, command_only, attributes)

    def pressure(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`pressure`: Pressure. In Pa."""
        return self._component(kinds.PRESSURE, writable, command_only, attributes)

    def illuminance(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`illuminance`: Illuminance. In lx. At least 0."""
        return self._component(kinds.ILLUMINANCE, writable, command_only, attributes)

    def power(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`power`: Active power drawn; negative when given back. In W."""
        return self._component(kinds.POWER, writable, command_only, attributes)

    def apparent_power(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`apparent-power`: Apparent power. In VA."""
        return self._component(kinds.APPARENT_POWER, writable, command_only, attributes)

    def reactive_power(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`reactive-power`: Reactive power. In var."""
        return self._component(kinds.REACTIVE_POWER, writable, command_only, attributes)

    def power_factor(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`power-factor`: Power factor. From -1 to 1."""
        return self._component(kinds.POWER_FACTOR, writable, command_only, attributes)

    def energy(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`energy`: Energy, a total that only rises unless its attributes say otherwise. In Wh."""
        return self._component(kinds.ENERGY, writable, command_only, attributes)

    def reactive_energy(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`reactive-energy`: Reactive energy. In varh."""
        return self._component(kinds.REACTIVE_ENERGY, writable, command_only, attributes)

    def voltage(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`voltage`: Voltage. In V."""
        return self._component(kinds.VOLTAGE, writable, command_only, attributes)

    def current(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`current`: Electric current. In A."""
        return self._component(kinds.CURRENT, writable, command_only, attributes)

    def frequency(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`frequency`: Frequency. In Hz. At least 0."""
        return self._component(kinds.FREQUENCY, writable, command_only, attributes)

    def gas_volume(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`gas-volume`: Volume of gas, a total. In m³. At least 0."""
        return self._component(kinds.GAS_VOLUME, writable, command_only, attributes)

    def water_volume(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`water-volume`: Volume of water, a total. In m³. At least 0."""
        return self._component(kinds.WATER_VOLUME, writable, command_only, attributes)

    def volume_flow(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`volume-flow`: Volume per time. In m³/h."""
        return self._component(kinds.VOLUME_FLOW, writable, command_only, attributes)

    def heat_energy(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`heat-energy`: Energy of heat or cold delivered, a total. In Wh."""
        return self._component(kinds.HEAT_ENERGY, writable, command_only, attributes)

    def co2(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`co2`: Carbon dioxide. In ppm. At least 0."""
        return self._component(kinds.CO2, writable, command_only, attributes)

    def voc(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`voc`: Volatile organic compounds. In µg/m³. At least 0."""
        return self._component(kinds.VOC, writable, command_only, attributes)

    def pm2_5(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`pm2-5`: Particles below 2.5 µm. In µg/m³. At least 0."""
        return self._component(kinds.PM2_5, writable, command_only, attributes)

    def pm10(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`pm10`: Particles below 10 µm. In µg/m³. At least 0."""
        return self._component(kinds.PM10, writable, command_only, attributes)

    def wind_speed(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`wind-speed`: Wind speed. In m/s. At least 0."""
        return self._component(kinds.WIND_SPEED, writable, command_only, attributes)

    def wind_bearing(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`wind-bearing`: Where the wind comes from: 0 north, 90 east. In °. From 0 to 360."""
        return self._component(kinds.WIND_BEARING, writable, command_only, attributes)

    def rain_rate(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`rain-rate`: Rain per hour. In mm/h. At least 0."""
        return self._component(kinds.RAIN_RATE, writable, command_only, attributes)

    def distance(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`distance`: Distance. In m."""
        return self._component(kinds.DISTANCE, writable, command_only, attributes)

    def speed(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`speed`: Speed. In m/s."""
        return self._component(kinds.SPEED, writable, command_only, attributes)

    def mass(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`mass`: Mass. In kg."""
        return self._component(kinds.MASS, writable, command_only, attributes)

    def sound_level(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`sound-level`: Sound pressure level. In dB."""
        return self._component(kinds.SOUND_LEVEL, writable, command_only, attributes)

    def signal_strength(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`signal-strength`: Received signal strength. In dBm."""
        return self._component(kinds.SIGNAL_STRENGTH, writable, command_only, attributes)

    def battery(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`battery`: Charge of a battery. In %. From 0 to 100."""
        return self._component(kinds.BATTERY, writable, command_only, attributes)

    def percentage(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`percentage`: A share of something. In %."""
        return self._component(kinds.PERCENTAGE, writable, command_only, attributes)

    def uptime(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[float]:
        """`uptime`: Seconds since the device started. In s. At least 0."""
        return self._component(kinds.UPTIME, writable, command_only, attributes)

    def count(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[int]:
        """`count`: A number of things or events. At least 0."""
        return self._component(kinds.COUNT, writable, command_only, attributes)

    def tariff(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[int]:
        """`tariff`: The tariff in force, as the meter numbers it. At least 0."""
        return self._component(kinds.TARIFF, writable, command_only, attributes)

    def motion(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[bool]:
        """`motion`: Motion is seen."""
        return self._component(kinds.MOTION, writable, command_only, attributes)

    def occupancy(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[bool]:
        """`occupancy`: Somebody is there."""
        return self._component(kinds.OCCUPANCY, writable, command_only, attributes)

    def contact(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[bool]:
        """`contact`: A door or window is open."""
        return self._component(kinds.CONTACT, writable, command_only, attributes)

    def smoke(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[bool]:
        """`smoke`: Smoke is detected."""
        return self._component(kinds.SMOKE, writable, command_only, attributes)

    def gas_leak(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[bool]:
        """`gas-leak`: Gas is detected."""
        return self._component(kinds.GAS_LEAK, writable, command_only, attributes)

    def water_leak(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[bool]:
        """`water-leak`: Water is detected."""
        return self._component(kinds.WATER_LEAK, writable, command_only, attributes)

    def tamper(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[bool]:
        """`tamper`: The device was tampered with."""
        return self._component(kinds.TAMPER, writable, command_only, attributes)

    def problem(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[bool]:
        """`problem`: The device has a problem."""
        return self._component(kinds.PROBLEM, writable, command_only, attributes)

    def charging(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[bool]:
        """`charging`: The battery is charging."""
        return self._component(kinds.CHARGING, writable, command_only, attributes)

    def connectivity(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[bool]:
        """`connectivity`: The device's own connection works."""
        return self._component(kinds.CONNECTIVITY, writable, command_only, attributes)

    def firmware_version(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[str]:
        """`firmware-version`: The firmware that runs."""
        return self._component(kinds.FIRMWARE_VERSION, writable, command_only, attributes)

    def update_available(
        self, *, writable: bool = False, command_only: bool = False, **attributes: Unpack[ComponentAttributes]
    ) -> Component[bool]:
        """`update-available`: A newer firmware is offered."""
        return self._component(kinds.UPDATE_AVAILABLE, writable, command_only, attributes)
