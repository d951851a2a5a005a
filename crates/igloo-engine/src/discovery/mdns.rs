//! DNS-SD over mDNS, by the crate `mdns-sd`: one thread of its own, which exists while something is looked for.
//!
//! The crate keeps every answer that it has asked for until its time to live is over, without a bound. So its size is
//! looked at every few seconds, and a daemon that has grown beyond [`RECORDS`] is replaced.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mdns_sd::{DaemonEvent, Receiver, ResolvedService, ServiceDaemon, ServiceEvent};
use parking_lot::Mutex;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::{
    Finding, Service,
    kind::ServiceType,
    topic::{Entry, Topic},
};

/// Records that a daemon may keep: for each of several types, all that a topic holds.
const RECORDS: i64 = 32 * 1024;
/// How often a daemon's size and errors are looked at.
const LOOK_AFTER: Duration = Duration::from_secs(5);
/// How long a daemon may take to say its size, before it counts as stuck.
const ANSWER: Duration = Duration::from_secs(5);
/// Before a daemon is asked again that ended, was replaced or could not start; doubled up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Tries to tell a daemon to end while its queue of commands is full.
const GOODBYES: usize = 1000;

/// Bytes of an instance's name (RFC 6763, section 4.1.1).
const NAME: usize = 63;
/// Bytes of a host's name (RFC 1035, section 2.3.4).
const HOST: usize = 255;
/// Addresses of one service.
const ADDRESSES: usize = 16;
/// Entries of a TXT record, each at most a character string of [`PROPERTY`] bytes (RFC 6763, section 6.1).
const PROPERTIES: usize = 64;
const PROPERTY: usize = 255;

/// The daemon, if something is looked for.
#[derive(Debug, Default)]
pub(super) struct Mdns(Mutex<Weak<Daemon>>);

impl Mdns {
    /// The daemon that runs, or a new one.
    fn daemon(&self) -> Result<Arc<Daemon>, mdns_sd::Error> {
        let mut current = self.0.lock();
        if let Some(daemon) = current.upgrade().filter(|daemon| !daemon.retired.load(Ordering::Acquire)) {
            return Ok(daemon);
        }
        let service = ServiceDaemon::new()?;
        let errors = service.monitor()?;
        let daemon = Arc::new(Daemon { service, errors, retired: AtomicBool::new(false) });
        *current = Arc::downgrade(&daemon);
        Ok(daemon)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.0.lock().strong_count() == 0
    }
}

/// A running daemon. It ends when nobody has it any more, or when it is retired.
struct Daemon {
    service: ServiceDaemon,
    errors: Receiver<DaemonEvent>,
    retired: AtomicBool,
}

impl Daemon {
    /// Ends it: whoever waits for its events sees their end.
    fn retire(&self) {
        if self.retired.swap(true, Ordering::AcqRel) {
            return;
        }
        for _ in 0..GOODBYES {
            match self.service.shutdown() {
                Err(mdns_sd::Error::Again) => std::thread::yield_now(),
                _ => return,
            }
        }
        tracing::warn!("the mDNS daemon does not take its goodbye");
    }

    /// Says what failed, and retires a daemon that has grown too large or does not answer.
    async fn look_after(&self) {
        for event in self.errors.try_iter() {
            if let DaemonEvent::Error(error) = event {
                tracing::warn!(%error, "mDNS");
            }
        }
        let records = match self.service.get_metrics() {
            Ok(metrics) => match timeout(ANSWER, metrics.recv_async()).await {
                Ok(Ok(metrics)) => {
                    metrics.iter().filter(|(counter, _)| counter.starts_with("cached-")).map(|(_, count)| count).sum()
                }
                _ => i64::MAX,
            },
            // So many ask at the same time that its queue is full: the next look will do.
            Err(mdns_sd::Error::Again) => 0,
            Err(_) => i64::MAX,
        };
        if records > RECORDS {
            tracing::warn!(limit = RECORDS, "more is announced over mDNS than is kept: starting anew");
            self.retire();
        }
    }
}

impl std::fmt::Debug for Daemon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Daemon")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.retire();
    }
}

