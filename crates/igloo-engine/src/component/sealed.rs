//! The form in which compiled code is kept: the code, a record, and a MAC.
//!
//! Nine tenths of the code of a component in Python are its machine code and its memory's image, which are mapped and not
//! parsed. These two parts stand in the record with MACs of their own, and the file's MAC covers the record and all the
//! rest. So the rest is verified first, and can be loaded while the parts are; and a part that is known need not be.
//!
//! All are AEGIS-256X4 as a MAC (draft-irtf-cfrg-aegis-aead), which takes bytes as fast as memory gives them, where the
//! machine computes AES. It is no hash: only who has no key cannot make two parts with one MAC.
//!
//! Promises: what [`Sealed::open`] answers is verified but for the parts, and a part is verified by [`Sealed::verify`].

use std::ops::Range;

use aegis::aegis256x4::{Aegis256X4Mac, Key, Nonce, Tag};
use object::{Object as _, ObjectSection as _};

/// Bytes of a MAC.
const MAC: usize = 32;
/// What a MAC is of: none can pass for one of another kind.
const OF_FILE: &Nonce = b"igloo: a file of compiled code  ";
const OF_PIECE: &Nonce = b"igloo: a piece of a part        ";
const OF_TWO: &Nonce = b"igloo: two halves of a part     ";
/// What one core computes in one go, in bytes: it fits into its cache.
const PIECE: usize = 1 << 20;

/// A range of the code that has a MAC of its own; empty where the code has none.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) mac: Tag<MAC>,
}

impl Part {
    const RECORD: usize = 16 + MAC;

    fn find(code: &[u8], object: &object::File<'_>, section: &str, key: &Key) -> Option<Self> {
        let (offset, length) = object.section_by_name(section)?.file_range()?;
        let part = Self { offset, length, mac: [0; MAC] };
        let mac = tree(part.of(code)?, key).finalize();
        Some(Self { mac, ..part })
    }

    fn range(self) -> Option<Range<usize>> {
        let start = usize::try_from(self.offset).ok()?;
        Some(start..start.checked_add(usize::try_from(self.length).ok()?)?)
    }

    /// Its bytes in the whole code.
    pub(super) fn of(self, code: &[u8]) -> Option<&[u8]> {
        code.get(self.range()?)
    }

    fn write(self) -> [u8; Self::RECORD] {
        let mut record = [0; Self::RECORD];
        record[..8].copy_from_slice(&self.offset.to_le_bytes());
        record[8..16].copy_from_slice(&self.length.to_le_bytes());
        record[16..].copy_from_slice(&self.mac);
        record
    }

    fn read(record: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u64::from_le_bytes(record.get(at..at + 8)?.try_into().ok()?));
        Some(Self { offset: number(0)?, length: number(8)?, mac: record.get(16..Self::RECORD)?.try_into().ok()? })
    }
}

/// The MAC of a part, on all cores that have nothing to do: of its two halves' MACs, and so on down to a piece. Its length
/// says where it is halved, and stands in the record.
fn tree(bytes: &[u8], key: &Key) -> Aegis256X4Mac<MAC> {
    let begin = |what, bytes: &[u8]| {
        let mut mac = Aegis256X4Mac::new_with_nonce(key, what);
        mac.update(bytes);
        mac
    };
    if bytes.len() <= PIECE {
        return begin(OF_PIECE, bytes);
    }
    let (one, other) = bytes.split_at(bytes.len() / 2);
    let (one, other) = rayon_core::join(|| tree(one, key).finalize(), || tree(other, key).finalize());
    begin(OF_TWO, &[one, other].concat())
}

/// What a MAC is made with: the directory's secret, and what the file is for. The latter has a fixed length: nothing of
/// what is signed can pass for a part of it.
#[derive(Clone, Copy)]
pub(super) struct Seal<'a> {
    pub(super) key: &'a Key,
    pub(super) context: &'a str,
}

impl Seal<'_> {
    fn begin(self, record: &[u8], rest: [&[u8]; 3]) -> Aegis256X4Mac<MAC> {
        let mut mac = Aegis256X4Mac::new_with_nonce(self.key, OF_FILE);
        mac.update(self.context.as_bytes());
        mac.update(record);
        for bytes in rest {
            mac.update(bytes);
        }
        mac
    }

    /// The record and the MAC that go behind the code.
    pub(super) fn close(self, code: &[u8]) -> Vec<u8> {
        let (parts, rest) = find(code, self.key)
            .and_then(|parts| Some((parts, rest(parts, code)?)))
            .unwrap_or(([Part::default(); 2], [code, &[], &[]]));
        let record = parts.map(Part::write).concat();
        let mac = self.begin(&record, rest).finalize();
        [&record[..], &mac].concat()
    }
}

