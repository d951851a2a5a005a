//! Pages of compiled code: what components have in common is mapped once, and what only starting needed is given back.
//!
//! Every component in Python has the same interpreter: 20 MB of machine code, byte for byte. And each starts from a
//! memory image of 15 MB of which it goes on to use a small part, while the kernel maps sixteen pages around each that is
//! read. Both are clean pages of files. Sharing and giving back changes what is counted and held, never what is read.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufRead as _, BufReader},
    os::{fd::AsRawFd as _, unix::fs::MetadataExt as _},
    sync::Arc,
};

use object::{Object as _, ObjectSection as _};
use parking_lot::Mutex;
use wasmtime::component::Component;

/// Code that is smaller is not worth a mapping of its own. In bytes.
const WORTHWHILE: u64 = 1 << 20;

/// Where a file of compiled code has its machine code, and that code's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Text {
    offset: u64,
    length: u64,
    hash: [u8; 32],
}

impl Text {
    /// Bytes of a text's record.
    pub(super) const RECORD: usize = 48;

    /// Finds the machine code in what the compiler made.
    pub(super) fn find(code: &[u8]) -> Option<Self> {
        let object = object::File::parse(code).ok()?;
        let section = object.section_by_name(".text")?;
        let (offset, length) = section.file_range()?;
        let hash = *blake3::hash(section.data().ok()?).as_bytes();
        Some(Self { offset, length, hash })
    }

    /// As it stands in the file, behind the code and under its MAC. Without machine code it is all zeros.
    pub(super) fn record(text: Option<&Self>) -> [u8; Self::RECORD] {
        let mut record = [0; Self::RECORD];
        if let Some(text) = text {
            record[..8].copy_from_slice(&text.offset.to_le_bytes());
            record[8..16].copy_from_slice(&text.length.to_le_bytes());
            record[16..].copy_from_slice(&text.hash);
        }
        record
    }

    /// Reads a record that has been verified.
    pub(super) fn read(record: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u64::from_le_bytes(record.get(at..at + 8)?.try_into().ok()?));
        let text =
            Self { offset: number(0)?, length: number(8)?, hash: record.get(16..Self::RECORD)?.try_into().ok()? };
        (text.length > 0).then_some(text)
    }
}

/// Where machine code is: a file, and the offset in it.
type Place = (Arc<File>, u64);

/// The machine code that is loaded, by its hash.
#[derive(Default)]
pub(super) struct SharedText {
    first: Mutex<HashMap<[u8; 32], Place>>,
}

impl SharedText {
    /// Maps a component's machine code from the file of whichever component had the same code first. `file` is what the
    /// component was loaded from, verified, and `text` what its verified record says.
    pub(super) fn share(&self, component: &Component, file: File, text: Text) {
        // Elsewhere code is mapped with protections of its own (BTI), which a mapping of ours would not have.
        let page = rustix::param::page_size() as u64;
        if !cfg!(target_arch = "x86_64") || text.length < WORTHWHILE || !text.offset.is_multiple_of(page) {
            return;
        }
        let mut first = self.first.lock();
        let Some((shared, offset)) = first.get(&text.hash) else {
            first.insert(text.hash, (Arc::new(file), text.offset));
            return;
        };
        let image = component.image_range();
        // What is behind the last whole page belongs to the next section as well.
        let length = text.length / page * page;
        if (image.end as u64).saturating_sub(image.start as u64) < text.offset + length {
            return;
        }
        let (Ok(at), Ok(length), Ok(offset)) =
            (usize::try_from(text.offset), usize::try_from(length), libc::off_t::try_from(*offset))
        else {
            return;
        };
        // SAFETY: the range is whole pages inside of the component's own mapping, which stays mapped while the component
        // lives and is unmapped as a whole, whatever it is made of. The new pages have the same bytes: both files' MACs
        // were verified, over records that this hub made, and the hashes in them are equal. They have the same
        // protection, and nothing runs this code yet. A failure leaves the old mapping or, had the kernel no memory to
        // map anew, is told below and ends the program: code that is gone cannot be run.
        let mapped = unsafe {
            libc::mmap(
                image.start.cast_mut().add(at).cast(),
                length,
                libc::PROT_READ | libc::PROT_EXEC,
                libc::MAP_PRIVATE | libc::MAP_FIXED,
                shared.as_raw_fd(),
                offset,
            )
        };
        if mapped == libc::MAP_FAILED {
            tracing::error!(error = %io::Error::last_os_error(), "code could not be mapped again");
            std::process::abort();
        }
    }
}

