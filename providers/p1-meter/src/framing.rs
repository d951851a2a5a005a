//! Finds telegrams in the bytes of a P1 port, whatever noise is around them.
//!
//! A telegram begins with `/` and its data ends with `!`, and neither occurs in between (IEC 62056-21, 6.3.14). So no
//! byte has to be looked at twice: a `/` always begins anew, whatever was damaged before it. After the `!` come a
//! checksum (since DSMR 4) and the end of the line.
//!
//! Promises: what comes out stood in the stream without a gap and has the right checksum; a whole telegram is found
//! whatever came before it; at most [`MAX_TELEGRAM`] bytes are held.

use crc::{CRC_16_ARC, Crc};

/// The most bytes that a telegram may have.
///
/// DSMR 5.0.2 P1, 6.12 bounds it: a text message of 1024 characters (2 digits each), 10 power failures, four meters
/// with identifiers of 96 characters and everything else once are about 4.5 KiB.
pub const MAX_TELEGRAM: usize = 8 * 1024;

/// CRC-16 over everything from `/` to `!`: x¹⁶+x¹⁵+x²+1, least significant bit first, no initial or final XOR (DSMR
/// 5.0.2 P1, 6.2).
const CHECKSUM: Crc<u16> = Crc::<u16>::new(&CRC_16_ARC);

/// What was received in place of a telegram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Damage {
    /// The next telegram began before this one was complete.
    CutOff,
    /// There was no end to it.
    TooLong,
    /// The checksum is wrong or missing, or a byte is not ASCII.
    Checksum,
}

/// Collects bytes into telegrams.
#[derive(Debug)]
pub struct Framer {
    /// From the `/` on; empty between telegrams.
    buffer: Vec<u8>,
    /// Where the checksum begins, once the `!` is there.
    tail: Option<usize>,
    needs_checksum: bool,
}

impl Framer {
    /// Meters before DSMR 4 send no checksum; for all others one is needed.
    #[must_use]
    pub fn new(needs_checksum: bool) -> Self {
        Self { buffer: Vec::new(), tail: None, needs_checksum }
    }

    /// Takes the next byte. If it completes a telegram, its text is the answer: from `/` to `!`.
    pub fn push(&mut self, byte: u8) -> Option<Result<String, Damage>> {
        if byte == b'/' {
            let cut_off = !self.buffer.is_empty();
            self.clear();
            self.buffer.push(byte);
            return cut_off.then_some(Err(Damage::CutOff));
        }
        if self.buffer.is_empty() {
            return None;
        }
        if self.buffer.len() == MAX_TELEGRAM {
            self.clear();
            return Some(Err(Damage::TooLong));
        }
        self.buffer.push(byte);
        match self.tail {
            None if byte == b'!' => self.tail = Some(self.buffer.len()),
            Some(tail) if byte == b'\n' => {
                let found = self.finish(tail).ok_or(Damage::Checksum);
                self.clear();
                return Some(found);
            }
            _ => {}
        }
        None
    }

    /// The telegram's text if its checksum is right.
    fn finish(&mut self, tail: usize) -> Option<String> {
        let checksum = std::str::from_utf8(&self.buffer[tail..]).ok()?.trim_end();
        if !checksum.is_empty() || self.needs_checksum {
            let four_digits = checksum.len() == 4 && checksum.bytes().all(|digit| digit.is_ascii_hexdigit());
            let sent = u16::from_str_radix(checksum, 16).ok().filter(|_| four_digits)?;
            if sent != CHECKSUM.checksum(&self.buffer[..tail]) {
                return None;
            }
        }
        let text = std::str::from_utf8(&self.buffer[..tail]).ok()?;
        text.is_ascii().then(|| text.to_owned())
    }

    fn clear(&mut self) {
        self.buffer.clear();
        self.tail = None;
    }
}

