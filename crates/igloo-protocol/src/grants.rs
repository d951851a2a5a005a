//! What an owner allows an instance. Each grant has one text form, used in manifests, on the command line, by the API
//! and in storage:
//!
//! | text | allows |
//! |---|---|
//! | `tcp://192.168.1.20:502`, `udp://10.0.0.0/8:5353`, `tcp://broker.example:1883` | connecting to a host, a network or a name, on a port (`*` for any) |
//! | `tcp://*.example.com:443?lan` | with `?lan`: names may resolve to private addresses |
//! | `listen:tcp://0.0.0.0:8080?from=192.168.0.0/16` | listening on a port, for peers from a network |
//! | `https://api.example.com`, `http://192.168.1.9:8080?lan` | HTTP requests to an origin |
//! | `serial:meter=/dev/serial/by-id/…` | the slot `meter`, bound to a port's URL |
//! | `discovery:_hap._tcp` | finding a type of service |
//! | `memory=64MiB`, `cpu=50%`, `storage=4MiB`, `writes=10000/s`, `logs=20/s`, `sockets=256` | more, or less, than the default |
//!
//! A [`Want`] is a grant that a package asks for; parts only the owner knows are `?`: `tcp://?:502`, `serial:meter=?`.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use igloo_serial::PortUrl;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// A text that is not a grant. Says what is wrong and what would be right.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvalidGrant(String);

fn invalid<T>(text: impl Into<String>) -> Result<T, InvalidGrant> {
    Err(InvalidGrant(text.into()))
}

/// TCP or UDP.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

/// Which host a network grant names.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Host {
    /// Exactly this address.
    Address(IpAddr),
    /// Any ordinary address of a network: never loopback, link-local, multicast or the hub's own.
    Network(IpNet),
    /// Exactly this name, lower-case.
    Name(String),
    /// Any name below this one: `*.example.com` is kept as `example.com`.
    Below(String),
}

impl Host {
    /// Whether a name that a provider asks to resolve is granted. Names compare without case and without a final dot.
    #[must_use]
    pub fn matches_name(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        match self {
            Self::Name(granted) => *granted == name,
            Self::Below(parent) => {
                name.strip_suffix(parent.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }
            Self::Address(_) | Self::Network(_) => false,
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(address) => write!(f, "{address}"),
            Self::Network(IpNet::V6(network)) => write!(f, "[{network}]"),
            Self::Network(network) => write!(f, "{network}"),
            Self::Name(name) => f.write_str(name),
            Self::Below(parent) => write!(f, "*.{parent}"),
        }
    }
}

impl FromStr for Host {
    type Err = InvalidGrant;

    fn from_str(text: &str) -> Result<Self, InvalidGrant> {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(Self::Address(address.to_canonical()));
        }
        if let Ok(network) = bare.parse::<IpNet>() {
            return Ok(Self::Network(network.trunc()));
        }
        let (below, name) = match text.strip_prefix("*.") {
            Some(parent) => (true, parent),
            None => (false, text),
        };
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let well_formed = !name.is_empty()
            && name.len() <= 253
            && name.split('.').all(|label| {
                !label.is_empty()
                    && label.len() <= 63
                    && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            });
        if !well_formed || name.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            return invalid(format!(
                "'{}' is not a host: use an address, a network such as 192.168.1.0/24, a name, or *.name",
                text.escape_debug()
            ));
        }
        Ok(if below { Self::Below(name) } else { Self::Name(name) })
    }
}

/// Connecting to hosts on a port.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct NetworkGrant {
    /// TCP or UDP.
    pub protocol: Protocol,
    /// Which hosts.
    pub host: Host,
    /// Which port; `None` is any.
    pub port: Option<u16>,
    /// Whether the names may resolve to private addresses.
    pub lan: bool,
}

/// Listening on a port.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ListenGrant {
    /// TCP, or UDP bound to a port of its own.
    pub protocol: Protocol,
    /// The address and port; port 0 is any port the system picks.
    pub address: SocketAddr,
    /// Peers that may reach it; `None` is anybody who can.
    pub from: Option<IpNet>,
}

/// HTTP requests to one origin.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct HttpGrant {
    /// Whether it is HTTPS.
    pub tls: bool,
    /// Which hosts.
    pub host: Host,
    /// The port, 80 or 443 where none is written.
    pub port: u16,
    /// Whether the names may resolve to private addresses.
    pub lan: bool,
}