/// All that is in neither part. `None` if they do not stand in the code, one after the other.
fn rest(parts: [Part; 2], code: &[u8]) -> Option<[&[u8]; 3]> {
    let [first, second] = [parts[0].range()?, parts[1].range()?];
    Some([code.get(..first.start)?, code.get(first.end..second.start)?, code.get(second.end..)?])
}

/// The machine code and the memory's image, in the order in which they stand. `None` if they do not follow each other.
fn find(code: &[u8], key: &Key) -> Option<[Part; 2]> {
    let object = object::File::parse(code).ok()?;
    // As wasmtime names them: wasmtime-environ, `obj`.
    let [text, image] = [".text", ".rodata.wasm"].map(|name| Part::find(code, &object, name, key));
    let text = text?;
    let end = text.offset + text.length;
    let image = image.unwrap_or(Part { offset: end, ..Part::default() });
    (end <= image.offset).then_some([text, image])
}

/// A file's content, of which everything but the parts is verified.
pub(super) struct Sealed<'a> {
    pub(super) code: &'a [u8],
    pub(super) text: Part,
    pub(super) image: Part,
    key: &'a Key,
}

impl<'a> Sealed<'a> {
    /// Verifies everything but the parts.
    pub(super) fn open(bytes: &'a [u8], seal: Seal<'a>) -> Result<Self, &'static str> {
        let split = |bytes: &'a [u8], tail: usize| bytes.split_at_checked(bytes.len().checked_sub(tail)?);
        let (signed, found) = split(bytes, MAC).ok_or("too short")?;
        let (code, record) = split(signed, 2 * Part::RECORD).ok_or("too short")?;
        let (first, second) = record.split_at(Part::RECORD);
        let (text, image) = Part::read(first).zip(Part::read(second)).ok_or("too short")?;
        let rest = rest([text, image], code).ok_or("the record is wrong")?;
        let found = found.try_into().map_err(|_| "too short")?;
        seal.begin(record, rest).verify(found).map_err(|_| "the MAC is wrong")?;
        Ok(Self { code, text, image, key: seal.key })
    }

    /// Whether the code has the bytes whose MAC a part has.
    pub(super) fn verify(&self, part: Part) -> bool {
        let Some(bytes) = part.of(self.code) else { return false };
        bytes.is_empty() || tree(bytes, self.key).verify(&part.mac).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEAL: Seal<'static> = Seal { key: &[7; MAC], context: "this" };

    /// A module that has machine code and a memory's image.
    fn compiled() -> Vec<u8> {
        let module = [
            &b"\0asm\x01\0\0\0"[..],
            // Types, functions, memories, exports: one function that answers an i32, one memory.
            b"\x01\x05\x01\x60\0\x01\x7f\x03\x02\x01\0\x05\x03\x01\0\x01\x07\x05\x01\x01f\0\0",
            // Code: i32.const 8, i32.load, end. Data: at 8.
            b"\x0a\x09\x01\x07\0\x41\x08\x28\x02\0\x0b\x0b\x0b\x01\0\x41\x08\x0b\x05image",
        ];
        let engine = wasmtime::Engine::new(&super::super::config()).expect("an engine");
        engine.precompile_module(&module.concat()).expect("code")
    }

    fn whole<'a>(bytes: &'a [u8], seal: Seal<'a>) -> Result<&'a [u8], &'static str> {
        let sealed = Sealed::open(bytes, seal)?;
        let verified = sealed.verify(sealed.text) && sealed.verify(sealed.image);
        verified.then_some(sealed.code).ok_or("a part's MAC is wrong")
    }

    #[test]
    fn what_was_closed_opens_and_nothing_else_does() {
        let code = compiled();
        let mut bytes = [&code[..], &SEAL.close(&code)].concat();
        let sealed = Sealed::open(&bytes, SEAL).expect("verified");
        assert!(sealed.text.length > 0 && sealed.image.length > 0, "{:?} {:?}", sealed.text, sealed.image);
        assert_eq!(whole(&bytes, SEAL), Ok(&code[..]));
        assert_eq!(whole(&bytes, Seal { context: "that", ..SEAL }), Err("the MAC is wrong"));
        assert_eq!(whole(&bytes, Seal { key: &[8; MAC], ..SEAL }), Err("the MAC is wrong"));
        // Each byte counts, wherever it is; a prime reaches all parts.
        for at in (0..bytes.len()).step_by(61).chain(bytes.len() - 200..bytes.len()) {
            bytes[at] ^= 1;
            assert!(whole(&bytes, SEAL).is_err(), "byte {at}");
            bytes[at] ^= 1;
        }
        for length in [0, 31, 32, 127, 128, bytes.len() - 1] {
            assert!(whole(&bytes[..length], SEAL).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn what_is_no_object_is_sealed_as_a_whole() {
        let bytes = [&b"nothing"[..], &SEAL.close(b"nothing")].concat();
        assert_eq!(whole(&bytes, SEAL), Ok(&b"nothing"[..]));
        assert_eq!(whole(&bytes[1..], SEAL), Err("the MAC is wrong"));
    }
}
