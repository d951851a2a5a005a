//! What can be looked for, as a provider writes it: checked before anything else, because it goes into packets, grants
//! and logs.

use std::str::FromStr;

use super::DiscoveryError;

/// Bytes of a service's name without its underscore. RFC 6335 (section 5.1) says 15; Android TVs announce
/// `_androidtvremote2`.
const SERVICE_NAME: usize = 30;
/// Bytes of a search target.
const SEARCH_TARGET: usize = 128;

/// A DNS-SD service type, such as `_hap._tcp` (RFC 6763, section 7). Without subtypes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct ServiceType(String);

impl ServiceType {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The name that is asked for in the domain of mDNS.
    pub(super) fn domain(&self) -> String {
        format!("{}.local.", self.0)
    }
}

impl FromStr for ServiceType {
    type Err = DiscoveryError;

    fn from_str(text: &str) -> Result<Self, DiscoveryError> {
        let name = text.strip_suffix("._tcp").or_else(|| text.strip_suffix("._udp"));
        let name = name.and_then(|name| name.strip_prefix('_')).ok_or(DiscoveryError::Invalid)?;
        let fits = (1..=SERVICE_NAME).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && name.bytes().any(|byte| byte.is_ascii_alphabetic())
            && !name.starts_with('-')
            && !name.ends_with('-')
            && !name.contains("--");
        if fits { Ok(Self(text.to_owned())) } else { Err(DiscoveryError::Invalid) }
    }
}

/// An SSDP search target, such as `roku:ecp` or `urn:schemas-upnp-org:device:MediaRenderer:1`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct SearchTarget(String);

impl SearchTarget {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SearchTarget {
    type Err = DiscoveryError;

    fn from_str(text: &str) -> Result<Self, DiscoveryError> {
        let fits = text.len() <= SEARCH_TARGET
            && text.contains(':')
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":-_.".contains(&byte));
        if fits { Ok(Self(text.to_owned())) } else { Err(DiscoveryError::Invalid) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::{DiscoveryError, SearchTarget, ServiceType};

    #[test]
    fn service_types_are_those_of_dns_sd() {
        for good in ["_hap._tcp", "_coap._udp", "_esphomelib._tcp", "_androidtvremote2._tcp", "_igloo-test._tcp"] {
            assert_eq!(good.parse::<ServiceType>().unwrap().domain(), format!("{good}.local."));
        }
        let long = format!("_{}._tcp", "a".repeat(31));
        for bad in [
            "",
            "_tcp",
            "._tcp",
            "_._tcp",
            "hap._tcp",
            "_hap",
            "_hap._sctp",
            "_-a._tcp",
            "_a-._tcp",
            "_a--b._tcp",
            "_12._tcp",
            "_a.b._tcp",
            "_a\u{e9}._tcp",
            "_a\n._tcp",
            "_p._sub._http._tcp",
            "_hap._tcp.local.",
            &long,
        ] {
            assert_eq!(bad.parse::<ServiceType>(), Err(DiscoveryError::Invalid), "{bad:?}");
        }
    }

    #[test]
    fn search_targets_cannot_add_a_header() {
        for good in ["ssdp:all", "upnp:rootdevice", "roku:ecp", "urn:schemas-upnp-org:device:MediaRenderer:1"] {
            assert_eq!(good.parse::<SearchTarget>().unwrap().as_str(), good);
        }
        for bad in ["", "roku", "roku:ecp\r\nX: y", "a: b", &format!("a:{}", "b".repeat(200))] {
            assert_eq!(bad.parse::<SearchTarget>(), Err(DiscoveryError::Invalid), "{bad:?}");
        }
    }
}
