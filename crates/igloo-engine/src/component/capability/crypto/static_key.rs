//! Keys for agreement that are kept, given in and taken out.

use ring::{
    agreement::{ECDH_P256, ECDH_P384, EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral},
    error::Unspecified,
    rand::{SecureRandom, SystemRandom},
};
use wasmtime::component::Resource;
use zeroize::Zeroizing;

use super::{SMALL, check_length};
use crate::component::{
    bindings::igloo::crypto::{agreement::HostStaticKey, types::ErrorCode},
    state::State,
};

/// An algorithm and a secret that it takes.
#[expect(unreachable_pub, reason = "named by generated code")]
pub struct StaticKey {
    algorithm: &'static ring::agreement::Algorithm,
    secret: Zeroizing<Vec<u8>>,
    public: Vec<u8>,
}

impl std::fmt::Debug for StaticKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StaticKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

impl StaticKey {
    /// Any 32 bytes are a key of X25519. Of the curves' candidates very few are not.
    const ATTEMPTS: usize = 100;

    pub(super) fn generate(algorithm: &str) -> Result<Self, ErrorCode> {
        let (_, length) = find(algorithm)?;
        let random = SystemRandom::new();
        for _ in 0..Self::ATTEMPTS {
            let mut secret = Zeroizing::new(vec![0; length]);
            random.fill(&mut secret).map_err(|_| no_random())?;
            if let Ok(key) = Self::import(algorithm, secret) {
                return Ok(key);
            }
        }
        Err(no_random())
    }

    pub(super) fn import(algorithm: &str, secret: Zeroizing<Vec<u8>>) -> Result<Self, ErrorCode> {
        let (algorithm, length) = find(algorithm)?;
        if secret.len() != length {
            return Err(ErrorCode::InvalidKey(format!("a key has {length} bytes, not {}", secret.len())));
        }
        let public = private(algorithm, &secret).and_then(|key| key.compute_public_key());
        let public = public.map_err(|_| ErrorCode::InvalidKey("not from 1 to the group's order less 1".to_owned()))?;
        Ok(Self { algorithm, public: public.as_ref().to_vec(), secret })
    }

    pub(super) fn secret(&self) -> &[u8] {
        &self.secret
    }

    pub(super) fn public(&self) -> &[u8] {
        &self.public
    }

    fn agree(&self, peer: &[u8]) -> Result<Vec<u8>, ErrorCode> {
        check_length(peer, SMALL)?;
        let key = private(self.algorithm, &self.secret).map_err(|_| ErrorCode::Refused)?;
        agree_ephemeral(key, &UnparsedPublicKey::new(self.algorithm, peer), <[u8]>::to_vec)
            .map_err(|_| ErrorCode::Refused)
    }
}

fn find(algorithm: &str) -> Result<(&'static ring::agreement::Algorithm, usize), ErrorCode> {
    match algorithm {
        "x25519" => Ok((&X25519, 32)),
        "p256" => Ok((&ECDH_P256, 32)),
        "p384" => Ok((&ECDH_P384, 48)),
        _ => Err(ErrorCode::Unsupported),
    }
}

fn no_random() -> ErrorCode {
    ErrorCode::Other(("random".to_owned(), "the system has no random numbers".to_owned()))
}

/// ring makes a private key out of what a source of random numbers says, and checks it; so a source that says what it
/// was given is how a key is given in. It is ring's own, for its tests and those of others. A version without it fails
/// to build, and the known answers below would notice another meaning.
#[expect(deprecated, reason = "ring has no other way in, and what has one would compile the runtime anew")]
fn private(algorithm: &'static ring::agreement::Algorithm, secret: &[u8]) -> Result<EphemeralPrivateKey, Unspecified> {
    EphemeralPrivateKey::generate(algorithm, &ring::test::rand::FixedSliceRandom { bytes: secret })
}

impl HostStaticKey for State {
    fn generate(&mut self, algorithm: String) -> wasmtime::Result<Result<Resource<StaticKey>, ErrorCode>> {
        self.keep(StaticKey::generate(&algorithm))
    }

    fn import_raw(
        &mut self,
        algorithm: String,
        raw: Vec<u8>,
    ) -> wasmtime::Result<Result<Resource<StaticKey>, ErrorCode>> {
        self.keep(StaticKey::import(&algorithm, Zeroizing::new(raw)))
    }

    fn export_raw(&mut self, key: Resource<StaticKey>) -> wasmtime::Result<Vec<u8>> {
        Ok(self.keys.get(&key)?.secret.to_vec())
    }

