//! The home's devices, entities and components with their values, and the watches over them.
//!
//! A watch is a set of things that changed since its reader last looked, not a queue of changes: it is bounded by the
//! home's size, a slow reader gets the newest value of each component and is told how many it skipped. Events are the
//! exception: they are ordered, and kept in a bounded queue whose overflow is counted.
//!
//! One revision number orders everything that happens in the tree.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use crate::{
    description::{Access, Attributes, DeviceDescription, InvalidDescription},
    ids::{DeviceId, InstanceId, InstanceName},
    kinds::{Kind, Kinds, ValueType},
    limits,
    query::Query,
    value::{Misfit, Value},
};

/// Events that a watch keeps for a slow reader.
pub const EVENTS_PER_WATCH: usize = 1024;

/// Where a component is in the tree. Valid while the component exists.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Index(u32);

/// A component: one value of an entity.
#[derive(Clone, Debug)]
pub struct Component {
    /// What it is.
    pub kind: Arc<Kind>,
    /// Who may change it.
    pub access: Access,
    /// Unit, range, options…
    pub attributes: Attributes,
    /// Its newest value.
    pub value: Value,
    /// The tree's revision when it was written; 0 if it never was.
    pub revision: u64,
    /// When the hub got it, nanoseconds since 1970 UTC.
    pub updated: i64,
    /// The device's own time of it.
    pub time: Option<i64>,
    /// Restored from before the hub's start, and not written since.
    pub stale: bool,
    instance: InstanceId,
    device: DeviceId,
    entity: Arc<str>,
    /// Its name in its instance's session, if that has described it.
    handle: Option<u32>,
    watchers: Vec<WatchId>,
}

impl Component {
    /// The check of the write path: no text is made for the common case.
    fn check_write(&self, value: &Value) -> Result<(), WriteError> {
        if !self.access.has_state() {
            return Err(WriteError::NotWritable);
        }
        match (value, self.kind.value_type) {
            (Value::Boolean(_), ValueType::Boolean) | (Value::Integer(_), ValueType::Integer) => Ok(()),
            (Value::Real(real), ValueType::Real) if real.is_finite() => Ok(()),
            _ => value.check(&self.kind).map_err(|misfit| match misfit {
                Misfit::WrongType(_) => WriteError::WrongType,
                Misfit::TooLarge(_) => WriteError::Limit,
            }),
        }
    }
}

/// An entity: components that belong together.
#[derive(Clone, Debug)]
pub struct Entity {
    /// The provider's identifier.
    pub id: Arc<str>,
    /// For people.
    pub name: String,
    /// Category, icon…
    pub attributes: Attributes,
    components: Vec<Index>,
}

/// A device.
#[derive(Clone, Debug)]
pub struct Device {
    /// The hub's id.
    pub id: DeviceId,
    /// Whose it is.
    pub instance: InstanceId,
    /// The provider's identifier.
    pub key: String,
    /// For people.
    pub name: String,
    /// Manufacturer, model…
    pub attributes: Attributes,
    /// Its entities, as described.
    pub entities: Vec<Entity>,
    /// The provider says that it can be reached.
    pub reachable: bool,
    /// Its instance runs and has described it in this session.
    pub connected: bool,
    /// Its instance completed a session's description without it.
    pub missing: bool,
    /// The tree's revision of its last change other than values.
    pub revision: u64,
}

impl Device {
    /// Whether commands can reach it now.
    #[must_use]
    pub fn available(&self) -> bool {
        self.connected && self.reachable && !self.missing
    }
}

/// One update of a write that was not applied.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WriteError {
    /// No such handle in this session.
    UnknownComponent,
    /// Not the kind's type.
    WrongType,
    /// Over a limit.
    Limit,
    /// It has no state.
    NotWritable,
}

/// Why an event was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EmitError {
    /// No such handle in this session.
    UnknownComponent,
    /// The component is not an event.
    NotAnEvent,
    /// It is not one of the component's `options`.
    UnknownEvent,
    /// Too long.
    Limit,
}

/// Why a command is refused before a provider sees it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CommandRefused {
    /// No such device or entity.
    #[error("{0}")]
    NotFound(String),
    /// A change that its component does not take.
    #[error("{0}")]
    Invalid(String),
    /// The device cannot be reached.
    #[error("{0}")]
    Unavailable(String),
}

