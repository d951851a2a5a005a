//! The numbers that bound an instance: their names, their text form, their defaults.
//!
//! A manifest may lower a default freely and raise it to at most [`MANIFEST_FACTOR`] times: more is the owner's to grant.

use std::fmt;

use serde::{Deserialize, Serialize, de};

use crate::grants::InvalidGrant;

/// How many times its default a package may give itself of a limit. More than that is a want.
pub const MANIFEST_FACTOR: u64 = 2;

/// One number that bounds an instance.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Limit {
    /// Bytes of memory: linear memory, or its processes'.
    Memory(u64),
    /// Percent of one core.
    Cpu(u32),
    /// Bytes in the key-value store.
    Storage(u64),
    /// Bytes in the private directory.
    Private(u64),
    /// Bytes that streams may hold in the host.
    Buffers(u64),
    /// Updates published in a second.
    Writes(u32),
    /// Events emitted in a second.
    Events(u32),
    /// Log lines kept in a second.
    Logs(u32),
    /// Commands and actions under way at a time.
    Queue(u32),
    /// Sockets and other host resources open at a time.
    Sockets(u32),
    /// Serial ports open at a time.
    SerialPorts(u32),
    /// Processes and threads of the process engine.
    Processes(u32),
}

/// How a limit's number is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Size,
    Number(&'static str),
}

/// Every limit's name and form.
const FORMS: [(&str, Form); 12] = [
    ("memory", Form::Size),
    ("cpu", Form::Number("%")),
    ("storage", Form::Size),
    ("private", Form::Size),
    ("buffers", Form::Size),
    ("writes", Form::Number("/s")),
    ("events", Form::Number("/s")),
    ("logs", Form::Number("/s")),
    ("queue", Form::Number("")),
    ("sockets", Form::Number("")),
    ("serial-ports", Form::Number("")),
    ("processes", Form::Number("")),
];

impl Limit {
    /// The name in grants and manifests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory(_) => "memory",
            Self::Cpu(_) => "cpu",
            Self::Storage(_) => "storage",
            Self::Private(_) => "private",
            Self::Buffers(_) => "buffers",
            Self::Writes(_) => "writes",
            Self::Events(_) => "events",
            Self::Logs(_) => "logs",
            Self::Queue(_) => "queue",
            Self::Sockets(_) => "sockets",
            Self::SerialPorts(_) => "serial-ports",
            Self::Processes(_) => "processes",
        }
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> u64 {
        match self {
            Self::Memory(bytes) | Self::Storage(bytes) | Self::Private(bytes) | Self::Buffers(bytes) => bytes,
            Self::Cpu(number)
            | Self::Writes(number)
            | Self::Events(number)
            | Self::Logs(number)
            | Self::Queue(number)
            | Self::Sockets(number)
            | Self::SerialPorts(number)
            | Self::Processes(number) => number.into(),
        }
    }

    /// Reads `memory` and `64MiB`.
    pub fn parse(name: &str, value: &str) -> Result<Self, InvalidGrant> {
        let Some((name, form)) = FORMS.iter().find(|(known, _)| *known == name) else {
            let (last, others) = FORMS.split_last().map_or(("", &FORMS[..0]), |(last, others)| (last.0, others));
            let others = others.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
            return Err(InvalidGrant::new(format!(
                "'{}' is not a limit: there are {others} and {last}",
                name.escape_debug()
            )));
        };
        Ok(match (*name, form) {
            (name, Form::Size) => {
                let bytes = parse_size(value)?;
                match name {
                    "memory" => Self::Memory(bytes),
                    "storage" => Self::Storage(bytes),
                    "private" => Self::Private(bytes),
                    _ => Self::Buffers(bytes),
                }
            }
            (name, Form::Number(unit)) => {
                let number = parse_number(name, value, unit)?;
                match name {
                    "cpu" => Self::Cpu(number),
                    "writes" => Self::Writes(number),
                    "events" => Self::Events(number),
                    "logs" => Self::Logs(number),
                    "queue" => Self::Queue(number),
                    "sockets" => Self::Sockets(number),
                    "serial-ports" => Self::SerialPorts(number),
                    _ => Self::Processes(number),
                }
            }
        })
    }
}

