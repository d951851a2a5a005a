//! What the owner sets: how to reach the devices, and what is in them. `igloo.toml` has its schema and explains it.

use serde::Deserialize;

use crate::number::{Encoding, Format, WordOrder};

/// The whole configuration.
#[derive(Debug, Deserialize)]
pub struct Config {
    /// How the devices are reached.
    #[serde(flatten)]
    pub transport: Transport,
    /// How long a device may take to answer.
    pub timeout_ms: u64,
    /// The devices.
    pub units: Vec<Unit>,
}

/// How the devices are reached.
#[derive(Debug, Deserialize)]
#[serde(tag = "transport", rename_all = "lowercase")]
pub enum Transport {
    /// A serial bus.
    Rtu {
        /// Bits per second.
        baud: u32,
        /// Parity.
        parity: Parity,
        /// 1 or 2.
        stop_bits: u8,
    },
    /// A device or a gateway on the network.
    Tcp {
        /// Its name or address.
        host: String,
        /// Its port.
        port: u16,
    },
}

/// The parity bit.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Parity {
    /// None.
    None,
    /// Even.
    Even,
    /// Odd.
    Odd,
}

/// A device.
#[derive(Debug, Deserialize)]
pub struct Unit {
    /// On the bus.
    pub address: u8,
    /// For people.
    pub name: Option<String>,
    /// How often it is read.
    #[serde(default = "five")]
    pub poll_seconds: f64,
    /// Bits that can be switched.
    #[serde(default)]
    pub coils: Vec<Bit>,
    /// Bits that can only be read.
    #[serde(default)]
    pub discrete_inputs: Vec<Bit>,
    /// Numbers, some of which can be set.
    #[serde(default)]
    pub holding_registers: Vec<Register>,
    /// Numbers that can only be read.
    #[serde(default)]
    pub input_registers: Vec<Register>,
}

/// A coil or a discrete input.
#[derive(Debug, Deserialize)]
pub struct Bit {
    /// Counted from 0.
    pub address: u16,
    /// For people.
    pub name: String,
    /// The component kind.
    pub kind: Option<String>,
    /// Whether 0 means true.
    #[serde(default)]
    pub inverted: bool,
    /// Whether commands may switch it.
    #[serde(default = "yes")]
    pub writable: bool,
}

/// A number in one register, or in two.
#[derive(Debug, Deserialize)]
pub struct Register {
    /// The first register, counted from 0.
    pub address: u16,
    /// For people.
    pub name: String,
    /// The component kind.
    pub kind: Option<String>,
    /// What is in it.
    #[serde(default, rename = "type")]
    pub format: Format,
    /// Which half comes first.
    #[serde(default)]
    pub word_order: WordOrder,
    /// The value is what is in the register times this…
    #[serde(default = "one")]
    pub scale: f64,
    /// … plus this.
    #[serde(default)]
    pub offset: f64,
    /// The unit to show.
    pub unit: Option<String>,
    /// Whether commands may set it.
    #[serde(default)]
    pub writable: bool,
    /// The smallest value that commands may set.
    pub minimum: Option<f64>,
    /// The largest.
    pub maximum: Option<f64>,
    /// The distance between them.
    pub step: Option<f64>,
}

impl Register {
    /// How the number lies in its registers.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        Encoding { format: self.format, order: self.word_order, scale: self.scale, offset: self.offset }
    }
}

fn yes() -> bool {
    true
}

fn one() -> f64 {
    1.0
}

fn five() -> f64 {
    5.0
}

#[cfg(test)]
mod tests {
    use igloo_protocol::manifest::Manifest;

    use super::*;

    /// As the hub does it: the TOML as JSON, checked against the manifest, defaults filled in.
    fn read(text: &str) -> Result<Config, String> {
        let manifest = Manifest::parse(include_str!("../igloo.toml")).map_err(|error| error.to_string())?;
        let json = toml::from_str(text).map_err(|error| error.to_string())?;
        let config = manifest.configure(json).map_err(|error| error.to_string())?;
        serde_json::from_value(config).map_err(|error| error.to_string())
    }

    #[test]
    fn the_examples_are_right() {
        let relay = read(include_str!("../examples/relay.toml")).unwrap();
        assert!(matches!(relay.transport, Transport::Rtu { baud: 9600, parity: Parity::None, stop_bits: 1 }));
        let [unit] = relay.units.as_slice() else { panic!("one unit") };
        assert_eq!((unit.coils.len(), unit.discrete_inputs[0].inverted), (3, true));
        assert_eq!(unit.holding_registers[0].encoding().encode(21.5), Some(vec![215]));
        let meter = read(include_str!("../examples/energy-meter.toml")).unwrap();
        assert!(matches!(&meter.transport, Transport::Tcp { host, port: 502 } if host == "192.168.1.40"));
        assert_eq!((meter.timeout_ms, meter.units[0].input_registers.len()), (1000, 6));
    }

    #[test]
    fn mistakes_are_told_where_they_are() {
        for (text, place) in [
            ("units = [{ address = 1 }]", "transport"),
            ("transport = 'tcp'\nhost = 'x'\nunits = []", "units"),
            ("transport = 'tcp'\nhost = 'x'\nunits = [{ address = 0 }]", "units/0/address"),
            ("transport = 'rtu'\nunits = [{ address = 1, coils = [{ address = 1 }] }]", "units/0/coils/0"),
            (
                "transport = 'rtu'\nunits = [{ address = 1, input_registers = [{ address = 1, name = 'x', type = 'u8' }] }]",
                "units/0/input_registers/0/type",
            ),
            ("transport = 'rtu'\nbauds = 1\nunits = [{ address = 1 }]", "bauds"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(place), "{error}");
        }
        assert!(read("transport = 'tcp'\nunits = [{ address = 1 }]").unwrap_err().contains("host"));
    }
}
