//! What the owner decides: packages, instances, configurations and grants.
//!
//! One decision at a time. Each is on the disk before it is in force, except what makes the home safer: to stop an
//! instance and to take a grant back work on a full disk too, and then say that they will not outlive the hub.

use std::{collections::BTreeSet, sync::Arc};

use igloo_model::{DeviceId, InstanceId, InstanceName};
use igloo_protocol::{Grant, Manifest, RunAs, RunAsChoice, Want, grants::Mode};
use serde_json::Value as Json;

use crate::{
    archive,
    core::Core,
    error::Error,
    events::HubEvent,
    info::{InstanceInfo, InstanceRef, NewInstance, PackageId, PackageInfo, State},
    managed::{Managed, Owned, Trial},
    package_files::{self, PackageFiles},
    packages::Package,
    secrets,
    storage::rows::{self, PackageRow},
};

/// Instances in a home.
const INSTANCES: usize = 1024;
/// Grants of an instance.
const GRANTS: usize = 1024;
/// Bytes of a configuration.
const CONFIG_BYTES: usize = 256 * 1024;
/// How a WebAssembly component begins: its magic number, version and layer.
const COMPONENT_BEGINS: [u8; 8] = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];
/// How an executable begins: ELF's magic number (elf(5)), or a script's (execve(2)).
const EXECUTABLE_BEGINS: [&[u8]; 2] = [b"\x7fELF", b"#!"];

impl Core {
    /// Installs a package.
    pub(crate) async fn add_package(
        self: &Arc<Self>,
        manifest_text: String,
        files: PackageFiles,
    ) -> Result<PackageInfo, Error> {
        self.check_running()?;
        let stopped = |_| Error::Busy(String::from("the hub is stopping"));
        let manifest = Manifest::parse(&manifest_text).map_err(|error| Error::Invalid(error.to_string()))?;
        check_files(&manifest, &files)?;
        let (files, files_sha256) = self.runtime.spawn_blocking(move || digest(files)).await.map_err(stopped)??;
        let _one = self.changes.lock().await;
        let packages = self.directory.packages();
        let hashed = self.runtime.spawn_blocking(move || {
            let id = package_files::identify(&manifest_text, &files);
            let row = PackageRow {
                id: id.to_string(),
                component_sha256: files.component.as_deref().map(package_files::sha256),
                executable_sha256: files.executable.as_deref().map(package_files::sha256),
                files_sha256,
                size: files.size(),
                manifest: manifest_text,
            };
            (id, row, files)
        });
        let (id, row, files) = hashed.await.map_err(stopped)?;
        let known = self.packages.read().get(&id).cloned();
        if let Some(known) = known.as_ref().filter(|known| !known.has_failed()) {
            return Ok(known.info());
        }
        let package = known.unwrap_or_else(|| self.packaged(id.clone(), manifest, &row));
        let (text, to) = (row.manifest.clone(), id.clone());
        let written = self.runtime.spawn_blocking(move || package_files::write(&packages, &to, &text, &files)).await;
        written.map_err(stopped)?.map_err(|error| Error::Storage(format!("the package was not stored: {error}")))?;
        self.storage.run(move |connection| rows::add_package(connection, &row)).await?;
        self.packages.write().insert(id, package.clone());
        self.compile(&package);
        self.tell(HubEvent::Packages);
        Ok(package.info())
    }

    /// Removes a package that no instance uses.
    pub(crate) async fn remove_package(&self, id: PackageId) -> Result<(), Error> {
        self.check_running()?;
        let _one = self.changes.lock().await;
        let package = self.package(&id)?;
        let used = self.instances.read().values().find(|managed| managed.owned.lock().package.id == id).cloned();
        if let Some(managed) = used {
            let name = &package.manifest.package.name;
            return Err(Error::Conflict(format!("the instance '{}' uses {name}: remove it first", managed.name())));
        }
        let row = id.to_string();
        self.storage.run(move |connection| rows::remove_package(connection, &row)).await?;
        self.packages.write().remove(&id);
        self.tell(HubEvent::Packages);
        let packages = self.directory.packages();
        let removed = self.runtime.spawn_blocking(move || package_files::forget(&packages, &id)).await;
        if let Ok(Err(error)) = removed {
            tracing::warn!("a removed package's files are left until the hub starts again: {error}");
        }
        Ok(())
    }

