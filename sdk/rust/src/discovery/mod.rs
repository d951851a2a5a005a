//! Finding devices on the local network, through the hub: a provider has no multicast of its own.
//!
//! ```no_run
//! use igloo::discovery::Finding;
//! # async fn look() -> igloo::Result<()> {
//! let mut browser = igloo::discovery::browse("_hap._tcp").await?;
//! while let Some(finding) = browser.next().await {
//!     match finding {
//!         Finding::Found(service) => igloo::info!("{} is at {:?}:{}", service.name, service.addresses, service.port),
//!         Finding::Lost { name, .. } => igloo::info!("{name} is gone"),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The manifest wants `discovery:_hap._tcp`. Finding a device does not allow connecting to it: that takes a grant of its
//! address or name, such as `tcp://192.168.1.20:502`, from the owner. A name such as `lamp.local` resolves if the hub's
//! system resolves it. What is found is said by anybody on the network: believe a device, not its announcement.

mod error;

#[cfg(target_family = "wasm")]
#[path = "component.rs"]
mod carry;
#[cfg(not(target_family = "wasm"))]
#[path = "process.rs"]
mod carry;

pub use error::DiscoveryError;

use crate::{
    bindings::igloo::discovery::{browser as wit, types},
    runtime,
};
use std::{collections::VecDeque, net::IpAddr};
use tokio::sync::mpsc;

/// A service found by DNS-SD over mDNS.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Service {
    /// The service's type, such as `_hap._tcp`.
    pub kind: String,
    /// The instance's name, such as `Kitchen lamp`.
    pub name: String,
    /// The host's name, such as `lamp.local`.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The host's addresses.
    pub addresses: Vec<IpAddr>,
    /// The TXT record; a key without a value has an empty one.
    pub properties: Vec<(String, Vec<u8>)>,
}

impl Service {
    /// The value of a key of the TXT record, in which upper and lower case are the same.
    pub fn property(&self, key: &str) -> Option<&[u8]> {
        self.properties.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value.as_slice())
    }

    /// The same as text, if it is text.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.property(key).and_then(|value| std::str::from_utf8(value).ok())
    }
}

/// A device found by SSDP.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SsdpDevice {
    /// The search target that it answered to, such as `roku:ecp`.
    pub target: String,
    /// The unique service name.
    pub usn: String,
    /// The URL of its description.
    pub location: String,
    /// All headers, with names in lower case.
    pub headers: Vec<(String, String)>,
}

/// A change on the network. What is there when browsing begins comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// A service is there, or is not as it was.
    Found(Service),
    /// A service said goodbye or expired.
    Lost {
        /// Its type.
        kind: String,
        /// Its name.
        name: String,
    },
    /// A device is there, or is not as it was.
    DeviceFound(SsdpDevice),
    /// A device said goodbye or expired.
    DeviceLost {
        /// Its unique service name.
        usn: String,
    },
}

/// Looks for services of a DNS-SD type, such as `_hap._tcp`. An instance looks for at most 16 things at a time.
pub async fn browse(service_type: &str) -> Result<Browser, DiscoveryError> {
    let findings = runtime::host_call(wit::browse(service_type.to_owned())).await?;
    Ok(Browser::start(findings))
}

/// Looks for devices that answer to an SSDP search target, such as `roku:ecp`. The manifest wants `discovery:roku:ecp`.
pub async fn search(target: &str) -> Result<Browser, DiscoveryError> {
    let findings = runtime::host_call(wit::search(target.to_owned())).await?;
    Ok(Browser::start(findings))
}

/// What is there, then every change. Dropping it ends the looking.
#[derive(Debug)]
pub struct Browser {
    findings: mpsc::Receiver<Vec<types::Finding>>,
    /// Received and not asked for yet.
    waiting: VecDeque<Finding>,
}

impl Browser {
    fn start(findings: carry::Findings) -> Self {
        // The hub keeps the newest state for a slow reader, so there is nothing to gain from a longer queue here.
        let (sender, receiver) = mpsc::channel(1);
        runtime::start(carry::carry(findings, sender));
        Self { findings: receiver, waiting: VecDeque::new() }
    }

    /// The next change, as soon as there is one. `None` if the hub looks no more. A provider that is slow gets the newest
    /// state of each service, not each change. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Finding> {
        while self.waiting.is_empty() {
            let findings = self.findings.recv().await?;
            self.waiting.extend(findings.into_iter().map(Finding::from));
        }
        self.waiting.pop_front()
    }
}

impl From<types::Finding> for Finding {
    fn from(finding: types::Finding) -> Self {
        match finding {
            types::Finding::ServiceFound(service) => Self::Found(Service {
                kind: service.kind,
                name: service.name,
                host: service.host,
                port: service.port,
                addresses: service.addresses.iter().filter_map(|address| address.parse().ok()).collect(),
                properties: service.properties,
            }),
            types::Finding::ServiceLost((kind, name)) => Self::Lost { kind, name },
            types::Finding::SsdpFound(device) => Self::DeviceFound(SsdpDevice {
                target: device.target,
                usn: device.usn,
                location: device.location,
                headers: device.headers,
            }),
            types::Finding::SsdpLost(usn) => Self::DeviceLost { usn },
        }
    }
}
