//! Records: how TLS 1.3 (RFC 8446, 5.2) and TLS 1.2 (RFC 5288, RFC 7905) put what is to be kept secret into the hub's
//! authenticated encryption.

use super::complain;
use crate::bindings::igloo::crypto::aead::Key;
use rustls::{
    ConnectionTrafficSecrets, ContentType, Error, ProtocolVersion,
    crypto::cipher::{
        AeadKey, InboundOpaqueMessage, InboundPlainMessage, Iv, KeyBlockShape, MessageDecrypter, MessageEncrypter,
        NONCE_LEN, Nonce, OutboundOpaqueMessage, OutboundPlainMessage, PrefixedPayload, Tls12AeadAlgorithm,
        Tls13AeadAlgorithm, UnsupportedOperationError, make_tls12_aad, make_tls13_aad,
    },
};

/// Bytes of a tag.
const TAG: usize = 16;
/// Bytes of the nonce that a record of TLS 1.2 with AES-GCM carries.
const EXPLICIT: usize = 8;
/// Bytes in a record's plaintext.
const FRAGMENT: usize = 1 << 14;

/// An algorithm of the hub.
#[derive(Debug, Clone, Copy)]
pub(super) enum Aead {
    Aes128Gcm,
    Aes256Gcm,
    ChaCha20Poly1305,
}

impl Aead {
    fn name(self) -> &'static str {
        match self {
            Self::Aes128Gcm => "aes-128-gcm",
            Self::Aes256Gcm => "aes-256-gcm",
            Self::ChaCha20Poly1305 => "chacha20-poly1305",
        }
    }

    fn key_length(self) -> usize {
        if matches!(self, Self::Aes128Gcm) { 16 } else { 32 }
    }

    /// rustls asks where it cannot take an error: without a key every record fails, and the log says why.
    fn import(self, key: &AeadKey) -> Option<Key> {
        Key::import_raw(self.name(), key.as_ref()).map_err(|code| complain(self.name(), &code)).ok()
    }

    /// For programs that log secrets: the hub keeps none that it could give out.
    fn extract(self, key: AeadKey, iv: Iv) -> ConnectionTrafficSecrets {
        match self {
            Self::Aes128Gcm => ConnectionTrafficSecrets::Aes128Gcm { key, iv },
            Self::Aes256Gcm => ConnectionTrafficSecrets::Aes256Gcm { key, iv },
            Self::ChaCha20Poly1305 => ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv },
        }
    }
}

fn seal(key: Option<&Key>, nonce: &Nonce, additional: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, Error> {
    key.and_then(|key| key.seal(&nonce.0, additional, plaintext).ok()).ok_or(Error::EncryptError)
}

fn open(key: Option<&Key>, nonce: &Nonce, additional: &[u8], ciphertext: &[u8]) -> Result<Vec<u8>, Error> {
    key.and_then(|key| key.open(&nonce.0, additional, ciphertext).ok()).ok_or(Error::DecryptError)
}

/// Puts the plaintext where the ciphertext was. It is shorter: the tag is gone.
fn replace(message: &mut InboundOpaqueMessage<'_>, plaintext: &[u8]) -> Result<(), Error> {
    let place = message.payload.get_mut(..plaintext.len()).ok_or(Error::DecryptError)?;
    place.copy_from_slice(plaintext);
    message.payload.truncate(plaintext.len());
    Ok(())
}

/// TLS 1.3.
pub(super) struct Tls13(pub(super) Aead);

impl Tls13AeadAlgorithm for Tls13 {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        Box::new(Records13 { key: self.0.import(&key), iv })
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        Box::new(Records13 { key: self.0.import(&key), iv })
    }

    fn key_len(&self) -> usize {
        self.0.key_length()
    }

    fn extract_keys(&self, key: AeadKey, iv: Iv) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Ok(self.0.extract(key, iv))
    }
}

struct Records13 {
    key: Option<Key>,
    iv: Iv,
}

impl MessageEncrypter for Records13 {
    fn encrypt(&mut self, message: OutboundPlainMessage<'_>, sequence: u64) -> Result<OutboundOpaqueMessage, Error> {
        let length = self.encrypted_payload_len(message.payload.len());
        let mut plaintext = Vec::with_capacity(length);
        message.payload.copy_to_vec(&mut plaintext);
        plaintext.push(message.typ.into());
        let sealed = seal(self.key.as_ref(), &Nonce::new(&self.iv, sequence), &make_tls13_aad(length), &plaintext)?;
        let mut payload = PrefixedPayload::with_capacity(length);
        payload.extend_from_slice(&sealed);
        // RFC 8446, 5.1: every protected record has the version of TLS 1.2.
        Ok(OutboundOpaqueMessage::new(ContentType::ApplicationData, ProtocolVersion::TLSv1_2, payload))
    }