/// A telegram as a meter sends it: `text` from `/` to `!` with the checksum and the line's end.
#[must_use]
pub fn seal(text: &str) -> String {
    format!("{text}{:04X}\r\n", CHECKSUM.checksum(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TELEGRAM: &str = include_str!("../telegrams/esmr5.txt");

    fn receive(bytes: &[u8]) -> Vec<Result<String, Damage>> {
        let mut framer = Framer::new(true);
        bytes.iter().filter_map(|byte| framer.push(*byte)).collect()
    }

    fn text() -> String {
        TELEGRAM.split_inclusive('!').next().unwrap().to_owned()
    }

    /// The checksum once more, bit by bit, as an oracle.
    fn checksum_by_bits(bytes: &[u8]) -> u16 {
        bytes.iter().fold(0, |crc, byte| {
            (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xA001 } else { crc >> 1 })
        })
    }

    /// The standard prints `EF2F`, which is not the checksum of its own example: `E47C` is.
    #[test]
    fn the_published_example_is_found() {
        assert!(TELEGRAM.ends_with("!E47C\r\n"));
        assert_eq!(seal(&text()), TELEGRAM);
        assert_eq!(receive(TELEGRAM.as_bytes()), [Ok(text())]);
    }

    #[test]
    fn half_telegrams_are_told_and_do_no_harm() {
        let stream = [&TELEGRAM[400..], TELEGRAM, &TELEGRAM[..300], TELEGRAM, TELEGRAM].concat();
        assert_eq!(receive(stream.as_bytes()), [Ok(text()), Err(Damage::CutOff), Ok(text()), Ok(text())]);
    }

    #[test]
    fn a_telegram_without_end_is_given_up() {
        let stream = ["/", &"x".repeat(3 * MAX_TELEGRAM), TELEGRAM].concat();
        assert_eq!(receive(stream.as_bytes()), [Err(Damage::TooLong), Ok(text())]);
    }

    #[test]
    fn a_checksum_is_needed_since_dsmr_4() {
        let old = "/ISk5\\2MT382-1004\r\n\r\n0-0:96.1.1(00)\r\n!\r\n";
        assert_eq!(receive(old.as_bytes()), [Err(Damage::Checksum)]);
        let mut framer = Framer::new(false);
        let found: Vec<_> = old.bytes().filter_map(|byte| framer.push(byte)).collect();
        assert_eq!(found, [Ok(old.trim_end().to_owned())]);
        // One that is there must be right all the same.
        assert!(old.replace('!', "!0000").bytes().find_map(|byte| framer.push(byte)).unwrap().is_err());
    }

    fn noise() -> impl Strategy<Value = Vec<u8>> {
        let bytes = prop_oneof![8 => any::<u8>(), 2 => proptest::sample::select(b"/!\r\n0A".as_slice())];
        proptest::collection::vec(bytes, 0..200)
    }

    proptest! {
        /// Telegrams, pieces of telegrams and noise in any order.
        #[test]
        fn only_what_was_sent_and_is_whole_comes_out(
            pieces in proptest::collection::vec((noise(), 0..2000_usize, 0..2000_usize), 1..6),
        ) {
            let mut stream = Vec::new();
            for (noise, from, to) in &pieces {
                let (from, to) = (from.min(to), to.max(from));
                stream.extend_from_slice(noise);
                stream.extend(TELEGRAM.bytes().take(*to).skip(*from));
            }
            for found in receive(&stream).into_iter().flatten() {
                let sealed = seal(&found);
                prop_assert_eq!(format!("{found}{:04X}\r\n", checksum_by_bits(found.as_bytes())), sealed);
                let stood = stream.windows(found.len()).any(|window| window == found.as_bytes());
                prop_assert!(stood, "{found} was not in the stream");
            }
        }

        #[test]
        fn a_whole_telegram_is_found_after_any_noise(noise in noise()) {
            let mut stream = noise;
            stream.extend_from_slice(TELEGRAM.as_bytes());
            prop_assert_eq!(receive(&stream).pop(), Some(Ok(text())));
        }

        /// CRC-16 detects every burst of up to 16 bits, wherever it is.
        #[test]
        fn a_burst_never_gives_another_telegram(bit in 0..TELEGRAM.len() * 8, burst in 1..=u16::MAX) {
            let mut stream = TELEGRAM.as_bytes().to_vec();
            for offset in (0..16).filter(|offset| burst >> offset & 1 == 1) {
                if let Some(byte) = stream.get_mut((bit + offset) / 8) {
                    *byte ^= 1 << ((bit + offset) % 8);
                }
            }
            for found in receive(&stream).into_iter().flatten() {
                prop_assert_eq!(found, text());
            }
        }
    }
}
