//! Finding devices on the local network for providers, which have no multicast of their own. One broker serves all
//! instances of all engines.
//!
//! - [`Discovery::browse`] and [`Discovery::search`] check what is asked for, ask the [`Policy`] and count: both engines
//!   call nothing else.
//! - What is looked for is a *topic*, looked for once however many ask. It is asked of the network while somebody has a
//!   [`Browse`] of it, and at no other time: a hub in which nobody browses has no socket and no thread for it.
//! - The network is hostile. A topic holds at most [`PRESENT`] findings, each of bounded size.
//! - A slow reader gets the newest state: a topic keeps no queue for it, only what it was told.
//!
//! What is found authorises nothing: to connect to an address takes a grant that names it.

mod kind;
mod mdns;
mod ssdp;
mod topic;

use std::{
    collections::HashMap,
    future::Future,
    sync::Arc,
    task::{Context, Poll},
};

use parking_lot::Mutex;
use tokio::{runtime::Handle, sync::OwnedSemaphorePermit, task::AbortHandle};

use self::{
    kind::{SearchTarget, ServiceType},
    mdns::Mdns,
    topic::{Reader, Topic},
};
use crate::{home::Home, policy::Policy};

/// Findings that a topic holds. What comes beyond that is not there until others have gone.
pub const PRESENT: usize = 1024;

/// A service found by DNS-SD (RFC 6763) over mDNS (RFC 6762).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Service {
    /// The service's type, such as `_hap._tcp`.
    pub kind: String,
    /// The instance's name: at most 63 bytes, without control characters.
    pub name: String,
    /// The host's name, such as `lamp.local`.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Addresses as text, at most 16.
    pub addresses: Vec<String>,
    /// The TXT record: at most 64 entries of at most 255 bytes.
    pub properties: Vec<(String, Vec<u8>)>,
}

/// A device found by SSDP (UPnP Device Architecture 1.1, section 1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SsdpDevice {
    /// The search target that it answered to.
    pub target: String,
    /// The unique service name.
    pub usn: String,
    /// The URL of its description.
    pub location: String,
    /// All headers, at most 32, with names in lower case.
    pub headers: Vec<(String, String)>,
}

/// What changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Finding {
    /// A service is there, or is not as it was.
    ServiceFound(Service),
    /// A service said goodbye or expired.
    ServiceLost {
        /// Its type.
        kind: String,
        /// Its name.
        name: String,
    },
    /// A device is there, or is not as it was.
    SsdpFound(SsdpDevice),
    /// A device said goodbye or expired: its unique service name.
    SsdpLost(String),
}

/// Why nothing is looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// Not granted.
    #[error("not granted")]
    Denied,
    /// Not a service type, or not a search target.
    #[error("not a service type or search target")]
    Invalid,
    /// The instance looks for as much as it may at a time.
    #[error("too many at a time")]
    TooMany,
    /// The hub cannot look.
    #[error("the hub cannot look")]
    Unavailable,
}

/// The broker.
#[derive(Debug, Default)]
pub struct Discovery {
    mdns: Arc<Mdns>,
    topics: Mutex<HashMap<Sought, Looking>>,
}

/// What a topic is about.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Sought {
    Services(ServiceType),
    Devices(SearchTarget),
}

/// A topic that somebody reads, and the task that looks.
#[derive(Debug)]
struct Looking {
    topic: Arc<Topic>,
    readers: usize,
    task: AbortHandle,
}

impl Discovery {
    /// Looks for services of a type.
    pub fn browse(
        self: &Arc<Self>,
        policy: &Policy,
        home: &dyn Home,
        service_type: &str,
    ) -> Result<Browse, DiscoveryError> {
        let kind: ServiceType = service_type.parse()?;
        let permit = granted(policy, home, service_type)?;
        let mdns = self.mdns.clone();
        self.look(Sought::Services(kind.clone()), permit, |topic| mdns::look(mdns, kind, topic))
    }

    /// Looks for devices that answer to a search target.
    pub fn search(self: &Arc<Self>, policy: &Policy, home: &dyn Home, target: &str) -> Result<Browse, DiscoveryError> {
        let target: SearchTarget = target.parse()?;
        let permit = granted(policy, home, target.as_str())?;
        self.look(Sought::Devices(target.clone()), permit, |topic| ssdp::look(target, topic))
    }

    /// Joins a topic, which is begun by the first.
    fn look<F>(
        self: &Arc<Self>,
        sought: Sought,
        permit: OwnedSemaphorePermit,
        begin: impl FnOnce(Arc<Topic>) -> F,
    ) -> Result<Browse, DiscoveryError>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let runtime = Handle::try_current().map_err(|_| DiscoveryError::Unavailable)?;
        let mut topics = self.topics.lock();
        let looking = topics.entry(sought.clone()).or_insert_with(|| {
            let topic = Arc::new(Topic::default());
            let task = runtime.spawn(begin(topic.clone())).abort_handle();
            Looking { topic, readers: 0, task }
        });
        looking.readers += 1;
        Ok(Browse { reader: looking.topic.read(), discovery: self.clone(), sought, _permit: permit })
    }

    /// Whether nobody looks for anything.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.topics.lock().is_empty() && self.mdns.is_idle()
    }
}

/// The policy's word, and a place among what the instance looks for.
fn granted(policy: &Policy, home: &dyn Home, target: &str) -> Result<OwnedSemaphorePermit, DiscoveryError> {
    if !policy.discovery(home, target) {
        return Err(DiscoveryError::Denied);
    }
    policy.place_to_browse().ok_or(DiscoveryError::TooMany)
}

/// What is there now, then every change. Dropping it ends it.
#[derive(Debug)]
pub struct Browse {
    reader: Reader,
    discovery: Arc<Discovery>,
    sought: Sought,
    _permit: OwnedSemaphorePermit,
}

impl Browse {
    /// The next changes, at least one and at most `most`. It has no end.
    pub fn poll_next(&mut self, context: &Context<'_>, most: usize) -> Poll<Vec<Finding>> {
        self.reader.poll_next(context, most)
    }

    /// The next changes, at least one and at most `most`.
    pub async fn next(&mut self, most: usize) -> Vec<Finding> {
        std::future::poll_fn(|context| self.poll_next(context, most)).await
    }
}

impl Drop for Browse {
    fn drop(&mut self) {
        let mut topics = self.discovery.topics.lock();
        if let Some(looking) = topics.get_mut(&self.sought) {
            looking.readers -= 1;
            if looking.readers == 0 {
                looking.task.abort();
                topics.remove(&self.sought);
            }
        }
    }
}
