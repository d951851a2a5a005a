//! Describing devices: a device has entities, an entity has components, and a typed [`Component`] writes its value.
//!
//! Components remember the handle that the hub gave them when their device was described, so an author never sees one.

use crate::{
    error::{EmitError, WriteError},
    home,
    kinds::{self, Access, EventKind, Kind, KnownKind, ValueKind},
    value::{Timestamp, Value},
};
use std::{
    cell::{Cell, RefCell},
    fmt,
    marker::PhantomData,
    rc::Rc,
};

/// Attribute keys and values, at most one of a key.
#[derive(Debug, Clone, Default)]
pub(crate) struct AttributeList(pub(crate) Vec<(String, Value)>);

impl AttributeList {
    fn set(&mut self, key: &str, value: Value) {
        match self.0.iter_mut().find(|(k, _)| k == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }
}

/// A device: something with a serial number or an address of its own.
#[derive(Debug)]
pub struct Device {
    pub(crate) id: Rc<str>,
    pub(crate) name: String,
    pub(crate) attributes: AttributeList,
    pub(crate) entities: Vec<Entity>,
}

impl Device {
    /// A device with a stable identifier of its own (a serial number, a MAC address), the same in every session.
    pub fn new(id: impl AsRef<str>, name: impl Into<String>) -> Self {
        Self {
            id: Rc::from(id.as_ref()),
            name: name.into(),
            attributes: AttributeList::default(),
            entities: Vec::new(),
        }
    }

    /// The provider's own identifier of the device.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The entity with this identifier, which is made if there is none yet.
    pub fn entity(&mut self, id: impl AsRef<str>, name: impl Into<String>) -> &mut Entity {
        let id = id.as_ref();
        let index = self.entities.iter().position(|e| &*e.id == id).unwrap_or_else(|| {
            self.entities.push(Entity {
                device: self.id.clone(),
                id: Rc::from(id),
                name: name.into(),
                attributes: AttributeList::default(),
                components: Vec::new(),
            });
            self.entities.len() - 1
        });
        &mut self.entities[index]
    }

    /// Sets an attribute by its key.
    #[must_use]
    pub fn attribute(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.attributes.set(key, value.into());
        self
    }
}

/// A part of a device that does one thing, such as a bulb or a temperature sensor.
#[derive(Debug)]
pub struct Entity {
    pub(crate) device: Rc<str>,
    pub(crate) id: Rc<str>,
    pub(crate) name: String,
    pub(crate) attributes: AttributeList,
    pub(crate) components: Vec<Rc<Shared>>,
}

impl Entity {
    /// Sets an attribute by its key.
    pub fn attribute(&mut self, key: &str, value: impl Into<Value>) -> &mut Self {
        self.attributes.set(key, value.into());
        self
    }

    /// A component whose kind is known by its name only when the provider runs, such as from its configuration.
    /// It reads and writes plain [`Value`]s.
    pub fn component(&mut self, kind: impl AsRef<str>) -> Component<kinds::Dynamic> {
        let kind = kind.as_ref();
        let access = kinds::find(kind).map_or(Access::Read, |info| info.access);
        Component::new(self.shared(kind, access))
    }

    fn add<K: KnownKind>(&mut self) -> Component<K> {
        Component::new(self.shared(K::INFO.name, K::INFO.access))
    }

    /// An entity has at most one component of a kind: asking again gives the same one.
    fn shared(&mut self, kind: &str, access: Access) -> Rc<Shared> {
        if let Some(known) = self.components.iter().find(|c| &*c.kind == kind) {
            return known.clone();
        }
        let shared = Rc::new(Shared {
            device: self.device.clone(),
            entity: self.id.clone(),
            kind: Rc::from(kind),
            access: Cell::new(access),
            attributes: RefCell::default(),
            handle: Cell::new(None),
        });
        self.components.push(shared.clone());
        shared
    }
}

/// What a description and the typed components made from it have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) device: Rc<str>,
    pub(crate) entity: Rc<str>,
    pub(crate) kind: Rc<str>,
    pub(crate) access: Cell<Access>,
    pub(crate) attributes: RefCell<AttributeList>,
    /// From the hub, once the device is described.
    pub(crate) handle: Cell<Option<u32>>,
}

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.device, self.entity, self.kind)
    }
}

/// One component of an entity, of the kind `K`: keep it to write its value. Clones are the same component.
pub struct Component<K: Kind> {
    pub(crate) shared: Rc<Shared>,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Component<K> {
    fn new(shared: Rc<Shared>) -> Self {
        Self { shared, kind: PhantomData }
    }

    /// Sets an attribute by its key. Counts when the device is described next.
    #[must_use]
    pub fn attribute(self, key: &str, value: impl Into<Value>) -> Self {
        self.shared.attributes.borrow_mut().set(key, value.into());
        self
    }

    /// The kind's name, such as `switch`.
    pub fn kind(&self) -> &str {
        &self.shared.kind
    }
}

impl<K: ValueKind> Component<K> {
    /// Commands may ask to change it.
    #[must_use]
    pub fn writable(self) -> Self {
        self.shared.access.set(Access::ReadWrite);
        self
    }