/// A watch of this tree.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct WatchId(u32);

/// Something a watch's reader did not know yet.
#[derive(Clone, Debug)]
pub enum Change {
    /// A device is new, or changed in something other than values.
    Device(DeviceId),
    /// A device is gone.
    Removed(DeviceId),
    /// A component has a new value.
    Value {
        /// Whose.
        device: DeviceId,
        /// The provider's identifier of the entity.
        entity: Arc<str>,
        /// What it is.
        kind: Arc<Kind>,
        /// The newest value.
        value: Value,
        /// The tree's revision of this value.
        revision: u64,
        /// When the hub got it.
        updated: i64,
        /// The device's own time.
        time: Option<i64>,
        /// Restored, not written since the hub started.
        stale: bool,
        /// Values between the last one told and this one.
        skipped: u32,
    },
    /// Something happened.
    Event {
        /// Whose.
        device: DeviceId,
        /// The provider's identifier of the entity.
        entity: Arc<str>,
        /// What it is.
        kind: Arc<Kind>,
        /// Such as `press`.
        event: Arc<str>,
        /// What came with it.
        data: Option<Value>,
        /// The tree's revision of it.
        revision: u64,
        /// When the hub got it.
        updated: i64,
    },
    /// This many events were lost because the reader was slow.
    EventsLost(u64),
}

impl Change {
    fn revision(&self) -> u64 {
        match self {
            Self::Value { revision, .. } | Self::Event { revision, .. } => *revision,
            Self::Device(_) | Self::Removed(_) | Self::EventsLost(_) => 0,
        }
    }
}

#[derive(Debug)]
struct Watch {
    query: Query,
    /// How often a component changed since the reader looked, by its index; 0 is not at all.
    counts: Vec<u32>,
    changed: Vec<Index>,
    devices: HashSet<DeviceId>,
    events: VecDeque<Change>,
    lost: u64,
    /// Whether the reader was woken and has not looked yet.
    awake: bool,
}

#[derive(Debug)]
struct Instance {
    name: InstanceName,
    /// This session's handles.
    handles: Vec<Option<Index>>,
    /// Devices described in this session.
    described: HashSet<DeviceId>,
    devices: HashMap<String, DeviceId>,
    components: usize,
}

/// The home's state. See the module's words.
#[derive(Debug, Default)]
pub struct Tree {
    instances: HashMap<InstanceId, Instance>,
    devices: BTreeMap<DeviceId, Device>,
    components: Vec<Option<Component>>,
    free: Vec<Index>,
    watches: HashMap<WatchId, Watch>,
    next_watch: u32,
    revision: u64,
    /// Watches whose readers are to be woken.
    woken: Vec<WatchId>,
}

impl Tree {
    /// The number of the last thing that happened.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The device of this id.
    #[must_use]
    pub fn device(&self, id: DeviceId) -> Option<&Device> {
        self.devices.get(&id)
    }

    /// All devices, in the order of their ids.
    pub fn devices(&self) -> impl Iterator<Item = &Device> {
        self.devices.values()
    }

    /// The device that an instance knows by this identifier.
    #[must_use]
    pub fn find(&self, instance: InstanceId, key: &str) -> Option<&Device> {
        self.devices.get(self.instances.get(&instance)?.devices.get(key)?)
    }

    /// An instance's name.
    #[must_use]
    pub fn instance_name(&self, instance: InstanceId) -> Option<&InstanceName> {
        Some(&self.instances.get(&instance)?.name)
    }

    /// The instance of this name.
    #[must_use]
    pub fn instance_named(&self, name: &str) -> Option<InstanceId> {
        self.instances.iter().find(|(_, instance)| instance.name.as_str() == name).map(|(id, _)| *id)
    }

    /// An entity's components.
    pub fn components<'a>(&'a self, entity: &'a Entity) -> impl Iterator<Item = &'a Component> {
        entity.components.iter().filter_map(|index| self.component(*index))
    }

    /// Every component with a state that was written, for a snapshot: device, entity, component.
    pub fn values(&self) -> impl Iterator<Item = (DeviceId, &str, &Component)> {
        self.components
            .iter()
            .flatten()
            .filter(|component| component.revision > 0)
            .map(|component| (component.device, &*component.entity, component))
    }

