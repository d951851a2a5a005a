//! The form in which compiled code is kept: the code, a record, and a MAC.
//!
//! Nine tenths of the code of a component in Python are its machine code and its memory's image, which are mapped and not
//! parsed. These two parts stand in the record with their hashes, and the MAC covers the record and all the rest. So the
//! rest is verified first, and can be loaded while the parts are; and a part that is known need not be.
//!
//! Promises: what [`Sealed::open`] answers is verified but for the parts, and a part is verified by [`Part::verify`].

use std::ops::Range;

use object::{Object as _, ObjectSection as _};

/// Bytes of the MAC, and of a hash.
const HASH: usize = 32;

/// A range of the code that is hashed on its own; empty where the code has none.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) hash: [u8; HASH],
}

impl Part {
    const RECORD: usize = 16 + HASH;

    fn find(code: &[u8], object: &object::File<'_>, section: &str) -> Option<Self> {
        let (offset, length) = object.section_by_name(section)?.file_range()?;
        let part = Self { offset, length, hash: [0; HASH] };
        let hash = *blake3::hash(part.of(code)?).as_bytes();
        Some(Self { hash, ..part })
    }

    fn range(self) -> Option<Range<usize>> {
        let start = usize::try_from(self.offset).ok()?;
        Some(start..start.checked_add(usize::try_from(self.length).ok()?)?)
    }

    /// Its bytes in the whole code.
    pub(super) fn of(self, code: &[u8]) -> Option<&[u8]> {
        code.get(self.range()?)
    }

    /// Whether the code has the bytes that were hashed.
    pub(super) fn verify(self, code: &[u8]) -> bool {
        let Some(bytes) = self.of(code) else { return false };
        bytes.is_empty() || blake3::Hasher::new().update_rayon(bytes).finalize() == blake3::Hash::from_bytes(self.hash)
    }

    fn write(self) -> [u8; Self::RECORD] {
        let mut record = [0; Self::RECORD];
        record[..8].copy_from_slice(&self.offset.to_le_bytes());
        record[8..16].copy_from_slice(&self.length.to_le_bytes());
        record[16..].copy_from_slice(&self.hash);
        record
    }

    fn read(record: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u64::from_le_bytes(record.get(at..at + 8)?.try_into().ok()?));
        Some(Self { offset: number(0)?, length: number(8)?, hash: record.get(16..Self::RECORD)?.try_into().ok()? })
    }
}

/// What a MAC is made with: the directory's secret, and what the file is for. The latter has a fixed length: nothing of
/// what is signed can pass for a part of it.
#[derive(Clone, Copy)]
pub(super) struct Seal<'a> {
    pub(super) key: &'a [u8; HASH],
    pub(super) context: &'a str,
}

impl Seal<'_> {
    fn mac(self, record: &[u8], rest: [&[u8]; 3]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(self.key);
        hasher.update(self.context.as_bytes()).update(record);
        for bytes in rest {
            hasher.update(bytes);
        }
        hasher.finalize()
    }

    /// The record and the MAC that go behind the code.
    pub(super) fn close(self, code: &[u8]) -> Vec<u8> {
        let (parts, rest) = find(code)
            .and_then(|parts| Some((parts, rest(parts, code)?)))
            .unwrap_or(([Part::default(); 2], [code, &[], &[]]));
        let record = parts.map(Part::write).concat();
        let mac = self.mac(&record, rest);
        [&record[..], mac.as_bytes()].concat()
    }
}

/// All that is in neither part. `None` if they do not stand in the code, one after the other.
fn rest(parts: [Part; 2], code: &[u8]) -> Option<[&[u8]; 3]> {
    let [first, second] = [parts[0].range()?, parts[1].range()?];
    Some([code.get(..first.start)?, code.get(first.end..second.start)?, code.get(second.end..)?])
}

/// The machine code and the memory's image, in the order in which they stand. `None` if they do not follow each other.
fn find(code: &[u8]) -> Option<[Part; 2]> {
    let object = object::File::parse(code).ok()?;
    // As wasmtime names them: wasmtime-environ, `obj`.
    let [text, image] = [".text", ".rodata.wasm"].map(|name| Part::find(code, &object, name));
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
}

impl<'a> Sealed<'a> {
    /// Verifies everything but the parts.
    pub(super) fn open(bytes: &'a [u8], seal: Seal<'_>) -> Result<Self, &'static str> {
        let split = |bytes: &'a [u8], tail: usize| bytes.split_at_checked(bytes.len().checked_sub(tail)?);
        let (signed, found) = split(bytes, HASH).ok_or("too short")?;
        let (code, record) = split(signed, 2 * Part::RECORD).ok_or("too short")?;
        let (first, second) = record.split_at(Part::RECORD);
        let (text, image) = Part::read(first).zip(Part::read(second)).ok_or("too short")?;
        let rest = rest([text, image], code).ok_or("the record is wrong")?;
        let found: [u8; HASH] = found.try_into().map_err(|_| "too short")?;
        // blake3's comparison takes the same time wherever the difference is.
        if seal.mac(record, rest) != blake3::Hash::from_bytes(found) {
            return Err("the MAC is wrong");
        }
        Ok(Self { code, text, image })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEAL: Seal<'static> = Seal { key: &[7; HASH], context: "this" };

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

    fn whole<'a>(bytes: &'a [u8], seal: Seal<'_>) -> Result<&'a [u8], &'static str> {
        let Sealed { code, text, image } = Sealed::open(bytes, seal)?;
        if text.verify(code) && image.verify(code) { Ok(code) } else { Err("a hash is wrong") }
    }

    #[test]
    fn what_was_closed_opens_and_nothing_else_does() {
        let code = compiled();
        let mut bytes = [&code[..], &SEAL.close(&code)].concat();
        let sealed = Sealed::open(&bytes, SEAL).expect("verified");
        assert!(sealed.text.length > 0 && sealed.image.length > 0, "{:?} {:?}", sealed.text, sealed.image);
        assert_eq!(whole(&bytes, SEAL), Ok(&code[..]));
        assert_eq!(whole(&bytes, Seal { context: "that", ..SEAL }), Err("the MAC is wrong"));
        assert_eq!(whole(&bytes, Seal { key: &[8; HASH], ..SEAL }), Err("the MAC is wrong"));
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