    fn package(&self, id: &PackageId) -> Result<Arc<Package>, Error> {
        let found = self.packages.read().get(id).cloned();
        found.ok_or_else(|| Error::NotFound(format!("there is no package {id}: install it first")))
    }

    /// Adds an instance.
    pub(crate) async fn add_instance(self: &Arc<Self>, request: NewInstance) -> Result<InstanceInfo, Error> {
        self.check_running()?;
        let _one = self.changes.lock().await;
        let package = self.package(&request.package)?;
        if self.instances.read().len() >= INSTANCES {
            return Err(Error::Conflict(format!("a home has at most {INSTANCES} instances")));
        }
        let name = match request.name {
            Some(name) => self.free_name(name, None)?,
            None => self.make_name(&package.manifest.package.name)?,
        };
        let mut grants = igloo_protocol::Grants { list: Vec::new(), mode: request.grants.mode };
        for grant in request.grants.list {
            grants.add(grant);
        }
        check_grants(&grants)?;
        let config = configure(&package.manifest, request.config)?;
        let run_as = choose(&package, request.run_as)?;
        let owned = Owned { name, package, wanted: request.start, config, grants, run_as };
        let row = owned.row(InstanceId(0));
        let id = self.storage.run(move |connection| rows::add_instance(connection, &row)).await?;
        let managed = self.add_managed(id, owned);
        self.supervise(managed.clone());
        self.tell(HubEvent::Instances);
        Ok(managed.info(self))
    }

    /// A name that no other instance has and that cannot be taken for an id.
    fn free_name(&self, name: InstanceName, except: Option<InstanceId>) -> Result<InstanceName, Error> {
        let text = name.as_str();
        if text.parse::<InstanceId>().is_ok() || text.parse::<DeviceId>().is_ok() {
            return Err(Error::Invalid(format!("'{name}' looks like an id: choose another name")));
        }
        let taken = self
            .instances
            .read()
            .values()
            .any(|managed| Some(managed.id) != except && managed.owned.lock().name == name);
        if taken {
            return Err(Error::Conflict(format!("there is an instance '{name}' already: choose another name")));
        }
        Ok(name)
    }

    fn make_name(&self, package: &str) -> Result<InstanceName, Error> {
        let names = std::iter::once(package.to_owned()).chain((2..).map(|number| format!("{package}-{number}")));
        // More names than there can be instances, and ids that a package's name looks like.
        let found = names.take(2 * INSTANCES).find_map(|name| self.free_name(name.parse().ok()?, None).ok());
        found.ok_or_else(|| Error::Invalid(format!("no name could be made of '{package}': give one")))
    }

