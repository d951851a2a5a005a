//! What providers and the hub say of an instance: the newest lines in memory, and a stream for who follows.
//!
//! A line is cut, escaped for terminals, and has the instance's known secrets replaced before anybody sees it. Lines
//! above the granted rate are counted, and the count is told with the next line that is kept.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use igloo_model::{InstanceId, InstanceName};
use igloo_protocol::LogLevel;
use serde::Serialize;
use tokio::sync::broadcast;

use crate::{info::timestamp, rate::TokenBucket, secrets::Secrets, shared_tree::now};

/// Lines kept for an instance.
const KEPT: usize = 1000;
/// Bytes kept of a line.
pub(crate) const LINE_BYTES: usize = 4 * 1024;
/// Lines kept for a slow follower, over all instances.
pub(crate) const FOLLOWED: usize = 4096;

/// Who said it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogSource {
    /// The provider.
    Provider,
    /// The hub, about the instance.
    Hub,
}

/// A line of an instance's log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LogLine {
    /// Whose.
    pub instance: InstanceId,
    /// The name of whose.
    pub instance_name: InstanceName,
    /// When the hub got it.
    #[serde(serialize_with = "timestamp")]
    pub time: i64,
    /// How much it matters.
    pub level: LogLevel,
    /// Who said it.
    pub source: LogSource,
    /// What. Safe for a terminal, not for HTML.
    pub text: String,
}

/// What a follower gets.
#[derive(Clone, Debug)]
pub enum Logged {
    /// A line.
    Line(Arc<LogLine>),
    /// The follower was slow and missed so many lines, perhaps of other instances too.
    Missed(u64),
}

/// The lines from now on. Ends with the hub.
#[derive(Debug)]
pub struct LogStream {
    pub(crate) lines: broadcast::Receiver<Arc<LogLine>>,
    pub(crate) of: Option<InstanceId>,
}

