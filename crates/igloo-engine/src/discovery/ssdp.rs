//! SSDP (UPnP Device Architecture 1.1, section 1): asks by multicast, and hears those who answer and those who announce
//! themselves.
//!
//! A device is there for as long as its last message says, at most a day, unless it says goodbye. Asking is repeated
//! slowly, so that a device whose announcement got lost is found all the same. One socket asks and hears answers; another
//! hears announcements, and is done without where its port is taken by somebody who does not share it. Both are on the
//! one interface that the system's routes choose for the group.

use std::{
    collections::HashMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with, sockopt};
use tokio::{
    net::UdpSocket,
    time::{Instant, sleep, sleep_until},
};

use super::{
    Finding, PRESENT, SsdpDevice,
    kind::SearchTarget,
    topic::{Entry, Topic},
};

/// Where searches are sent and devices announce themselves (section 1.1).
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 250);
const PORT: u16 = 1900;
/// Seconds over which devices spread their answers (section 1.3.2: 1 to 5).
const MX: u64 = 2;
/// Searches are repeated because datagrams get lost (section 1.3.2): soon at first, then seldom.
const SEARCHES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30)];
const SEARCH_AGAIN: Duration = Duration::from_secs(120);
/// How long a device is there that does not say so: the least that the architecture lets it say (section 1.2.2).
const MAX_AGE: u64 = 1800;
/// The longest that a device is there without another word.
const LONGEST_AGE: u64 = 24 * 60 * 60;
/// Before the sockets are opened again after an error.
const PAUSE: Duration = Duration::from_secs(10);

/// Bytes of a message; what is longer is cut by the system and ignored here.
const MESSAGE: usize = 4096;
/// Headers of a message.
const HEADERS: usize = 32;
/// Bytes of a unique service name or a location.
const TEXT: usize = 1024;

/// Looks for devices, until it is dropped.
pub(super) async fn look(target: SearchTarget, topic: Arc<Topic>) {
    loop {
        if let Err(error) = follow(&target, &topic).await {
            tracing::warn!(%error, "SSDP cannot look for {}", target.as_str());
        }
        topic.clear();
        sleep(PAUSE).await;
    }
}

async fn follow(target: &SearchTarget, topic: &Topic) -> io::Result<()> {
    let asking = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
    asking.set_multicast_ttl_v4(2)?;
    let listening = listen().inspect_err(|error| tracing::debug!(%error, "no SSDP announcements are heard")).ok();
    let mut devices = Devices { target, topic, until: HashMap::new() };
    let mut searches = SEARCHES.into_iter();
    let mut search_at = Instant::now();
    let (mut answer, mut announcement) = (vec![0; MESSAGE], vec![0; MESSAGE]);
    loop {
        let wake_at = devices.first_to_expire().map_or(search_at, |expires| expires.min(search_at));
        tokio::select! {
            received = asking.recv_from(&mut answer) => {
                let (length, _) = received?;
                devices.hear(answer.get(..length).unwrap_or_default());
            }
            received = receive(listening.as_ref(), &mut announcement) => {
                devices.hear(announcement.get(..received?).unwrap_or_default());
            }
            () = sleep_until(wake_at) => {
                devices.expire();
                if search_at <= Instant::now() {
                    asking.send_to(search(target).as_bytes(), SocketAddr::from((GROUP, PORT))).await?;
                    search_at = Instant::now() + searches.next().unwrap_or(SEARCH_AGAIN);
                }
            }
        }
    }
}

/// The request of a search (section 1.3.2).
fn search(target: &SearchTarget) -> String {
    format!(
        "M-SEARCH * HTTP/1.1\r\nHOST: {GROUP}:{PORT}\r\nMAN: \"ssdp:discover\"\r\nMX: {MX}\r\nST: {}\r\n\r\n",
        target.as_str()
    )
}

/// A socket that hears announcements, beside others of this machine that do.
fn listen() -> io::Result<UdpSocket> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    // Bound to the group, it hears nothing else.
    bind(&socket, &SocketAddr::from((GROUP, PORT)))?;
    let socket = UdpSocket::from_std(std::net::UdpSocket::from(socket))?;
    socket.join_multicast_v4(GROUP, Ipv4Addr::UNSPECIFIED)?;
    Ok(socket)
}

async fn receive(socket: Option<&UdpSocket>, buffer: &mut [u8]) -> io::Result<usize> {
    match socket {
        Some(socket) => socket.recv(buffer).await,
        None => std::future::pending().await,
    }
}

/// Who is there, and until when.
struct Devices<'a> {
    target: &'a SearchTarget,
    topic: &'a Topic,
    until: HashMap<String, Instant>,
}

impl Devices<'_> {
    fn hear(&mut self, message: &[u8]) {
        match Message::read(message, self.target.as_str()) {
            Some(Message::Here(device, age)) if self.until.len() < PRESENT || self.until.contains_key(&device.usn) => {
                self.until.insert(device.usn.clone(), Instant::now() + age);
                self.topic.found(&device.usn, &device);
            }
            Some(Message::Gone(usn)) => self.gone(&usn),
            Some(Message::Here(..)) | None => {}
        }
    }

    fn gone(&mut self, usn: &str) {
        if self.until.remove(usn).is_some() {
            self.topic.lost(usn);
        }
    }

    fn first_to_expire(&self) -> Option<Instant> {
        self.until.values().min().copied()
    }

    fn expire(&mut self) {
        let now = Instant::now();
        let expired: Vec<String> =
            self.until.iter().filter(|(_, until)| **until <= now).map(|(usn, _)| usn.clone()).collect();
        for usn in expired {
            self.gone(&usn);
        }
    }
}

