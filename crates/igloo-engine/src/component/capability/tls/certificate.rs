//! The outline of a certificate: who issued it, to whom, and for which key (RFC 5280, section 4.1).
//!
//! Devices have certificates that a proper reader refuses: of version 1, with odd serial numbers. Where nobody asks
//! whether a certificate can be trusted, these still say which key must sign the handshake. Nothing here is a check.

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
/// `[0] EXPLICIT`, the version, which version 1 leaves out.
const VERSION: u8 = 0xa0;

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Outline<'a> {
    issuer: &'a [u8],
    subject: &'a [u8],
    /// The whole `SubjectPublicKeyInfo`.
    pub(super) key_info: &'a [u8],
    /// What is in its `AlgorithmIdentifier`.
    pub(super) algorithm: &'a [u8],
    /// What is in its bit string.
    pub(super) key: &'a [u8],
}

impl<'a> Outline<'a> {
    pub(super) fn read(certificate: &'a [u8]) -> Option<Self> {
        let mut fields = Reader(Reader(certificate).expect(SEQUENCE)?.content);
        let mut fields = Reader(fields.expect(SEQUENCE)?.content);
        if fields.0.first() == Some(&VERSION) {
            fields.next()?;
        }
        let (_serial, _signature) = (fields.next()?, fields.expect(SEQUENCE)?);
        let issuer = fields.expect(SEQUENCE)?.whole;
        let _validity = fields.expect(SEQUENCE)?;
        let subject = fields.expect(SEQUENCE)?.whole;
        let key_info = fields.expect(SEQUENCE)?;
        let mut fields = Reader(key_info.content);
        let algorithm = fields.expect(SEQUENCE)?.content;
        // The first byte says how many bits at the end are not the key's; a key has whole bytes.
        let [0, key @ ..] = fields.expect(BIT_STRING)?.content else { return None };
        Some(Self { issuer, subject, key_info: key_info.whole, algorithm, key })
    }

    /// Whether it says of itself that it is its own issuer.
    pub(super) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }
}

/// Reads elements of DER (X.690), one after the other.
struct Reader<'a>(&'a [u8]);

struct Element<'a> {
    tag: u8,
    content: &'a [u8],
    whole: &'a [u8],
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x83 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            // Without an end, or longer than any certificate.
            _ => return None,
        };
        let (content, after) = rest.split_at_checked(length)?;
        let (whole, _) = self.0.split_at_checked(self.0.len() - after.len())?;
        self.0 = after;
        Some(Element { tag, content, whole })
    }

    fn expect(&mut self, tag: u8) -> Option<Element<'a>> {
        self.next().filter(|element| element.tag == tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(tag: u8, content: &[&[u8]]) -> Vec<u8> {
        let content = content.concat();
        let [.., high, low] = content.len().to_be_bytes();
        let mut out = vec![tag];
        match content.len() {
            0..0x80 => out.push(low),
            0x80..=0xff => out.extend([0x81, low]),
            _ => out.extend([0x82, high, low]),
        }
        out.extend(content);
        out
    }

    fn certificate(version: &[u8], issuer: &[u8], subject: &[u8], key: &[u8]) -> Vec<u8> {
        let key_info = der(SEQUENCE, &[&der(SEQUENCE, &[b"algorithm"]), &der(BIT_STRING, &[&[0], key])]);
        let (issuer, subject) = (der(SEQUENCE, &[issuer]), der(SEQUENCE, &[subject]));
        let (empty, serial) = (der(SEQUENCE, &[]), der(2, &[&[0xff; 30]]));
        let body = der(SEQUENCE, &[version, &serial, &empty, &issuer, &empty, &subject, &key_info, b"extensions"]);
        der(SEQUENCE, &[&body, &empty, &der(BIT_STRING, &[&[0]])])
    }

    #[test]
    fn versions_1_and_3_are_read() {
        for version in [Vec::new(), der(VERSION, &[&der(2, &[&[2]])])] {
            for length in [0, 1, 100, 200, 300, 60_000] {
                let key = vec![7; length];
                let made = certificate(&version, b"somebody", b"device", &key);
                let outline = Outline::read(&made).unwrap();
                assert_eq!((outline.algorithm, outline.key), (&b"algorithm"[..], &*key));
                assert!(!outline.is_self_issued());
                assert!(outline.key_info.starts_with(&[SEQUENCE]) && outline.key_info.ends_with(&key));
                assert!(Outline::read(&certificate(&version, b"device", b"device", &key)).unwrap().is_self_issued());
            }
        }
    }

    /// Whatever is cut off, put in place of a byte or said about a length, it is read within bounds or refused.
    #[test]
    fn anything_else_is_read_within_bounds_or_refused() {
        let made = certificate(&der(VERSION, &[&der(2, &[&[2]])]), b"somebody", b"device", &[7; 200]);
        for end in 0..made.len() {
            Outline::read(&made[..end]);
            for byte in [0x00, 0x01, 0x30, 0x7f, 0x80, 0x81, 0x82, 0x83, 0x84, 0xff] {
                let mut other = made.clone();
                other[end] = byte;
                if let Some(outline) = Outline::read(&other) {
                    assert!(outline.key.len() < other.len());
                }
            }
        }
        assert_eq!(Outline::read(&[SEQUENCE, 0x83, 0xff, 0xff, 0xff]), None);
        assert_eq!(Outline::read(&[]), None);
    }
}
