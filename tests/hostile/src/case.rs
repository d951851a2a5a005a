//! One row: what a provider does, and what must be visible of it.

use std::time::Duration;

use igloo_hub::{CommandOutcome, InstanceInfo, LogSource, PackageFiles};
use igloo_protocol::RunAs;
use serde_json::{Value as Json, json};
use tokio::time::{Instant, sleep_until};

use crate::{Arena, PATIENCE, UNNOTICED, arena, tables};

/// How long a case lasts at least: so long is the neighbour watched.
const AT_LEAST: Duration = Duration::from_millis(300);

/// How long what is poured does not change when it is at rest.
const REST: Duration = Duration::from_millis(500);

/// Something that must be visible.
#[derive(Clone, Copy)]
pub enum Seen {
    /// The hub says that it ended, why, and what comes next.
    Ended(&'static str),
    /// A line of its log has this.
    Logged(&'static str),
    /// A denial of this capability whose target or reason has this.
    Denied(&'static str, &'static str),
    /// The attempt's answer has one of these.
    Answered(&'static [&'static str]),
    /// The command's outcome has this.
    Outcome(&'static str),
    /// What is poured at it comes to rest, after so many MiB at most: nobody keeps it all.
    Stalls(u64),
    /// Its figures are so.
    Counts(&'static str, fn(&InstanceInfo) -> bool),
    /// It runs and obeys all the same.
    Obeys,
    /// It has not become ready, and commands to it are answered.
    Unavailable,
}

/// It ended for this reason, and was started again or put into quarantine.
#[must_use]
pub fn ended(text: &'static str) -> Seen {
    Seen::Ended(text)
}

/// A line of its log has this.
#[must_use]
pub fn logged(text: &'static str) -> Seen {
    Seen::Logged(text)
}

/// A denial of this capability whose target or reason has this.
#[must_use]
pub fn denied(capability: &'static str, text: &'static str) -> Seen {
    Seen::Denied(capability, text)
}

/// The attempt's answer has one of these.
#[must_use]
pub fn answered(texts: &'static [&'static str]) -> Seen {
    Seen::Answered(texts)
}

/// The command's outcome has this.
#[must_use]
pub fn outcome(text: &'static str) -> Seen {
    Seen::Outcome(text)
}

/// What is poured at it comes to rest, after so many MiB at most.
#[must_use]
pub fn stalls(mib: u64) -> Seen {
    Seen::Stalls(mib)
}

/// Its figures are so.
#[must_use]
pub fn counts(what: &'static str, so: fn(&InstanceInfo) -> bool) -> Seen {
    Seen::Counts(what, so)
}

enum Guest {
    Hostile(&'static str),
    /// As a component with two tables more of so many elements, which grow at its start until that is refused.
    Tables(u32),
    Breaker(&'static str),
}

enum Does {
    Nothing,
    Tries(&'static str, &'static str),
    /// So many at the same time.
    Commands(&'static str, usize),
}

/// A row.
pub struct Case {
    guest: Guest,
    does: Does,
    grants: &'static [&'static str],
    lasts: Duration,
    seen: Vec<Seen>,
}

/// The life of the provider on the SDK is this.
#[must_use]
pub fn life(life: &'static str) -> Case {
    Case::new(Guest::Hostile(life), Does::Nothing)
}

/// The provider on the SDK tries something.
#[must_use]
pub fn tries(what: &'static str, to: &'static str) -> Case {
    Case::new(Guest::Hostile("good"), Does::Tries(what, to))
}

/// The provider on the SDK has two tables of so many elements, and grows them until that is refused.
#[must_use]
pub fn grows_tables(count: u32) -> Case {
    Case::new(Guest::Tables(count), Does::Nothing)
}

/// The provider on the SDK gets so many commands to one entity at the same time.
#[must_use]
pub fn commands(entity: &'static str, count: usize) -> Case {
    Case::new(Guest::Hostile("good"), Does::Commands(entity, count))
}

/// The life of the breaker is this.
#[must_use]
pub fn breaks(life: &'static str) -> Case {
    Case::new(Guest::Breaker(life), Does::Nothing)
}

/// The breaker tries something.
#[must_use]
pub fn attempts(what: &'static str, to: &'static str) -> Case {
    Case::new(Guest::Breaker("attempts"), Does::Tries(what, to))
}

impl Case {
    fn new(guest: Guest, does: Does) -> Self {
        Self { guest, does, grants: &[], lasts: AT_LEAST, seen: Vec::new() }
    }

    /// What its owner granted.
    #[must_use]
    pub fn granted(mut self, grants: &'static [&'static str]) -> Self {
        self.grants = grants;
        self
    }

    /// How long it goes on at least.
    #[must_use]
    pub fn lasts(mut self, seconds: u64) -> Self {
        self.lasts = Duration::from_secs(seconds);
        self
    }

    /// Something that must be visible.
    #[must_use]
    pub fn sees(mut self, seen: Seen) -> Self {
        self.seen.push(seen);
        self
    }

    fn package(&self) -> ((String, PackageFiles), Json) {
        match self.guest {
            Guest::Hostile(life) => (arena::package("hostile"), json!({ "life": life })),
            Guest::Tables(count) => {
                let (manifest, mut files) = arena::package("hostile");
                files.component = files.component.map(|component| tables::added_to(&component, count));
                ((manifest, files), json!({}))
            }
            Guest::Breaker(life) => (arena::breaker(life), json!({})),
        }
    }

    /// Runs it.
    pub async fn run(&self, run_as: RunAs) {
        let arena = Arena::open().await;
        let neighbour = arena.neighbour();
        let until = Instant::now() + self.lasts;
        let (package, config) = self.package();
        arena.start_bad(package, run_as, self.grants, config).await;
        let said = self.act(&arena).await;
        for seen in &self.seen {
            check(&arena, *seen, &said).await;
        }
        sleep_until(until).await;
        let answers = neighbour.answers().await;
        let story = || arena.story();
        assert!(answers.failed.is_empty(), "the neighbour: {:?}\n{}", answers.failed, story());
        assert!(answers.slowest < UNNOTICED, "the neighbour: {:?}\n{}", answers.slowest, story());
        let good = arena.hub.instances().into_iter().find(|info| info.name.to_string() == "good").unwrap();
        assert!(good.ready && good.restarts == 0 && good.writes >= answers.commands, "{good:?}\n{}", story());
        tokio::time::timeout(PATIENCE, arena.hub.shutdown()).await.expect("the hub stops in time");
    }

    /// Has the bad one do it. What came of it, as text.
    async fn act(&self, arena: &Arena) -> String {
        match self.does {
            Does::Nothing => String::new(),
            Does::Tries(what, to) => {
                arena.until_bad("ready", |info| info.ready).await;
                arena.try_bad(what, to).await
            }
            Does::Commands(entity, count) => {
                arena.until_bad("ready", |info| info.ready).await;
                let all = (0..count).map(|_| arena.command_bad(entity));
                format!("{:?}", futures::future::join_all(all).await)
            }
        }
    }
}

/// Whether a number stays as it is for a while.
async fn is_at_rest(number: impl Fn() -> u64) -> bool {
    let before = number();
    tokio::time::sleep(REST).await;
    number() == before
}

/// Waits until it is visible.
async fn check(arena: &Arena, seen: Seen, said: &str) {
    match seen {
        Seen::Ended(text) => {
            let told = |line: &igloo_hub::LogLine| {
                line.source == LogSource::Hub
                    && line.text.contains(text)
                    && (line.text.contains("; starting again") || line.text.contains("left in quarantine"))
            };
            let look = || arena.hub.logs(None, 1000).unwrap().into_iter().find(told);
            arena.wait(&format!("it ended: {text}"), look).await;
        }
        Seen::Logged(text) => {
            let look = || arena.hub.logs(None, 1000).unwrap().into_iter().find(|line| line.text.contains(text));
            arena.wait(&format!("a line: {text}"), look).await;
        }
        Seen::Denied(capability, text) => {
            let text = arena.fill_in(text);
            let look = || {
                arena.hub.denials(None).unwrap().into_iter().find(|denial| {
                    let said = denial.target.contains(&text)
                        || denial.reason.as_ref().is_some_and(|reason| reason.contains(&text));
                    denial.capability == capability && denial.enforced && said
                })
            };
            arena.wait(&format!("a denial of {capability}: {text}"), look).await;
        }
        Seen::Answered(texts) => {
            assert!(texts.iter().any(|text| said.contains(text)), "not {texts:?}: {said:.500}\n{}", arena.story());
        }
        Seen::Outcome(text) => assert!(said.contains(text), "not {text}: {said}\n{}", arena.story()),
        Seen::Stalls(mib) => {
            let poured = || arena.pourer().poured();
            let at_rest = async { while poured() == 0 || !is_at_rest(poured).await {} };
            let rests = tokio::time::timeout(PATIENCE, at_rest).await.is_ok();
            assert!(rests && poured() <= mib << 20, "{} KiB are poured\n{}", poured() >> 10, arena.story());
        }
        Seen::Counts(what, so) => {
            arena.until_bad(what, so).await;
        }
        Seen::Obeys => {
            arena.until_bad("ready", |info| info.ready).await;
            assert_eq!(arena.command_bad("switch").await, CommandOutcome::Ok, "{}", arena.story());
            assert_eq!(arena.bad().restarts, 0, "{}", arena.story());
        }
        Seen::Unavailable => {
            let answer = arena.command_bad("switch").await;
            assert!(matches!(answer, CommandOutcome::Unavailable(_)), "{answer:?}");
        }
    }
}
