//! Instances: what runs, how it is, and changing that.

use std::time::Duration;

use igloo_api::wire::{
    ActionCall, ActionResult, Engine, Failures, Instance, InstanceChange, Package, Placement, RunAs, RunAsChoice,
    State, Stats,
};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Context, grants, install};
use crate::{
    cli::{Action, Config, Remove},
    failure::Failure,
    output::{Text, Tone},
    packages, show,
};

/// `igloo providers`.
pub(super) async fn list(context: &Context) -> anyhow::Result<()> {
    let instances: Vec<Instance> = context.client.get(&["instances"], &[]).await?;
    if context.output.json {
        return context.output.json(&instances);
    }
    if instances.is_empty() {
        context.output.note("There are no providers. `igloo install FOLDER` adds one.");
        return Ok(());
    }
    let rows = instances.iter().map(row);
    context.output.table(["NAME", "PACKAGE", "STATE", "DEVICES", "MEMORY", "CPU TIME", "RESTARTS", ""], rows);
    Ok(())
}

/// `igloo providers --stats`.
pub(super) async fn stats(context: &Context) -> anyhow::Result<()> {
    let instances: Vec<Instance> = context.client.get(&["instances"], &[]).await?;
    if context.output.json {
        let figures: Vec<Value> = instances
            .iter()
            .map(|instance| {
                json!({
                    "name": instance.name,
                    "state": instance.state,
                    "restarts": instance.restarts,
                    "stats": instance.stats,
                    "limits": instance.limits,
                })
            })
            .collect();
        return context.output.json(&figures);
    }
    let header = [
        "NAME",
        "CPU TIME",
        "MEMORY",
        "WRITES",
        "EVENTS",
        "COMMANDS",
        "FAILED",
        "QUEUE",
        "SOCKETS",
        "PORTS",
        "DENIALS",
        "LOST LINES",
        "RESTARTS",
    ];
    context.output.table(header, instances.iter().map(figures));
    Ok(())
}

fn figures(instance: &Instance) -> [Text; 13] {
    let (stats, limits) = (&instance.stats, &instance.limits);
    let counted = |count: u64| Text::new(count.to_string(), if count == 0 { Tone::Faint } else { Tone::Plain });
    let bad = |count: u64| Text::new(count.to_string(), if count == 0 { Tone::Faint } else { Tone::Warning });
    let of = |used: u64, limit: u64| {
        let tone = if used >= limit { Tone::Warning } else { Tone::Plain };
        Text::new(format!("{used}/{limit}"), tone)
    };
    let if_counted =
        |used: Option<u64>, limit: u32| used.map_or_else(|| Text::new("–", Tone::Faint), |used| of(used, limit.into()));
    [
        Text::new(&instance.name, Tone::Strong),
        Text::from(cpu_time(stats.cpu_microseconds)),
        Text::from(format!("{}/{}", show::bytes(stats.memory_bytes), show::bytes(limits.memory))),
        counted(stats.writes),
        counted(stats.events),
        counted(stats.commands),
        bad(failed(stats)),
        of(stats.queue.into(), limits.queue.into()),
        if_counted(stats.sockets, limits.sockets),
        if_counted(stats.serial_ports, limits.serial_ports),
        bad(stats.denials),
        bad(stats.lost_log_lines),
        bad(instance.restarts.into()),
    ]
}

/// Commands that did not succeed, however they ended.
fn failed(stats: &Stats) -> u64 {
    let Failures { rejected, busy, unavailable, timeout, interrupted, failed } = stats.failures;
    rejected + busy + unavailable + timeout + interrupted + failed
}

fn row(instance: &Instance) -> [Text; 8] {
    let running = matches!(instance.state, State::Running | State::Starting);
    let if_running = |text: String| if running { Text::from(text) } else { Text::new("–", Tone::Faint) };
    [
        Text::new(&instance.name, Tone::Strong),
        Text::from(format!("{} {}{}", instance.package_name, instance.version, unusual(instance))),
        show::state(instance.state),
        Text::from(instance.stats.devices.to_string()),
        if_running(show::bytes(instance.stats.memory_bytes)),
        if_running(cpu_time(instance.stats.cpu_microseconds)),
        Text::new(instance.restarts.to_string(), if instance.restarts == 0 { Tone::Faint } else { Tone::Warning }),
        remark(instance),
    ]
}

/// How it runs, where that is not as most do.
fn unusual(instance: &Instance) -> String {
    match instance.run_as {
        RunAs { engine: Engine::Component, placement: Placement::InHub } => String::new(),
        run_as => format!(" ({run_as})"),
    }
}

fn cpu_time(microseconds: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let seconds = microseconds as f64 / 1e6;
    match seconds {
        seconds if seconds < 1.0 => format!("{:.0} ms", seconds * 1000.0),
        seconds if seconds < 60.0 => format!("{seconds:.1} s"),
        #[expect(clippy::cast_possible_truncation, reason = "seconds of a process's life")]
        seconds => show::span(seconds as i64),
    }
}

