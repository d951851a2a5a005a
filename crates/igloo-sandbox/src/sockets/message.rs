//! `struct msghdr` as a program laid it out, copied once.

use super::{
    errno::{Failure, Outcome},
    listener::{Call, Listener},
    target::{Span, read},
};

/// `sizeof(struct msghdr)` with 64-bit pointers.
const HEADER: usize = 56;
/// `sizeof(struct mmsghdr)`: the same, the number of bytes sent, and padding.
pub(crate) const HEADER_OF_MANY: u64 = 64;
/// Where in it the number of bytes sent is.
pub(crate) const SENT: u64 = 56;
/// `UIO_MAXIOV`: parts of one message.
const PARTS: u64 = 1024;
/// Ancillary data of one message. What is allowed below needs less than half of it.
const CONTROL: u64 = 256;

// include/uapi/linux/udp.h, in.h and in6.h
const UDP_SEGMENT: i32 = 103;

/// A message to send, still in the program's memory but for its parts' places and its ancillary data.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) name: Option<Span>,
    pub(crate) parts: Vec<Span>,
    pub(crate) length: usize,
    /// Aligned as the kernel wants it.
    pub(crate) control: [u64; CONTROL as usize / 8],
    pub(crate) control_length: usize,
}

impl Message {
    /// Reads the `struct msghdr` at an address.
    pub(crate) fn read(listener: &Listener, call: &Call, at: u64) -> Outcome<Self> {
        let mut header = [0_u8; HEADER];
        read(listener, call, at, &mut header)?;
        let [name, name_length, parts, count, control, control_length, _] = words::<7>(&header);
        // msg_namelen is an int, with padding after it.
        let name_length = name_length as u32 as usize;
        if count > PARTS {
            return Err(Failure::Errno(libc::EMSGSIZE));
        }
        let mut bytes = vec![0_u8; count as usize * 16];
        read(listener, call, parts, &mut bytes)?;
        let parts: Vec<Span> = bytes
            .chunks_exact(16)
            .map(|part| {
                let [address, length] = words::<2>(part);
                Span { address, length: length as usize }
            })
            .collect();
        // As the kernel's own limit: a length is a positive ssize_t.
        let length = parts
            .iter()
            .try_fold(0_usize, |sum, part| sum.checked_add(part.length))
            .filter(|length| isize::try_from(*length).is_ok())
            .ok_or(Failure::Errno(libc::EINVAL))?;
        let mut message = Self {
            name: (name != 0 && name_length != 0).then_some(Span { address: name, length: name_length }),
            parts,
            length,
            control: [0; CONTROL as usize / 8],
            control_length: 0,
        };
        if control != 0 && control_length != 0 {
            if control_length > CONTROL {
                return Err(Failure::Errno(libc::ENOBUFS));
            }
            message.control_length = control_length as usize;
            let mut bytes = vec![0_u8; message.control_length];
            read(listener, call, control, &mut bytes)?;
            for (word, bytes) in message.control.iter_mut().zip(bytes.chunks(8)) {
                let mut whole = [0; 8];
                whole[..bytes.len()].copy_from_slice(bytes);
                *word = u64::from_ne_bytes(whole);
            }
        }
        Ok(message)
    }

    /// What `sendto` sends.
    pub(crate) fn of_one(data: u64, length: u64, name: u64, name_length: usize) -> Self {
        // The kernel cuts a length off at MAX_RW_COUNT, a little below 2 GiB.
        let length = length.min(i32::MAX as u64) as usize;
        Self {
            name: (name != 0 && name_length != 0).then_some(Span { address: name, length: name_length }),
            parts: vec![Span { address: data, length }],
            length,
            control: [0; CONTROL as usize / 8],
            control_length: 0,
        }
    }

    /// Whether its ancillary data is only what says how a datagram travels: its source, its marks, its segments. A
    /// source route, which says where it travels, is not.
    pub(crate) fn has_harmless_control(&self) -> bool {
        let bytes: Vec<u8> = self.control.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let mut rest = bytes.get(..self.control_length).unwrap_or_default();
        // struct cmsghdr: a size_t with the length of all of it, level, type; then data, padded to eight bytes.
        while rest.len() >= 16 {
            let [length, kind] = words::<2>(rest);
            let (level, kind) = (kind as u32 as i32, (kind >> 32) as i32);
            let harmless = matches!(
                (level, kind),
                (libc::IPPROTO_UDP, UDP_SEGMENT)
                    | (libc::IPPROTO_IP, libc::IP_TOS | libc::IP_TTL | libc::IP_PKTINFO)
                    | (libc::IPPROTO_IPV6, libc::IPV6_TCLASS | libc::IPV6_HOPLIMIT | libc::IPV6_PKTINFO)
            );
            if !harmless || length < 16 {
                return false;
            }
            let whole = usize::try_from(length).ok().and_then(|length| length.checked_next_multiple_of(8));
            rest = whole.and_then(|whole| rest.get(whole..)).unwrap_or_default();
        }
        true
    }

    /// The places of at most `length` of its bytes, after the first `skip`.
    pub(crate) fn spans(&self, mut skip: usize, mut length: usize) -> Vec<Span> {
        let mut spans = Vec::new();
        for part in &self.parts {
            let skipped = skip.min(part.length);
            skip -= skipped;
            let taken = (part.length - skipped).min(length);
            if taken > 0 {
                spans.push(Span { address: part.address.wrapping_add(skipped as u64), length: taken });
                length -= taken;
            }
        }
        spans
    }
}

/// The first words of some bytes; those that are not there are 0.
fn words<const N: usize>(bytes: &[u8]) -> [u64; N] {
    let mut words = [0; N];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = bytes.try_into().map_or(0, u64::from_ne_bytes);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(control: &[u64], length: usize) -> Message {
        let mut message = Message {
            name: None,
            parts: vec![
                Span { address: 100, length: 10 },
                Span { address: 0, length: 0 },
                Span { address: 200, length: 5 },
            ],
            length: 15,
            control: [0; CONTROL as usize / 8],
            control_length: length,
        };
        message.control[..control.len()].copy_from_slice(control);
        message
    }

    fn kind(level: i32, kind: i32) -> u64 {
        u64::from(level as u32) | u64::from(kind as u32) << 32
    }

    #[test]
    fn parts_are_taken_in_order() {
        let message = message(&[], 0);
        assert_eq!(message.spans(0, 100), [Span { address: 100, length: 10 }, Span { address: 200, length: 5 }]);
        assert_eq!(message.spans(8, 4), [Span { address: 108, length: 2 }, Span { address: 200, length: 2 }]);
        assert_eq!(message.spans(15, 4), []);
    }

    #[test]
    fn a_source_route_is_not_harmless() {
        let tos = [20, kind(libc::IPPROTO_IP, libc::IP_TOS), 0];
        assert!(message(&tos, 20).has_harmless_control());
        let route = [20, kind(libc::IPPROTO_IP, libc::IP_TOS), 0, 20, kind(libc::IPPROTO_IP, 7), 0];
        assert!(!message(&route, 44).has_harmless_control());
        let rights = [20, kind(libc::SOL_SOCKET, libc::SCM_RIGHTS), 0];
        assert!(!message(&rights, 20).has_harmless_control());
    }

    #[test]
    fn lengths_that_lie_hide_nothing() {
        assert!(!message(&[0, kind(libc::IPPROTO_IP, libc::IP_TOS)], 16).has_harmless_control());
        assert!(message(&[u64::MAX, kind(libc::IPPROTO_IP, libc::IP_TOS)], 16).has_harmless_control());
        assert!(message(&[1], 8).has_harmless_control());
    }
}
