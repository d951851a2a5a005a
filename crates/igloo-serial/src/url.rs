//! The name of a port, as the owner writes it.

use std::fmt;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::settings::{Settings, SettingsError};

/// Longest port URL, in bytes: Linux's `PATH_MAX`.
const MAX_LEN: usize = 4096;

/// Where a port is. Only the owner writes one.
///
/// | Written | Is |
/// |---|---|
/// | `/dev/serial/by-id/usb-FTDI-…` | a tty: any absolute path |
/// | `rfc2217://host:port` | a port on the network, with its settings and lines (RFC 2217) |
/// | `socket://host:port` | the bytes of a port on the network, over plain TCP |
/// | `replay:FILE?loop=true&interval_ms=1000&baud=115200` | a file's bytes, at the pace of a real line |
///
/// An IPv6 address stands in brackets: `socket://[::1]:4000`. A replayed file's name cannot contain `?`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
#[non_exhaustive]
pub enum PortUrl {
    /// A tty, by absolute path.
    Tty(PathBuf),
    /// An RFC 2217 server.
    Rfc2217(Endpoint),
    /// A TCP server that carries a port's bytes and nothing else.
    Socket(Endpoint),
    /// A file that is played.
    Replay(Replay),
}

/// A host and a TCP port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    host: String,
    port: u16,
}

impl Endpoint {
    /// The host: a name or an IP address, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// A file to play, and how.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Replay {
    /// The file.
    pub file: PathBuf,
    /// `loop`: start again at the end. Otherwise the line is silent after the last byte.
    pub repeat: bool,
    /// `interval_ms`: the silence between two repetitions.
    pub interval: Duration,
    /// `baud`: the pace in bits per second, whatever the settings of the open port say.
    pub baud_rate: Option<u32>,
}

/// What is wrong with a port URL, and how to write it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// Neither an absolute path nor a known scheme.
    #[error(
        "`{0}` is no serial port: write an absolute path such as /dev/serial/by-id/…, rfc2217://HOST:PORT, \
         socket://HOST:PORT or replay:FILE"
    )]
    Scheme(String),
    /// A path without a name, or with control characters.
    #[error("`{}` is no path to a tty: write one such as /dev/serial/by-id/…, without control characters", .0.escape_debug())]
    Path(String),
    /// The host and port of a network port.
    #[error(
        "`{0}` is no host and port: write HOST:PORT and nothing after it, such as 192.0.2.7:4000 or [2001:db8::7]:4000"
    )]
    Endpoint(String),
    /// No file to play.
    #[error("`{0}` names no file: write replay:/path/to/file, with options after a `?`")]
    File(String),
    /// An option of a replay that does not exist, or occurs twice.
    #[error("`{0}` is no option of replay, or is there twice: loop=true, interval_ms=MILLISECONDS and baud=RATE are")]
    Option(String),
    /// The value of an option.
    #[error("`{1}` is no value for {0}: {2}")]
    Value(&'static str, String, String),
    /// Longer than any path can be.
    #[error("the port's URL is longer than 4096 bytes")]
    TooLong,
}

impl FromStr for PortUrl {
    type Err = UrlError;

    fn from_str(url: &str) -> Result<Self, UrlError> {
        if url.len() > MAX_LEN {
            return Err(UrlError::TooLong);
        }
        if url.starts_with('/') {
            if url.ends_with('/') || url.contains(char::is_control) {
                return Err(UrlError::Path(url.to_owned()));
            }
            return Ok(Self::Tty(PathBuf::from(url)));
        }
        if let Some(rest) = url.strip_prefix("rfc2217://") {
            return Ok(Self::Rfc2217(endpoint(rest)?));
        }
        if let Some(rest) = url.strip_prefix("socket://") {
            return Ok(Self::Socket(endpoint(rest)?));
        }
        if let Some(rest) = url.strip_prefix("replay:") {
            return Ok(Self::Replay(replay(rest)?));
        }
        Err(UrlError::Scheme(url.to_owned()))
    }
}

fn endpoint(text: &str) -> Result<Endpoint, UrlError> {
    let wrong = || UrlError::Endpoint(text.to_owned());
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    // `u16` would also parse `+80`.
    let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    let port = if digits { port.parse().map_err(|_| wrong())? } else { 0 };
    if port == 0 {
        return Err(wrong());
    }
    let host = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(v6) => v6.parse::<Ipv6Addr>().map_err(|_| wrong())?.to_string(),
        None if !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)) => {
            host.to_owned()
        }
        None => return Err(wrong()),
    };
    Ok(Endpoint { host, port })
}