    /// Adds an instance without devices. An instance that is there is renamed.
    pub fn add_instance(&mut self, id: InstanceId, name: InstanceName) {
        if let Some(instance) = self.instances.get_mut(&id) {
            instance.name = name;
            return;
        }
        let instance =
            Instance { name, handles: Vec::new(), described: HashSet::new(), devices: HashMap::new(), components: 0 };
        self.instances.insert(id, instance);
    }

    /// Removes an instance with its devices.
    pub fn remove_instance(&mut self, id: InstanceId) {
        let devices: Vec<DeviceId> =
            self.instances.get(&id).map(|i| i.devices.values().copied().collect()).unwrap_or_default();
        for device in devices {
            self.remove_device(device);
        }
        self.instances.remove(&id);
    }

    /// A session of an instance begins: handles of an earlier one die.
    pub fn begin_session(&mut self, id: InstanceId) {
        if let Some(instance) = self.instances.get_mut(&id) {
            instance.described.clear();
            for index in std::mem::take(&mut instance.handles).into_iter().flatten() {
                if let Some(component) = self.component_mut(index) {
                    component.handle = None;
                }
            }
        }
    }

    /// A session ended: its devices stay, with their last values, and cannot be reached.
    pub fn end_session(&mut self, id: InstanceId) {
        self.begin_session(id);
        let devices: Vec<DeviceId> =
            self.instances.get(&id).map(|i| i.devices.values().copied().collect()).unwrap_or_default();
        for device in devices {
            self.change_device(device, |device| std::mem::replace(&mut device.connected, false));
        }
    }

    /// Which of the instance's devices the session that now completes its description left out. They become missing.
    pub fn complete(&mut self, id: InstanceId) -> Vec<DeviceId> {
        let Some(instance) = self.instances.get(&id) else { return Vec::new() };
        let missing: Vec<DeviceId> =
            instance.devices.values().filter(|device| !instance.described.contains(device)).copied().collect();
        for device in &missing {
            self.change_device(*device, |device| !std::mem::replace(&mut device.missing, true));
        }
        missing
    }

    /// Checks that a description is well formed and that the instance has room for it.
    pub fn check_description(&self, id: InstanceId, description: &DeviceDescription) -> Result<(), InvalidDescription> {
        description.check()?;
        let Some(instance) = self.instances.get(&id) else {
            return Err(InvalidDescription::Invalid(String::from("the instance is gone")));
        };
        let known = self.find(id, &description.id);
        if known.is_none() && instance.devices.len() >= limits::DEVICES_PER_INSTANCE {
            return Err(InvalidDescription::Limit(format!(
                "at most {} devices in an instance",
                limits::DEVICES_PER_INSTANCE
            )));
        }
        let before: usize =
            known.map_or(0, |device| device.entities.iter().map(|entity| entity.components.len()).sum());
        let after: usize = description.entities.iter().map(|entity| entity.components.len()).sum();
        if instance.components - before + after > limits::COMPONENTS_PER_INSTANCE {
            let limit = limits::COMPONENTS_PER_INSTANCE;
            return Err(InvalidDescription::Limit(format!("at most {limit} components in an instance")));
        }
        if instance.handles.len() + after > limits::HANDLES_PER_SESSION {
            let limit = limits::HANDLES_PER_SESSION;
            return Err(InvalidDescription::Limit(format!(
                "a session can describe at most {limit} components over time"
            )));
        }
        Ok(())
    }

