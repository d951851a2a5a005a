//! Requests that were sent twice are one command: the second gets the first's outcome, and waits for it if need be.
//!
//! Keys are kept for ten minutes, the newest 1024 of them. A key whose command is under way is never forgotten, for then
//! the command could be delivered twice. An outcome that the hub decided before it delivered anything is not kept: such
//! a request may be tried again with the same key.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::sync::watch;

/// Keys kept.
const KEPT: usize = 1024;
/// How long they are kept.
const FOR: Duration = Duration::from_secs(600);

/// What a request asks for, as a hash.
pub(crate) type Fingerprint = [u8; 32];

#[derive(Debug)]
struct Entry<T> {
    fingerprint: Fingerprint,
    outcome: watch::Receiver<Option<T>>,
    begun: Instant,
    number: u64,
}

#[derive(Debug)]
struct Inner<T> {
    entries: HashMap<String, Entry<T>>,
    /// Oldest first; may name entries that are gone or were begun anew.
    order: VecDeque<(String, u64)>,
    next: u64,
}

/// The keys of a hub.
#[derive(Debug)]
pub(crate) struct Keys<T>(Arc<Mutex<Inner<T>>>);

/// What a key's request is.
#[derive(Debug)]
pub(crate) enum Begun<T> {
    /// The first of its key: carry it out, and tell the ticket.
    New(Ticket<T>),
    /// One that is known: this becomes its outcome. Nothing comes if it was never delivered.
    Known(watch::Receiver<Option<T>>),
    /// The key stands for something else.
    Different,
    /// Too many are under way.
    Full,
}

/// The one that carries out a key's command. Dropped without an outcome to keep, the key is free again.
#[derive(Debug)]
pub(crate) struct Ticket<T> {
    key: String,
    number: u64,
    tell: watch::Sender<Option<T>>,
    keys: Arc<Mutex<Inner<T>>>,
    keep: bool,
}

impl<T> Default for Keys<T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Inner { entries: HashMap::new(), order: VecDeque::new(), next: 0 })))
    }
}

impl<T> Keys<T> {
    /// A request with a key came.
    pub(crate) fn begin(&self, key: &str, fingerprint: Fingerprint, now: Instant) -> Begun<T> {
        let mut inner = self.0.lock();
        inner.forget(now);
        if let Some(known) = inner.entries.get(key) {
            if known.fingerprint != fingerprint {
                return Begun::Different;
            }
            return Begun::Known(known.outcome.clone());
        }
        if inner.entries.len() >= KEPT {
            return Begun::Full;
        }
        let (tell, outcome) = watch::channel(None);
        inner.next += 1;
        let number = inner.next;
        inner.entries.insert(key.to_owned(), Entry { fingerprint, outcome, begun: now, number });
        inner.order.push_back((key.to_owned(), number));
        Begun::New(Ticket { key: key.to_owned(), number, tell, keys: self.0.clone(), keep: false })
    }
}

impl<T> Inner<T> {
    /// Forgets what is old, and the oldest of what is too many; never what is under way.
    fn forget(&mut self, now: Instant) {
        let Self { entries, order, .. } = self;
        let mut surplus = entries.len().saturating_sub(KEPT - 1);
        order.retain(|(key, number)| {
            let Some(entry) = entries.get(key).filter(|entry| entry.number == *number) else { return false };
            let under_way = entry.outcome.borrow().is_none();
            let old = now.saturating_duration_since(entry.begun) >= FOR;
            if under_way || !(old || surplus > 0) {
                return true;
            }
            entries.remove(key);
            surplus = surplus.saturating_sub(1);
            false
        });
    }
}

impl<T> Ticket<T> {
    /// The outcome of what was delivered; it is kept.
    pub(crate) fn keep(mut self, outcome: T) {
        self.keep = true;
        self.tell.send_replace(Some(outcome));
    }
}

impl<T> Drop for Ticket<T> {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        let mut keys = self.keys.lock();
        if keys.entries.get(&self.key).is_some_and(|entry| entry.number == self.number) {
            keys.entries.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Fingerprint = [1; 32];
    const B: Fingerprint = [2; 32];

    fn new(begun: Begun<u8>) -> Ticket<u8> {
        match begun {
            Begun::New(ticket) => ticket,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn the_second_waits_for_the_first() {
        let keys = Keys::default();
        let now = Instant::now();
        let ticket = new(keys.begin("k", A, now));
        let Begun::Known(mut waiting) = keys.begin("k", A, now) else { panic!("delivered twice") };
        assert!(matches!(keys.begin("k", B, now), Begun::Different));
        ticket.keep(7);
        assert_eq!(*waiting.wait_for(Option::is_some).await.unwrap(), Some(7));
        assert!(matches!(keys.begin("k", A, now), Begun::Known(known) if *known.borrow() == Some(7)));
        // Ten minutes later it is a new command.
        new(keys.begin("k", B, now + FOR));
    }

    #[tokio::test]
    async fn what_was_not_delivered_frees_its_key() {
        let keys = Keys::default();
        let now = Instant::now();
        let ticket = new(keys.begin("k", A, now));
        let Begun::Known(mut waiting) = keys.begin("k", A, now) else { panic!("delivered twice") };
        drop(ticket);
        assert!(waiting.wait_for(Option::is_some).await.is_err());
        new(keys.begin("k", B, now)).keep(1);
    }

    #[test]
    fn the_newest_are_kept_and_what_is_under_way_is_never_forgotten() {
        let keys = Keys::default();
        let now = Instant::now();
        let under_way = new(keys.begin("first", A, now));
        for number in 0..3000 {
            new(keys.begin(&number.to_string(), A, now)).keep(1);
        }
        assert!(matches!(keys.begin("first", A, now + FOR), Begun::Known(_)));
        assert!(matches!(keys.begin("2999", A, now), Begun::New(_)), "forgotten ten minutes later");
        drop(under_way);
        let tickets: Vec<_> = (0..KEPT).map(|number| new(keys.begin(&format!("u{number}"), A, now + FOR))).collect();
        assert!(matches!(keys.begin("one more", A, now), Begun::Full));
        drop(tickets);
        assert!(keys.0.lock().entries.is_empty());
    }
}