/// What its owner should know.
fn remark(instance: &Instance) -> Text {
    if let Some(reason) = &instance.reason {
        return Text::new(show::first_line(reason), Tone::Warning);
    }
    let wanted: Vec<&str> =
        instance.missing_wants.iter().filter(|want| !want.optional).map(|want| want.grant.as_str()).collect();
    if !wanted.is_empty() {
        return Text::new(format!("wants {}", wanted.join(", ")), Tone::Warning);
    }
    if instance.stats.denials > 0 {
        return Text::new(format!("{} (igloo denials)", show::count(instance.stats.denials, "denial")), Tone::Faint);
    }
    Text::from("")
}

/// `igloo providers NAME`.
pub(super) async fn show(context: &Context, name: &str) -> anyhow::Result<()> {
    let instance: Instance = context.client.get(&["instances", name], &[]).await?;
    if context.output.json {
        return context.output.json(&instance);
    }
    let stats = &instance.stats;
    let mut state = format!("{} since {}", instance.state, show::ago(&instance.since));
    if let Some(retry) = &instance.retry_at {
        state = format!("{state}, starts again at {}", show::clock(retry));
    }
    let lost = |count: u64, text: &str| if count == 0 { String::new() } else { format!(", {count} {text}") };
    let mut rows = vec![
        ("package", format!("{} {} ({})", instance.package_name, instance.version, short(&instance.package))),
        ("id", instance.id.clone()),
        ("runs as", runs_as(&instance)),
        ("state", state),
        ("restarts", instance.restarts.to_string()),
        ("devices", stats.devices.to_string()),
        ("memory", show::bytes(stats.memory_bytes)),
        ("cpu time", cpu_time(stats.cpu_microseconds)),
        ("writes", stats.writes.to_string()),
        ("events", format!("{}{}", stats.events, lost(stats.lost_events, "lost"))),
        (
            "commands",
            format!(
                "{}{}{}",
                stats.commands,
                lost(failed(stats), "failed"),
                lost(stats.stuck_calls.into(), "never answered")
            ),
        ),
        ("denials", stats.denials.to_string()),
    ];
    if stats.lost_log_lines > 0 {
        rows.push(("log lines left out", stats.lost_log_lines.to_string()));
    }
    if let Some(reason) = &instance.reason {
        rows.push(("reason", show::first_line(reason)));
        rows.push(("", format!("`igloo logs {}` has more", instance.name)));
    }
    context.output.pieces(&[Text::new(&instance.name, Tone::Strong)]);
    let rows = rows.into_iter().map(|(name, text)| [Text::new(name, Tone::Faint), Text::from(text)]);
    context.output.table(["", ""], rows);
    grants::print(context, &instance);
    Ok(())
}

fn runs_as(instance: &Instance) -> String {
    let whose = if instance.run_as_chosen { "your choice: igloo run-as" } else { "as its package says" };
    format!("{} ({whose})", instance.run_as)
}

fn short(package: &str) -> &str {
    package.get(..12).unwrap_or(package)
}

/// `igloo start`, `stop`, `restart`.
pub(super) async fn change_state(context: &Context, name: &str, change: &str) -> anyhow::Result<()> {
    let instance: Instance = context.client.ask(Method::POST, &["instances", name, change], &[]).await?;
    let instance = if change == "stop" { instance } else { install::wait_until_running(context, instance).await? };
    say(context, &instance)
}

/// `igloo run-as`.
pub(super) async fn run_as(context: &Context, run_as: &crate::cli::RunAs) -> anyhow::Result<()> {
    let choice = run_as.how.choice();
    if choice == RunAsChoice::default() && !run_as.default {
        return Err(Failure::usage(
            "there is nothing to change",
            format!("igloo run-as {} --placement isolated, --engine process, or --default", run_as.name),
        ));
    }
    let path = ["instances", run_as.name.as_str()];
    let instance: Instance = context.client.call(Method::PATCH, &path, &InstanceChange::RunAs(choice)).await?;
    let instance = install::wait_until_running(context, instance).await?;
    say(context, &instance)
}

/// `igloo rename`.
pub(super) async fn rename(context: &Context, name: &str, new: &str) -> anyhow::Result<()> {
    let change = InstanceChange::Name(new.to_owned());
    let instance: Instance = context.client.call(Method::PATCH, &["instances", name], &change).await?;
    say(context, &instance)
}

fn say(context: &Context, instance: &Instance) -> anyhow::Result<()> {
    if context.output.json {
        return context.output.json(instance);
    }
    context.output.pieces(&[
        Text::new(&instance.name, Tone::Strong),
        Text::from(" is "),
        show::state(instance.state),
        Text::from("."),
    ]);
    Ok(())
}

