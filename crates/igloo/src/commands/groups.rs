//! Groups of devices.

use igloo_api::wire::{Device, Group, GroupName};
use reqwest::Method;

use super::Context;
use crate::{
    cli::Groups,
    failure::Failure,
    output::{Text, Tone},
    paths, show,
};

/// `igloo groups …`.
pub(super) async fn groups(context: &Context, command: Groups) -> anyhow::Result<()> {
    let client = &context.client;
    let group: Group = match command {
        Groups::List => return list(context).await,
        Groups::Create { group } => client.call(Method::POST, &["groups"], &GroupName { name: group }).await?,
        Groups::Rename { group, new } => {
            let id = find(context, &group).await?.id;
            client.call(Method::PATCH, &["groups", &id], &GroupName { name: new }).await?
        }
        Groups::Delete { group } => {
            let group = find(context, &group).await?;
            client.delete(&["groups", &group.id]).await?;
            context.output.note(format!("The group '{}' is gone; its devices stay.", group.name));
            return Ok(());
        }
        Groups::Add { group, devices } => change(context, &group, &devices, Method::PUT).await?,
        Groups::Remove { group, devices } => change(context, &group, &devices, Method::DELETE).await?,
    };
    if context.output.json {
        return context.output.json(&group);
    }
    context.output.line(format!("{}  {}  {}", group.id, group.name, show::count(group.devices.len() as u64, "device")));
    Ok(())
}

async fn change(context: &Context, group: &str, devices: &[String], method: Method) -> anyhow::Result<Group> {
    let mut group = find(context, group).await?;
    for path in devices {
        let device = paths::find(&context.client, path).await?.device;
        group = context.client.ask(method.clone(), &["groups", &group.id, "devices", &device.id], &[]).await?;
    }
    Ok(group)
}

async fn list(context: &Context) -> anyhow::Result<()> {
    let groups: Vec<Group> = context.client.get(&["groups"], &[]).await?;
    if context.output.json {
        return context.output.json(&groups);
    }
    if groups.is_empty() {
        context.output.note("There are no groups. `igloo groups create NAME` makes one.");
        return Ok(());
    }
    let devices: Vec<Device> = context.client.get(&["devices"], &[]).await?;
    let path = |id: &String| {
        devices.iter().find(|device| device.id == *id).map_or_else(|| id.clone(), |device| device.path.clone())
    };
    let rows = groups.iter().map(|group| {
        let members: Vec<String> = group.devices.iter().map(path).collect();
        [Text::new(&group.name, Tone::Strong), Text::from(&group.id), Text::from(members.join(", "))]
    });
    context.output.table(["GROUP", "ID", "DEVICES"], rows);
    Ok(())
}

/// The group of this name or id.
async fn find(context: &Context, name: &str) -> anyhow::Result<Group> {
    let groups: Vec<Group> = context.client.get(&["groups"], &[]).await?;
    groups
        .into_iter()
        .find(|group| group.id == name || group.name == name)
        .ok_or_else(|| Failure::NotFound(format!("there is no group '{name}' (`igloo groups list`)")).into())
}