/// One number that bounds an instance.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Limit {
    /// Bytes of linear memory.
    Memory(u64),
    /// Percent of one core.
    Cpu(u32),
    /// Bytes in the key-value store.
    Storage(u64),
    /// Updates published in a second.
    Writes(u32),
    /// Log lines kept in a second.
    Logs(u32),
    /// Sockets and other host resources open at a time.
    Sockets(u32),
}

/// One thing that an owner allows.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Grant {
    /// Connecting.
    Network(NetworkGrant),
    /// Listening.
    Listen(ListenGrant),
    /// HTTP.
    Http(HttpGrant),
    /// A serial slot bound to a port.
    Serial {
        /// The slot's name.
        slot: String,
        /// The port's URL.
        port: String,
    },
    /// A type of service to find.
    Discovery(String),
    /// A number other than the default.
    Limit(Limit),
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lan = |lan: bool| if lan { "?lan" } else { "" };
        match self {
            Self::Network(NetworkGrant { protocol, host, port: Some(port), lan: l }) => {
                write!(f, "{protocol}://{host}:{port}{}", lan(*l))
            }
            Self::Network(NetworkGrant { protocol, host, port: None, lan: l }) => {
                write!(f, "{protocol}://{host}:*{}", lan(*l))
            }
            Self::Listen(ListenGrant { protocol, address, from: None }) => write!(f, "listen:{protocol}://{address}"),
            Self::Listen(ListenGrant { protocol, address, from: Some(from) }) => {
                write!(f, "listen:{protocol}://{address}?from={from}")
            }
            Self::Http(HttpGrant { tls, host, port, lan: l }) => {
                let (scheme, usual) = if *tls { ("https", 443) } else { ("http", 80) };
                write!(f, "{scheme}://{host}")?;
                if *port != usual {
                    write!(f, ":{port}")?;
                }
                f.write_str(lan(*l))
            }
            Self::Serial { slot, port } => write!(f, "serial:{slot}={port}"),
            Self::Discovery(service) => write!(f, "discovery:{service}"),
            Self::Limit(Limit::Memory(bytes)) => write!(f, "memory={}", size_text(*bytes)),
            Self::Limit(Limit::Cpu(percent)) => write!(f, "cpu={percent}%"),
            Self::Limit(Limit::Storage(bytes)) => write!(f, "storage={}", size_text(*bytes)),
            Self::Limit(Limit::Writes(rate)) => write!(f, "writes={rate}/s"),
            Self::Limit(Limit::Logs(rate)) => write!(f, "logs={rate}/s"),
            Self::Limit(Limit::Sockets(count)) => write!(f, "sockets={count}"),
        }
    }
}

impl From<Grant> for String {
    fn from(grant: Grant) -> String {
        grant.to_string()
    }
}

impl TryFrom<String> for Grant {
    type Error = InvalidGrant;

    fn try_from(text: String) -> Result<Self, InvalidGrant> {
        text.parse()
    }
}

impl FromStr for Grant {
    type Err = InvalidGrant;

    fn from_str(text: &str) -> Result<Self, InvalidGrant> {
        let shown = text.escape_debug();
        if let Some(rest) = text.strip_prefix("serial:") {
            let Some((slot, port)) = rest.split_once('=') else {
                return invalid(format!(
                    "'{shown}' binds its slot to no port: write serial:SLOT=PORT, such as serial:meter=/dev/ttyUSB0"
                ));
            };
            check_word("slot", slot)?;
            port.parse::<PortUrl>().map_err(|error| InvalidGrant(error.to_string()))?;
            return Ok(Self::Serial { slot: slot.to_owned(), port: port.to_owned() });
        }
        if let Some(service) = text.strip_prefix("discovery:") {
            check_word("service type", service)?;
            return Ok(Self::Discovery(service.to_owned()));
        }
        if let Some(rest) = text.strip_prefix("listen:") {
            return parse_listen(rest);
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            return parse_network(scheme, rest, text);
        }
        if let Some((name, value)) = text.split_once('=') {
            return parse_limit(name, value).map(Self::Limit);
        }
        invalid(format!(
            "'{shown}' is not a grant: try tcp://HOST:PORT, https://HOST, serial:SLOT=PORT or memory=64MiB"
        ))
    }
}

fn check_word(what: &str, text: &str) -> Result<(), InvalidGrant> {
    if text.is_empty() || text.len() > 64 || !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
        return invalid(format!("'{}' is not a {what}: use letters, digits, '-', '_' and '.'", text.escape_debug()));
    }
    Ok(())
}