    /// Puts a device that was checked into the tree, under the id it has had or shall have. Components that stay keep
    /// their values and handles. `connected` tells a session's description from one restored at start. Answers one
    /// handle for each component, in the description's order.
    pub fn describe(
        &mut self,
        instance: InstanceId,
        id: DeviceId,
        description: DeviceDescription,
        connected: bool,
    ) -> Vec<u32> {
        let mut old: HashMap<(Arc<str>, String), Index> = HashMap::new();
        let previous = self.devices.remove(&id);
        for entity in previous.iter().flat_map(|device| &device.entities) {
            for index in &entity.components {
                if let Some(component) = self.component(*index) {
                    old.insert((entity.id.clone(), component.kind.name.clone()), *index);
                }
            }
        }
        let before = old.len();
        let mut indexes = Vec::new();
        let mut entities = Vec::with_capacity(description.entities.len());
        for entity in description.entities {
            let entity_id: Arc<str> = entity.id.into();
            let mut components = Vec::with_capacity(entity.components.len());
            for component in entity.components {
                let kind = Kinds::built_in().get(&component.kind);
                let index = match old.remove(&(entity_id.clone(), component.kind)) {
                    Some(index) => {
                        if let Some(known) = self.component_mut(index) {
                            known.access = component.access;
                            known.attributes = component.attributes;
                        }
                        index
                    }
                    None => self.add_component(Component {
                        kind,
                        access: component.access,
                        attributes: component.attributes,
                        value: Value::Unknown,
                        revision: 0,
                        updated: 0,
                        time: None,
                        stale: false,
                        instance,
                        device: id,
                        entity: entity_id.clone(),
                        handle: None,
                        watchers: Vec::new(),
                    }),
                };
                components.push(index);
                indexes.push(index);
            }
            entities.push(Entity { id: entity_id, name: entity.name, attributes: entity.attributes, components });
        }
        for index in old.into_values() {
            self.remove_component(index);
        }
        self.revision += 1;
        let device = Device {
            id,
            instance,
            key: description.id.clone(),
            name: description.name,
            attributes: description.attributes,
            entities,
            reachable: true,
            connected,
            missing: previous.is_some_and(|device| device.missing) && !connected,
            revision: self.revision,
        };
        self.devices.insert(id, device);
        let mut handles = Vec::new();
        if let Some(owner) = self.instances.get_mut(&instance) {
            owner.components = owner.components - before + indexes.len();
            owner.devices.insert(description.id, id);
            if connected {
                owner.described.insert(id);
                handles = indexes.iter().map(|index| give_handle(owner, &mut self.components, *index)).collect();
            }
        }
        self.attach_watches(id, &indexes);
        self.device_changed(id);
        handles
    }

    /// Removes a device. False if it was not there.
    pub fn remove_device(&mut self, id: DeviceId) -> bool {
        let Some(device) = self.devices.get(&id) else { return false };
        let (instance, indexes): (InstanceId, Vec<Index>) =
            (device.instance, device.entities.iter().flat_map(|entity| entity.components.iter().copied()).collect());
        self.device_changed(id);
        let Some(device) = self.devices.remove(&id) else { return false };
        for index in &indexes {
            self.remove_component(*index);
        }
        if let Some(owner) = self.instances.get_mut(&instance) {
            owner.devices.remove(&device.key);
            owner.described.remove(&id);
            owner.components -= indexes.len();
        }
        self.revision += 1;
        true
    }

    /// What the provider says of a device's reachability. False if it has no such device.
    pub fn set_reachable(&mut self, instance: InstanceId, key: &str, reachable: bool) -> bool {
        let Some(id) = self.find(instance, key).map(|device| device.id) else { return false };
        self.change_device(id, |device| std::mem::replace(&mut device.reachable, reachable) != reachable);
        true
    }

    /// A restored device is missing since an earlier run.
    pub fn set_missing(&mut self, id: DeviceId) {
        self.change_device(id, |device| !std::mem::replace(&mut device.missing, true));
    }

    /// What [`Self::write`] would say, without writing.
    pub fn check_write(&self, instance: InstanceId, handle: u32, value: &Value) -> Result<(), WriteError> {
        let component = self.handle(instance, handle).and_then(|index| self.component(index));
        component.ok_or(WriteError::UnknownComponent)?.check_write(value)
    }

    /// Writes one value through a session's handle.
    pub fn write(
        &mut self,
        instance: InstanceId,
        handle: u32,
        value: Value,
        time: Option<i64>,
        now: i64,
    ) -> Result<(), WriteError> {
        let index = self.handle(instance, handle).ok_or(WriteError::UnknownComponent)?;
        let component =
            self.components.get_mut(index.0 as usize).and_then(Option::as_mut).ok_or(WriteError::UnknownComponent)?;
        component.check_write(&value)?;
        self.revision += 1;
        component.value = value;
        component.revision = self.revision;
        component.updated = now;
        component.time = time;
        component.stale = false;
        for watch_id in &component.watchers {
            if let Some(watch) = self.watches.get_mut(watch_id) {
                watch.mark(index);
                if !std::mem::replace(&mut watch.awake, true) {
                    self.woken.push(*watch_id);
                }
            }
        }
        Ok(())
    }

