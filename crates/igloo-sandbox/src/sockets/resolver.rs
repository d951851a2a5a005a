//! The name server that programs in a sandbox see, at [`RESOLVER`](super::RESOLVER) in their namespace.
//!
//! It knows no names: each question is one lookup of [`Resolve`], which is the policy's, and its answer is what the
//! policy allows. It answers for addresses; of other types there is nothing (no error, so that a program which asks for
//! `HTTPS` or `SRV` as well goes on). Nothing is ever truncated, because there is no TCP to ask again: an answer that is
//! too long has fewer addresses.

use std::{future::Future, io, net::IpAddr, os::fd::OwnedFd, pin::Pin, sync::Arc, time::Duration};

use simple_dns::{
    CLASS, Name, OPCODE, Packet, PacketFlag, QCLASS, QTYPE, RCODE, ResourceRecord, TYPE,
    rdata::{A, AAAA, OPT, RData},
};
use tokio::{net::UdpSocket, task::JoinSet, time::timeout};

/// Lookups under way at a time. Beyond, a question is answered by `SERVFAIL`.
const LOOKUPS: usize = 32;
/// Longer than resolvers wait for an answer (resolv.conf(5): 5 s), shorter than it takes them to give up.
const LOOKUP_DEADLINE: Duration = Duration::from_secs(12);
/// How long an answer may be kept, in seconds. The policy authorises addresses for longer.
const TIME_TO_LIVE: u32 = 30;
/// What every resolver takes (RFC 1035, 4.2.1), and the most that is sent to one which takes more (RFC 9715).
const ANSWER: std::ops::RangeInclusive<usize> = 512..=1232;
/// A question is shorter by far.
const QUESTION: usize = 1500;

/// Why a name has no addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResolveError {
    /// The name, or all that it resolves to, is not granted.
    Denied,
    /// There is no such name.
    NotFound,
    /// Nobody said in time.
    Timeout,
    /// It is not a name.
    Invalid,
}

/// A lookup under way.
pub type Lookup<'a> = Pin<Box<dyn Future<Output = Result<Vec<IpAddr>, ResolveError>> + Send + 'a>>;

/// Who knows names.
pub trait Resolve: Send + Sync + 'static {
    /// The addresses of a name: in lower case, without a dot at its end.
    fn resolve<'a>(&'a self, name: &'a str) -> Lookup<'a>;
}

/// Answers questions at a UDP socket of the sandbox's namespace. The socket outlives the sandbox, so who calls this
/// drops the future when the sandbox is gone.
///
/// # Errors
///
/// Only what is wrong with the socket, never what a program sends.
pub async fn serve(socket: OwnedFd, resolve: Arc<dyn Resolve>) -> io::Result<()> {
    let socket = std::net::UdpSocket::from(socket);
    socket.set_nonblocking(true)?;
    let socket = Arc::new(UdpSocket::from_std(socket)?);
    let mut lookups = JoinSet::new();
    let mut buffer = [0; QUESTION];
    loop {
        let (length, from) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            // An earlier answer did not arrive: its asker is gone.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => continue,
            Err(error) => return Err(error),
        };
        while lookups.try_join_next().is_some() {}
        let Some(question) = Question::parse(&buffer[..length]) else { continue };
        // Where sending waits or fails, the program asks again.
        if lookups.len() < LOOKUPS {
            let (socket, resolve) = (socket.clone(), resolve.clone());
            lookups.spawn(async move {
                let outcome = question.answer(&*resolve).await;
                let _ = socket.send_to(&question.reply(outcome), from).await;
            });
        } else {
            let _ = socket.try_send_to(&question.reply(Err(RCODE::ServerFailure)), from);
        }
    }
}

/// One question of a program.
#[derive(Debug)]
struct Question {
    id: u16,
    recursion_desired: bool,
    /// What a resolver takes, where it says so (EDNS, RFC 6891).
    takes: Option<u16>,
    asked: Asked,
}

