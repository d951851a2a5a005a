//! The one place where grants are enforced. Every capability asks here, for every engine, and what is refused is
//! reported to the [`Home`] as a [`Denial`] that says how it could be granted.
//!
//! Rules for the network:
//! - Only granted names resolve, and what they resolve to may be connected to on the granted port, for ten minutes.
//! - An address is compared in canonical form (`::ffff:10.0.0.1` is `10.0.0.1`).
//! - Loopback, link-local, multicast, unspecified addresses and the hub's own are reached only through a grant that
//!   names exactly that address; private ones through a name only where the grant says `?lan`.
//! - The hub's API is never reached, whatever is granted, in audit mode too.
//! - Binding to port 0 is free, because connecting, listening, sending and receiving are each checked.

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::Arc,
    time::{Duration, Instant},
};

use igloo_protocol::grants::{Grant, Grants, Host, HttpGrant, ListenGrant, Mode, NetworkGrant, Protocol};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::home::{Denial, Home};

/// How long what a name resolved to may be connected to.
const AUTHORISED_FOR: Duration = Duration::from_secs(600);
/// Resolved addresses that an instance may hold at a time; the oldest make room.
const AUTHORISED_ADDRESSES: usize = 1024;
/// Name lookups that an instance may have under way at a time.
const LOOKUPS: usize = 4;
/// What an instance may look for on the local network at a time.
const BROWSES: usize = 16;
/// How long a name lookup may take.
const LOOKUP_DEADLINE: Duration = Duration::from_secs(10);

/// One instance's grants, as they are enforced.
#[derive(Debug)]
pub struct Policy {
    grants: RwLock<Grants>,
    api: Vec<SocketAddr>,
    authorised: Mutex<Vec<Authorised>>,
    lookups: Semaphore,
    browses: Arc<Semaphore>,
}

/// An address that a granted name resolved to.
#[derive(Debug)]
struct Authorised {
    address: IpAddr,
    protocol: Protocol,
    port: Option<u16>,
    until: Instant,
}

/// Why a name does not resolve.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResolveError {
    /// Not granted, or only to addresses that are not.
    Denied,
    /// There is no such name.
    NotFound,
    /// The resolver did not answer in time.
    Timeout,
    /// Not a name.
    Invalid,
}

impl Policy {
    /// The policy of these grants. `api` is where the hub itself listens.
    #[must_use]
    pub fn new(grants: Grants, api: Vec<SocketAddr>) -> Arc<Self> {
        Arc::new(Self {
            grants: RwLock::new(grants),
            api,
            authorised: Mutex::new(Vec::new()),
            lookups: Semaphore::new(LOOKUPS),
            browses: Arc::new(Semaphore::new(BROWSES)),
        })
    }

    /// Puts other grants in force, at once.
    pub fn replace(&self, grants: Grants) {
        *self.grants.write() = grants;
        self.authorised.lock().clear();
    }

    /// Whether connecting, or sending a datagram, to an address is allowed.
    pub fn connect(&self, home: &dyn Home, protocol: Protocol, address: SocketAddr) -> bool {
        let target = || format!("{protocol}://{}", canonical(address));
        let address = canonical(address);
        if self.is_api(address) {
            return self.deny_always(home, "connect", &target(), "the hub's own API is never granted");
        }
        if self.connect_granted(protocol, address) {
            return true;
        }
        self.deny(home, "connect", &target(), Some(&target()))
    }

    /// Whether a datagram socket may be given this peer. Resolvers of C libraries do it with each address of a name, to
    /// sort them (RFC 6724), and send nothing: where something else at this address is granted, a refusal is not told.
    pub fn associate(&self, home: &dyn Home, address: SocketAddr) -> bool {
        let address = canonical(address);
        let granted = self.connect_granted(Protocol::Udp, address);
        let known = self.authorised.lock().iter().any(|known| known.address == address.ip());
        if !granted && known && self.grants.read().mode != Mode::Audit {
            return false;
        }
        self.connect(home, Protocol::Udp, address)
    }

    /// Whether receiving a datagram from an address is allowed.
    pub fn receive(&self, home: &dyn Home, address: SocketAddr) -> bool {
        let address = canonical(address);
        self.connect_granted(Protocol::Udp, address)
            || self.listener_for(Protocol::Udp, address.ip())
            || self.deny(home, "receive", &format!("udp://{address}"), Some(&format!("udp://{address}")))
    }

