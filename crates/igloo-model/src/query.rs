//! Which components somebody means: `instance/device/entity/kind`, where each part may be `*` or have `*` in it, and
//! parts left out at the end mean all.

use std::{fmt, str::FromStr};

use crate::ids::InvalidName;

/// A pattern over paths of components.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Query {
    parts: [String; 4],
}

impl Query {
    /// Everything in the home.
    #[must_use]
    pub fn all() -> Self {
        Self { parts: [const { String::new() }; 4].map(|_| String::from("*")) }
    }

    /// Whether a component's path matches.
    #[must_use]
    pub fn matches(&self, instance: &str, device: &str, entity: &str, kind: &str) -> bool {
        self.parts.iter().zip([instance, device, entity, kind]).all(|(pattern, text)| glob(pattern, text))
    }

    /// Whether some component of this device could match.
    #[must_use]
    pub fn matches_device(&self, instance: &str, device: &str) -> bool {
        self.parts.iter().zip([instance, device]).all(|(pattern, text)| glob(pattern, text))
    }

    /// The pattern of the kind.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.parts[3]
    }
}

impl FromStr for Query {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let mut query = Self::all();
        if text.len() > 1024 {
            return Err(InvalidName(String::from("a query has at most 1024 bytes")));
        }
        let mut parts = text.trim_end_matches('/').split('/');
        for slot in &mut query.parts {
            match parts.next() {
                Some("") if text.is_empty() => {}
                Some("") => {
                    return Err(InvalidName(format!("'{}' has an empty part: write * for any", text.escape_debug())));
                }
                Some(part) => part.clone_into(slot),
                None => break,
            }
        }
        if parts.next().is_some() {
            return Err(InvalidName(format!(
                "'{}' has more parts than instance/device/entity/kind",
                text.escape_debug()
            )));
        }
        Ok(query)
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parts.join("/"))
    }
}

/// `*` stands for any run of characters. Linear in the text for each star, so that no pattern is slow.
fn glob(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut last = None;
    for piece in pieces {
        if let Some(middle) = last.replace(piece) {
            match rest.find(middle) {
                Some(at) => rest = &rest[at + str::len(middle)..],
                None => return false,
            }
        }
    }
    last.map_or_else(|| rest.is_empty(), |end| rest.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "abc", true),
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("a*c", "abbc", true),
            ("a*c", "ac", true),
            ("a*b*c", "axbxc", true),
            ("a*b*c", "axc", false),
            ("*lamp*", "living-lamp-2", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn queries() {
        let query: Query = "demo/lamp*".parse().unwrap();
        assert!(query.matches("demo", "lamp-1", "bulb", "switch"));
        assert!(!query.matches("demo", "door", "bulb", "switch"));
        assert!("a/b/c/d/e".parse::<Query>().is_err());
        assert!("a//c".parse::<Query>().is_err());
        assert_eq!("".parse::<Query>().unwrap(), Query::all());
    }
}
