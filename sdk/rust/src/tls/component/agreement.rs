//! Key exchange: the private key is made, used once and dropped in the hub.

use super::error;
use crate::bindings::igloo::crypto::agreement::PrivateKey;
use rustls::{
    Error, NamedGroup, PeerMisbehaved,
    crypto::{ActiveKeyExchange, SharedSecret, SupportedKxGroup},
    ffdhe_groups::FfdheGroup,
};

/// The groups, the preferred first.
pub(super) const GROUPS: &[&dyn SupportedKxGroup] = &[
    &Group { name: NamedGroup::X25519, algorithm: "x25519" },
    &Group { name: NamedGroup::secp256r1, algorithm: "p256" },
    &Group { name: NamedGroup::secp384r1, algorithm: "p384" },
];

#[derive(Debug)]
struct Group {
    name: NamedGroup,
    algorithm: &'static str,
}

impl SupportedKxGroup for Group {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let private = PrivateKey::generate(self.algorithm).map_err(|code| error(self.algorithm, &code))?;
        let public = private.public_key();
        Ok(Box::new(Exchange { group: self.name, private, public }))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn name(&self) -> NamedGroup {
        self.name
    }
}

struct Exchange {
    group: NamedGroup,
    private: PrivateKey,
    public: Vec<u8>,
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        match PrivateKey::agree(self.private, peer) {
            Ok(secret) => Ok(SharedSecret::from(secret)),
            Err(_) => Err(PeerMisbehaved::InvalidKeyShare.into()),
        }
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn group(&self) -> NamedGroup {
        self.group
    }
}
