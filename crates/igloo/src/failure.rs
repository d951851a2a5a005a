//! Why a command did not do what it was asked, and the exit code that says so.

use igloo_api::{Problem, wire::Outcome};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Nobody answers at the hub's address.
    #[error("no hub answers at {url}: {reason}")]
    Unreachable {
        /// Where.
        url: String,
        /// Why.
        reason: String,
    },
    /// The hub said no.
    #[error(transparent)]
    Problem(#[from] Box<Problem>),
    /// There is no such thing, or more than one.
    #[error("{0}")]
    NotFound(String),
    /// What was asked makes no sense.
    #[error("{text}")]
    Usage {
        /// What.
        text: String,
        /// The way out.
        way_out: String,
    },
}

/// Exit codes, as `igloo --help` tells them.
pub(crate) mod code {
    pub(crate) const FAILED: u8 = 1;
    pub(crate) const USAGE: u8 = 2;
    pub(crate) const UNREACHABLE: u8 = 3;
    pub(crate) const NOT_FOUND: u8 = 4;
    pub(crate) const NOT_ALLOWED: u8 = 5;
    pub(crate) const REFUSED: u8 = 6;
    pub(crate) const UNKNOWN_EFFECT: u8 = 7;
}

impl Failure {
    /// A usage failure.
    pub(crate) fn usage(text: impl Into<String>, way_out: impl Into<String>) -> anyhow::Error {
        Self::Usage { text: text.into(), way_out: way_out.into() }.into()
    }

    /// The exit code.
    fn code(&self) -> u8 {
        match self {
            Self::Unreachable { .. } => code::UNREACHABLE,
            Self::NotFound(_) => code::NOT_FOUND,
            Self::Usage { .. } => code::USAGE,
            Self::Problem(problem) => match (problem.outcome, problem.status) {
                (Some(Outcome::Timeout | Outcome::Interrupted), _) => code::UNKNOWN_EFFECT,
                (_, 404) => code::NOT_FOUND,
                (_, 401 | 403) => code::NOT_ALLOWED,
                (Some(_), _) => code::REFUSED,
                _ => code::FAILED,
            },
        }
    }

    /// What to do about it.
    fn way_out(&self) -> Option<String> {
        match self {
            Self::Unreachable { .. } => {
                Some(String::from("`igloo up` starts a hub here; --url or IGLOO_URL names another one"))
            }
            Self::Problem(problem) => problem.way_out.as_deref().map(str::to_owned),
            Self::NotFound(_) => None,
            Self::Usage { way_out, .. } => Some(way_out.clone()),
        }
    }
}

/// What to print of an error, what to do about it, and the exit code.
pub(crate) fn report(error: &anyhow::Error) -> (String, Option<String>, u8) {
    let Some(failure) = error.downcast_ref::<Failure>() else {
        return (format!("{error:#}"), None, code::FAILED);
    };
    let text = match failure {
        Failure::Problem(problem) => match problem.outcome {
            Some(outcome) => {
                let about = error.to_string();
                // What the command says it was about stands before the outcome.
                let about = if about == *problem.detail { String::new() } else { format!("{about}: ") };
                format!("{about}{}: {}", outcome_name(outcome), strip(&problem.detail, outcome))
            }
            None => format!("{error:#}"),
        },
        _ => format!("{error:#}"),
    };
    (text, failure.way_out(), failure.code())
}

/// An outcome's name, as the API writes it.
pub(crate) fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::Rejected => "rejected",
        Outcome::Busy => "busy",
        Outcome::Unavailable => "unavailable",
        Outcome::Timeout => "timeout",
        Outcome::Interrupted => "interrupted",
        Outcome::Invalid => "invalid",
        Outcome::NotFound => "not found",
        Outcome::Failed => "failed",
    }
}

/// A detail that begins with the outcome's name does not need it twice.
fn strip(detail: &str, outcome: Outcome) -> &str {
    detail.strip_prefix(outcome_name(outcome)).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(detail)
}