#[derive(Debug)]
enum Asked {
    For(simple_dns::Question<'static>),
    /// Not one question that can be answered.
    Wrong(RCODE),
}

impl Question {
    /// None for what is not a question at all.
    fn parse(bytes: &[u8]) -> Option<Self> {
        // RFC 1035, 4.1.1: how many questions, answers, authorities and additional records follow. Looked at first,
        // because the parser reserves memory for as many as it is told. A question has one, and perhaps EDNS.
        let counts = bytes.get(4..12)?.chunks_exact(2).map(|count| u16::from_be_bytes([count[0], count[1]]));
        if !counts.zip([2, 0, 0, 2]).all(|(count, most)| count <= most) {
            return None;
        }
        let packet = Packet::parse(bytes).ok()?;
        if packet.has_flags(PacketFlag::RESPONSE) {
            return None;
        }
        let asked = match packet.questions.as_slice() {
            _ if packet.opcode() != OPCODE::StandardQuery => Asked::Wrong(RCODE::NotImplemented),
            [question] if question.qclass != QCLASS::CLASS(CLASS::IN) => Asked::Wrong(RCODE::Refused),
            [question] => Asked::For(question.clone().into_owned()),
            _ => Asked::Wrong(RCODE::FormatError),
        };
        Some(Self {
            id: packet.id(),
            recursion_desired: packet.has_flags(PacketFlag::RECURSION_DESIRED),
            takes: packet.opt().map(|opt| opt.udp_packet_size),
            asked,
        })
    }

    async fn answer(&self, resolve: &dyn Resolve) -> Result<Vec<IpAddr>, RCODE> {
        let question = match &self.asked {
            Asked::For(question) => question,
            Asked::Wrong(code) => return Err(*code),
        };
        if !matches!(question.qtype, QTYPE::TYPE(TYPE::A | TYPE::AAAA)) {
            return Ok(Vec::new());
        }
        let name = host_name(&question.qname).ok_or(RCODE::NameError)?;
        match timeout(LOOKUP_DEADLINE, resolve.resolve(&name)).await {
            Ok(Ok(addresses)) => Ok(addresses),
            Ok(Err(ResolveError::Denied)) => Err(RCODE::Refused),
            Ok(Err(ResolveError::NotFound | ResolveError::Invalid)) => Err(RCODE::NameError),
            Ok(Err(ResolveError::Timeout)) | Err(_) => Err(RCODE::ServerFailure),
        }
    }

