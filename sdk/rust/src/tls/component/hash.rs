//! SHA-2 and HMAC for rustls, computed here.

use hmac::{Mac, SimpleHmac};
use rustls::crypto::{
    hash::{Context, Hash, HashAlgorithm, Output},
    hmac::{Hmac, Key, Tag},
};
use sha2::{
    Digest, Sha256, Sha384,
    digest::{core_api::BlockSizeUser, typenum::Unsigned},
};
use std::marker::PhantomData;

/// A hash function and its HMAC.
pub(super) struct Sha<D>(HashAlgorithm, PhantomData<fn() -> D>);

pub(super) static SHA256: Sha<Sha256> = Sha(HashAlgorithm::SHA256, PhantomData);
pub(super) static SHA384: Sha<Sha384> = Sha(HashAlgorithm::SHA384, PhantomData);

/// What both need of a hash function.
pub(super) trait Function: Digest + BlockSizeUser + Clone + Send + Sync + 'static {}
impl<D: Digest + BlockSizeUser + Clone + Send + Sync + 'static> Function for D {}

impl<D: Function> Hash for Sha<D> {
    fn start(&self) -> Box<dyn Context> {
        Box::new(Running(D::new()))
    }

    fn hash(&self, data: &[u8]) -> Output {
        Output::new(&D::digest(data))
    }

    fn output_len(&self) -> usize {
        D::OutputSize::to_usize()
    }

    fn algorithm(&self) -> HashAlgorithm {
        self.0
    }
}

struct Running<D>(D);

impl<D: Function> Context for Running<D> {
    fn fork_finish(&self) -> Output {
        Output::new(&self.0.clone().finalize())
    }

    fn fork(&self) -> Box<dyn Context> {
        Box::new(Self(self.0.clone()))
    }

    fn finish(self: Box<Self>) -> Output {
        Output::new(&self.0.finalize())
    }

    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }
}

impl<D: Function> Hmac for Sha<D> {
    fn with_key(&self, key: &[u8]) -> Box<dyn Key> {
        #[allow(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let keyed = SimpleHmac::<D>::new_from_slice(key).expect("a key of any length");
        Box::new(Keyed(keyed))
    }

    fn hash_output_len(&self) -> usize {
        D::OutputSize::to_usize()
    }
}

struct Keyed<D: Digest + BlockSizeUser>(SimpleHmac<D>);

impl<D: Function> Key for Keyed<D> {
    fn sign_concat(&self, first: &[u8], middle: &[&[u8]], last: &[u8]) -> Tag {
        let mut mac = self.0.clone();
        mac.update(first);
        middle.iter().for_each(|part| mac.update(part));
        mac.update(last);
        Tag::new(&mac.finalize().into_bytes())
    }

    fn tag_len(&self) -> usize {
        D::OutputSize::to_usize()
    }
}