/// As a grant: `memory=64MiB`.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, number) = (self.name(), self.number());
        match FORMS.iter().find(|(known, _)| *known == name) {
            Some((_, Form::Number(unit))) => write!(f, "{name}={number}{unit}"),
            _ => write!(f, "{name}={}", size_text(number)),
        }
    }
}

fn parse_number(name: &str, value: &str, unit: &str) -> Result<u32, InvalidGrant> {
    let number = value.strip_suffix(unit).and_then(|number| number.parse::<u32>().ok());
    number.filter(|number| *number > 0).ok_or_else(|| {
        let unit = if unit.is_empty() { String::new() } else { format!(" and '{unit}'") };
        InvalidGrant::new(format!("'{}' is not a value of {name}: write a number above 0{unit}", value.escape_debug()))
    })
}

const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

fn parse_size(text: &str) -> Result<u64, InvalidGrant> {
    UNITS
        .iter()
        .find_map(|(unit, factor)| text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(*factor))
        .filter(|bytes| (1..=1 << 40).contains(bytes))
        .ok_or_else(|| {
            InvalidGrant::new(format!("'{}' is not a size: write 64MiB, 512KiB or 1GiB", text.escape_debug()))
        })
}

/// A number of bytes as text: `64MiB`.
#[must_use]
pub fn size_text(bytes: u64) -> String {
    UNITS
        .iter()
        .find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor))
        .map_or_else(|| format!("{bytes}B"), |(unit, factor)| format!("{}{unit}", bytes / factor))
}

/// The numbers that bound an instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Limits {
    /// Bytes of memory: linear memory, or its processes'.
    pub memory: u64,
    /// Percent of one core, over a second.
    pub cpu_percent: u32,
    /// Bytes in the key-value store.
    pub storage: u64,
    /// Bytes in the private directory.
    pub private: u64,
    /// Bytes that streams may hold in the host.
    pub buffers: u64,
    /// Updates published in a second; newer values wait, the newest is never dropped.
    pub writes_per_second: u32,
    /// Events emitted in a second; the others are counted and lost.
    pub events_per_second: u32,
    /// Log lines kept in a second; the others are counted.
    pub logs_per_second: u32,
    /// Commands and actions under way at a time; one more is busy.
    pub queue: u32,
    /// Sockets and other host resources open at a time.
    pub sockets: u32,
    /// Serial ports open at a time.
    pub serial_ports: u32,
    /// Processes and threads of the process engine.
    pub processes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 64 << 20,
            cpu_percent: 50,
            storage: 4 << 20,
            private: 64 << 20,
            buffers: 1 << 20,
            writes_per_second: 10_000,
            events_per_second: 1000,
            logs_per_second: 20,
            queue: 32,
            sockets: 256,
            serial_ports: 4,
            processes: 64,
        }
    }
}

impl Limits {
    /// These numbers, with one of them changed.
    pub fn set(&mut self, limit: Limit) {
        match limit {
            Limit::Memory(bytes) => self.memory = bytes,
            Limit::Cpu(percent) => self.cpu_percent = percent,
            Limit::Storage(bytes) => self.storage = bytes,
            Limit::Private(bytes) => self.private = bytes,
            Limit::Buffers(bytes) => self.buffers = bytes,
            Limit::Writes(rate) => self.writes_per_second = rate,
            Limit::Events(rate) => self.events_per_second = rate,
            Limit::Logs(rate) => self.logs_per_second = rate,
            Limit::Queue(count) => self.queue = count,
            Limit::Sockets(count) => self.sockets = count,
            Limit::SerialPorts(count) => self.serial_ports = count,
            Limit::Processes(count) => self.processes = count,
        }
    }

