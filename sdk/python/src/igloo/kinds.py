# Generated from `model/components.toml` and `model/attributes.toml` by `cargo xtask generate`; change those.
"""The component kinds: `kinds.SWITCH`, and the cases of choices, `kinds.ClimateMode.HEAT`.

Authors rarely name the kinds themselves: `entity.switch()` gives a `Component[bool]`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from igloo import values
from igloo._kind import Access, AnyKind, EventKind, Kind, Marker, TriggerKind


class Weekday(StrEnum):
    """`weekday`: A day of the week."""

    SUNDAY = "sunday"
    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"


class ColorMode(StrEnum):
    """`color-mode`: Which of the colour components is in force."""

    RGB = "rgb"
    TEMPERATURE = "temperature"


class MediaState(StrEnum):
    """`media-state`: What a player does."""

    UNKNOWN = "unknown"
    IDLE = "idle"
    PLAYING = "playing"
    PAUSED = "paused"
    BUFFERING = "buffering"
    OFF = "off"


class FanSpeed(StrEnum):
    """`fan-speed`: A fan's speed by name."""

    ON = "on"
    OFF = "off"
    AUTO = "auto"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    MIDDLE = "middle"
    FOCUS = "focus"
    DIFFUSE = "diffuse"
    QUIET = "quiet"


class FanDirection(StrEnum):
    """`fan-direction`: Which way it turns."""

    FORWARD = "forward"
    REVERSE = "reverse"


class FanOscillation(StrEnum):
    """`fan-oscillation`: How it swings."""

    OFF = "off"
    ON = "on"
    VERTICAL = "vertical"
    HORIZONTAL = "horizontal"
    BOTH = "both"


class ClimateMode(StrEnum):
    """`climate-mode`: What a thermostat was asked to do."""

    OFF = "off"
    AUTO = "auto"
    HEAT = "heat"
    COOL = "cool"
    HEAT_COOL = "heat-cool"
    FAN_ONLY = "fan-only"
    DRY = "dry"
    ECO = "eco"


class ClimateAction(StrEnum):
    """`climate-action`: What it does at this moment."""

    OFF = "off"
    IDLE = "idle"
    HEATING = "heating"
    COOLING = "cooling"
    DRYING = "drying"
    FAN = "fan"
    DEFROSTING = "defrosting"


class LockState(StrEnum):
    """`lock-state`: What the lock says of itself."""

    UNKNOWN = "unknown"
    LOCKED = "locked"
    UNLOCKED = "unlocked"
    JAMMED = "jammed"
    LOCKING = "locking"
    UNLOCKING = "unlocking"


class CoverState(StrEnum):
    """`cover-state`: What a cover does."""

    IDLE = "idle"
    OPENING = "opening"
    CLOSING = "closing"
    STOPPED = "stopped"
    OPEN = "open"
    CLOSED = "closed"


class CoverCommand(StrEnum):
    """`cover-command`: What a cover is asked to do. Its access is `command`."""

    OPEN = "open"
    CLOSE = "close"
    STOP = "stop"


class ValveState(StrEnum):
    """`valve-state`: What a valve does."""

    IDLE = "idle"
    OPENING = "opening"
    CLOSING = "closing"
    OPEN = "open"
    CLOSED = "closed"


class AlarmState(StrEnum):
    """`alarm-state`: What an alarm system does."""

    DISARMED = "disarmed"
    ARMED_HOME = "armed-home"
    ARMED_AWAY = "armed-away"
    ARMED_NIGHT = "armed-night"
    ARMED_VACATION = "armed-vacation"
    ARMED_UNKNOWN = "armed-unknown"
    PENDING = "pending"
    TRIGGERED = "triggered"
    ARMING = "arming"
    DISARMING = "disarming"