/// What a device said that concerns the target.
#[derive(PartialEq, Debug)]
enum Message {
    Here(SsdpDevice, Duration),
    Gone(String),
}

impl Message {
    /// Reads an answer to a search (section 1.3.3) or an announcement (sections 1.2.2 and 1.2.3).
    fn read(bytes: &[u8], target: &str) -> Option<Self> {
        if bytes.len() >= MESSAGE {
            return None;
        }
        let mut lines = std::str::from_utf8(bytes).ok()?.split("\r\n");
        let first = lines.next()?;
        let mut headers = Vec::new();
        for line in lines.take_while(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':')?;
            if headers.len() == HEADERS || line.chars().any(|character| character.is_control() && character != '\t') {
                return None;
            }
            headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
        let header = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        let announcement = first.eq_ignore_ascii_case("NOTIFY * HTTP/1.1");
        let answer = first.starts_with("HTTP/1.1 200");
        let about = header(if announcement { "nt" } else { "st" })?;
        let usn = header("usn").filter(|usn| !usn.is_empty() && usn.len() <= TEXT)?.to_owned();
        // Who looks for all is told of each by its own target.
        if !(announcement || answer) || (about != target && target != "ssdp:all") {
            return None;
        }
        match header("nts") {
            Some("ssdp:byebye") if announcement => return Some(Self::Gone(usn)),
            Some("ssdp:alive") if announcement => {}
            _ if answer => {}
            _ => return None,
        }
        let location = header("location").filter(|location| location.len() <= TEXT)?.to_owned();
        let age = header("cache-control").and_then(max_age).unwrap_or(MAX_AGE).min(LONGEST_AGE);
        let target = about.to_owned();
        // What is another with each message would make each message a change.
        headers.retain(|(name, _)| name != "date");
        Some(Self::Here(SsdpDevice { target, usn, location, headers }, Duration::from_secs(age)))
    }
}

/// The seconds of `max-age = 1800`.
fn max_age(cache_control: &str) -> Option<u64> {
    let mut directives = cache_control.split(',').filter_map(|directive| directive.split_once('='));
    let (_, seconds) = directives.find(|(name, _)| name.trim().eq_ignore_ascii_case("max-age"))?;
    seconds.trim().parse().ok()
}

impl Entry for SsdpDevice {
    fn found(&self) -> Finding {
        Finding::SsdpFound(self.clone())
    }

    fn lost(&self) -> Finding {
        Finding::SsdpLost(self.usn.clone())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

    use std::time::Duration;

    use super::{MAX_AGE, Message, search};

    const ANSWER: &str = "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age = 300\r\nST: roku:ecp\r\nUSN: uuid:roku:ecp:P0A\r\n\
                          Location: http://192.168.1.7:8060/\r\nDate: now\r\n\r\n";

    fn read(message: &str) -> Option<Message> {
        Message::read(message.as_bytes(), "roku:ecp")
    }

    #[test]
    fn a_search_is_what_the_architecture_says() {
        let text = search(&"roku:ecp".parse().unwrap());
        assert!(text.starts_with("M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\n"));
        assert!(text.ends_with("ST: roku:ecp\r\n\r\n"));
    }

    #[test]
    fn answers_and_announcements_are_read() {
        let Some(Message::Here(device, age)) = read(ANSWER) else { panic!("not read") };
        assert_eq!(age, Duration::from_secs(300));
        assert_eq!((device.usn.as_str(), device.location.as_str()), ("uuid:roku:ecp:P0A", "http://192.168.1.7:8060/"));
        assert!(device.headers.iter().all(|(name, _)| name != "date"), "{:?}", device.headers);
        let alive = "NOTIFY * HTTP/1.1\r\nNT: roku:ecp\r\nNTS: ssdp:alive\r\nUSN: a\r\nLOCATION: http://b/\r\n\r\n";
        assert!(matches!(read(alive), Some(Message::Here(_, age)) if age == Duration::from_secs(MAX_AGE)));
        let goodbye = "NOTIFY * HTTP/1.1\r\nNT: roku:ecp\r\nNTS: ssdp:byebye\r\nUSN: a\r\n\r\n";
        assert_eq!(read(goodbye), Some(Message::Gone(String::from("a"))));
    }

    #[test]
    fn what_is_not_about_the_target_or_not_well_formed_is_ignored() {
        let many: String = (0..40).map(|n| format!("X{n}: y\r\n")).collect();
        for bad in [
            "",
            "\r\n\r\n",
            &ANSWER.replace("ST: roku:ecp", "ST: upnp:rootdevice"),
            &ANSWER.replace("200 OK", "404 No"),
            &ANSWER.replace("USN: ", "X: "),
            &ANSWER.replace("Location", "Elsewhere"),
            &ANSWER.replace("http://192", "http://\u{1b}[2J"),
            &ANSWER.replace("Date: now", &"x".repeat(5000)),
            &ANSWER.replace("Date: now\r\n", &many),
            "M-SEARCH * HTTP/1.1\r\nST: roku:ecp\r\nUSN: a\r\nLOCATION: b\r\n\r\n",
            "NOTIFY * HTTP/1.1\r\nNT: roku:ecp\r\nNTS: ssdp:update\r\nUSN: a\r\nLOCATION: b\r\n\r\n",
        ] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
        assert_eq!(Message::read(&[0xff; 100], "roku:ecp"), None);
    }
}