    /// Whether binding to an address is allowed.
    pub fn bind(&self, home: &dyn Home, protocol: Protocol, address: SocketAddr) -> bool {
        address.port() == 0 || self.listen(home, protocol, address)
    }

    /// Whether listening on an address is allowed.
    pub fn listen(&self, home: &dyn Home, protocol: Protocol, address: SocketAddr) -> bool {
        let address = canonical(address);
        let granted = self.grants.read().list.iter().any(|grant| match grant {
            Grant::Listen(ListenGrant { protocol: granted, address: at, .. }) => {
                *granted == protocol
                    && (at.port() == 0 || at.port() == address.port())
                    && (at.ip() == address.ip() || at.ip().is_unspecified())
            }
            _ => false,
        });
        let target = format!("listen:{protocol}://{address}");
        granted || self.deny(home, "listen", &target, Some(&target))
    }

    /// Whether a peer may reach one of the instance's listeners.
    pub fn accept(&self, home: &dyn Home, address: SocketAddr) -> bool {
        let address = canonical(address);
        self.listener_for(Protocol::Tcp, address.ip()) || self.deny(home, "accept", &format!("tcp://{address}"), None)
    }

    /// Resolves a granted name to the granted ones among its addresses, and authorises them. An address as text is
    /// its own answer.
    pub async fn resolve(&self, home: &dyn Home, name: &str) -> Result<Vec<IpAddr>, ResolveError> {
        if let Ok(address) = name.parse::<IpAddr>() {
            return Ok(vec![address.to_canonical()]);
        }
        if !matches!(name.parse::<Host>(), Ok(Host::Name(_))) {
            return Err(ResolveError::Invalid);
        }
        let grants = self.name_grants(name);
        if grants.is_empty() && !self.deny(home, "resolve", name, Some(&format!("tcp://{name}:PORT"))) {
            return Err(ResolveError::Denied);
        }
        let found = self.look_up(name).await?;
        let lan = grants.iter().any(|grant| grant.lan) || grants.is_empty();
        let allowed: Vec<IpAddr> = found.iter().copied().filter(|address| self.may_answer(*address, lan)).collect();
        if allowed.is_empty() && !found.is_empty() {
            let kind = if found.iter().any(|address| is_private(*address)) { "private" } else { "local" };
            let reason = format!("it resolves to {kind} addresses only; a grant with ?lan allows private ones");
            self.deny_always(home, "resolve", name, &reason);
            return Err(ResolveError::Denied);
        }
        self.authorise(&grants, &allowed);
        Ok(allowed)
    }

    /// The addresses to send an HTTP request to an origin to, if it is granted.
    pub async fn http(
        &self,
        home: &dyn Home,
        tls: bool,
        host: &str,
        port: u16,
    ) -> Result<Vec<SocketAddr>, ResolveError> {
        let origin = format!("{}://{host}:{port}", if tls { "https" } else { "http" });
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse::<IpAddr>() {
            let address = address.to_canonical();
            let socket = SocketAddr::new(address, port);
            if self.is_api(socket) {
                self.deny_always(home, "http", &origin, "the hub's own API is never granted");
                return Err(ResolveError::Denied);
            }
            let granted = self.grants.read().list.iter().any(|grant| match grant {
                Grant::Http(HttpGrant { tls: granted, host, port: at, .. }) => {
                    *granted == tls && *at == port && self.host_matches(host, address)
                }
                _ => false,
            });
            let allowed = granted || self.deny(home, "http", &origin, Some(&origin));
            return if allowed { Ok(vec![socket]) } else { Err(ResolveError::Denied) };
        }
        let lan = self
            .grants
            .read()
            .list
            .iter()
            .filter_map(|grant| match grant {
                Grant::Http(HttpGrant { tls: granted, host: granted_host, port: at, lan })
                    if *granted == tls && *at == port && granted_host.matches_name(host) =>
                {
                    Some(*lan)
                }
                _ => None,
            })
            .reduce(|a, b| a || b);
        let Some(lan) = lan.or_else(|| self.deny(home, "http", &origin, Some(&origin)).then_some(true)) else {
            return Err(ResolveError::Denied);
        };
        let found = self.look_up(host).await?;
        let allowed: Vec<SocketAddr> = found
            .iter()
            .map(|address| SocketAddr::new(*address, port))
            .filter(|address| self.may_answer(address.ip(), lan) && !self.is_api(*address))
            .collect();
        if allowed.is_empty() {
            self.deny_always(home, "http", &origin, "it resolves to addresses that the grant does not allow");
            return Err(ResolveError::Denied);
        }
        Ok(allowed)
    }

