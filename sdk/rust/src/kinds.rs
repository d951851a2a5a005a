//! The component kinds of the model, one type each, generated from `model/components.toml`.
//!
//! Authors rarely name them: `entity.switch()` gives a `Component<kinds::Switch>`. Choices are enumerations:
//! `kinds::LockState::Locked`.

use crate::value::{Value, ValueType};

/// Who may change a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Only the provider writes it.
    Read,
    /// The provider writes it, and commands may ask to change it.
    ReadWrite,
    /// Commands may ask for it, and it has no state.
    Command,
    /// It only happens, and has no state.
    Event,
}

/// What the model says of a kind.
#[derive(Debug, Clone, Copy)]
pub struct KindInfo {
    /// Its name, such as `target-temperature`.
    pub name: &'static str,
    /// What its value is.
    pub value: ValueType,
    /// The one canonical unit of its value.
    pub unit: Option<&'static str>,
    /// The cases of a choice, by index.
    pub options: &'static [&'static str],
    /// The access that a component of it begins with.
    pub access: Access,
}

/// A component kind as a type. Sealed by its use: only the SDK has any.
pub trait Kind: 'static {
    /// What authors write and read.
    type Value;
    #[doc(hidden)]
    fn encode(value: Self::Value) -> Value;
    #[doc(hidden)]
    fn decode(value: &Value) -> Option<Self::Value>;
}

/// A kind of the model.
pub trait KnownKind: Kind {
    /// What the model says of it.
    const INFO: KindInfo;
}

/// A kind that has a value.
pub trait ValueKind: Kind {}

/// A kind that only happens.
pub trait EventKind: Kind {}

/// A kind that is known by its name only when the provider runs. See [`Entity::component`](crate::Entity::component).
#[derive(Debug, Clone, Copy)]
pub struct Dynamic;

impl Kind for Dynamic {
    type Value = Value;
    fn encode(value: Value) -> Value {
        value
    }
    fn decode(value: &Value) -> Option<Value> {
        Some(value.clone())
    }
}
impl ValueKind for Dynamic {}
impl EventKind for Dynamic {}

/// What the model says of the kind with this name.
pub fn find(name: &str) -> Option<&'static KindInfo> {
    KINDS.iter().find(|kind| kind.name == name)
}

include!(concat!(env!("OUT_DIR"), "/kinds.rs"));