fn replay(text: &str) -> Result<Replay, UrlError> {
    let (file, options) = text.split_once('?').unwrap_or((text, ""));
    if file.is_empty() || file.starts_with("//") || file.contains(char::is_control) {
        return Err(UrlError::File(format!("replay:{}", text.escape_debug())));
    }
    let (mut repeat, mut interval, mut baud_rate) = (None, None, None);
    for option in options.split('&').filter(|option| !option.is_empty()) {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let wrong = |name, fix: String| UrlError::Value(name, value.to_owned(), fix);
        let twice = match name {
            "loop" => repeat.replace(value.parse().map_err(|_| wrong("loop", "true or false".into()))?).is_some(),
            "interval_ms" => {
                let ms: u32 = value.parse().map_err(|_| wrong("interval_ms", "a whole number".into()))?;
                interval.replace(Duration::from_millis(ms.into())).is_some()
            }
            "baud" => {
                let rate = value.parse().map_err(|_| wrong("baud", "a whole number".into()))?;
                Settings::at(rate).validate().map_err(|e: SettingsError| wrong("baud", e.to_string()))?;
                baud_rate.replace(rate).is_some()
            }
            _ => true,
        };
        if twice {
            return Err(UrlError::Option(option.to_owned()));
        }
    }
    Ok(Replay {
        file: PathBuf::from(file),
        repeat: repeat.unwrap_or(false),
        interval: interval.unwrap_or(Duration::ZERO),
        baud_rate,
    })
}

impl fmt::Display for PortUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tty(path) => write!(f, "{}", path.display()),
            Self::Rfc2217(endpoint) => write!(f, "rfc2217://{endpoint}"),
            Self::Socket(endpoint) => write!(f, "socket://{endpoint}"),
            Self::Replay(replay) => {
                write!(f, "replay:{}", replay.file.display())?;
                let mut separator = '?';
                let mut option = |f: &mut fmt::Formatter<'_>, name, value: &dyn fmt::Display| {
                    let result = write!(f, "{separator}{name}={value}");
                    separator = '&';
                    result
                };
                if replay.repeat {
                    option(f, "loop", &true)?;
                }
                if !replay.interval.is_zero() {
                    option(f, "interval_ms", &replay.interval.as_millis())?;
                }
                if let Some(rate) = replay.baud_rate {
                    option(f, "baud", &rate)?;
                }
                Ok(())
            }
        }
    }
}

impl From<PortUrl> for String {
    fn from(url: PortUrl) -> Self {
        url.to_string()
    }
}

impl TryFrom<String> for PortUrl {
    type Error = UrlError;

    fn try_from(url: String) -> Result<Self, UrlError> {
        url.parse()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn says_how_to_write_it() {
        for (url, fix) in [
            ("ttyUSB0", "absolute path"),
            ("COM3", "absolute path"),
            ("tcp://host:1", "socket://HOST:PORT"),
            ("/dev/", "/dev/serial/by-id"),
            ("/dev/tty\0", "control characters"),
            ("rfc2217://host", "HOST:PORT"),
            ("rfc2217://host:0", "HOST:PORT"),
            ("rfc2217://host:+80", "HOST:PORT"),
            ("rfc2217://host:70000", "HOST:PORT"),
            ("rfc2217://user@host:80", "HOST:PORT"),
            ("socket://host:80/path", "nothing after it"),
            ("socket://::1:80", "[2001:db8::7]:4000"),
            ("replay:", "replay:/path/to/file"),
            ("replay:file?speed=3", "interval_ms=MILLISECONDS"),
            ("replay:file?loop=true&loop=true", "twice"),
            ("replay:file?loop=yes", "true or false"),
            ("replay:file?baud=3", "from 50 to 4000000"),
            (&"/".repeat(5000), "4096"),
        ] {
            let error = url.parse::<PortUrl>().expect_err(url).to_string();
            assert!(error.contains(fix), "{url}: {error}");
        }
    }

    #[test]
    fn reads_options() {
        let url: PortUrl = "replay:/tmp/p1.txt?loop=true&interval_ms=1000&baud=9600".parse().expect("a URL");
        assert_eq!(
            url,
            PortUrl::Replay(Replay {
                file: "/tmp/p1.txt".into(),
                repeat: true,
                interval: Duration::from_secs(1),
                baud_rate: Some(9600),
            })
        );
        let json = serde_json::to_string(&url).expect("JSON");
        assert_eq!(serde_json::from_str::<PortUrl>(&json).expect("a URL"), url);
        let url: PortUrl = "socket://[::0001]:80".parse().expect("a URL");
        assert_eq!(url.to_string(), "socket://[::1]:80");
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_survives(url in "(/|rfc2217://|socket://|replay:)?\\PC{0,40}") {
            if let Ok(parsed) = url.parse::<PortUrl>() {
                prop_assert_eq!(parsed.to_string().parse::<PortUrl>(), Ok(parsed));
            }
        }

        #[test]
        fn what_is_written_is_read_again(
            host in "[a-z0-9.-]{1,20}",
            port in 1..=u16::MAX,
            file in "[a-z/. é]{1,20}",
            repeat: bool,
            ms: u32,
            baud in prop::option::of(50..=4_000_000u32),
        ) {
            prop_assume!(!file.starts_with("//"));
            let endpoint = Endpoint { host, port };
            let replay = Replay {
                file: file.into(),
                repeat,
                interval: Duration::from_millis(ms.into()),
                baud_rate: baud,
            };
            for url in [PortUrl::Rfc2217(endpoint.clone()), PortUrl::Socket(endpoint), PortUrl::Replay(replay)] {
                prop_assert_eq!(url.to_string().parse::<PortUrl>(), Ok(url));
            }
        }
    }
}
