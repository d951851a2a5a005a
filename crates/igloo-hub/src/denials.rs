//! What an instance asked for and was not granted: the newest kinds, each with how often.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use igloo_engine::Denial;
use igloo_model::{InstanceId, InstanceName};
use serde::Serialize;

use crate::info::timestamp;

/// Kinds of denials kept for an instance.
pub(crate) const KEPT: usize = 256;

/// How often equal denials are told to listeners.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// A kind of denial.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DenialRecord {
    /// Who asked.
    pub instance: InstanceId,
    /// The name of who asked.
    pub instance_name: InstanceName,
    /// Such as `connect`, `resolve`, `listen`, `http`, `serial`, `discovery`.
    pub capability: &'static str,
    /// What it asked for.
    pub target: String,
    /// The grant that would allow it, as text.
    pub grant: Option<String>,
    /// Why it is refused, where no grant could change it.
    pub reason: Option<String>,
    /// Whether it was refused; not in audit mode.
    pub enforced: bool,
    /// How often.
    pub count: u64,
    /// The first time.
    #[serde(serialize_with = "timestamp")]
    pub first: i64,
    /// The last time.
    #[serde(serialize_with = "timestamp")]
    pub last: i64,
}

/// An instance's denials.
#[derive(Debug, Default)]
pub(crate) struct Denials {
    /// The most recently repeated last.
    kept: VecDeque<(DenialRecord, Instant)>,
    /// All of them, those forgotten too.
    pub(crate) total: u64,
}

impl Denials {
    /// Records a denial. Answers its record and whether listeners are to be told: a new kind always, an equal one once
    /// a second.
    pub(crate) fn record(
        &mut self,
        instance: InstanceId,
        name: InstanceName,
        denial: Denial,
        now: i64,
    ) -> (DenialRecord, Told) {
        self.total += 1;
        let known = self.kept.iter().position(|(kept, _)| {
            kept.capability == denial.capability && kept.target == denial.target && kept.enforced == denial.enforced
        });
        if let Some((mut record, told)) = known.and_then(|at| self.kept.remove(at)) {
            record.count += 1;
            record.last = now;
            record.grant = denial.grant;
            record.reason = denial.reason;
            record.instance_name = name;
            let again = told.elapsed() >= TELL_EVERY;
            let told = if again { Instant::now() } else { told };
            self.kept.push_back((record.clone(), told));
            return (record, if again { Told::Again } else { Told::No });
        }
        if self.kept.len() >= KEPT {
            self.kept.pop_front();
        }
        let record = DenialRecord {
            instance,
            instance_name: name,
            capability: denial.capability,
            target: denial.target,
            grant: denial.grant,
            reason: denial.reason,
            enforced: denial.enforced,
            count: 1,
            first: now,
            last: now,
        };
        self.kept.push_back((record.clone(), Instant::now()));
        (record, Told::New)
    }

    /// Oldest first.
    pub(crate) fn list(&self) -> impl Iterator<Item = &DenialRecord> {
        self.kept.iter().map(|(record, _)| record)
    }
}

/// Whom a denial concerns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Told {
    /// A new kind.
    New,
    /// A known kind, not told for a while.
    Again,
    /// A known kind, told just now.
    No,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denial(target: &str) -> Denial {
        Denial { capability: "connect", target: target.to_owned(), grant: None, reason: None, enforced: true }
    }

    #[test]
    fn equal_denials_are_counted_and_the_newest_kinds_kept() {
        let mut denials = Denials::default();
        let mut record = |target: &str| denials.record(InstanceId(1), "demo".parse().unwrap(), denial(target), 7);
        assert_eq!(record("a").1, Told::New);
        let (known, told) = record("a");
        assert_eq!((known.count, told), (2, Told::No));
        for number in 0..KEPT {
            record(&number.to_string());
        }
        assert_eq!(record("a").0.count, 1, "forgotten, then new again");
        assert_eq!(denials.list().count(), KEPT);
        assert_eq!(denials.total, 3 + KEPT as u64);
    }
}