    /// Each of them, in the order in which they are told.
    #[must_use]
    pub fn list(self) -> [Limit; 12] {
        [
            Limit::Memory(self.memory),
            Limit::Cpu(self.cpu_percent),
            Limit::Storage(self.storage),
            Limit::Private(self.private),
            Limit::Buffers(self.buffers),
            Limit::Writes(self.writes_per_second),
            Limit::Events(self.events_per_second),
            Limit::Logs(self.logs_per_second),
            Limit::Queue(self.queue),
            Limit::Sockets(self.sockets),
            Limit::SerialPorts(self.serial_ports),
            Limit::Processes(self.processes),
        ]
    }
}

/// A manifest's `[limits]`: numbers other than the defaults.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PackageLimits(Vec<Limit>);

impl PackageLimits {
    /// The defaults for an instance of the package.
    #[must_use]
    pub fn defaults(&self) -> Limits {
        let mut limits = Limits::default();
        self.0.iter().for_each(|limit| limits.set(*limit));
        limits
    }

    /// Whether the package leaves all of them as they are.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks that the package gives itself no more than it may.
    pub fn check(&self) -> Result<(), InvalidGrant> {
        let defaults = Limits::default().list();
        for limit in &self.0 {
            let same = |known: &&Limit| std::mem::discriminant(*known) == std::mem::discriminant(limit);
            let most = defaults.iter().find(same).map_or(0, |known| known.number() * MANIFEST_FACTOR);
            if limit.number() > most {
                return Err(InvalidGrant::new(format!(
                    "{limit} is more than {MANIFEST_FACTOR} times the default: lower it, and ask the owner with \
                     [[wants]] grant = \"{limit}\""
                )));
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for PackageLimits {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Table;
        impl<'de> de::Visitor<'de> for Table {
            type Value = PackageLimits;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of limits, such as memory = \"32MiB\"")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<PackageLimits, A::Error> {
                let mut limits = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Number>()? {
                    let text = match value {
                        Number::Text(text) => text,
                        Number::Bare(number) => number.to_string(),
                    };
                    limits.push(Limit::parse(&name, &text).map_err(de::Error::custom)?);
                }
                Ok(PackageLimits(limits))
            }
        }
        deserializer.deserialize_map(Table)
    }
}

/// `32` or `"32MiB"`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Bare(u64),
    Text(String),
}

impl Serialize for PackageLimits {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let pairs = self.0.iter().map(|limit| {
            let text = limit.to_string();
            (limit.name(), text.split_once('=').map(|(_, value)| value.to_owned()).unwrap_or_default())
        });
        serializer.collect_map(pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_has_a_name_a_form_and_a_place() {
        let all = Limits::default().list();
        assert_eq!(all.map(Limit::name), FORMS.map(|(name, _)| name));
        for limit in all {
            let text = limit.to_string();
            let (name, value) = text.split_once('=').unwrap();
            assert_eq!(Limit::parse(name, value), Ok(limit));
            let unit = value.trim_start_matches(|digit: char| digit.is_ascii_digit());
            let mut limits = Limits::default();
            limits.set(Limit::parse(name, &format!("7{unit}")).unwrap());
            assert_eq!(limits.list().iter().filter(|one| !all.contains(one)).count(), 1, "{text}");
        }
        assert!(Limit::parse("speed", "1").unwrap_err().to_string().contains("serial-ports and processes"));
    }

    #[test]
    fn a_package_gives_itself_twice_at_most() {
        let limits = |text: &str| toml::from_str::<PackageLimits>(text);
        let some = limits("memory = \"128MiB\"\ncpu = \"5%\"\nqueue = 64\n").unwrap();
        some.check().unwrap();
        assert_eq!((some.defaults().memory, some.defaults().cpu_percent, some.defaults().queue), (128 << 20, 5, 64));
        let again: PackageLimits = toml::from_str(&toml::to_string(&some).unwrap()).unwrap();
        assert_eq!(again, some);
        let greedy = limits("memory = \"129MiB\"").unwrap().check().unwrap_err().to_string();
        assert!(greedy.contains("grant = \"memory=129MiB\""), "{greedy}");
        assert!(limits("memory = 64").is_err() && limits("colour = \"red\"").is_err());
    }
}