INTEGER: Final = Kind("integer", values.INTEGER)
"""`integer`: An integer whose meaning the entity's name and attributes give."""
REAL: Final = Kind("real", values.REAL)
"""`real`: A real whose meaning the entity's name and attributes give."""
TEXT: Final = Kind("text", values.TEXT)
"""`text`: A text whose meaning the entity's name and attributes give."""
BOOLEAN: Final = Kind("boolean", values.BOOLEAN)
"""`boolean`: A boolean whose meaning the entity's name and attributes give."""
COLOR: Final = Kind("color", values.COLOR)
"""`color`: A color whose meaning the entity's name and attributes give."""
DATE: Final = Kind("date", values.DATE)
"""`date`: A date whose meaning the entity's name and attributes give."""
TIME: Final = Kind("time", values.TIME_OF_DAY)
"""`time`: A time of day whose meaning the entity's name and attributes give."""
INTEGER_LIST: Final = Kind("integer-list", values.INTEGERS)
"""`integer-list`: A list of integers."""
REAL_LIST: Final = Kind("real-list", values.REALS)
"""`real-list`: A list of reals."""
TEXT_LIST: Final = Kind("text-list", values.TEXTS)
"""`text-list`: A list of texts."""
BOOLEAN_LIST: Final = Kind("boolean-list", values.BOOLEANS)
"""`boolean-list`: A list of booleans."""
COLOR_LIST: Final = Kind("color-list", values.COLORS)
"""`color-list`: A list of colors."""
DATE_LIST: Final = Kind("date-list", values.DATES)
"""`date-list`: A list of dates."""
TIME_LIST: Final = Kind("time-list", values.TIMES_OF_DAY)
"""`time-list`: A list of times of day."""
TIMESTAMP: Final = Kind("timestamp", values.TIMESTAMP)
"""`timestamp`: An instant, such as the last time something happened."""
DURATION: Final = Kind("duration", values.DURATION, unit="ns")
"""`duration`: A length of time. In ns."""
WEEKDAY: Final = Kind("weekday", values.choice(Weekday))
"""`weekday`: A day of the week."""
TRIGGER: Final = TriggerKind("trigger")
"""`trigger`: Can be asked to act, and has no state: a button on a screen. Its access is `command`."""
BUTTON: Final = EventKind("button")
"""`button`: A physical button. Its events are in `options`, such as `press`, `double-press`, `hold`."""
DOORBELL: Final = EventKind("doorbell")
"""`doorbell`: Somebody rings."""
LIGHT: Final = Marker("light")
"""`light`: A light."""
OUTLET: Final = Marker("outlet")
"""`outlet`: A switched socket."""
COVER: Final = Marker("cover")
"""`cover`: A blind, curtain, shutter or garage door."""
VALVE: Final = Marker("valve")
"""`valve`: A valve."""
SIREN: Final = Marker("siren")
"""`siren`: A siren."""
SENSOR: Final = Marker("sensor")
"""`sensor`: A sensor."""
FAN: Final = Marker("fan")
"""`fan`: A fan."""
CLIMATE: Final = Marker("climate")
"""`climate`: A thermostat, heat pump or air conditioner."""
LOCK: Final = Marker("lock")
"""`lock`: A lock."""
MEDIA_PLAYER: Final = Marker("media-player")
"""`media-player`: A media player."""
ALARM: Final = Marker("alarm")
"""`alarm`: An alarm system."""
METER: Final = Marker("meter")
"""`meter`: A meter of a utility."""
CONFIG: Final = Marker("config")
"""`config`: A setting of the device itself."""
DIAGNOSTIC: Final = Marker("diagnostic")
"""`diagnostic`: Tells about the device itself."""
TEXT_SELECT: Final = Marker("text-select")
"""`text-select`: A choice among the entity's `options`, held in its `text` component."""
SWITCH: Final = Kind("switch", values.BOOLEAN)
"""`switch`: On or off. As commanded and as confirmed by the device."""
DIMMER: Final = Kind("dimmer", values.REAL)
"""`dimmer`: Brightness as the eye sees it. From 0 to 1."""
COLOR_TEMPERATURE: Final = Kind("color-temperature", values.INTEGER, unit="K")
"""`color-temperature`: Correlated colour temperature. In K. From 1000 to 20000."""
COLOR_MODE: Final = Kind("color-mode", values.choice(ColorMode))
"""`color-mode`: Which of the colour components is in force."""
LIGHT_EFFECT: Final = Kind("light-effect", values.TEXT)
"""`light-effect`: The effect that runs, one of the entity's `options`; empty for none."""
VOLUME: Final = Kind("volume", values.REAL)
"""`volume`: Loudness. From 0 to 1."""
MUTED: Final = Kind("muted", values.BOOLEAN)
"""`muted`: Whether it is silent whatever the volume."""
MEDIA_STATE: Final = Kind("media-state", values.choice(MediaState))
"""`media-state`: What a player does."""
MEDIA_TITLE: Final = Kind("media-title", values.TEXT)
"""`media-title`: What is playing."""
FAN_SPEED: Final = Kind("fan-speed", values.choice(FanSpeed))
"""`fan-speed`: A fan's speed by name."""
FAN_LEVEL: Final = Kind("fan-level", values.REAL)
"""`fan-level`: A fan's speed as a share of its highest. From 0 to 1."""
FAN_DIRECTION: Final = Kind("fan-direction", values.choice(FanDirection))
"""`fan-direction`: Which way it turns."""
FAN_OSCILLATION: Final = Kind("fan-oscillation", values.choice(FanOscillation))
"""`fan-oscillation`: How it swings."""
CLIMATE_MODE: Final = Kind("climate-mode", values.choice(ClimateMode))
"""`climate-mode`: What a thermostat was asked to do."""
CLIMATE_ACTION: Final = Kind("climate-action", values.choice(ClimateAction))
"""`climate-action`: What it does at this moment."""
TARGET_TEMPERATURE: Final = Kind("target-temperature", values.REAL, unit="°C")
"""`target-temperature`: The temperature asked for. In °C. At least -273.15."""
TARGET_TEMPERATURE_LOW: Final = Kind("target-temperature-low", values.REAL, unit="°C")
"""`target-temperature-low`: The lower end of the range asked for. In °C. At least -273.15."""
TARGET_TEMPERATURE_HIGH: Final = Kind("target-temperature-high", values.REAL, unit="°C")
"""`target-temperature-high`: The upper end of the range asked for. In °C. At least -273.15."""
TARGET_HUMIDITY: Final = Kind("target-humidity", values.REAL, unit="%")
"""`target-humidity`: The relative humidity asked for. In %. From 0 to 100."""
LOCK_STATE: Final = Kind("lock-state", values.choice(LockState))
"""`lock-state`: What the lock says of itself."""
TARGET_LOCK: Final = Kind("target-lock", values.BOOLEAN)
"""`target-lock`: Locked (true) or unlocked (false), as asked for."""
COVER_STATE: Final = Kind("cover-state", values.choice(CoverState))
"""`cover-state`: What a cover does."""
COVER_COMMAND: Final = Kind("cover-command", values.choice(CoverCommand), access=Access.COMMAND)
"""`cover-command`: What a cover is asked to do. Its access is `command`."""
POSITION: Final = Kind("position", values.REAL)
"""`position`: How far it is open: 0 closed, 1 open. From 0 to 1."""
TARGET_POSITION: Final = Kind("target-position", values.REAL)
"""`target-position`: How far it was asked to open. From 0 to 1."""
TILT: Final = Kind("tilt", values.REAL)
"""`tilt`: How far the slats are turned: 0 closed, 1 open. From 0 to 1."""
TARGET_TILT: Final = Kind("target-tilt", values.REAL)
"""`target-tilt`: How far the slats were asked to turn. From 0 to 1."""
VALVE_STATE: Final = Kind("valve-state", values.choice(ValveState))
"""`valve-state`: What a valve does."""
ALARM_STATE: Final = Kind("alarm-state", values.choice(AlarmState))
"""`alarm-state`: What an alarm system does."""
SIREN_ACTIVE: Final = Kind("siren-active", values.BOOLEAN)
"""`siren-active`: Whether the siren sounds."""
TEMPERATURE: Final = Kind("temperature", values.REAL, unit="°C")
"""`temperature`: Temperature. In °C. At least -273.15."""
HUMIDITY: Final = Kind("humidity", values.REAL, unit="%")
"""`humidity`: Relative humidity. In %. From 0 to 100."""
PRESSURE: Final = Kind("pressure", values.REAL, unit="Pa")
"""`pressure`: Pressure. In Pa."""
ILLUMINANCE: Final = Kind("illuminance", values.REAL, unit="lx")
"""`illuminance`: Illuminance. In lx. At least 0."""
POWER: Final = Kind("power", values.REAL, unit="W")
"""`power`: Active power drawn; negative when given back. In W."""
APPARENT_POWER: Final = Kind("apparent-power", values.REAL, unit="VA")
"""`apparent-power`: Apparent power. In VA."""
REACTIVE_POWER: Final = Kind("reactive-power", values.REAL, unit="var")
"""`reactive-power`: Reactive power. In var."""
POWER_FACTOR: Final = Kind("power-factor", values.REAL)
"""`power-factor`: Power factor. From -1 to 1."""
ENERGY: Final = Kind("energy", values.REAL, unit="Wh")
"""`energy`: Energy, a total that only rises unless its attributes say otherwise. In Wh."""
REACTIVE_ENERGY: Final = Kind("reactive-energy", values.REAL, unit="varh")
"""`reactive-energy`: Reactive energy. In varh."""
VOLTAGE: Final = Kind("voltage", values.REAL, unit="V")
"""`voltage`: Voltage. In V."""
CURRENT: Final = Kind("current", values.REAL, unit="A")
"""`current`: Electric current. In A."""
FREQUENCY: Final = Kind("frequency", values.REAL, unit="Hz")
"""`frequency`: Frequency. In Hz. At least 0."""
GAS_VOLUME: Final = Kind("gas-volume", values.REAL, unit="m³")
"""`gas-volume`: Volume of gas, a total. In m³. At least 0."""
WATER_VOLUME: Final = Kind("water-volume", values.REAL, unit="m³")
"""`water-volume`: Volume of water, a total. In m³. At least 0."""
VOLUME_FLOW: Final = Kind("volume-flow", values.REAL, unit="m³/h")
"""`volume-flow`: Volume per time. In m³/h."""
HEAT_ENERGY: Final = Kind("heat-energy", values.REAL, unit="Wh")
"""`heat-energy`: Energy of heat or cold delivered, a total. In Wh."""
CO2: Final = Kind("co2", values.REAL, unit="ppm")
"""`co2`: Carbon dioxide. In ppm. At least 0."""
VOC: Final = Kind("voc", values.REAL, unit="µg/m³")
"""`voc`: Volatile organic compounds. In µg/m³. At least 0."""
PM2_5: Final = Kind("pm2-5", values.REAL, unit="µg/m³")
"""`pm2-5`: Particles below 2.5 µm. In µg/m³. At least 0."""
PM10: Final = Kind("pm10", values.REAL, unit="µg/m³")
"""`pm10`: Particles below 10 µm. In µg/m³. At least 0."""
WIND_SPEED: Final = Kind("wind-speed", values.REAL, unit="m/s")
"""`wind-speed`: Wind speed. In m/s. At least 0."""
WIND_BEARING: Final = Kind("wind-bearing", values.REAL, unit="°")
"""`wind-bearing`: Where the wind comes from: 0 north, 90 east. In °. From 0 to 360."""
RAIN_RATE: Final = Kind("rain-rate", values.REAL, unit="mm/h")
"""`rain-rate`: Rain per hour. In mm/h. At least 0."""
DISTANCE: Final = Kind("distance", values.REAL, unit="m")
"""`distance`: Distance. In m."""
SPEED: Final = Kind("speed", values.REAL, unit="m/s")
"""`speed`: Speed. In m/s."""
MASS: Final = Kind("mass", values.REAL, unit="kg")
"""`mass`: Mass. In kg."""
SOUND_LEVEL: Final = Kind("sound-level", values.REAL, unit="dB")
"""`sound-level`: Sound pressure level. In dB."""
SIGNAL_STRENGTH: Final = Kind("signal-strength", values.REAL, unit="dBm")
"""`signal-strength`: Received signal strength. In dBm."""
BATTERY: Final = Kind("battery", values.REAL, unit="%")
"""`battery`: Charge of a battery. In %. From 0 to 100."""
PERCENTAGE: Final = Kind("percentage", values.REAL, unit="%")
"""`percentage`: A share of something. In %."""
UPTIME: Final = Kind("uptime", values.REAL, unit="s")
"""`uptime`: Seconds since the device started. In s. At least 0."""
COUNT: Final = Kind("count", values.INTEGER)
"""`count`: A number of things or events. At least 0."""
TARIFF: Final = Kind("tariff", values.INTEGER)
"""`tariff`: The tariff in force, as the meter numbers it. At least 0."""
MOTION: Final = Kind("motion", values.BOOLEAN)
"""`motion`: Motion is seen."""
OCCUPANCY: Final = Kind("occupancy", values.BOOLEAN)
"""`occupancy`: Somebody is there."""
CONTACT: Final = Kind("contact", values.BOOLEAN)
"""`contact`: A door or window is open."""
SMOKE: Final = Kind("smoke", values.BOOLEAN)
"""`smoke`: Smoke is detected."""
GAS_LEAK: Final = Kind("gas-leak", values.BOOLEAN)
"""`gas-leak`: Gas is detected."""
WATER_LEAK: Final = Kind("water-leak", values.BOOLEAN)
"""`water-leak`: Water is detected."""
TAMPER: Final = Kind("tamper", values.BOOLEAN)
"""`tamper`: The device was tampered with."""
PROBLEM: Final = Kind("problem", values.BOOLEAN)
"""`problem`: The device has a problem."""
CHARGING: Final = Kind("charging", values.BOOLEAN)
"""`charging`: The battery is charging."""
CONNECTIVITY: Final = Kind("connectivity", values.BOOLEAN)
"""`connectivity`: The device's own connection works."""
FIRMWARE_VERSION: Final = Kind("firmware-version", values.TEXT)
"""`firmware-version`: The firmware that runs."""
UPDATE_AVAILABLE: Final = Kind("update-available", values.BOOLEAN)
"""`update-available`: A newer firmware is offered."""