    /// Puts back a value from before the hub's start.
    pub fn restore(
        &mut self,
        device: DeviceId,
        entity: &str,
        kind: &str,
        value: Value,
        updated: i64,
        time: Option<i64>,
    ) {
        let Some(index) = self.locate(device, entity, kind) else { return };
        self.revision += 1;
        let revision = self.revision;
        if let Some(component) = self.component_mut(index)
            && component.access.has_state()
            && value.check(&component.kind).is_ok()
        {
            component.value = value;
            component.updated = updated;
            component.time = time;
            component.revision = revision;
            component.stale = true;
        }
    }

    /// Tells the watches that something happened.
    pub fn emit(
        &mut self,
        instance: InstanceId,
        handle: u32,
        event: &str,
        data: Option<&Value>,
        now: i64,
    ) -> Result<(), EmitError> {
        let index = self.handle(instance, handle).ok_or(EmitError::UnknownComponent)?;
        let component = self.component(index).ok_or(EmitError::UnknownComponent)?;
        if component.access != Access::Event {
            return Err(EmitError::NotAnEvent);
        }
        if event.is_empty() || event.len() > limits::NAME_BYTES || data.is_some_and(|data| data.check_size().is_err()) {
            return Err(EmitError::Limit);
        }
        if let Some(Value::Texts(options)) = component.attributes.get("options")
            && !options.iter().any(|option| option == event)
        {
            return Err(EmitError::UnknownEvent);
        }
        let (device, entity, kind, watchers) =
            (component.device, component.entity.clone(), component.kind.clone(), component.watchers.clone());
        self.revision += 1;
        let event: Arc<str> = event.into();
        for watch_id in watchers {
            let Some(watch) = self.watches.get_mut(&watch_id) else { continue };
            if watch.events.len() >= EVENTS_PER_WATCH {
                watch.events.pop_front();
                watch.lost += 1;
            }
            watch.events.push_back(Change::Event {
                device,
                entity: entity.clone(),
                kind: kind.clone(),
                event: event.clone(),
                data: data.cloned(),
                revision: self.revision,
                updated: now,
            });
            if !std::mem::replace(&mut watch.awake, true) {
                self.woken.push(watch_id);
            }
        }
        Ok(())
    }

    /// Checks a command and answers its device, or says why it cannot be.
    pub fn check_command(
        &self,
        device: DeviceId,
        entity: &str,
        changes: &[(String, Value)],
    ) -> Result<&Device, CommandRefused> {
        let device = self
            .devices
            .get(&device)
            .ok_or_else(|| CommandRefused::NotFound(format!("there is no device {device}")))?;
        let found = device
            .entities
            .iter()
            .find(|known| &*known.id == entity)
            .ok_or_else(|| CommandRefused::NotFound(format!("'{}' has no entity '{entity}'", device.key)))?;
        if changes.is_empty() || changes.len() > limits::CHANGES_PER_COMMAND {
            return Err(CommandRefused::Invalid(format!("a command has 1 to {} changes", limits::CHANGES_PER_COMMAND)));
        }
        for (kind, value) in changes {
            let component = self
                .components(found)
                .find(|component| component.kind.name == *kind)
                .ok_or_else(|| CommandRefused::Invalid(format!("'{entity}' has no component '{kind}'")))?;
            check_change(component, value).map_err(CommandRefused::Invalid)?;
        }
        if !device.available() {
            return Err(CommandRefused::Unavailable(format!("'{}' cannot be reached now", device.key)));
        }
        Ok(device)
    }

    /// Begins a watch. Its first [`Tree::changes`] are the current state of everything it matches.
    pub fn watch(&mut self, query: Query) -> WatchId {
        self.next_watch += 1;
        let id = WatchId(self.next_watch);
        let watch = Watch {
            query,
            counts: Vec::new(),
            changed: Vec::new(),
            devices: HashSet::new(),
            events: VecDeque::new(),
            lost: 0,
            awake: true,
        };
        self.watches.insert(id, watch);
        let devices: Vec<(DeviceId, Vec<Index>)> = self
            .devices
            .values()
            .map(|device| {
                (device.id, device.entities.iter().flat_map(|entity| entity.components.iter().copied()).collect())
            })
            .collect();
        for (device, indexes) in devices {
            self.attach_watch(id, device, &indexes);
            self.mark_device(id, device);
        }
        id
    }