    /// Stops an instance and forgets it.
    pub(crate) async fn remove_instance(self: &Arc<Self>, which: &InstanceRef) -> Result<(), Error> {
        self.check_running()?;
        let managed = self.find(which)?;
        let gone = managed.wish(|wish| wish.gone = true);
        managed.taken_up(gone).await;
        let _one = self.changes.lock().await;
        let id = managed.id;
        if self.instances.read().get(&id).is_none_or(|known| !Arc::ptr_eq(known, &managed)) {
            return Err(Error::NotFound(format!("there is no instance '{which}'")));
        }
        if let Err(error) = self.storage.run(move |connection| rows::remove_instance(connection, id)).await {
            // It is still there, and can be stopped, started and removed again.
            let again = Managed::again(self, &managed);
            self.instances.write().insert(id, again.clone());
            self.supervise(again);
            return Err(error);
        }
        self.instances.write().remove(&id);
        let devices = self.tree.change(|tree| {
            let devices: Vec<DeviceId> =
                tree.devices().filter(|device| device.instance == id).map(|device| device.id).collect();
            tree.remove_instance(id);
            devices
        });
        self.registry.mark(devices);
        self.tell(HubEvent::Instances);
        let private = self.directory.private(id);
        let removed = self.runtime.spawn_blocking(move || std::fs::remove_dir_all(private)).await;
        if let Ok(Err(error)) = removed
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!("the private directory of {id} is left: {error}");
        }
        Ok(())
    }

    /// Starts an instance, or starts it anew.
    pub(crate) async fn start(&self, which: &InstanceRef, anew: bool) -> Result<InstanceInfo, Error> {
        let change = |owned: &mut Owned| {
            owned.wanted = true;
            Ok(())
        };
        let apply = |managed: &Managed, _: &Owned, _: &Owned| {
            let at_rest = !matches!(managed.status.borrow().state, State::Starting | State::Running | State::Compiling);
            (anew || at_rest).then(|| managed.wish(|wish| wish.run = true))
        };
        self.alter(which, Order::DiskFirst, change, apply).await
    }

    /// Stops an instance.
    pub(crate) async fn stop(&self, which: &InstanceRef) -> Result<InstanceInfo, Error> {
        let change = |owned: &mut Owned| {
            owned.wanted = false;
            Ok(())
        };
        let apply = |managed: &Managed, _: &Owned, _: &Owned| Some(managed.wish(|wish| wish.run = false));
        self.alter(which, Order::MemoryFirst, change, apply).await
    }

    /// Moves an instance to another version of its package.
    pub(crate) async fn update_instance(&self, which: &InstanceRef, package: PackageId) -> Result<InstanceInfo, Error> {
        let package = self.package(&package)?;
        let change = |owned: &mut Owned| {
            let (old, new) = (&owned.package.manifest, &package.manifest);
            if old.package.name != new.package.name {
                return Err(Error::Invalid(format!(
                    "'{}' runs {}, and {} is another package: add an instance of it",
                    owned.name, old.package.name, new.package.name
                )));
            }
            let more = more_wants(old, new, owned);
            if !more.is_empty() {
                return Err(Error::Wants(more));
            }
            let run_as = owned.run_as.unwrap_or(new.provider.run_as());
            package
                .check_run_as(run_as)
                .map_err(|text| Error::Invalid(format!("{text}, and '{}' is to run as a {run_as}", owned.name)))?;
            owned.config = configure(new, owned.config.clone())?;
            owned.package = package.clone();
            Ok(())
        };
        let apply = |managed: &Managed, before: &Owned, owned: &Owned| {
            *managed.trial.lock() = Some(Trial::begin(before.package.clone(), before.config.clone()));
            Some(managed.wish(|wish| wish.run = owned.wanted))
        };
        self.alter(which, Order::DiskFirst, change, apply).await
    }

    /// Puts back the version that ran before an update, because the new one failed in its first minute.
    pub(crate) async fn roll_back(&self, managed: &Managed, trial: Trial) -> Result<(), Error> {
        let change = |owned: &mut Owned| {
            owned.package = trial.package;
            owned.config = trial.config;
            Ok(())
        };
        self.alter(&managed.id.into(), Order::DiskFirst, change, |_, _, _| None).await.map(drop)
    }

    /// Gives an instance another name.
    pub(crate) async fn rename_instance(&self, which: &InstanceRef, name: InstanceName) -> Result<InstanceInfo, Error> {
        let id = self.find(which)?.id;
        let change = |owned: &mut Owned| {
            owned.name = self.free_name(name, Some(id))?;
            Ok(())
        };
        let apply = |_: &Managed, _: &Owned, owned: &Owned| {
            self.tree.change(|tree| tree.add_instance(id, owned.name.clone()));
            None
        };
        self.alter(&id.into(), Order::DiskFirst, change, apply).await
    }

    /// Changes how an instance runs, and starts it anew.
    pub(crate) async fn run_as(&self, which: &InstanceRef, choice: RunAsChoice) -> Result<InstanceInfo, Error> {
        let change = |owned: &mut Owned| {
            owned.run_as = choose(&owned.package, choice)?;
            Ok(())
        };
        let apply = |managed: &Managed, before: &Owned, owned: &Owned| {
            (before.runs_as() != owned.runs_as()).then(|| managed.wish(|wish| wish.run = owned.wanted))
        };
        self.alter(which, Order::DiskFirst, change, apply).await
    }

    /// Configures an instance and starts it anew.
    pub(crate) async fn configure(&self, which: &InstanceRef, mut config: Json) -> Result<InstanceInfo, Error> {
        let change = |owned: &mut Owned| {
            let manifest = &owned.package.manifest;
            secrets::keep_hidden(manifest.config.as_ref(), &mut config, &owned.config);
            owned.config = configure(manifest, config)?;
            Ok(())
        };
        let apply = |managed: &Managed, _: &Owned, owned: &Owned| Some(managed.wish(|wish| wish.run = owned.wanted));
        self.alter(which, Order::DiskFirst, change, apply).await
    }

    /// Grants something.
    pub(crate) async fn grant(&self, which: &InstanceRef, grant: Grant) -> Result<InstanceInfo, Error> {
        // What is fixed when a session begins.
        let restarts = matches!(grant, Grant::Limit(_) | Grant::Serial { .. } | Grant::Without(_));
        let change = |owned: &mut Owned| {
            owned.grants.add(grant);
            check_grants(&owned.grants)
        };
        let apply = |managed: &Managed, _: &Owned, owned: &Owned| {
            managed.policy.replace(owned.grants.clone());
            // A provider that failed for want of this grant is tried again at once.
            let failed = matches!(managed.status.borrow().state, State::BackingOff { .. } | State::Quarantined { .. });
            (restarts || failed).then(|| managed.wish(|wish| wish.run = owned.wanted))
        };
        self.alter(which, Order::DiskFirst, change, apply).await
    }

    /// Takes a grant back: what runs is ended, with all its connections.
    pub(crate) async fn revoke(&self, which: &InstanceRef, grant: Grant) -> Result<InstanceInfo, Error> {
        let reason = format!("the grant {grant} was revoked");
        let change = |owned: &mut Owned| {
            if owned.grants.revoke(&grant) {
                Ok(())
            } else {
                Err(Error::NotFound(format!("'{}' has no grant {grant}", owned.name)))
            }
        };
        self.alter(which, Order::MemoryFirst, change, |managed, _, owned| Some(tighten(managed, owned, reason))).await
    }

    /// Whether what is not granted is refused or only recorded.
    pub(crate) async fn set_mode(&self, which: &InstanceRef, mode: Mode) -> Result<InstanceInfo, Error> {
        let order = if mode == Mode::Enforce { Order::MemoryFirst } else { Order::DiskFirst };
        let change = |owned: &mut Owned| {
            owned.grants.mode = mode;
            Ok(())
        };
        let apply = |managed: &Managed, before: &Owned, owned: &Owned| {
            if mode == Mode::Enforce && before.grants.mode == Mode::Audit {
                return Some(tighten(managed, owned, String::from("grants are enforced from now on")));
            }
            managed.policy.replace(owned.grants.clone());
            None
        };
        self.alter(which, order, change, apply).await
    }

    /// Changes what the owner decided, applies it given what was before and is now, and waits until a supervisor's part
    /// of it is done.
    async fn alter(
        &self,
        which: &InstanceRef,
        order: Order,
        change: impl FnOnce(&mut Owned) -> Result<(), Error>,
        apply: impl FnOnce(&Managed, &Owned, &Owned) -> Option<u64>,
    ) -> Result<InstanceInfo, Error> {
        self.check_running()?;
        let one = self.changes.lock().await;
        let managed = self.find(which)?;
        let mut new = managed.owned.lock().clone();
        change(&mut new)?;
        let row = new.row(managed.id);
        let keep = self.storage.run(move |connection| rows::update_instance(connection, &row));
        let put = |new: Owned| {
            let before = std::mem::replace(&mut *managed.owned.lock(), new.clone());
            apply(&managed, &before, &new)
        };
        let (wish, kept) = match order {
            Order::DiskFirst => {
                keep.await?;
                (put(new), Ok(()))
            }
            Order::MemoryFirst => {
                let wish = put(new);
                let kept = keep.await.map_err(|error| match error {
                    Error::Storage(text) => {
                        Error::Storage(format!("it is in force now, but not after the hub's next start: {text}"))
                    }
                    other => other,
                });
                (wish, kept)
            }
        };
        self.tell(HubEvent::Instances);
        drop(one);
        if let Some(wish) = wish {
            managed.taken_up(wish).await;
        }
        kept.map(|()| managed.info(self))
    }

    /// Forgets a device that no provider has now.
    pub(crate) async fn forget_device(&self, id: DeviceId) -> Result<(), Error> {
        self.check_running()?;
        let _one = self.changes.lock().await;
        self.tree.change(|tree| {
            let device = tree.device(id).ok_or_else(|| Error::NotFound(format!("there is no device {id}")))?;
            if device.connected && !device.missing {
                return Err(Error::Conflict(format!(
                    "'{}' is described by its running instance: stop that first, or remove the device there",
                    device.key
                )));
            }
            tree.remove_device(id);
            Ok(())
        })?;
        self.registry.mark([id]);
        self.registry.flush(&self.tree, &self.storage).await
    }
}