KINDS: Final[dict[str, AnyKind]] = {
    kind.name: kind
    for kind in (
        INTEGER,
        REAL,
        TEXT,
        BOOLEAN,
        COLOR,
        DATE,
        TIME,
        INTEGER_LIST,
        REAL_LIST,
        TEXT_LIST,
        BOOLEAN_LIST,
        COLOR_LIST,
        DATE_LIST,
        TIME_LIST,
        TIMESTAMP,
        DURATION,
        WEEKDAY,
        TRIGGER,
        BUTTON,
        DOORBELL,
        LIGHT,
        OUTLET,
        COVER,
        VALVE,
        SIREN,
        SENSOR,
        FAN,
        CLIMATE,
        LOCK,
        MEDIA_PLAYER,
        ALARM,
        METER,
        CONFIG,
        DIAGNOSTIC,
        TEXT_SELECT,
        SWITCH,
        DIMMER,
        COLOR_TEMPERATURE,
        COLOR_MODE,
        LIGHT_EFFECT,
        VOLUME,
        MUTED,
        MEDIA_STATE,
        MEDIA_TITLE,
        FAN_SPEED,
        FAN_LEVEL,
        FAN_DIRECTION,
        FAN_OSCILLATION,
        CLIMATE_MODE,
        CLIMATE_ACTION,
        TARGET_TEMPERATURE,
        TARGET_TEMPERATURE_LOW,
        TARGET_TEMPERATURE_HIGH,
        TARGET_HUMIDITY,
        LOCK_STATE,
        TARGET_LOCK,
        COVER_STATE,
        COVER_COMMAND,
        POSITION,
        TARGET_POSITION,
        TILT,
        TARGET_TILT,
        VALVE_STATE,
        ALARM_STATE,
        SIREN_ACTIVE,
        TEMPERATURE,
        HUMIDITY,
        PRESSURE,
        ILLUMINANCE,
        POWER,
        APPARENT_POWER,
        REACTIVE_POWER,
        POWER_FACTOR,
        ENERGY,
        REACTIVE_ENERGY,
        VOLTAGE,
        CURRENT,
        FREQUENCY,
        GAS_VOLUME,
        WATER_VOLUME,
        VOLUME_FLOW,
        HEAT_ENERGY,
        CO2,
        VOC,
        PM2_5,
        PM10,
        WIND_SPEED,
        WIND_BEARING,
        RAIN_RATE,
        DISTANCE,
        SPEED,
        MASS,
        SOUND_LEVEL,
        SIGNAL_STRENGTH,
        BATTERY,
        PERCENTAGE,
        UPTIME,
        COUNT,
        TARIFF,
        MOTION,
        OCCUPANCY,
        CONTACT,
        SMOKE,
        GAS_LEAK,
        WATER_LEAK,
        TAMPER,
        PROBLEM,
        CHARGING,
        CONNECTIVITY,
        FIRMWARE_VERSION,
        UPDATE_AVAILABLE,
    )
}
"""Every kind of the model, by its name."""