    /// Ends a watch.
    pub fn unwatch(&mut self, id: WatchId) {
        self.watches.remove(&id);
        for component in self.components.iter_mut().flatten() {
            component.watchers.retain(|watcher| *watcher != id);
        }
    }

    /// What changed since the reader of this watch looked last, oldest first: devices, then values and events by
    /// revision.
    pub fn changes(&mut self, id: WatchId) -> Vec<Change> {
        let Some(watch) = self.watches.get_mut(&id) else { return Vec::new() };
        watch.awake = false;
        let mut changes = Vec::with_capacity(watch.changed.len() + watch.events.len() + watch.devices.len());
        let mut devices: Vec<DeviceId> = watch.devices.drain().collect();
        devices.sort_unstable();
        for device in devices {
            changes.push(if self.devices.contains_key(&device) {
                Change::Device(device)
            } else {
                Change::Removed(device)
            });
        }
        if watch.lost > 0 {
            changes.push(Change::EventsLost(std::mem::take(&mut watch.lost)));
        }
        let sorted_from = changes.len();
        changes.extend(watch.events.drain(..));
        for index in watch.changed.drain(..) {
            let count = watch.counts.get_mut(index.0 as usize).map_or(0, std::mem::take);
            let Some(component) = self.components.get(index.0 as usize).and_then(Option::as_ref) else { continue };
            changes.push(Change::Value {
                device: component.device,
                entity: component.entity.clone(),
                kind: component.kind.clone(),
                value: component.value.clone(),
                revision: component.revision,
                updated: component.updated,
                time: component.time,
                stale: component.stale,
                skipped: count.saturating_sub(1),
            });
        }
        if let Some(unsorted) = changes.get_mut(sorted_from..) {
            unsorted.sort_by_key(Change::revision);
        }
        changes
    }

    /// The watches whose readers have something new since the last call.
    pub fn take_woken(&mut self) -> Vec<WatchId> {
        std::mem::take(&mut self.woken)
    }

    fn handle(&self, instance: InstanceId, handle: u32) -> Option<Index> {
        self.instances.get(&instance)?.handles.get(handle as usize).copied().flatten()
    }

    fn component(&self, index: Index) -> Option<&Component> {
        self.components.get(index.0 as usize)?.as_ref()
    }

    fn component_mut(&mut self, index: Index) -> Option<&mut Component> {
        self.components.get_mut(index.0 as usize)?.as_mut()
    }

    fn locate(&self, device: DeviceId, entity: &str, kind: &str) -> Option<Index> {
        let entity = self.devices.get(&device)?.entities.iter().find(|known| &*known.id == entity)?;
        entity.components.iter().copied().find(|index| self.component(*index).is_some_and(|c| c.kind.name == kind))
    }

    fn add_component(&mut self, component: Component) -> Index {
        if let Some(index) = self.free.pop() {
            if let Some(slot) = self.components.get_mut(index.0 as usize) {
                *slot = Some(component);
            }
            return index;
        }
        self.components.push(Some(component));
        // Instances and their components are bounded far below u32::MAX.
        Index(u32::try_from(self.components.len() - 1).unwrap_or(u32::MAX))
    }

    fn remove_component(&mut self, index: Index) {
        let Some(component) = self.components.get_mut(index.0 as usize).and_then(Option::take) else { return };
        for watch_id in component.watchers {
            if let Some(watch) = self.watches.get_mut(&watch_id) {
                watch.forget(index);
            }
        }
        if let Some(handle) = component.handle
            && let Some(owner) = self.instances.get_mut(&component.instance)
            && let Some(known) = owner.handles.get_mut(handle as usize)
        {
            *known = None;
        }
        self.free.push(index);
    }

    fn change_device(&mut self, id: DeviceId, change: impl FnOnce(&mut Device) -> bool) {
        let Some(device) = self.devices.get_mut(&id) else { return };
        if change(device) {
            self.revision += 1;
            device.revision = self.revision;
            self.device_changed(id);
        }
    }

    fn device_changed(&mut self, device: DeviceId) {
        let watches: Vec<WatchId> = self.watches.keys().copied().collect();
        for watch in watches {
            self.mark_device(watch, device);
        }
    }