    fn encrypted_payload_len(&self, length: usize) -> usize {
        length + 1 + TAG
    }
}

impl MessageDecrypter for Records13 {
    fn decrypt<'a>(
        &mut self,
        mut message: InboundOpaqueMessage<'a>,
        sequence: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let additional = make_tls13_aad(message.payload.len());
        let plaintext = open(self.key.as_ref(), &Nonce::new(&self.iv, sequence), &additional, &message.payload)?;
        replace(&mut message, &plaintext)?;
        message.into_tls13_unpadded_message()
    }
}

/// TLS 1.2.
pub(super) struct Tls12(pub(super) Aead);

impl Tls12 {
    /// The part of the nonce that each record of AES-GCM carries.
    fn explicit(&self) -> usize {
        if matches!(self.0, Aead::ChaCha20Poly1305) { 0 } else { EXPLICIT }
    }

    /// The fixed part and the beginning of the rest, from the key block.
    fn iv(&self, fixed: &[u8], rest: &[u8]) -> Iv {
        let mut iv = [0; NONCE_LEN];
        iv.iter_mut().zip(fixed.iter().chain(rest)).for_each(|(byte, from)| *byte = *from);
        Iv::new(iv)
    }
}

impl Tls12AeadAlgorithm for Tls12 {
    fn encrypter(&self, key: AeadKey, iv: &[u8], extra: &[u8]) -> Box<dyn MessageEncrypter> {
        Box::new(Records12 { key: self.0.import(&key), iv: self.iv(iv, extra), explicit: self.explicit() })
    }

    fn decrypter(&self, key: AeadKey, iv: &[u8]) -> Box<dyn MessageDecrypter> {
        Box::new(Records12 { key: self.0.import(&key), iv: self.iv(iv, &[]), explicit: self.explicit() })
    }

    fn key_block_shape(&self) -> KeyBlockShape {
        let explicit_nonce_len = self.explicit();
        KeyBlockShape {
            enc_key_len: self.0.key_length(),
            fixed_iv_len: NONCE_LEN - explicit_nonce_len,
            explicit_nonce_len,
        }
    }

    fn extract_keys(
        &self,
        key: AeadKey,
        iv: &[u8],
        explicit: &[u8],
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Ok(self.0.extract(key, self.iv(iv, explicit)))
    }
}

struct Records12 {
    key: Option<Key>,
    iv: Iv,
    /// Bytes of the nonce that stand before each ciphertext.
    explicit: usize,
}

impl MessageEncrypter for Records12 {
    fn encrypt(&mut self, message: OutboundPlainMessage<'_>, sequence: u64) -> Result<OutboundOpaqueMessage, Error> {
        let nonce = Nonce::new(&self.iv, sequence);
        let additional = make_tls12_aad(sequence, message.typ, message.version, message.payload.len());
        let sealed = seal(self.key.as_ref(), &nonce, &additional, &message.payload.to_vec())?;
        let mut payload = PrefixedPayload::with_capacity(self.encrypted_payload_len(message.payload.len()));
        payload.extend_from_slice(&nonce.0[NONCE_LEN - self.explicit..]);
        payload.extend_from_slice(&sealed);
        Ok(OutboundOpaqueMessage::new(message.typ, message.version, payload))
    }

    fn encrypted_payload_len(&self, length: usize) -> usize {
        self.explicit + length + TAG
    }
}

impl MessageDecrypter for Records12 {
    fn decrypt<'a>(
        &mut self,
        mut message: InboundOpaqueMessage<'a>,
        sequence: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let (explicit, ciphertext) = message.payload.split_at_checked(self.explicit).ok_or(Error::DecryptError)?;
        let length = ciphertext.len().checked_sub(TAG).ok_or(Error::DecryptError)?;
        let nonce = if self.explicit == 0 {
            Nonce::new(&self.iv, sequence)
        } else {
            let mut nonce = [0; NONCE_LEN];
            let (fixed, rest) = nonce.split_at_mut(NONCE_LEN - self.explicit);
            fixed.copy_from_slice(&self.iv.as_ref()[..fixed.len()]);
            rest.copy_from_slice(explicit);
            Nonce(nonce)
        };
        let additional = make_tls12_aad(sequence, message.typ, message.version, length);
        let plaintext = open(self.key.as_ref(), &nonce, &additional, ciphertext)?;
        if plaintext.len() > FRAGMENT {
            return Err(Error::PeerSentOversizedRecord);
        }
        replace(&mut message, &plaintext)?;
        Ok(message.into_plain_message())
    }
}
