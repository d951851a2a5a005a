//! What is present of one thing that is looked for, and its readers.
//!
//! There is no queue. A topic is the present state with a revision for each entry; a reader remembers the revision of
//! each entry that it was told, and what it reads next is the difference. So a reader that sleeps costs nothing, and
//! wakes up to the newest state. Losses are told before finds, so that what a reader remembers is never more than twice
//! [`PRESENT`].

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    task::{Context, Poll, Waker},
};

use parking_lot::Mutex;

use super::{Finding, PRESENT};

/// Something that can come and go.
pub(super) trait Entry {
    /// What it is when it is there.
    fn found(&self) -> Finding;
    /// What is said when it is gone.
    fn lost(&self) -> Finding;
}

/// The state of one topic.
#[derive(Debug, Default)]
pub(super) struct Topic(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// By an identity that the source chooses.
    present: BTreeMap<String, Present>,
    revision: u64,
    wakers: HashMap<u64, Waker>,
    next_reader: u64,
    overflowed: bool,
}

#[derive(Debug)]
struct Present {
    revision: u64,
    found: Finding,
    lost: Finding,
}

impl Topic {
    /// Something is there. Nobody is told again of what is as it was.
    pub(super) fn found(&self, identity: &str, entry: &impl Entry) {
        let mut state = self.0.lock();
        let found = entry.found();
        match state.present.get(identity) {
            Some(present) if present.found == found => return,
            None if state.present.len() >= PRESENT => {
                if !std::mem::replace(&mut state.overflowed, true) {
                    tracing::warn!(
                        limit = PRESENT,
                        "more is announced on the network than is kept; the rest is ignored"
                    );
                }
                return;
            }
            _ => {}
        }
        let revision = state.revision + 1;
        state.present.insert(identity.to_owned(), Present { revision, found, lost: entry.lost() });
        state.changed();
    }

    /// Something is gone.
    pub(super) fn lost(&self, identity: &str) {
        let mut state = self.0.lock();
        if state.present.remove(identity).is_some() {
            state.changed();
        }
    }

    /// Whatever was there is not known to be there any more.
    pub(super) fn clear(&self) {
        let mut state = self.0.lock();
        if !state.present.is_empty() {
            state.present.clear();
            state.changed();
        }
    }

    /// A new reader, who was told nothing.
    pub(super) fn read(self: &Arc<Self>) -> Reader {
        let mut state = self.0.lock();
        state.next_reader += 1;
        Reader { id: state.next_reader, topic: self.clone(), told: HashMap::new(), seen: None }
    }
}

impl State {
    fn changed(&mut self) {
        self.revision += 1;
        for (_, waker) in self.wakers.drain() {
            waker.wake();
        }
    }
}

/// One reader of a topic.
#[derive(Debug)]
pub(super) struct Reader {
    id: u64,
    topic: Arc<Topic>,
    /// The revision that it was told, and what to say when that is gone.
    told: HashMap<String, (u64, Finding)>,
    /// The topic's revision when there was nothing more to tell.
    seen: Option<u64>,
}

impl Reader {
    /// At least one change and at most `most`, as soon as there is one.
    pub(super) fn poll_next(&mut self, context: &Context<'_>, most: usize) -> Poll<Vec<Finding>> {
        let mut state = self.topic.0.lock();
        let mut changes = Vec::new();
        if self.seen != Some(state.revision) {
            let told = &mut self.told;
            let gone: Vec<String> =
                told.keys().filter(|identity| !state.present.contains_key(*identity)).take(most).cloned().collect();
            changes.extend(gone.iter().filter_map(|identity| told.remove(identity)).map(|(_, lost)| lost));
            for (identity, present) in &state.present {
                if changes.len() >= most {
                    break;
                }
                if told.get(identity).is_none_or(|(revision, _)| *revision != present.revision) {
                    told.insert(identity.clone(), (present.revision, present.lost.clone()));
                    changes.push(present.found.clone());
                }
            }
            if changes.len() < most {
                self.seen = Some(state.revision);
            }
        }
        if changes.is_empty() {
            state.wakers.insert(self.id, context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(changes)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.topic.0.lock().wakers.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::Arc,
        task::{Context, Poll, Waker},
    };

    use super::{Entry, Finding, PRESENT, Reader, Topic};

    struct Device(&'static str, u16);

    impl Entry for Device {
        fn found(&self) -> Finding {
            Finding::SsdpLost(format!("found {} {}", self.0, self.1))
        }

        fn lost(&self) -> Finding {
            Finding::SsdpLost(format!("lost {}", self.0))
        }
    }

    fn read(reader: &mut Reader, most: usize) -> Vec<String> {
        match reader.poll_next(&Context::from_waker(Waker::noop()), most) {
            Poll::Ready(changes) => changes
                .into_iter()
                .map(|change| match change {
                    Finding::SsdpLost(text) => text,
                    other => format!("{other:?}"),
                })
                .collect(),
            Poll::Pending => Vec::new(),
        }
    }

    #[test]
    fn what_is_there_comes_first_then_changes() {
        let topic = Arc::new(Topic::default());
        topic.found("a", &Device("a", 1));
        topic.found("b", &Device("b", 1));
        let mut reader = topic.read();
        assert_eq!(read(&mut reader, 1), ["found a 1"]);
        assert_eq!(read(&mut reader, 1), ["found b 1"]);
        assert!(read(&mut reader, 1).is_empty());
        topic.found("a", &Device("a", 1));
        assert!(read(&mut reader, 9).is_empty());
        topic.found("a", &Device("a", 2));
        topic.lost("b");
        assert_eq!(read(&mut reader, 9), ["lost b", "found a 2"]);
        assert!(read(&mut reader, 9).is_empty());
    }

    #[test]
    fn a_slow_reader_gets_the_newest_state() {
        let topic = Arc::new(Topic::default());
        let mut reader = topic.read();
        topic.found("kept", &Device("kept", 0));
        assert_eq!(read(&mut reader, 9), ["found kept 0"]);
        for n in 0..10_000 {
            topic.found("kept", &Device("kept", n));
            topic.found("brief", &Device("brief", n));
            topic.lost("brief");
        }
        assert_eq!(read(&mut reader, 9), ["found kept 9999"]);
    }

    #[test]
    fn what_a_reader_remembers_is_bounded() {
        let topic = Arc::new(Topic::default());
        let mut reader = topic.read();
        for round in 0..5 {
            for n in 0..2 * PRESENT {
                topic.found(&format!("{round} {n}"), &Device("x", 1));
            }
            assert_eq!(topic.0.lock().present.len(), PRESENT);
            // Only some of it is read before all of it is something else.
            read(&mut reader, PRESENT * 3 / 2);
            assert!(reader.told.len() <= 2 * PRESENT, "{}", reader.told.len());
            topic.clear();
        }
        while !read(&mut reader, 100).is_empty() {}
        assert!(reader.told.is_empty());
    }
}