    /// Commands may ask for it, and it has no state.
    #[must_use]
    pub fn command_only(self) -> Self {
        self.shared.access.set(Access::Command);
        self
    }

    /// Reports its value now. Never blocks; only the newest value counts.
    pub fn write(&self, value: impl Into<K::Value>) -> Result<(), WriteError> {
        home::write([self.to(value)])
    }

    /// Reports that its value is not known now.
    pub fn write_unknown(&self) -> Result<(), WriteError> {
        home::write([self.to_unknown()])
    }

    /// A new value for [`Home::write`](crate::Home::write), which takes many as one.
    #[must_use = "an update does nothing until it is written"]
    pub fn to(&self, value: impl Into<K::Value>) -> Update {
        Update { component: self.shared.clone(), value: K::encode(value.into()), time: None }
    }

    /// Like [`to`](Self::to), for a value that is not known now.
    #[must_use = "an update does nothing until it is written"]
    pub fn to_unknown(&self) -> Update {
        Update { component: self.shared.clone(), value: Value::Unknown, time: None }
    }
}

impl<K: EventKind> Component<K> {
    /// The events that it emits, such as `press` and `double-press`.
    #[must_use]
    pub fn events(self, events: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.shared.access.set(Access::Event);
        self.options(events)
    }

    /// Reports that `event` happened.
    pub fn emit(&self, event: &str) -> Result<(), EmitError> {
        home::emit(&self.shared, event, None)
    }

    /// Reports that `event` happened, with something to know about it.
    pub fn emit_with(&self, event: &str, data: impl Into<Value>) -> Result<(), EmitError> {
        home::emit(&self.shared, event, Some(&data.into()))
    }
}

impl<K: Kind> Clone for Component<K> {
    fn clone(&self) -> Self {
        Self::new(self.shared.clone())
    }
}

impl<K: Kind> fmt::Debug for Component<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Component({})", self.shared)
    }
}

/// One component's new value.
#[derive(Debug, Clone)]
#[must_use = "an update does nothing until it is written"]
pub struct Update {
    pub(crate) component: Rc<Shared>,
    pub(crate) value: Value,
    pub(crate) time: Option<Timestamp>,
}

impl Update {
    /// The device's own time of the reading.
    pub fn at(mut self, time: impl Into<Timestamp>) -> Self {
        self.time = Some(time.into());
        self
    }
}

include!(concat!(env!("OUT_DIR"), "/attributes.rs"));
include!(concat!(env!("OUT_DIR"), "/entity_kinds.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_has_one_component_of_a_kind() {
        let mut lamp = Device::new("lamp", "Lamp").manufacturer("Acme").manufacturer("Acme 2");
        assert_eq!(lamp.attributes.0, [("manufacturer".to_owned(), Value::from("Acme 2"))]);
        let bulb = lamp.entity("bulb", "Bulb").light();
        let switch = bulb.switch().writable();
        let _ = bulb.switch();
        let _ = bulb.dimmer().minimum(0.1).options(["a", "b"]);
        assert_eq!(bulb.components.len(), 3);
        assert_eq!(bulb.components[1].access.get(), Access::ReadWrite);
        assert_eq!(format!("{switch:?}"), "Component(lamp/bulb/switch)");
        assert_eq!(bulb.components[2].attributes.borrow().0.len(), 2);
        assert_eq!(lamp.entity("bulb", "Bulb").components.len(), 3);
    }

    #[test]
    fn kinds_are_those_of_the_model() {
        let mut device = Device::new("d", "D");
        let cover = device.entity("c", "C");
        let (order, ring) = (cover.cover_command(), cover.doorbell().events(["ring"]));
        assert_eq!((order.shared.access.get(), ring.shared.access.get()), (Access::Command, Access::Event));
        assert_eq!(kinds::find("power").and_then(|kind| kind.unit), Some("W"));
        assert_eq!(kinds::find("no-such-kind").map(|kind| kind.name), None);
        assert_eq!(order.to(kinds::CoverCommand::Stop).value, Value::Choice(2));
    }

    #[test]
    fn what_is_not_described_is_refused_by_name() {
        let mut device = Device::new("d", "D");
        let power = device.entity("e", "E").power();
        let error = power.write(1).unwrap_err();
        assert_eq!(error.to_string(), "refused: d/e/power: its device is not described");
    }
}