    /// The port that the owner bound a slot to.
    pub fn serial(&self, home: &dyn Home, slot: &str) -> Option<String> {
        let port = self.grants.read().serial().get(slot).map(|port| (*port).to_owned());
        if port.is_none() {
            let shown: String = slot.chars().take(64).collect();
            // There is no port to allow in audit mode: the slot is bound to nothing.
            let _ = self.deny(home, "serial", &shown, Some(&format!("serial:{shown}=PORT")));
        }
        port
    }

    /// The slots that the owner bound.
    #[must_use]
    pub fn serial_slots(&self) -> Vec<String> {
        self.grants.read().serial().keys().map(|slot| (*slot).to_owned()).collect()
    }

    /// Whether finding a type of service, or what answers to a search target, is allowed. It does not allow connecting to
    /// what is found.
    pub fn discovery(&self, home: &dyn Home, service: &str) -> bool {
        let granted = self.grants.read().list.iter().any(|grant| matches!(grant, Grant::Discovery(s) if s == service));
        granted || self.deny(home, "discovery", service, Some(&format!("discovery:{service}")))
    }

    /// A place among what the instance may look for at a time, until it is dropped.
    pub(crate) fn place_to_browse(&self) -> Option<OwnedSemaphorePermit> {
        self.browses.clone().try_acquire_owned().ok()
    }

    fn name_grants(&self, name: &str) -> Vec<NetworkGrant> {
        let grants = self.grants.read();
        let network = |grant: &Grant| match grant {
            Grant::Network(grant) if grant.host.matches_name(name) => Some(grant.clone()),
            _ => None,
        };
        grants.list.iter().filter_map(network).collect()
    }

    async fn look_up(&self, name: &str) -> Result<Vec<IpAddr>, ResolveError> {
        let lookup = async {
            let _permit = self.lookups.acquire().await.map_err(|_| ResolveError::NotFound)?;
            let found =
                tokio::net::lookup_host((name.trim_end_matches('.'), 0)).await.map_err(|_| ResolveError::NotFound)?;
            let mut addresses: Vec<IpAddr> = found.map(|address| address.ip().to_canonical()).collect();
            addresses.dedup();
            Ok(addresses)
        };
        tokio::time::timeout(LOOKUP_DEADLINE, lookup).await.unwrap_or(Err(ResolveError::Timeout))
    }

    /// Whether a name may resolve to this address.
    fn may_answer(&self, address: IpAddr, lan: bool) -> bool {
        if is_special(address) || is_own(address) {
            return self.grants.read().list.iter().any(|grant| match grant {
                Grant::Network(NetworkGrant { host: Host::Address(granted), .. })
                | Grant::Http(HttpGrant { host: Host::Address(granted), .. }) => *granted == address,
                _ => false,
            });
        }
        lan || !is_private(address)
    }

    fn authorise(&self, grants: &[NetworkGrant], addresses: &[IpAddr]) {
        let until = Instant::now() + AUTHORISED_FOR;
        let mut authorised = self.authorised.lock();
        for address in addresses {
            for NetworkGrant { protocol, port, .. } in grants {
                authorised.retain(|known| {
                    known.until > Instant::now()
                        && (known.address, known.protocol, known.port) != (*address, *protocol, *port)
                });
                authorised.push(Authorised { address: *address, protocol: *protocol, port: *port, until });
            }
        }
        let surplus = authorised.len().saturating_sub(AUTHORISED_ADDRESSES);
        authorised.drain(..surplus);
    }