/// Looks for services of a type, until it is dropped.
pub(super) async fn look(mdns: Arc<Mdns>, kind: ServiceType, topic: Arc<Topic>) {
    let mut pause = PAUSE;
    loop {
        match follow(&mdns, &kind, &topic).await {
            // It was answered: what ended it was a flood, or the daemon's end.
            Ok(true) => pause = PAUSE,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "mDNS cannot look for {}", kind.as_str()),
        }
        topic.clear();
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Follows what one daemon finds, until it ends or drops us. Whether there was any service.
async fn follow(mdns: &Mdns, kind: &ServiceType, topic: &Topic) -> Result<bool, mdns_sd::Error> {
    let daemon = mdns.daemon()?;
    let events = daemon.service.browse(&kind.domain())?;
    let mut look_after = interval(LOOK_AFTER);
    look_after.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut answered = false;
    loop {
        tokio::select! {
            event = events.recv_async() => match event {
                Ok(ServiceEvent::ServiceResolved(service)) => {
                    if let Some(service) = bounded(kind, &service) {
                        answered = true;
                        topic.found(&identity(&service.name), &service);
                    }
                }
                Ok(ServiceEvent::ServiceRemoved(_, full_name)) => {
                    if let Some(name) = instance_name(kind, &full_name) {
                        topic.lost(&identity(&name));
                    }
                }
                Ok(_) => {}
                Err(_) => return Ok(answered),
            },
            _ = look_after.tick() => daemon.look_after().await,
        }
    }
}

/// Names are the same in upper and lower case (RFC 6762, section 16).
fn identity(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// `lamp` of `lamp._hap._tcp.local.`, if it may be a name.
fn instance_name(kind: &ServiceType, full_name: &str) -> Option<String> {
    let domain = kind.domain();
    let at = full_name.len().checked_sub(domain.len())?;
    let suffix = full_name.get(at..)?;
    let name = full_name.get(..at)?.strip_suffix('.')?;
    let fits = !name.is_empty() && name.len() <= NAME && !name.chars().any(char::is_control);
    (suffix.eq_ignore_ascii_case(&domain) && fits).then(|| name.to_owned())
}

/// What was announced, if it may be told to a provider: what is too long is left out, never cut.
fn bounded(kind: &ServiceType, service: &ResolvedService) -> Option<Service> {
    let name = instance_name(kind, &service.fullname)?;
    let host = service.host.strip_suffix('.').unwrap_or(&service.host);
    if host.len() > HOST || host.chars().any(char::is_control) {
        return None;
    }
    // Sorted, so that an announcement that says the same again is the same.
    let mut addresses: Vec<_> = service.addresses.iter().map(mdns_sd::ScopedIp::to_ip_addr).collect();
    addresses.sort_unstable();
    addresses.dedup();
    let properties = service
        .txt_properties
        .iter()
        .map(|property| (property.key().to_owned(), property.val().unwrap_or_default().to_vec()))
        .filter(|(key, value)| key.len() + value.len() <= PROPERTY)
        .take(PROPERTIES)
        .collect();
    Some(Service {
        kind: kind.as_str().to_owned(),
        name,
        host: host.to_owned(),
        port: service.port,
        addresses: addresses.into_iter().take(ADDRESSES).map(|address| address.to_string()).collect(),
        properties,
    })
}

impl Entry for Service {
    fn found(&self) -> Finding {
        Finding::ServiceFound(self.clone())
    }

    fn lost(&self) -> Finding {
        Finding::ServiceLost { kind: self.kind.clone(), name: self.name.clone() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use mdns_sd::ServiceInfo;

    use super::{ADDRESSES, PROPERTIES, ServiceType, bounded, instance_name};

    fn kind() -> ServiceType {
        "_hap._tcp".parse().unwrap()
    }

    #[test]
    fn names_are_one_label_of_the_type() {
        assert_eq!(instance_name(&kind(), "Kitchen lamp._hap._tcp.local.").unwrap(), "Kitchen lamp");
        assert_eq!(instance_name(&kind(), "a.b._HAP._tcp.local.").unwrap(), "a.b");
        let long = format!("{}._hap._tcp.local.", "a".repeat(64));
        for bad in
            ["", "_hap._tcp.local.", "._hap._tcp.local.", "a._http._tcp.local.", "a\u{1b}[m._hap._tcp.local.", &long]
        {
            assert_eq!(instance_name(&kind(), bad), None, "{bad:?}");
        }
    }

    #[test]
    fn what_a_provider_is_told_is_bounded() {
        let addresses: Vec<std::net::IpAddr> = (1..40).map(|n| [10, 0, 0, n].into()).collect();
        let keys: Vec<(String, String)> = (0..100).map(|n| (format!("key{n}"), String::from("value"))).collect();
        let info = ServiceInfo::new("_hap._tcp.local.", "lamp", "lamp.local.", &addresses[..], 80, &keys[..]).unwrap();
        let service = bounded(&kind(), &info.as_resolved_service()).unwrap();
        assert_eq!((service.addresses.len(), service.properties.len()), (ADDRESSES, PROPERTIES));
        assert_eq!((service.name.as_str(), service.host.as_str(), service.port), ("lamp", "lamp.local", 80));
        assert_eq!(service.addresses[0], "10.0.0.1");
    }
}
