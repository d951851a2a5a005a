//! What a home is made of: ids, component kinds, values, descriptions, the device tree and queries.
//!
//! Pure data: no I/O, no async, no clocks. It promises that a [`Tree`] is always consistent: every value in it has the
//! type of its component's kind, every identifier is valid, every limit holds. It must not know what a provider is.

pub mod description;
pub mod ids;
pub mod kinds;
pub mod limits;
pub mod query;
pub mod tree;
pub mod value;

pub use description::{
    Access, Attributes, ComponentDescription, DeviceDescription, EntityDescription, InvalidDescription,
};
pub use ids::{DeviceId, InstanceId, InstanceName, InvalidName};
pub use kinds::{Kind, Kinds, ValueType};
pub use query::Query;
pub use tree::Tree;
pub use value::{Color, Date, TimeOfDay, Value};
