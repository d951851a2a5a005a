//! How large things from a provider may be. `wit/provider.wit` promises these numbers to providers.

/// Bytes in an identifier.
pub const IDENTIFIER_BYTES: usize = 128;
/// Bytes in a name or in a text attribute.
pub const NAME_BYTES: usize = 1024;
/// Bytes in a text value.
pub const TEXT_BYTES: usize = 16 * 1024;
/// Items in a list value.
pub const LIST_ITEMS: usize = 1024;
/// Attributes on one thing.
pub const ATTRIBUTES: usize = 64;
/// Components in an entity.
pub const COMPONENTS_PER_ENTITY: usize = 64;
/// Entities in a device.
pub const ENTITIES_PER_DEVICE: usize = 256;
/// Devices in an instance.
pub const DEVICES_PER_INSTANCE: usize = 1024;
/// Components in an instance.
pub const COMPONENTS_PER_INSTANCE: usize = 16 * 1024;
/// Updates in one write.
pub const UPDATES_PER_WRITE: usize = 4096;
/// Changes in one command.
pub const CHANGES_PER_COMMAND: usize = 64;
/// Components that one session may describe over time, those it removed again included.
pub const HANDLES_PER_SESSION: usize = 256 * 1024;
