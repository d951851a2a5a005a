//! Key agreement. A private key is made here, used once, and never leaves.

use ring::{
    agreement::{Algorithm, ECDH_P256, ECDH_P384, EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral},
    rand::SystemRandom,
};
use wasmtime::component::Resource;

use super::{SMALL, check_length};
use crate::component::{
    bindings::igloo::crypto::{
        agreement::{Host, HostPrivateKey},
        types::ErrorCode,
    },
    state::State,
};

/// A private key, and its public one.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "named by generated code")]
pub struct PrivateKey {
    private: EphemeralPrivateKey,
    public: Vec<u8>,
}

impl PrivateKey {
    fn generate(algorithm: &str) -> Result<Self, ErrorCode> {
        let algorithm: &'static Algorithm = match algorithm {
            "x25519" => &X25519,
            "p256" => &ECDH_P256,
            "p384" => &ECDH_P384,
            _ => return Err(ErrorCode::Unsupported),
        };
        let no_random = |_| ErrorCode::Other(("random".to_owned(), "the system has no random numbers".to_owned()));
        let private = EphemeralPrivateKey::generate(algorithm, &SystemRandom::new()).map_err(no_random)?;
        let public = private.compute_public_key().map_err(no_random)?.as_ref().to_vec();
        Ok(Self { private, public })
    }

    /// Refuses points that are not on the curve, and those of X25519 that make the secret nothing.
    fn agree(self, peer: &[u8]) -> Result<Vec<u8>, ErrorCode> {
        check_length(peer, SMALL)?;
        let peer = UnparsedPublicKey::new(self.private.algorithm(), peer);
        agree_ephemeral(self.private, &peer, <[u8]>::to_vec).map_err(|_| ErrorCode::Refused)
    }
}

impl Host for State {}

impl HostPrivateKey for State {
    fn generate(&mut self, algorithm: String) -> wasmtime::Result<Result<Resource<PrivateKey>, ErrorCode>> {
        self.keep(PrivateKey::generate(&algorithm))
    }

    fn public_key(&mut self, key: Resource<PrivateKey>) -> wasmtime::Result<Vec<u8>> {
        Ok(self.keys.get(&key)?.public.clone())
    }

    fn agree(&mut self, key: Resource<PrivateKey>, peer: Vec<u8>) -> wasmtime::Result<Result<Vec<u8>, ErrorCode>> {
        Ok(self.keys.delete(key)?.agree(&peer))
    }

    fn drop(&mut self, key: Resource<PrivateKey>) -> wasmtime::Result<()> {
        self.keys.delete(key)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::bytes, *};

    const ALGORITHMS: [(&str, usize, usize); 3] = [("x25519", 32, 32), ("p256", 65, 32), ("p384", 97, 48)];

    /// A private key is never given in, so RFC 7748's known answers with one cannot be asked for; what they say of
    /// points, and that a public key is the private one times the base point, can.
    #[test]
    fn a_public_key_is_the_private_one_times_nine() {
        let mut nine = vec![0; 32];
        nine[0] = 9;
        let key = PrivateKey::generate("x25519").unwrap();
        let public = key.public.clone();
        assert_eq!(key.agree(&nine).unwrap(), public);
        // RFC 7748, 5: the highest bit of a point is ignored.
        nine[31] = 0x80;
        let key = PrivateKey::generate("x25519").unwrap();
        let public = key.public.clone();
        assert_eq!(key.agree(&nine).unwrap(), public);
    }

    #[test]
    fn both_ends_agree() {
        for (algorithm, public, secret) in ALGORITHMS {
            let (one, other) = (PrivateKey::generate(algorithm).unwrap(), PrivateKey::generate(algorithm).unwrap());
            let (to_one, to_other) = (other.public.clone(), one.public.clone());
            assert_eq!(to_one.len(), public);
            let agreed = one.agree(&to_one).unwrap();
            assert_eq!(agreed.len(), secret);
            assert_eq!(agreed, other.agree(&to_other).unwrap(), "{algorithm}");
        }
    }

    #[test]
    fn points_that_are_none_are_refused() {
        // Of order 1, 2, 4 and 8 on Curve25519: each would make the secret nothing.
        for point in [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        ] {
            let key = PrivateKey::generate("x25519").unwrap();
            assert_eq!(key.agree(&bytes(point)), Err(ErrorCode::Refused), "{point}");
        }
        for (algorithm, public, _) in ALGORITHMS {
            for length in (0..200).filter(|length| *length != public) {
                let key = PrivateKey::generate(algorithm).unwrap();
                assert_eq!(key.agree(&vec![4; length]), Err(ErrorCode::Refused), "{algorithm} {length}");
            }
        }
        for algorithm in ["p256", "p384"] {
            let key = PrivateKey::generate(algorithm).unwrap();
            let mut point = PrivateKey::generate(algorithm).unwrap().public;
            *point.last_mut().unwrap() ^= 1;
            assert_eq!(key.agree(&point), Err(ErrorCode::Refused), "not on the curve: {algorithm}");
        }
        assert!(matches!(PrivateKey::generate("x448"), Err(ErrorCode::Unsupported)));
    }
}
