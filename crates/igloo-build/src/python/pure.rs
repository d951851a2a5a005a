//! What is known of packages with native code: `pure.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Error;

/// The data, as text: it is part of what a resolution depends on.
pub(super) const TEXT: &str = include_str!("pure.toml");

/// Packages that Igloo brings, and those that can be built without their native code.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Known {
    provided: BTreeMap<String, Provided>,
    pure: BTreeMap<String, Pure>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Provided {
    version: String,
    #[serde(default)]
    component: bool,
    #[allow(dead_code, reason = "for who reads the data")]
    why: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pure {
    environment: BTreeMap<String, String>,
}

impl Known {
    pub(super) fn read() -> Result<Self, Error> {
        toml::from_str(TEXT).map_err(|error| Error::Invalid { path: "pure.toml".into(), text: error.to_string() })
    }

    /// What pip is told is there, as `NAME==VERSION`. The local version tells it from an index's.
    pub(super) fn provided(&self, component: bool) -> Vec<String> {
        let fits = self.provided.iter().filter(|(_, provided)| component || !provided.component);
        fits.map(|(name, Provided { version, .. })| format!("{name}=={version}+igloo")).collect()
    }

    /// Whether Igloo brings a package.
    pub(super) fn is_provided(&self, name: &str, component: bool) -> bool {
        self.provided.get(&normal(name)).is_some_and(|provided| component || !provided.component)
    }

    /// What a package's build is told so that it leaves its native code out, if it can.
    pub(super) fn pure(&self, name: &str) -> Option<&BTreeMap<String, String>> {
        self.pure.get(&normal(name)).map(|pure| &pure.environment)
    }
}

/// A package's name as indexes compare it (PEP 503).
pub(super) fn normal(name: &str) -> String {
    let mut normal = String::new();
    for c in name.chars() {
        match c {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            _ => normal.push(c.to_ascii_lowercase()),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_reads_and_has_normal_names() {
        let known = Known::read().unwrap();
        for name in known.provided.keys().chain(known.pure.keys()) {
            assert_eq!(&normal(name), name);
        }
        assert!(known.is_provided("Cryptography", true) && !known.is_provided("cryptography", false));
        assert!(known.pure("PyYAML").is_some() && known.pure("numpy").is_none());
        assert_eq!(normal("Async._-Timeout"), "async-timeout");
    }
}