fn parse_network(scheme: &str, rest: &str, whole: &str) -> Result<Grant, InvalidGrant> {
    let (rest, lan) = match rest.split_once('?') {
        None => (rest, false),
        Some((rest, "lan")) => (rest, true),
        Some((_, option)) => {
            return invalid(format!("'{}' is not an option of a network grant: only ?lan is", option.escape_debug()));
        }
    };
    let rest = rest.trim_end_matches('/');
    // The last colon outside brackets separates the port.
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (rest, None),
    };
    let port_number = |text: &str| {
        text.parse::<u16>()
            .ok()
            .filter(|port| *port != 0)
            .ok_or_else(|| InvalidGrant(format!("'{}' is not a port", text.escape_debug())))
    };
    match scheme {
        "tcp" | "udp" => {
            let protocol = if scheme == "tcp" { Protocol::Tcp } else { Protocol::Udp };
            let port = match port {
                Some("*") => None,
                Some(port) => Some(port_number(port)?),
                None => {
                    return invalid(format!(
                        "'{}' has no port: write {scheme}://{host}:PORT, or :* for any",
                        whole.escape_debug()
                    ));
                }
            };
            Ok(Grant::Network(NetworkGrant { protocol, host: host.parse()?, port, lan }))
        }
        "http" | "https" => {
            let tls = scheme == "https";
            let port = port.map_or(Ok(if tls { 443 } else { 80 }), port_number)?;
            Ok(Grant::Http(HttpGrant { tls, host: host.parse()?, port, lan }))
        }
        other => invalid(format!(
            "'{}' is not a protocol that can be granted: use tcp, udp, http or https",
            other.escape_debug()
        )),
    }
}

fn parse_listen(text: &str) -> Result<Grant, InvalidGrant> {
    let (rest, from) = match text.split_once("?from=") {
        None => (text, None),
        Some((rest, network)) => {
            let network = network.parse().or_else(|_| network.parse::<IpAddr>().map(IpNet::from));
            let Ok(network) = network else {
                return invalid(format!("'{}' has no network after ?from=", text.escape_debug()));
            };
            (rest, Some(network))
        }
    };
    let (protocol, address) = match rest.split_once("://") {
        Some(("tcp", address)) => (Protocol::Tcp, address),
        Some(("udp", address)) => (Protocol::Udp, address),
        _ => {
            return invalid(format!(
                "'{}' is not a listen grant: write listen:tcp://ADDRESS:PORT",
                text.escape_debug()
            ));
        }
    };
    match address.parse() {
        Ok(address) => Ok(Grant::Listen(ListenGrant { protocol, address, from })),
        Err(_) => invalid(format!("'{}' is not an address with a port, such as 0.0.0.0:8080", address.escape_debug())),
    }
}

fn parse_limit(name: &str, value: &str) -> Result<Limit, InvalidGrant> {
    let number = |unit: &str| {
        value.strip_suffix(unit).and_then(|number| number.parse::<u32>().ok()).filter(|number| *number > 0).ok_or_else(
            || {
                InvalidGrant(format!(
                    "'{}' is not a value of {name}: write a number above 0 and '{unit}'",
                    value.escape_debug()
                ))
            },
        )
    };
    match name {
        "memory" => parse_size(value).map(Limit::Memory),
        "storage" => parse_size(value).map(Limit::Storage),
        "cpu" => number("%").map(Limit::Cpu),
        "writes" => number("/s").map(Limit::Writes),
        "logs" => number("/s").map(Limit::Logs),
        "sockets" => number("").map(Limit::Sockets),
        other => invalid(format!(
            "'{}' is not a limit: there are memory, storage, cpu, writes, logs and sockets",
            other.escape_debug()
        )),
    }
}

const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

fn parse_size(text: &str) -> Result<u64, InvalidGrant> {
    UNITS
        .iter()
        .find_map(|(unit, factor)| text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(*factor))
        .filter(|bytes| (1..=1 << 40).contains(bytes))
        .ok_or_else(|| InvalidGrant(format!("'{}' is not a size: write 64MiB, 512KiB or 1GiB", text.escape_debug())))
}

/// A number of bytes as text: `64MiB`.
#[must_use]
pub fn size_text(bytes: u64) -> String {
    UNITS
        .iter()
        .find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor))
        .map_or_else(|| format!("{bytes}B"), |(unit, factor)| format!("{}{unit}", bytes / factor))
}