/// The file that a component was loaded from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    device: (u32, u32),
    inode: u64,
}

impl Origin {
    pub(super) fn of(file: &File) -> Option<Self> {
        let about = file.metadata().ok()?;
        let device = (libc::major(about.dev()), libc::minor(about.dev()));
        (about.len() >= WORTHWHILE).then_some(Self { device, inode: about.ino() })
    }

    /// Gives the kernel back what is mapped of this file, is as it is in the file, and is mapped only once. Whoever needs
    /// it again reads it again. Takes some milliseconds.
    pub(crate) fn give_back(self) {
        let Ok(maps) = File::open("/proc/self/maps") else { return };
        for line in BufReader::new(maps).lines().map_while(Result::ok) {
            let Some((start, end)) = self.range(&line) else { continue };
            // SAFETY: `MADV_PAGEOUT` changes no content: clean pages are read again from their file, changed ones stay
            // or go to swap. A range that was unmapped meanwhile is an error, one that was mapped anew is advice for
            // somebody else's pages.
            unsafe { libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_PAGEOUT) };
        }
    }

    /// The range of a line of `/proc/PID/maps`, if it is of this file: proc(5).
    fn range(self, line: &str) -> Option<(usize, usize)> {
        let mut fields = line.split_ascii_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        let (major, minor) = fields.nth(2)?.split_once(':')?;
        let hex = |text: &str| u32::from_str_radix(text, 16).ok();
        let inode: u64 = fields.next()?.parse().ok()?;
        if inode != self.inode || (hex(major)?, hex(minor)?) != self.device {
            return None;
        }
        Some((usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let text = Text { offset: 4096, length: 1 << 30, hash: [7; 32] };
        assert_eq!(Text::read(&Text::record(Some(&text))), Some(text));
        assert_eq!(Text::read(&Text::record(None)), None);
        assert_eq!(Text::read(&[0; 3]), None);
    }

    #[test]
    fn only_lines_of_the_file_are_its_own() {
        let origin = Origin { device: (0xfe, 0x01), inode: 42 };
        let line = |of: &str| format!("7f0000000000-7f0000002000 r-xp 00001000 {of} /somewhere (deleted)");
        assert_eq!(origin.range(&line("fe:01 42")), Some((0x7f00_0000_0000, 0x7f00_0000_2000)));
        assert_eq!(origin.range(&line("fe:01 43")), None);
        assert_eq!(origin.range(&line("fe:02 42")), None);
        assert_eq!(origin.range("7f0000000000-7f0000002000 rw-p 00000000 00:00 0"), None);
        assert_eq!(origin.range("nonsense"), None);
    }

    #[test]
    fn giving_back_loses_nothing() {
        use std::io::Write as _;
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("code");
        let content: Vec<u8> = (0..4 << 20).map(|at: u32| at.to_le_bytes()[at as usize % 4]).collect();
        File::create(&path).and_then(|mut file| file.write_all(&content)).expect("a file");
        let file = File::open(&path).expect("a file");
        // SAFETY: nobody else has the file.
        let mut mapped = unsafe { memmap2::MmapOptions::new().map_copy(&file) }.expect("a mapping");
        mapped[5] = 99;
        let origin = Origin::of(&file).expect("large enough");
        origin.give_back();
        assert_eq!(mapped[5], 99);
        assert_eq!(mapped[6..], content[6..]);
    }
}