/// Whether a decision waits for the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// In force when it is durable.
    DiskFirst,
    /// In force at once: it makes the home safer.
    MemoryFirst,
}

/// Puts narrower grants in force, and ends what runs, so that nothing that was opened before stays open.
fn tighten(managed: &Managed, owned: &Owned, reason: String) -> u64 {
    managed.policy.replace(owned.grants.clone());
    managed.wish(|wish| {
        wish.run = owned.wanted;
        wish.abrupt = Some(reason);
    })
}

/// The owner's choice for a package, which must have a file for it.
fn choose(package: &Package, choice: RunAsChoice) -> Result<Option<RunAs>, Error> {
    let chosen =
        choice.resolve(package.manifest.provider.run_as()).map_err(|error| Error::Invalid(error.to_string()))?;
    package.check_run_as(chosen.unwrap_or(package.manifest.provider.run_as())).map_err(Error::Invalid)?;
    Ok(chosen)
}

/// The digest of what the archive has, if there is one that can be unpacked. Blocks.
fn digest(files: PackageFiles) -> Result<(PackageFiles, Option<String>), Error> {
    let digest = files.files.as_deref().map(archive::digest).transpose();
    let digest = digest.map_err(|error| Error::Invalid(format!("the archive is refused: {error}")))?;
    Ok((files, digest))
}