/// Whether what is not granted is refused, or only recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Refused and recorded.
    #[default]
    Enforce,
    /// Allowed and recorded, to find out what a provider needs. Never for the hub's own API.
    Audit,
}

/// All that an owner allows one instance. Nothing by default.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Grants {
    /// The grants, in the owner's order, none twice.
    pub list: Vec<Grant>,
    /// Enforce or audit.
    #[serde(default)]
    pub mode: Mode,
}

impl Grants {
    /// Adds a grant. A slot's earlier binding and a limit's earlier number are replaced.
    pub fn add(&mut self, grant: Grant) {
        self.list.retain(|known| match (known, &grant) {
            (Grant::Serial { slot: a, .. }, Grant::Serial { slot: b, .. }) => a != b,
            (Grant::Limit(a), Grant::Limit(b)) => std::mem::discriminant(a) != std::mem::discriminant(b),
            (known, grant) => known != grant,
        });
        self.list.push(grant);
    }

    /// Takes a grant back. False if it was not there.
    pub fn revoke(&mut self, grant: &Grant) -> bool {
        let before = self.list.len();
        self.list.retain(|known| known != grant);
        self.list.len() < before
    }

    /// The port of each granted serial slot.
    #[must_use]
    pub fn serial(&self) -> BTreeMap<&str, &str> {
        let slots = self.list.iter().filter_map(|grant| match grant {
            Grant::Serial { slot, port } => Some((slot.as_str(), port.as_str())),
            _ => None,
        });
        slots.collect()
    }

    /// The numbers in force: the defaults, changed by the grants.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        for grant in &self.list {
            if let Grant::Limit(limit) = grant {
                match *limit {
                    Limit::Memory(bytes) => limits.memory = bytes,
                    Limit::Cpu(percent) => limits.cpu_percent = percent,
                    Limit::Storage(bytes) => limits.storage = bytes,
                    Limit::Writes(rate) => limits.writes_per_second = rate,
                    Limit::Logs(rate) => limits.logs_per_second = rate,
                    Limit::Sockets(count) => limits.sockets = count,
                }
            }
        }
        limits
    }
}

/// The numbers that bound an instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Limits {
    /// Bytes of linear memory.
    pub memory: u64,
    /// Percent of one core, over a second.
    pub cpu_percent: u32,
    /// Bytes in the key-value store.
    pub storage: u64,
    /// Updates published in a second; newer values wait, the newest is never dropped.
    pub writes_per_second: u32,
    /// Log lines kept in a second; the others are counted.
    pub logs_per_second: u32,
    /// Sockets and other host resources open at a time.
    pub sockets: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 64 << 20,
            cpu_percent: 50,
            storage: 4 << 20,
            writes_per_second: 10_000,
            logs_per_second: 20,
            sockets: 256,
        }
    }
}

/// A grant that a package asks for, and why. Parts that only the owner knows are `?`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Want {
    /// A grant's text, where the host and the port's URL may be `?`.
    pub grant: String,
    /// Why, for the owner.
    pub why: String,
    /// Whether the provider works without it.
    #[serde(default)]
    pub optional: bool,
}

impl Want {
    /// The grant, if the owner has nothing to fill in.
    #[must_use]
    pub fn complete(&self) -> Option<Grant> {
        if self.open() { None } else { self.grant.parse().ok() }
    }

    /// Whether the owner has to fill something in.
    #[must_use]
    pub fn open(&self) -> bool {
        self.grant.contains("://?") || self.grant.ends_with("=?")
    }

    /// The grant with the owner's part in place of the `?`.
    pub fn fill(&self, part: &str) -> Result<Grant, InvalidGrant> {
        if self.grant.ends_with("=?") {
            return self.grant.replacen("=?", &format!("={part}"), 1).parse();
        }
        self.grant.replacen("://?", &format!("://{part}"), 1).parse()
    }

    /// Whether this grant answers this want.
    #[must_use]
    pub fn satisfied_by(&self, grant: &Grant) -> bool {
        if let Some(complete) = self.complete() {
            return complete == *grant;
        }
        let text = grant.to_string();
        match self.grant.split_once("://?").or_else(|| self.grant.split_once("=?")) {
            Some((before, after)) => {
                let rest = text
                    .strip_prefix(before)
                    .and_then(|rest| rest.strip_prefix("://").or_else(|| rest.strip_prefix('=')));
                rest.is_some_and(|rest| rest.trim_end_matches("?lan").ends_with(after.trim_end_matches("?lan")))
            }
            None => false,
        }
    }

