//! Pages of compiled code: what components have in common is mapped once, and what only starting needed is given back.
//!
//! Every component in Python has the same interpreter: 17 MB of machine code, byte for byte. And each starts from a
//! memory image of 17 MB of which it goes on to use a small part, while the kernel maps sixteen pages around each that is
//! read. Both are clean pages of files. Sharing and giving back changes what is counted and held, never what is read.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufRead as _, BufReader},
    os::{fd::AsRawFd as _, unix::fs::MetadataExt as _},
    sync::Arc,
};

use parking_lot::Mutex;
use wasmtime::component::Component;

use super::sealed::Part;

/// Code that is smaller is not worth a mapping of its own. In bytes.
const WORTHWHILE: u64 = 1 << 20;

/// Where machine code is: a file, and the offset in it.
type Place = (Arc<File>, u64);

/// The machine code that is loaded, by its MAC.
#[derive(Default)]
pub(super) struct SharedText {
    first: Mutex<HashMap<[u8; 32], Place>>,
}

impl SharedText {
    /// Whether this machine code was loaded before, so that [`share`](Self::share) will map it from there.
    pub(super) fn knows(&self, text: Part) -> bool {
        is_worthwhile(text) && self.first.lock().contains_key(&text.mac)
    }

    /// Maps a component's machine code from the file of whichever component had the same code first; from now on from
    /// this one's, if it is the first, which must be verified then. False if it is left as it is.
    pub(super) fn share(&self, component: &Component, file: &File, text: Part) -> bool {
        if !is_worthwhile(text) {
            return false;
        }
        let mut first = self.first.lock();
        let Some((shared, offset)) = first.get(&text.mac) else {
            if let Ok(file) = file.try_clone() {
                first.insert(text.mac, (Arc::new(file), text.offset));
            }
            return false;
        };
        let (Some(own), Ok(offset)) = (text.of(mapped(component)), libc::off_t::try_from(*offset)) else {
            return false;
        };
        // SAFETY: the range is whole pages inside of the component's own mapping, which stays mapped while the component
        // lives and is unmapped as a whole, whatever it is made of. The new pages have the bytes that the component was
        // compiled to: the parts' MACs in both files' records are equal, which this hub made and which were verified,
        // and the first file's code was, too. They have the same protection, and nothing runs this code yet. A failure
        // leaves the old mapping or, had the kernel no memory to map anew, is told below and ends the program: code that
        // is gone cannot be run.
        let mapped = unsafe {
            libc::mmap(
                own.as_ptr().cast_mut().cast(),
                own.len(),
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
        true
    }
}

/// The file that a component was loaded from, as it is mapped.
fn mapped(component: &Component) -> &[u8] {
    let image = component.image_range();
    let size = image.end.addr().saturating_sub(image.start.addr());
    // SAFETY: the range is mapped readable for as long as the component lives, and nobody writes to it: it is a file's
    // that does not change (see where it is loaded), and wasmtime changes only the protection of its code.
    unsafe { std::slice::from_raw_parts(image.start, size) }
}

/// Whether machine code is whole pages, and many. Elsewhere code is mapped with protections of its own (BTI), which a
/// mapping of ours would not have.
fn is_worthwhile(text: Part) -> bool {
    let page = rustix::param::page_size() as u64;
    let is_whole = text.offset.is_multiple_of(page) && text.length.is_multiple_of(page);
    cfg!(target_arch = "x86_64") && text.length >= WORTHWHILE && is_whole
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