    fn reply(&self, outcome: Result<Vec<IpAddr>, RCODE>) -> Vec<u8> {
        let mut packet = Packet::new_reply(self.id);
        packet.set_flags(PacketFlag::RECURSION_AVAILABLE);
        if self.recursion_desired {
            packet.set_flags(PacketFlag::RECURSION_DESIRED);
        }
        if self.takes.is_some() {
            let udp_packet_size = *ANSWER.end() as u16;
            *packet.opt_mut() = Some(OPT { opt_codes: Vec::new(), udp_packet_size, version: 0 });
        }
        if let Asked::For(question) = &self.asked {
            packet.questions.push(question.clone());
            match outcome {
                Ok(addresses) => packet.answers.extend(addresses.iter().filter_map(|ip| record(question, *ip))),
                Err(code) => *packet.rcode_mut() = code,
            }
        } else if let Err(code) = outcome {
            *packet.rcode_mut() = code;
        }
        let takes = usize::from(self.takes.unwrap_or_default()).clamp(*ANSWER.start(), *ANSWER.end());
        loop {
            let bytes = packet.build_bytes_vec_compressed().unwrap_or_default();
            if bytes.len() <= takes || packet.answers.pop().is_none() {
                return bytes;
            }
        }
    }
}

/// The record of an address, if it is of the type that was asked for.
fn record(question: &simple_dns::Question<'static>, address: IpAddr) -> Option<ResourceRecord<'static>> {
    let data = match (address, question.qtype) {
        (IpAddr::V4(ip), QTYPE::TYPE(TYPE::A)) => RData::A(A::from(ip)),
        (IpAddr::V6(ip), QTYPE::TYPE(TYPE::AAAA)) => RData::AAAA(AAAA::from(ip)),
        _ => return None,
    };
    Some(ResourceRecord::new(question.qname.clone(), CLASS::IN, TIME_TO_LIVE, data))
}

/// A name of letters, digits, hyphens and underscores, in lower case. Others have bytes that a policy would have to
/// interpret: a dot within a label, for one.
fn host_name(name: &Name<'_>) -> Option<String> {
    let labels: Vec<&str> = name.as_bytes().map(|label| std::str::from_utf8(label).ok()).collect::<Option<_>>()?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let fits = !labels.is_empty() && labels.iter().all(|label| !label.is_empty() && label.bytes().all(fits));
    fits.then(|| labels.join(".").to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Fixed(Result<Vec<IpAddr>, ResolveError>);

    impl Resolve for Fixed {
        fn resolve<'a>(&'a self, _name: &'a str) -> Lookup<'a> {
            Box::pin(async { self.0.clone() })
        }
    }

    fn ask(name: &str, kind: TYPE, takes: Option<u16>) -> Vec<u8> {
        let mut packet = Packet::new_query(7);
        packet.set_flags(PacketFlag::RECURSION_DESIRED);
        let question =
            simple_dns::Question::new(Name::new_unchecked(name), QTYPE::TYPE(kind), QCLASS::CLASS(CLASS::IN), false);
        packet.questions.push(question);
        *packet.opt_mut() = takes.map(|udp_packet_size| OPT { opt_codes: Vec::new(), udp_packet_size, version: 0 });
        packet.build_bytes_vec().unwrap()
    }

    fn answer(question: &[u8], outcome: Result<Vec<IpAddr>, ResolveError>) -> Vec<u8> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let question = Question::parse(question).unwrap();
        question.reply(runtime.block_on(question.answer(&Fixed(outcome))))
    }

    #[test]
    fn addresses_of_the_type_that_is_asked_for() {
        let addresses = vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
        for (kind, expected) in [(TYPE::A, 1), (TYPE::AAAA, 1), (TYPE::HTTPS, 0)] {
            let bytes = answer(&ask("lamp.example", kind, None), Ok(addresses.clone()));
            let packet = Packet::parse(&bytes).unwrap();
            assert_eq!((packet.id(), packet.rcode()), (7, RCODE::NoError));
            assert_eq!(packet.answers.len(), expected, "{kind:?}");
        }
    }

    #[test]
    fn each_error_has_its_code() {
        for (error, code) in [
            (ResolveError::Denied, RCODE::Refused),
            (ResolveError::NotFound, RCODE::NameError),
            (ResolveError::Invalid, RCODE::NameError),
            (ResolveError::Timeout, RCODE::ServerFailure),
        ] {
            let bytes = answer(&ask("lamp.example", TYPE::A, None), Err(error));
            assert_eq!(Packet::parse(&bytes).unwrap().rcode(), code);
        }
    }

    #[test]
    fn a_long_answer_has_fewer_addresses() {
        let addresses: Vec<IpAddr> = (0..100).map(|i| IpAddr::from([10, 0, 0, i])).collect();
        for (takes, most) in [(None, 512), (Some(0), 512), (Some(4096), 1232)] {
            let bytes = answer(&ask("lamp.example", TYPE::A, takes), Ok(addresses.clone()));
            let packet = Packet::parse(&bytes).unwrap();
            assert!(bytes.len() <= most && !packet.has_flags(PacketFlag::TRUNCATION));
            assert!(packet.answers.len() > most / 16 - 5, "{}", packet.answers.len());
        }
    }

    #[test]
    fn a_name_with_a_dot_in_a_label_is_no_name() {
        let mut question = ask("lampxexample.org", TYPE::A, None);
        let at = question.iter().position(|byte| *byte == b'x').unwrap();
        question[at] = b'.';
        let bytes = answer(&question, Ok(vec!["192.0.2.1".parse().unwrap()]));
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!((packet.rcode(), packet.answers.len()), (RCODE::NameError, 0));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_ignored(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            if let Some(question) = Question::parse(&bytes) {
                question.reply(Ok(vec!["192.0.2.1".parse().unwrap()]));
            }
        }

        #[test]
        fn a_damaged_question_is_read_or_ignored(at in 0_usize..40, with in any::<u8>(), cut in 0_usize..60) {
            let mut bytes = ask("lamp.example", TYPE::A, Some(1232));
            if let Some(byte) = bytes.get_mut(at) {
                *byte = with;
            }
            bytes.truncate(cut);
            if let Some(question) = Question::parse(&bytes) {
                question.reply(Ok(vec!["192.0.2.1".parse().unwrap()]));
            }
        }
    }
}