    /// Checks that it is a grant's text with at most one `?` to fill in.
    pub fn check(&self) -> Result<(), InvalidGrant> {
        if self.why.trim().is_empty() {
            return invalid(format!("the want '{}' does not say why", self.grant.escape_debug()));
        }
        if !self.open() {
            return self.grant.parse::<Grant>().map(drop);
        }
        let sample = if self.grant.ends_with("=?") { "/dev/null" } else { "host.example" };
        self.fill(sample).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_form_reads_back() {
        for text in [
            "tcp://192.168.1.20:502",
            "udp://10.0.0.0/8:5353",
            "tcp://broker.example:1883",
            "tcp://*.example.com:443?lan",
            "tcp://[fd00::1]:*",
            "tcp://[fd00::/8]:80",
            "listen:tcp://0.0.0.0:8080?from=192.168.0.0/16",
            "listen:udp://[::]:0",
            "https://api.example.com",
            "http://192.168.1.9:8080?lan",
            "serial:meter=/dev/serial/by-id/usb-1",
            "serial:bus=rfc2217://10.0.0.3:2217",
            "discovery:_hap._tcp",
            "memory=64MiB",
            "cpu=50%",
            "storage=4KiB",
            "writes=500/s",
            "logs=20/s",
            "sockets=7",
        ] {
            let grant: Grant = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(grant.to_string(), text);
        }
    }

    #[test]
    fn nonsense_is_refused_with_a_way_out() {
        for text in [
            "",
            "x",
            "tcp://host",
            "tcp://:80",
            "tcp://a b:80",
            "tcp://h:0",
            "ftp://h:21",
            "serial:meter",
            "memory=-1",
            "cpu=0%",
            "tcp://*:80",
            "tcp://*.:80",
            "tcp://1.2.3:80",
        ] {
            let error = text.parse::<Grant>().unwrap_err();
            assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn names_match_exactly_or_below() {
        let below: Host = "*.example.com".parse().unwrap();
        assert!(below.matches_name("a.Example.com."));
        assert!(!below.matches_name("example.com"));
        assert!(!below.matches_name("badexample.com"));
        let exact: Host = "Example.com".parse().unwrap();
        assert!(exact.matches_name("example.COM"));
        assert!(!exact.matches_name("a.example.com"));
    }

    #[test]
    fn mapped_addresses_are_canonical() {
        assert_eq!("[::ffff:10.0.0.1]".parse::<Host>().unwrap(), "10.0.0.1".parse::<Host>().unwrap());
    }

    #[test]
    fn wants_are_filled_by_the_owner() {
        let want = |grant: &str| Want { grant: grant.to_owned(), why: "because".to_owned(), optional: false };
        let gateway = want("tcp://?:502?lan");
        gateway.check().unwrap();
        let grant = gateway.fill("192.168.1.4").unwrap();
        assert_eq!(grant.to_string(), "tcp://192.168.1.4:502?lan");
        assert!(gateway.satisfied_by(&grant));
        assert!(!gateway.satisfied_by(&"tcp://192.168.1.4:503".parse().unwrap()));
        let slot = want("serial:meter=?");
        slot.check().unwrap();
        assert!(slot.satisfied_by(&slot.fill("/dev/ttyUSB0").unwrap()));
        assert!(!slot.satisfied_by(&"serial:other=/dev/ttyUSB0".parse().unwrap()));
        assert!(want("https://api.example.com").complete().is_some());
        assert!(want("nonsense").check().is_err());
    }

    #[test]
    fn a_later_binding_replaces_an_earlier_one() {
        let mut grants = Grants::default();
        for text in ["serial:a=/dev/ttyS0", "serial:a=/dev/ttyS1", "memory=1MiB", "memory=2MiB", "cpu=10%"] {
            grants.add(text.parse().unwrap());
        }
        assert_eq!(grants.list.len(), 3);
        assert_eq!(grants.serial()["a"], "/dev/ttyS1");
        assert_eq!(grants.limits().memory, 2 << 20);
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in ".{0,80}") {
            if let Ok(grant) = text.parse::<Grant>() {
                prop_assert_eq!(grant.to_string().parse::<Grant>().unwrap(), grant);
            }
        }
    }
}
