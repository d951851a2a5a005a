//! The component kinds, read from `model/components.toml`, the one source for every language.

use std::{collections::HashMap, sync::LazyLock};

use serde::{Deserialize, Serialize};

/// What kind of value a component has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ValueType {
    /// No value: the component says what its entity is.
    Marker,
    /// No state: it happens.
    Event,
    /// True or false.
    Boolean,
    /// A 64-bit integer.
    Integer,
    /// A finite 64-bit float.
    Real,
    /// UTF-8 text.
    Text,
    /// One of the kind's options, by index.
    Choice,
    /// An sRGB colour.
    Color,
    /// A calendar day.
    Date,
    /// A time of day.
    TimeOfDay,
    /// An instant, nanoseconds since 1970 UTC.
    Timestamp,
    /// A length of time in nanoseconds.
    Duration,
    /// A list of booleans.
    Booleans,
    /// A list of integers.
    Integers,
    /// A list of reals.
    Reals,
    /// A list of texts.
    Texts,
    /// A list of colours.
    Colors,
    /// A list of days.
    Dates,
    /// A list of times of day.
    TimesOfDay,
    /// Any value: the type of a kind that this hub does not know.
    Any,
}

/// One entry of `model/components.toml`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Kind {
    /// Its name, in kebab-case.
    pub name: String,
    /// The type of its value.
    #[serde(rename = "type")]
    pub value_type: ValueType,
    /// What it means.
    pub doc: String,
    /// The canonical unit of its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The smallest value, in the canonical unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<f64>,
    /// The largest value, in the canonical unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<f64>,
    /// The distance between settable values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<f64>,
    /// The cases of a choice, by index.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// The measured kind that this one is the wish for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_of: Option<String>,
}

impl Kind {
    /// A stand-in for a kind that this hub does not know.
    #[must_use]
    pub fn unknown(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            value_type: ValueType::Any,
            doc: String::from("A kind that this hub does not know."),
            unit: None,
            minimum: None,
            maximum: None,
            step: None,
            options: Vec::new(),
            target_of: None,
        }
    }
}

/// All kinds of this hub, by name.
#[derive(Debug)]
pub struct Kinds {
    list: Vec<std::sync::Arc<Kind>>,
    by_name: HashMap<String, usize>,
}

#[derive(Deserialize)]
struct File {
    kind: Vec<Kind>,
}

impl Kinds {
    /// Reads a file like `model/components.toml`.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        let file: File = toml::from_str(text)?;
        let by_name = file.kind.iter().enumerate().map(|(i, kind)| (kind.name.clone(), i)).collect();
        Ok(Self { list: file.kind.into_iter().map(std::sync::Arc::new).collect(), by_name })
    }

    /// The kinds this hub was built with.
    #[must_use]
    pub fn built_in() -> &'static Self {
        static KINDS: LazyLock<Kinds> = LazyLock::new(|| {
            #[expect(clippy::expect_used, reason = "the file is compiled in, and a test reads it")]
            Kinds::parse(include_str!("../../../model/components.toml")).expect("model/components.toml is well formed")
        });
        &KINDS
    }

    /// The kind of this name, or a stand-in that takes any value.
    #[must_use]
    pub fn get(&self, name: &str) -> std::sync::Arc<Kind> {
        match self.by_name.get(name).and_then(|index| self.list.get(*index)) {
            Some(kind) => kind.clone(),
            None => std::sync::Arc::new(Kind::unknown(name)),
        }
    }

    /// All of them, in the file's order.
    pub fn iter(&self) -> impl Iterator<Item = &Kind> {
        self.list.iter().map(AsRef::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_kinds_are_sound() {
        let kinds = Kinds::built_in();
        assert_eq!(kinds.by_name.len(), kinds.list.len(), "a name stands twice");
        for kind in kinds.iter() {
            assert_eq!(kind.value_type == ValueType::Choice, !kind.options.is_empty(), "{}", kind.name);
            assert!(
                kind.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{}",
                kind.name
            );
            if let Some(target) = &kind.target_of {
                assert!(kinds.by_name.contains_key(target), "{} is the wish for an unknown kind", kind.name);
            }
        }
    }
}
