//! What instances may do, and what they were denied.

use igloo_api::wire::{self, Denial, GrantBody, Instance, InstanceChange, Mode};
use igloo_protocol::Limits;
use reqwest::Method;

use super::Context;
use crate::{
    cli::Grants,
    output::{Text, Tone},
    show,
};

/// `igloo grants …`.
pub(super) async fn grants(context: &Context, command: Grants) -> anyhow::Result<()> {
    let client = &context.client;
    let mode = async |name: &str, mode: Mode| -> anyhow::Result<Instance> {
        client.call(Method::PATCH, &["instances", name], &InstanceChange::Mode(mode)).await
    };
    let instance = match command {
        Grants::Show(name) => client.get(&["instances", &name.name], &[]).await?,
        Grants::Add { name, grants } => {
            let mut instance: Instance = client.get(&["instances", &name], &[]).await?;
            for grant in grants {
                let body = GrantBody { grant: grant.to_string() };
                instance = client.call(Method::POST, &["instances", &name, "grants"], &body).await?;
            }
            instance
        }
        Grants::Revoke { name, grants } => {
            let mut instance: Instance = client.get(&["instances", &name], &[]).await?;
            for grant in grants {
                let grant = grant.to_string();
                instance = client.ask(Method::DELETE, &["instances", &name, "grants"], &[("grant", &grant)]).await?;
            }
            instance
        }
        Grants::Audit(name) => {
            let instance = mode(&name.name, Mode::Audit).await?;
            context.output.warn(format!(
                "{} may now do everything but reach the hub's own API; `igloo denials {}` shows what it needs, \
                 `igloo grants enforce {}` ends this",
                instance.name, instance.name, instance.name
            ));
            instance
        }
        Grants::Enforce(name) => mode(&name.name, Mode::Enforce).await?,
    };
    if context.output.json {
        return context.output.json(&instance);
    }
    print(context, &instance);
    Ok(())
}

/// An instance's grants, what it still wants, and its limits.
pub(super) fn print(context: &Context, instance: &Instance) {
    let mut rows: Vec<[Text; 2]> =
        instance.grants.iter().map(|grant| [Text::new(grant, Tone::Good), Text::from("granted")]).collect();
    for want in &instance.missing_wants {
        let (tone, wanted) = if want.optional { (Tone::Faint, "optional") } else { (Tone::Warning, "wanted") };
        rows.push([Text::new(&want.grant, tone), Text::new(format!("{wanted}: {}", want.why), tone)]);
    }
    if rows.is_empty() {
        context.output.line(format!("{} may do nothing beyond its limits.", instance.name));
    } else {
        context.output.table(["GRANT", ""], rows);
    }
    if instance.mode == Mode::Audit {
        context.output.pieces(&[Text::new("audit: what is not granted is allowed, and recorded", Tone::Warning)]);
    }
    let limits: Vec<String> = limits(&instance.limits).list().iter().map(ToString::to_string).collect();
    context.output.pieces(&[Text::new(format!("limits: {}", limits.join(" ")), Tone::Faint)]);
}

/// As the grants that would set them.
fn limits(limits: &wire::Limits) -> Limits {
    Limits {
        memory: limits.memory,
        cpu_percent: limits.cpu_percent,
        storage: limits.storage,
        private: limits.private,
        buffers: limits.buffers,
        writes_per_second: limits.writes_per_second,
        events_per_second: limits.events_per_second,
        logs_per_second: limits.logs_per_second,
        queue: limits.queue,
        sockets: limits.sockets,
        serial_ports: limits.serial_ports,
        processes: limits.processes,
    }
}

/// `igloo denials`.
pub(super) async fn denials(context: &Context, name: Option<&str>) -> anyhow::Result<()> {
    let of: Vec<(&str, &str)> = name.map(|name| ("instance", name)).into_iter().collect();
    let denials: Vec<Denial> = context.client.get(&["denials"], &of).await?;
    if context.output.json {
        return context.output.json(&denials);
    }
    if denials.is_empty() {
        context.output.note("Nothing was denied since the hub started.");
        return Ok(());
    }
    let rows = denials.iter().map(|denial| {
        let way_out = match (&denial.grant, &denial.reason) {
            (Some(grant), _) => format!("igloo grants add {} '{grant}'", denial.instance),
            (None, Some(reason)) => reason.clone(),
            (None, None) => String::new(),
        };
        let tone = if denial.enforced { Tone::Bad } else { Tone::Warning };
        let audited = if denial.enforced { "" } else { " (allowed: audit)" };
        [
            Text::new(&denial.instance, Tone::Strong),
            Text::new(format!("{}{audited}", denial.capability), tone),
            Text::from(&denial.target),
            Text::from(denial.count.to_string()),
            Text::new(show::ago(&denial.last), Tone::Faint),
            Text::from(way_out),
        ]
    });
    context.output.table(["PROVIDER", "DENIED", "TARGET", "TIMES", "LAST", "TO ALLOW IT"], rows);
    Ok(())
}
