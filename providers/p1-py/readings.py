"""What dsmr-parser's names are here: an entity, its name, its component kind. `delivered` is to the home."""

ENTITIES = {
    "ELECTRICITY_USED_TARIFF_1": ("delivered-1", "Delivered, tariff 1", "energy"),
    "ELECTRICITY_USED_TARIFF_2": ("delivered-2", "Delivered, tariff 2", "energy"),
    "ELECTRICITY_DELIVERED_TARIFF_1": ("returned-1", "Returned, tariff 1", "energy"),
    "ELECTRICITY_DELIVERED_TARIFF_2": ("returned-2", "Returned, tariff 2", "energy"),
    "ELECTRICITY_ACTIVE_TARIFF": ("tariff", "Tariff", "tariff"),
    "CURRENT_ELECTRICITY_USAGE": ("delivered", "Power delivered", "power"),
    "CURRENT_ELECTRICITY_DELIVERY": ("returned", "Power returned", "power"),
    "INSTANTANEOUS_VOLTAGE_L1": ("l1", "Phase L1", "voltage"),
    "INSTANTANEOUS_VOLTAGE_L2": ("l2", "Phase L2", "voltage"),
    "INSTANTANEOUS_VOLTAGE_L3": ("l3", "Phase L3", "voltage"),
    "INSTANTANEOUS_CURRENT_L1": ("l1", "Phase L1", "current"),
    "INSTANTANEOUS_CURRENT_L2": ("l2", "Phase L2", "current"),
    "INSTANTANEOUS_CURRENT_L3": ("l3", "Phase L3", "current"),
    "INSTANTANEOUS_ACTIVE_POWER_L1_POSITIVE": ("l1", "Phase L1", "power"),
    "INSTANTANEOUS_ACTIVE_POWER_L2_POSITIVE": ("l2", "Phase L2", "power"),
    "INSTANTANEOUS_ACTIVE_POWER_L3_POSITIVE": ("l3", "Phase L3", "power"),
    "SHORT_POWER_FAILURE_COUNT": ("failures", "Power failures", "count"),
    "LONG_POWER_FAILURE_COUNT": ("long-failures", "Long power failures", "count"),
}

FACTOR = {"kWh": 1000.0, "kW": 1000.0}
"""From a telegram's unit to the kind's: Wh, W."""