    fn connect_granted(&self, protocol: Protocol, address: SocketAddr) -> bool {
        let fits = |granted: Protocol, port: Option<u16>| {
            granted == protocol && port.is_none_or(|port| port == address.port())
        };
        self.grants.read().list.iter().any(|grant| match grant {
            Grant::Network(NetworkGrant { protocol, host, port, .. }) => {
                fits(*protocol, *port) && self.host_matches(host, address.ip())
            }
            _ => false,
        }) || self.authorised.lock().iter().any(|known| {
            known.address == address.ip() && known.until > Instant::now() && fits(known.protocol, known.port)
        })
    }

    fn host_matches(&self, host: &Host, address: IpAddr) -> bool {
        match host {
            Host::Address(granted) => *granted == address,
            Host::Network(network) => network.contains(&address) && !is_special(address) && !is_own(address),
            Host::Name(_) | Host::Below(_) => false,
        }
    }

    fn listener_for(&self, protocol: Protocol, peer: IpAddr) -> bool {
        self.grants.read().list.iter().any(|grant| match grant {
            Grant::Listen(ListenGrant { protocol: granted, from, .. }) => {
                *granted == protocol && from.is_none_or(|network| network.contains(&peer))
            }
            _ => false,
        })
    }

    fn is_api(&self, address: SocketAddr) -> bool {
        self.api.iter().any(|api| {
            api.port() == address.port()
                && (api.ip() == address.ip()
                    || address.ip().is_unspecified()
                    || (api.ip().is_loopback() && address.ip().is_loopback())
                    || (api.ip().is_unspecified() && is_own(address.ip())))
        })
    }

    /// Reports something that is not granted. True in audit mode: it may go on all the same.
    fn deny(&self, home: &dyn Home, capability: &'static str, target: &str, grant: Option<&str>) -> bool {
        let audit = self.grants.read().mode == Mode::Audit;
        home.denied(Denial {
            capability,
            target: shown(target),
            grant: grant.map(shown),
            reason: None,
            enforced: !audit,
        });
        audit
    }

    /// Reports something that no grant allows. Always false.
    fn deny_always(&self, home: &dyn Home, capability: &'static str, target: &str, reason: &str) -> bool {
        let target = shown(target);
        home.denied(Denial { capability, target, grant: None, reason: Some(reason.to_owned()), enforced: true });
        false
    }
}

/// A provider's text, safe to show and bounded.
fn shown(text: &str) -> String {
    text.chars().take(200).flat_map(char::escape_debug).collect()
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Addresses that are not ordinary hosts: they never match a network, and no name may lead to them.
fn is_special(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.is_loopback() || v4.is_link_local() || v4.is_multicast() || v4.is_broadcast() || v4.octets()[0] == 0
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unicast_link_local() || v6.is_multicast() || v6.is_unspecified(),
    }
}

/// Addresses of local networks: RFC 1918, RFC 6598 (shared), RFC 4193 (unique local).
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || (v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64),
        IpAddr::V6(v6) => v6.is_unique_local(),
    }
}