    fn mark_device(&mut self, watch_id: WatchId, device: DeviceId) {
        let Some(found) = self.devices.get(&device) else { return };
        let Some(owner) = self.instances.get(&found.instance) else { return };
        let Some(watch) = self.watches.get_mut(&watch_id) else { return };
        if watch.query.matches_device(owner.name.as_str(), &found.key) {
            watch.devices.insert(device);
            if !std::mem::replace(&mut watch.awake, true) {
                self.woken.push(watch_id);
            }
        }
    }

    fn attach_watches(&mut self, device: DeviceId, indexes: &[Index]) {
        let watches: Vec<WatchId> = self.watches.keys().copied().collect();
        for watch in watches {
            self.attach_watch(watch, device, indexes);
        }
    }

    /// Makes a watch a watcher of those of a device's components that it matches and does not watch yet.
    fn attach_watch(&mut self, watch_id: WatchId, device: DeviceId, indexes: &[Index]) {
        let Some(found) = self.devices.get(&device) else { return };
        let Some(owner) = self.instances.get(&found.instance) else { return };
        let Some(watch) = self.watches.get_mut(&watch_id) else { return };
        for index in indexes {
            let Some(component) = self.components.get_mut(index.0 as usize).and_then(Option::as_mut) else { continue };
            if watch.query.matches(owner.name.as_str(), &found.key, &component.entity, &component.kind.name)
                && !component.watchers.contains(&watch_id)
            {
                component.watchers.push(watch_id);
                // Also where it was never written: the reader may know another value from an earlier life.
                if component.access.has_state() {
                    watch.mark(*index);
                }
            }
        }
    }
}

impl Watch {
    fn mark(&mut self, index: Index) {
        let at = index.0 as usize;
        if at >= self.counts.len() {
            self.counts.resize(at + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(at) {
            if *count == 0 {
                self.changed.push(index);
            }
            *count = count.saturating_add(1);
        }
    }

    fn forget(&mut self, index: Index) {
        if let Some(count) = self.counts.get_mut(index.0 as usize)
            && std::mem::take(count) > 0
        {
            self.changed.retain(|known| *known != index);
        }
    }
}

/// The session's handle of a component: the one it has, or a new one.
fn give_handle(owner: &mut Instance, components: &mut [Option<Component>], index: Index) -> u32 {
    let Some(component) = components.get_mut(index.0 as usize).and_then(Option::as_mut) else { return u32::MAX };
    *component.handle.get_or_insert_with(|| {
        owner.handles.push(Some(index));
        // `check_description` keeps a session's handles below HANDLES_PER_SESSION.
        u32::try_from(owner.handles.len() - 1).unwrap_or(u32::MAX)
    })
}

fn check_change(component: &Component, value: &Value) -> Result<(), String> {
    let kind = &component.kind;
    if !component.access.takes_commands() {
        return Err(format!("'{}' cannot be set: its access is {}", kind.name, component.access));
    }
    if kind.value_type == ValueType::Marker {
        return Ok(());
    }
    if *value == Value::Unknown {
        return Err(format!("'{}' cannot be set to unknown", kind.name));
    }
    value.check(kind).map_err(|misfit| misfit.to_string())?;
    let number = match value {
        #[expect(clippy::cast_precision_loss, reason = "only compared with a range")]
        Value::Integer(integer) => Some(*integer as f64),
        Value::Real(real) => Some(*real),
        _ => None,
    };
    if let Some(number) = number {
        let bound = |key: &str, of_kind: Option<f64>| match component.attributes.get(key) {
            Some(Value::Real(real)) => Some(*real),
            #[expect(clippy::cast_precision_loss, reason = "only compared with a value")]
            Some(Value::Integer(integer)) => Some(*integer as f64),
            _ => of_kind,
        };
        if let Some(minimum) = bound("minimum", kind.minimum)
            && number < minimum
        {
            return Err(format!("'{}' is at least {minimum}, not {number}", kind.name));
        }
        if let Some(maximum) = bound("maximum", kind.maximum)
            && number > maximum
        {
            return Err(format!("'{}' is at most {maximum}, not {number}", kind.name));
        }
    }
    if let (Value::Text(text), Some(Value::Texts(options))) = (value, component.attributes.get("options"))
        && !options.contains(text)
    {
        return Err(format!("'{}' takes one of {}, not '{text}'", kind.name, options.join(", ")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