/// `igloo remove`.
pub(super) async fn remove(context: &Context, remove: Remove) -> anyhow::Result<()> {
    let instance: Instance = context.client.get(&["instances", &remove.name], &[]).await?;
    if !remove.yes {
        if !context.output.can_ask() {
            return Err(Failure::usage(
                format!(
                    "removing {} takes its {} and everything it stored with it",
                    instance.name,
                    show::count(instance.stats.devices, "device")
                ),
                format!("igloo remove {} --yes", instance.name),
            ));
        }
        let question =
            format!("Remove {}, its {} devices and everything it stored? [y/N]", instance.name, instance.stats.devices);
        anyhow::ensure!(matches!(context.output.ask(&question)?.as_str(), "y" | "Y" | "yes"), "nothing was removed");
    }
    context.client.delete(&["instances", &instance.id]).await?;
    context.output.note(format!("{} is gone.", instance.name));
    Ok(())
}

/// `igloo config …`.
pub(super) async fn config(context: &Context, command: Config) -> anyhow::Result<()> {
    match command {
        Config::Show(name) => {
            let instance: Instance = context.client.get(&["instances", &name.name], &[]).await?;
            context.output.json(&instance.config)
        }
        Config::Set { name, parts, file } => {
            let mut change = match &file {
                Some(file) => packages::config_file(file)?,
                None => json!({}),
            };
            packages::configure(&mut change, &parts)?;
            if change.as_object().is_some_and(serde_json::Map::is_empty) {
                return Err(Failure::usage("there is nothing to change", "write KEY=VALUE, or --file FILE"));
            }
            let instance: Instance =
                context.client.call(Method::PATCH, &["instances", &name], &InstanceChange::Config(change)).await?;
            let instance = install::wait_until_running(context, instance).await?;
            say(context, &instance)
        }
    }
}

/// `igloo packages`.
pub(super) async fn packages(context: &Context, prune: bool) -> anyhow::Result<()> {
    let packages: Vec<Package> = context.client.get(&["packages"], &[]).await?;
    let instances: Vec<Instance> = context.client.get(&["instances"], &[]).await?;
    let users = |package: &Package| -> Vec<&str> {
        instances
            .iter()
            .filter(|instance| instance.package == package.id)
            .map(|instance| instance.name.as_str())
            .collect()
    };
    if prune {
        for package in packages.iter().filter(|package| users(package).is_empty()) {
            context.client.delete(&["packages", &package.id]).await?;
            context.output.note(format!("{} {} is gone.", package.name, package.version));
        }
        return Ok(());
    }
    if context.output.json {
        return context.output.json(&packages);
    }
    let rows = packages.iter().map(|package| {
        [
            Text::new(&package.name, Tone::Strong),
            Text::from(&package.version),
            Text::from(short(&package.id)),
            Text::from(show::bytes(package.size)),
            Text::from(users(package).join(", ")),
            Text::new(package.compile_error.as_deref().unwrap_or(&package.description), Tone::Faint),
        ]
    });
    context.output.table(["PACKAGE", "VERSION", "ID", "SIZE", "USED BY", ""], rows);
    Ok(())
}

/// `igloo action`.
pub(super) async fn action(context: &Context, action: Action) -> anyhow::Result<()> {
    let Some(name) = &action.action else { return actions(context, &action.name).await };
    let parameters = match action.parameters.as_slice() {
        [] => Value::Null,
        [json] if json.trim_start().starts_with('{') => serde_json::from_str(json)
            .map_err(|error| Failure::usage(format!("the parameters are not JSON: {error}"), "write '{\"key\": …}'"))?,
        parts => {
            let mut parameters = json!({});
            packages::configure(&mut parameters, parts)?;
            parameters
        }
    };
    let milliseconds = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let call = ActionCall { parameters, deadline_ms: action.timeout.map(milliseconds) };
    let path = ["instances", &action.name, "actions", name];
    let result: ActionResult = context.client.call(Method::POST, &path, &call).await?;
    match &result.result {
        Value::Null if !context.output.json => {
            context.output.pieces(&[Text::new("ok", Tone::Good)]);
            Ok(())
        }
        result => context.output.json(result),
    }
}

/// The actions that an instance's package offers.
async fn actions(context: &Context, name: &str) -> anyhow::Result<()> {
    let instance: Instance = context.client.get(&["instances", name], &[]).await?;
    let package: Package = context.client.get(&["packages", &instance.package], &[]).await?;
    if context.output.json {
        return context.output.json(&package.actions);
    }
    if package.actions.is_empty() {
        context.output.note(format!("{name} has no actions."));
        return Ok(());
    }
    let rows = package.actions.iter().map(|(name, action)| {
        let parameters = action.parameters.as_ref().and_then(|schema| schema.get("properties"));
        let names: Vec<&str> = parameters
            .and_then(Value::as_object)
            .map(|properties| properties.keys().map(String::as_str).collect())
            .unwrap_or_default();
        [Text::new(name, Tone::Strong), Text::from(names.join(" ")), Text::from(&action.description)]
    });
    context.output.table(["ACTION", "PARAMETERS", ""], rows);
    Ok(())
}
