//! Groups: devices that belong together. Rooms overlap, so a device may be in many.
//!
//! A group that was acknowledged is on the disk, and so is every device in it.

use std::collections::{BTreeMap, BTreeSet};

use igloo_model::DeviceId;
use parking_lot::RwLock;

use crate::{
    core::Core,
    error::Error,
    events::HubEvent,
    info::{GroupId, GroupInfo},
    storage::rows::{self, GroupRow},
};

/// Bytes in a group's name.
const NAME_BYTES: usize = 128;
/// Groups in a home.
const GROUPS: usize = 1024;

#[derive(Debug)]
struct Group {
    name: String,
    devices: BTreeSet<DeviceId>,
}

/// The home's groups. Devices that are gone may still stand in them here; they are not shown.
#[derive(Debug, Default)]
pub(crate) struct Groups(RwLock<BTreeMap<GroupId, Group>>);

impl Groups {
    pub(crate) fn new(rows: Vec<GroupRow>) -> Self {
        let groups = rows.into_iter().map(|row| (row.id, Group { name: row.name, devices: row.devices }));
        Self(RwLock::new(groups.collect()))
    }

    /// The groups that a device is in.
    pub(crate) fn of(&self, device: DeviceId) -> Vec<GroupId> {
        let groups = self.0.read();
        groups.iter().filter(|(_, group)| group.devices.contains(&device)).map(|(id, _)| *id).collect()
    }

    fn check_name(&self, name: &str, except: Option<GroupId>) -> Result<(), Error> {
        if name.trim().is_empty() || name.len() > NAME_BYTES || name.chars().any(char::is_control) {
            return Err(Error::Invalid(format!(
                "a group's name has 1 to {NAME_BYTES} bytes and no control characters"
            )));
        }
        if self.0.read().iter().any(|(id, group)| group.name == name && Some(*id) != except) {
            return Err(Error::Conflict(format!("there is a group '{name}' already")));
        }
        Ok(())
    }

    fn check_there(&self, id: GroupId) -> Result<(), Error> {
        if self.0.read().contains_key(&id) { Ok(()) } else { Err(Error::NotFound(format!("there is no group {id}"))) }
    }
}

impl Core {
    pub(crate) fn group_list(&self) -> Vec<GroupInfo> {
        let groups: Vec<GroupInfo> = self
            .groups
            .0
            .read()
            .iter()
            .map(|(id, group)| GroupInfo {
                id: *id,
                name: group.name.clone(),
                devices: group.devices.iter().copied().collect(),
            })
            .collect();
        self.tree.read(|tree| {
            let mut groups = groups;
            for group in &mut groups {
                group.devices.retain(|device| tree.device(*device).is_some());
            }
            groups
        })
    }

    fn group(&self, id: GroupId) -> Result<GroupInfo, Error> {
        let found = self.group_list().into_iter().find(|group| group.id == id);
        found.ok_or_else(|| Error::NotFound(format!("there is no group {id}")))
    }

    pub(crate) async fn create_group(&self, name: String) -> Result<GroupInfo, Error> {
        let _one = self.changes.lock().await;
        self.groups.check_name(&name, None)?;
        if self.groups.0.read().len() >= GROUPS {
            return Err(Error::Conflict(format!("a home has at most {GROUPS} groups")));
        }
        let kept = name.clone();
        let id = self.storage.run(move |connection| rows::add_group(connection, &kept)).await?;
        self.groups.0.write().insert(id, Group { name: name.clone(), devices: BTreeSet::new() });
        self.tell(HubEvent::Groups);
        Ok(GroupInfo { id, name, devices: Vec::new() })
    }

    pub(crate) async fn rename_group(&self, id: GroupId, name: String) -> Result<GroupInfo, Error> {
        let _one = self.changes.lock().await;
        self.groups.check_there(id)?;
        self.groups.check_name(&name, Some(id))?;
        let kept = name.clone();
        self.storage.run(move |connection| rows::rename_group(connection, id, &kept)).await?;
        if let Some(group) = self.groups.0.write().get_mut(&id) {
            group.name = name;
        }
        self.tell(HubEvent::Groups);
        self.group(id)
    }

    pub(crate) async fn delete_group(&self, id: GroupId) -> Result<(), Error> {
        let _one = self.changes.lock().await;
        self.groups.check_there(id)?;
        self.storage.run(move |connection| rows::remove_group(connection, id)).await?;
        self.groups.0.write().remove(&id);
        self.tell(HubEvent::Groups);
        Ok(())
    }

    /// Puts devices into a group, or takes them out.
    pub(crate) async fn change_group(
        &self,
        id: GroupId,
        devices: Vec<DeviceId>,
        add: bool,
    ) -> Result<GroupInfo, Error> {
        let _one = self.changes.lock().await;
        self.groups.check_there(id)?;
        if add {
            let unknown = self.tree.read(|tree| devices.iter().copied().find(|device| tree.device(*device).is_none()));
            if let Some(unknown) = unknown {
                return Err(Error::NotFound(format!("there is no device {unknown}")));
            }
            // A device that was described just now may not be on the disk yet.
            self.registry.flush(&self.tree, &self.storage).await?;
        }
        let kept = devices.clone();
        let change = if add { rows::add_to_group } else { rows::remove_from_group };
        self.storage.run(move |connection| kept.iter().try_for_each(|device| change(connection, id, *device))).await?;
        if let Some(group) = self.groups.0.write().get_mut(&id) {
            for device in devices {
                if add {
                    group.devices.insert(device);
                } else {
                    group.devices.remove(&device);
                }
            }
        }
        self.tell(HubEvent::Groups);
        self.group(id)
    }
}