impl LogStream {
    /// The next line; nothing more once the hub is gone.
    pub async fn next(&mut self) -> Option<Logged> {
        loop {
            match self.lines.recv().await {
                Ok(line) if self.of.is_none_or(|of| of == line.instance) => return Some(Logged::Line(line)),
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(count)) => return Some(Logged::Missed(count)),
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

/// An instance's log.
#[derive(Debug)]
pub(crate) struct Log {
    lines: VecDeque<Arc<LogLine>>,
    followers: broadcast::Sender<Arc<LogLine>>,
    bucket: TokenBucket,
    rate: u32,
    /// Left out since the last line that was kept.
    lost: u64,
    /// Left out since the hub started.
    pub(crate) lost_ever: u64,
}

impl Log {
    pub(crate) fn new(followers: broadcast::Sender<Arc<LogLine>>, rate: u32) -> Self {
        let bucket = TokenBucket::new(rate, Instant::now());
        Self { lines: VecDeque::new(), followers, bucket, rate, lost: 0, lost_ever: 0 }
    }

    /// A session begins, with this rate.
    pub(crate) fn set_rate(&mut self, rate: u32) {
        if rate != self.rate {
            self.rate = rate;
            self.bucket = TokenBucket::new(rate, Instant::now());
        }
    }

    /// Whether a provider's line is within the rate; one that is not is counted.
    pub(crate) fn admit(&mut self) -> bool {
        self.bucket.refill(Instant::now());
        if self.bucket.take() {
            return true;
        }
        self.lost += 1;
        self.lost_ever += 1;
        false
    }

    /// Keeps a line, after one that tells of those left out before it.
    pub(crate) fn push(
        &mut self,
        (instance, instance_name): (InstanceId, InstanceName),
        level: LogLevel,
        source: LogSource,
        text: String,
    ) {
        let lost = std::mem::take(&mut self.lost);
        if lost > 0 {
            self.keep(LogLine {
                instance,
                instance_name: instance_name.clone(),
                time: now(),
                level: LogLevel::Warn,
                source: LogSource::Hub,
                text: format!("{lost} lines were left out: it logs more than {}/s (grant logs=…/s)", self.rate),
            });
        }
        self.keep(LogLine { instance, instance_name, time: now(), level, source, text });
    }

    /// The newest lines, oldest first.
    pub(crate) fn last(&self, count: usize) -> impl Iterator<Item = &Arc<LogLine>> {
        self.lines.iter().skip(self.lines.len().saturating_sub(count))
    }

    fn keep(&mut self, line: LogLine) {
        if self.lines.len() >= KEPT {
            self.lines.pop_front();
        }
        let line = Arc::new(line);
        self.lines.push_back(line.clone());
        // An error means that nobody follows.
        let _ = self.followers.send(line);
    }
}

/// A provider's text, fit for people: secrets replaced, cut to `limit` bytes, control characters escaped.
pub(crate) fn clean(text: &str, limit: usize, secrets: &Secrets) -> String {
    clean_but(&['\t'], text, limit, secrets)
}

/// The same for text that may have several lines, such as a traceback.
pub(crate) fn clean_lines(text: &str, limit: usize, secrets: &Secrets) -> String {
    clean_but(&['\t', '\n'], text.trim_end(), limit, secrets)
}

fn clean_but(left: &[char], text: &str, limit: usize, secrets: &Secrets) -> String {
    // What is looked at is bounded too, and so that a secret that begins before the cut is seen whole.
    let redacted = secrets.redact(cut(text, limit + secrets.longest()));
    let kept = cut(&redacted, limit);
    let mut clean = String::with_capacity(kept.len());
    for character in kept.chars() {
        if left.contains(&character) || !(character.is_control() || is_invisible(character)) {
            clean.push(character);
        } else {
            clean.extend(character.escape_default());
        }
    }
    if kept.len() < redacted.len() {
        clean.push('…');
    }
    clean
}

/// Characters that reorder or hide text around them.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn cut(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn log(rate: u32) -> (Log, broadcast::Receiver<Arc<LogLine>>) {
        let (followers, receiver) = broadcast::channel(16);
        (Log::new(followers, rate), receiver)
    }

    fn me() -> (InstanceId, InstanceName) {
        (InstanceId(1), "demo".parse().unwrap())
    }

    #[test]
    fn lost_lines_are_counted_and_told() {
        let (mut log, mut receiver) = log(5);
        let kept = (0..100).filter(|_| log.admit()).count();
        assert_eq!(kept, 10);
        assert_eq!(log.lost_ever, 90);
        log.push(me(), LogLevel::Info, LogSource::Provider, String::from("later"));
        let texts: Vec<&str> = log.last(10).map(|line| line.text.as_str()).collect();
        assert!(texts[0].starts_with("90 lines"), "{texts:?}");
        assert_eq!(texts[1], "later");
        assert!(receiver.try_recv().is_ok());
    }

    #[test]
    fn the_ring_is_bounded() {
        let (mut log, _receiver) = log(5);
        for number in 0..KEPT + 5 {
            log.push(me(), LogLevel::Info, LogSource::Provider, number.to_string());
        }
        assert_eq!(log.last(usize::MAX).count(), KEPT);
        assert_eq!(log.last(1).next().unwrap().text, (KEPT + 4).to_string());
    }

    #[test]
    fn text_is_cut_escaped_and_redacted() {
        let schema = json!({"properties": {"token": {"type": "string", "writeOnly": true}}});
        let secrets = Secrets::find(Some(&schema), &json!({"token": "hunter22"}));
        assert_eq!(clean("\u{1b}[2Jhi\r\n\u{202e}x\thunter22", 100, &secrets), "\\u{1b}[2Jhi\\r\\n\\u{202e}x\t•••");
        assert_eq!(clean_lines("one\r\n\ttwo\u{1b}\n", 100, &secrets), "one\\r\n\ttwo\\u{1b}");
        // A secret across the cut is not told in part.
        let text = format!("{}hunter22", "x".repeat(LINE_BYTES - 4));
        let line = clean(&text, LINE_BYTES, &secrets);
        assert!(!line.contains("hun"), "{}", &line[LINE_BYTES - 8..]);
        assert!(clean(&"é".repeat(LINE_BYTES), LINE_BYTES, &secrets).len() <= LINE_BYTES + '…'.len_utf8());
    }
}