    fn public_key(&mut self, key: Resource<StaticKey>) -> wasmtime::Result<Vec<u8>> {
        Ok(self.keys.get(&key)?.public.clone())
    }

    fn agree(&mut self, key: Resource<StaticKey>, peer: Vec<u8>) -> wasmtime::Result<Result<Vec<u8>, ErrorCode>> {
        Ok(self.keys.get(&key)?.agree(&peer))
    }

    fn drop(&mut self, key: Resource<StaticKey>) -> wasmtime::Result<()> {
        self.keys.delete(key)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::bytes, *};

    fn import(algorithm: &str, secret: &str) -> StaticKey {
        StaticKey::import(algorithm, Zeroizing::new(bytes(secret))).unwrap()
    }

    /// An algorithm; a secret with its public key; a peer's public key, and what they share.
    const KNOWN: [(&str, [&str; 4]); 3] = [
        // RFC 7748, 6.1.
        (
            "x25519",
            [
                "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
                "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
                "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
                "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
            ],
        ),
        // RFC 5903, 8.1.
        (
            "p256",
            [
                "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
                "04dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c37725811805271a0461cdb8252d61f1c456fa3e59a\
                 b1f45b33accf5f58389e0577b8990bb3",
                "04d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf6356fbf3ca366cc23e8157854c13c58d6a\
                 ac23f046ada30f8353e74f33039872ab",
                "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de",
            ],
        ),
        // RFC 5903, 8.2.
        (
            "p384",
            [
                "099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655e35b538041e649ee3faef896783ab194",
                "04667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4c55ee6de3ac808acb4bdb4c88732aee95f41aa\
                 9482ed1fc0eeb9cafc4984625ccfc23f65032149e0e144ada024181535a0f38eeb9fcff3c2c947dae69b4c634573a81c",
                "04e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc509d0d1ac43a0336def96fda41d0774a3571\
                 dcfbec7aacf3196472169e838430367f66eebe3c6e70c416dd5f0c68759dd1fff83fa40142209dff5eaad96db9e6386c",
                "11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4d603135569b9e9d09cf5d4a270f59746",
            ],
        ),
    ];

    #[test]
    fn known_answers() {
        for (algorithm, [secret, public, peer, shared]) in KNOWN {
            let key = import(algorithm, secret);
            assert_eq!(key.public(), bytes(public), "{algorithm}");
            assert_eq!(*key.secret, bytes(secret), "{algorithm}");
            // A key is used again.
            for _ in 0..2 {
                assert_eq!(key.agree(&bytes(peer)).unwrap(), bytes(shared), "{algorithm}");
            }
        }
    }

    #[test]
    fn what_is_made_comes_out_and_in_again() {
        for (algorithm, [.., peer, _]) in KNOWN {
            let made = StaticKey::generate(algorithm).unwrap();
            let again = StaticKey::import(algorithm, made.secret.clone()).unwrap();
            assert_eq!(made.public, again.public, "{algorithm}");
            assert_eq!(made.agree(&bytes(peer)).unwrap(), again.agree(&bytes(peer)).unwrap(), "{algorithm}");
            assert_ne!(made.secret, StaticKey::generate(algorithm).unwrap().secret, "{algorithm}");
            assert!(!format!("{made:?}").contains("secret"), "{algorithm}");
        }
    }

    #[test]
    fn what_is_no_key_and_no_point_is_refused() {
        for (algorithm, [secret, public, ..]) in KNOWN {
            let length = secret.len() / 2;
            for other in (0..100).filter(|other| *other != length) {
                let imported = StaticKey::import(algorithm, Zeroizing::new(vec![1; other]));
                assert!(matches!(imported, Err(ErrorCode::InvalidKey(_))), "{algorithm} {other}");
            }
            if algorithm != "x25519" {
                for scalar in [0x00, 0xff] {
                    let imported = StaticKey::import(algorithm, Zeroizing::new(vec![scalar; length]));
                    assert!(matches!(imported, Err(ErrorCode::InvalidKey(_))), "{algorithm} {scalar}");
                }
            }
            let key = import(algorithm, secret);
            for other in (0..130).filter(|other| *other != public.len() / 2) {
                assert_eq!(key.agree(&vec![4; other]), Err(ErrorCode::Refused), "{algorithm} {other}");
            }
            assert_eq!(key.agree(&vec![0; public.len() / 2]), Err(ErrorCode::Refused), "{algorithm}");
            assert_eq!(key.agree(&[0; SMALL + 1]), Err(ErrorCode::Limit), "{algorithm}");
        }
        assert!(matches!(StaticKey::generate("p521"), Err(ErrorCode::Unsupported)));
    }
}
