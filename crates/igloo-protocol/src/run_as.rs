//! How a provider runs: which engine, and where. A manifest has a default; the owner's choice counts.
//!
//! A component in a process of its own is possible, a process in the hub is not: [`RunAs`] has no such value.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What runs a provider's code.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// WebAssembly's runtime runs its component.
    Component,
    /// The system runs its executable.
    Process,
}

/// Where a provider's code runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// On the hub's own guest threads.
    InHub,
    /// In a sandboxed process of its own.
    Isolated,
}

/// An engine in a place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunAs {
    /// A component in the hub.
    #[default]
    InHub,
    /// A component in a sandboxed process of its own.
    Isolated,
    /// A native executable in a sandboxed process.
    Process,
}

/// A process in the hub, which there is not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the engine 'process' has no placement 'in-hub': a native process is always isolated")]
pub struct NoSuchPlacement;

/// A text that is not an engine or a placement.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("'{0}' is not {1}")]
pub struct Unknown(String, &'static str);

impl RunAs {
    /// The engine.
    #[must_use]
    pub fn engine(self) -> Engine {
        match self {
            Self::InHub | Self::Isolated => Engine::Component,
            Self::Process => Engine::Process,
        }
    }

    /// The place.
    #[must_use]
    pub fn placement(self) -> Placement {
        match self {
            Self::InHub => Placement::InHub,
            Self::Isolated | Self::Process => Placement::Isolated,
        }
    }

    /// The name that storage has for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InHub => "in-hub",
            Self::Isolated => "isolated",
            Self::Process => "process",
        }
    }
}

impl TryFrom<(Engine, Placement)> for RunAs {
    type Error = NoSuchPlacement;

    fn try_from(pair: (Engine, Placement)) -> Result<Self, NoSuchPlacement> {
        match pair {
            (Engine::Component, Placement::InHub) => Ok(Self::InHub),
            (Engine::Component, Placement::Isolated) => Ok(Self::Isolated),
            (Engine::Process, Placement::Isolated) => Ok(Self::Process),
            (Engine::Process, Placement::InHub) => Err(NoSuchPlacement),
        }
    }
}

impl From<RunAs> for (Engine, Placement) {
    fn from(run_as: RunAs) -> Self {
        (run_as.engine(), run_as.placement())
    }
}

impl FromStr for RunAs {
    type Err = Unknown;

    fn from_str(text: &str) -> Result<Self, Unknown> {
        [Self::InHub, Self::Isolated, Self::Process]
            .into_iter()
            .find(|run_as| run_as.name() == text)
            .ok_or_else(|| Unknown(text.escape_debug().to_string(), "a way to run: in-hub, isolated or process"))
    }
}

impl fmt::Display for RunAs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InHub => "component, in the hub",
            Self::Isolated => "component, isolated",
            Self::Process => "process",
        })
    }
}

/// What an owner asks for: an engine, a placement, both, or neither for what the package says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RunAsChoice {
    /// The engine, if it was named.
    pub engine: Option<Engine>,
    /// The placement, if it was named.
    pub placement: Option<Placement>,
}

impl RunAsChoice {
    /// Whether nothing was named.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// The choice, completed by the package's own way. Nothing if nothing was named.
    pub fn resolve(self, package: RunAs) -> Result<Option<RunAs>, NoSuchPlacement> {
        if self.is_empty() {
            return Ok(None);
        }
        // Only a component can be in the hub, so whoever asks for that asks for the component.
        let engine = self.engine.unwrap_or(match self.placement {
            Some(Placement::InHub) => Engine::Component,
            _ => package.engine(),
        });
        let placement = self.placement.unwrap_or(match engine {
            Engine::Process => Placement::Isolated,
            Engine::Component if package.engine() == Engine::Component => package.placement(),
            Engine::Component => Placement::InHub,
        });
        RunAs::try_from((engine, placement)).map(Some)
    }
}

macro_rules! text {
    ($type:ty, $what:literal, $($value:ident = $name:literal),+) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$value => $name),+ })
            }
        }

        impl FromStr for $type {
            type Err = Unknown;

            fn from_str(text: &str) -> Result<Self, Unknown> {
                match text {
                    $($name => Ok(Self::$value),)+
                    other => Err(Unknown(other.escape_debug().to_string(), $what)),
                }
            }
        }
    };
}

text!(Engine, "an engine: there are component and process", Component = "component", Process = "process");
text!(Placement, "a placement: there are in-hub and isolated", InHub = "in-hub", Isolated = "isolated");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_has_a_pair_and_a_name() {
        for run_as in [RunAs::InHub, RunAs::Isolated, RunAs::Process] {
            assert_eq!(RunAs::try_from(<(Engine, Placement)>::from(run_as)), Ok(run_as));
            assert_eq!(run_as.name().parse(), Ok(run_as));
            assert_eq!(run_as.engine().to_string().parse(), Ok(run_as.engine()));
            assert_eq!(run_as.placement().to_string().parse(), Ok(run_as.placement()));
        }
        assert_eq!(RunAs::try_from((Engine::Process, Placement::InHub)), Err(NoSuchPlacement));
        assert!("vm".parse::<Engine>().unwrap_err().to_string().contains("component and process"));
    }

    #[test]
    fn a_choice_is_completed_by_the_package() {
        let choose = |engine, placement, package| RunAsChoice { engine, placement }.resolve(package);
        assert_eq!(choose(None, None, RunAs::Process), Ok(None));
        assert_eq!(choose(None, Some(Placement::Isolated), RunAs::InHub), Ok(Some(RunAs::Isolated)));
        assert_eq!(choose(None, Some(Placement::Isolated), RunAs::Process), Ok(Some(RunAs::Process)));
        assert_eq!(choose(None, Some(Placement::InHub), RunAs::Process), Ok(Some(RunAs::InHub)));
        assert_eq!(choose(Some(Engine::Process), None, RunAs::InHub), Ok(Some(RunAs::Process)));
        assert_eq!(choose(Some(Engine::Component), None, RunAs::Isolated), Ok(Some(RunAs::Isolated)));
        assert_eq!(choose(Some(Engine::Component), None, RunAs::Process), Ok(Some(RunAs::InHub)));
        assert_eq!(choose(Some(Engine::Process), Some(Placement::InHub), RunAs::InHub), Err(NoSuchPlacement));
    }
}