/// Whether an address is this machine's: only those can be bound to.
fn is_own(address: IpAddr) -> bool {
    address.is_loopback() || (!address.is_multicast() && UdpSocket::bind((address, 0)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_home::Recorder;

    fn policy(grants: &[&str]) -> Arc<Policy> {
        let mut all = Grants::default();
        for grant in grants {
            all.add(grant.parse().unwrap());
        }
        Policy::new(all, vec!["127.0.0.1:4466".parse().unwrap()])
    }

    fn connects(grants: &[&str], address: &str) -> bool {
        policy(grants).connect(&Recorder::default(), Protocol::Tcp, address.parse().unwrap())
    }

    #[test]
    fn nothing_is_allowed_by_default() {
        let home = Recorder::default();
        let policy = policy(&[]);
        assert!(!policy.connect(&home, Protocol::Tcp, "10.0.0.1:80".parse().unwrap()));
        assert!(!policy.listen(&home, Protocol::Tcp, "0.0.0.0:80".parse().unwrap()));
        assert!(policy.bind(&home, Protocol::Tcp, "0.0.0.0:0".parse().unwrap()));
        assert_eq!(policy.serial(&home, "meter"), None);
        assert!(!policy.discovery(&home, "_hap._tcp"));
        let denials = home.denials();
        assert_eq!(denials.len(), 4);
        assert_eq!(denials[0].grant.as_deref(), Some("tcp://10.0.0.1:80"));
    }

    #[test]
    fn exactly_what_is_granted_is_allowed() {
        let grants = ["tcp://10.0.0.1:80", "tcp://192.168.0.0/16:*", "udp://10.0.0.2:53"];
        assert!(connects(&grants, "10.0.0.1:80"));
        assert!(connects(&grants, "[::ffff:10.0.0.1]:80"));
        assert!(!connects(&grants, "10.0.0.1:81"));
        assert!(connects(&grants, "192.168.7.7:9"));
        assert!(!connects(&grants, "10.0.0.2:53"));
    }

    #[test]
    fn special_addresses_need_an_exact_grant() {
        assert!(!connects(&["tcp://0.0.0.0/0:*"], "127.0.0.1:80"));
        assert!(!connects(&["tcp://0.0.0.0/0:*"], "169.254.169.254:80"));
        assert!(!connects(&["tcp://[::/0]:*"], "[fe80::1]:80"));
        assert!(!connects(&["tcp://[::/0]:*"], "[::1]:80"));
        assert!(connects(&["tcp://127.0.0.1:*"], "127.0.0.1:80"));
    }

    #[test]
    fn the_api_is_never_reached() {
        for address in ["127.0.0.1:4466", "[::1]:4466", "0.0.0.0:4466", "127.0.0.2:4466"] {
            assert!(
                !connects(&["tcp://127.0.0.1:*", "tcp://127.0.0.2:*", "tcp://[::1]:*", "tcp://0.0.0.0:*"], address),
                "{address}"
            );
        }
        let policy = policy(&[]);
        policy.replace(Grants { list: Vec::new(), mode: Mode::Audit });
        let home = Recorder::default();
        assert!(policy.connect(&home, Protocol::Tcp, "10.0.0.1:80".parse().unwrap()));
        assert!(!policy.connect(&home, Protocol::Tcp, "127.0.0.1:4466".parse().unwrap()));
        assert_eq!(home.denials().iter().map(|d| d.enforced).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn peers_are_held_to_the_listen_grant() {
        let home = Recorder::default();
        let policy = policy(&["listen:tcp://0.0.0.0:8080?from=192.168.0.0/16"]);
        assert!(policy.listen(&home, Protocol::Tcp, "192.168.0.2:8080".parse().unwrap()));
        assert!(!policy.listen(&home, Protocol::Tcp, "192.168.0.2:8081".parse().unwrap()));
        assert!(policy.accept(&home, "192.168.9.9:5".parse().unwrap()));
        assert!(!policy.accept(&home, "10.0.0.1:5".parse().unwrap()));
    }

    #[tokio::test]
    async fn names_resolve_only_when_granted_and_never_to_local_addresses() {
        let home = Recorder::default();
        let none = policy(&[]);
        assert_eq!(none.resolve(&home, "localhost").await, Err(ResolveError::Denied));
        let by_name = policy(&["tcp://localhost:80?lan"]);
        assert_eq!(by_name.resolve(&home, "localhost").await, Err(ResolveError::Denied));
        assert!(!by_name.connect(&home, Protocol::Tcp, "127.0.0.1:80".parse().unwrap()));
        let exact = policy(&["tcp://localhost:80?lan", "tcp://127.0.0.1:80"]);
        assert!(exact.resolve(&home, "LOCALHOST.").await.unwrap().contains(&"127.0.0.1".parse().unwrap()));
        assert_eq!(exact.resolve(&home, "10.1.2.3").await, Ok(vec!["10.1.2.3".parse().unwrap()]));
        assert_eq!(exact.resolve(&home, "not a name").await, Err(ResolveError::Invalid));
        assert!(exact.http(&home, false, "127.0.0.1", 80).await.is_err());
    }

    #[test]
    fn revoking_takes_effect_at_once() {
        let home = Recorder::default();
        let policy = policy(&["tcp://10.0.0.1:80"]);
        let address = "10.0.0.1:80".parse().unwrap();
        assert!(policy.connect(&home, Protocol::Tcp, address));
        policy.replace(Grants::default());
        assert!(!policy.connect(&home, Protocol::Tcp, address));
    }
}