/// Checks that the files are some of those that the manifest names, and look like what they are to be. Of two one is
/// enough: the package runs with that one's engine only.
fn check_files(manifest: &Manifest, files: &PackageFiles) -> Result<(), Error> {
    let provider = &manifest.provider;
    let none = files.component.is_none() && files.executable.is_none();
    if files.executable.is_some()
        && files.files.is_none()
        && let Some(name) = &provider.files
    {
        return Err(Error::Invalid(format!("igloo.toml names the archive {name}, and it was not given")));
    }
    if files.files.is_some() && files.executable.is_none() {
        return Err(Error::Invalid(String::from("an archive was given without the executable that it is for")));
    }
    for (what, named, given) in [
        ("component", &provider.component, &files.component),
        ("executable", &provider.executable, &files.executable),
        ("archive", &provider.files, &files.files),
    ] {
        match (named, given) {
            (Some(name), None) if none => {
                return Err(Error::Invalid(format!("igloo.toml names the {what} {name}, and it was not given")));
            }
            (None, Some(_)) => {
                return Err(Error::Invalid(format!("igloo.toml names no {what}, and one was given")));
            }
            (Some(_), Some(bytes)) if bytes.len() > package_files::FILE_BYTES => {
                let limit = package_files::FILE_BYTES >> 20;
                return Err(Error::Invalid(format!(
                    "the {what} has at most {limit} MiB, this one has {} bytes",
                    bytes.len()
                )));
            }
            _ => {}
        }
    }
    if let (Some(name), Some(bytes)) = (&provider.component, &files.component)
        && !bytes.starts_with(&COMPONENT_BEGINS)
    {
        return Err(Error::Invalid(format!(
            "{name} is not a WebAssembly component (a core module has to be made into one first)"
        )));
    }
    if let (Some(name), Some(bytes)) = (&provider.executable, &files.executable)
        && !EXECUTABLE_BEGINS.iter().any(|begin| bytes.starts_with(begin))
    {
        return Err(Error::Invalid(format!(
            "{name} is not an executable: an ELF file, or a script that begins with #!"
        )));
    }
    Ok(())
}

fn check_grants(grants: &igloo_protocol::Grants) -> Result<(), Error> {
    if grants.list.len() > GRANTS {
        return Err(Error::Invalid(format!("an instance has at most {GRANTS} grants")));
    }
    Ok(())
}

fn configure(manifest: &Manifest, config: Json) -> Result<Json, Error> {
    let config = manifest
        .configure(config)
        .map_err(|faults| Error::Invalid(format!("the configuration of {}: {faults}", manifest.package.name)))?;
    if config.to_string().len() > CONFIG_BYTES {
        return Err(Error::Invalid(format!("a configuration has at most {CONFIG_BYTES} bytes")));
    }
    Ok(config)
}

/// What a new version needs that the old one did not ask for and no grant answers.
fn more_wants(old: &Manifest, new: &Manifest, owned: &Owned) -> Vec<Want> {
    let known: BTreeSet<&str> = old.wants.iter().map(|want| want.grant.as_str()).collect();
    let answered = |want: &Want| owned.grants.list.iter().any(|grant| want.satisfied_by(grant));
    let more =
        new.wants.iter().filter(|want| !want.optional && !known.contains(want.grant.as_str()) && !answered(want));
    more.cloned().collect()
}
