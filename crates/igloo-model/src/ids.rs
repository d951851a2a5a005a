//! Names for things. The hub's own ids are numbers that are never reused; people and providers use names.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::limits;

macro_rules! id {
    ($name:ident, $prefix:literal, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                text.strip_prefix($prefix)
                    .and_then(|number| number.parse().ok())
                    .map($name)
                    .ok_or_else(|| InvalidName(format!("'{}' is not an id like {}7", text.escape_debug(), $prefix)))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }
    };
}

id!(InstanceId, "i", "An instance's id, given by the hub and never reused: `i3`.");
id!(DeviceId, "d", "A device's id, given by the hub for (instance, the provider's identifier): `d12`.");

/// A name or an id that is not well formed. The text says what is wrong with it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvalidName(pub String);

/// The name an owner gives an instance: 1 to 64 of `a-z`, `0-9` and `-`, beginning with a letter.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct InstanceName(String);

impl InstanceName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InstanceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for InstanceName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let well_formed = text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName(format!(
                "'{}' cannot name an instance: use 1 to 64 of a-z, 0-9 and '-', beginning with a letter",
                text.escape_debug()
            )))
        }
    }
}

impl From<InstanceName> for String {
    fn from(name: InstanceName) -> String {
        name.0
    }
}

impl TryFrom<String> for InstanceName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

/// Checks a provider's own identifier of a device or an entity: 1 to 128 bytes of printable ASCII without spaces or `/`.
pub fn check_identifier(text: &str) -> Result<(), InvalidName> {
    if text.is_empty() || text.len() > limits::IDENTIFIER_BYTES {
        return Err(InvalidName(format!(
            "an identifier has 1 to {} bytes, this one has {}",
            limits::IDENTIFIER_BYTES,
            text.len()
        )));
    }
    if !text.bytes().all(|b| b.is_ascii_graphic() && b != b'/') {
        return Err(InvalidName(format!(
            "the identifier '{}' has characters other than printable ASCII without spaces and '/'",
            text.escape_debug()
        )));
    }
    Ok(())
}
