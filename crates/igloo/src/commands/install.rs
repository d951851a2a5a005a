//! Adding and updating providers: reading a package, asking its owner, and waiting until it runs.

use std::time::{Duration, Instant};

use igloo_api::wire::{Compiled, Instance, InstanceChange, NewInstance, Package, State};
use igloo_protocol::{Engine, Grant, RunAsChoice, Want};
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Method;
use serde_json::Value;

use super::Context;
use crate::{
    cli::{GivenGrants, GivenRunAs, Install, Update},
    failure::Failure,
    output::{Text, Tone},
    packages, show,
};

/// How long to wait for an instance to run, compiling included.
const PATIENCE: Duration = Duration::from_secs(180);
/// How long a new instance may be stopped before it is believed.
const BEGIN: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_millis(50);

/// `igloo install`.
pub(super) async fn install(context: &Context, install: Install) -> anyhow::Result<()> {
    let package = packages::read(&install.path)?;
    let about = &package.manifest.package;
    if !context.output.json {
        context.output.pieces(&[
            Text::new(format!("{} {}", about.name, about.version), Tone::Strong),
            Text::from(format!("  {}", about.description)),
        ]);
    }
    let mut config = match &install.config_file {
        Some(file) => packages::config_file(file)?,
        None => Value::Null,
    };
    packages::configure(&mut config, &install.config)?;
    package.manifest.configure(config.clone()).map_err(|faults| {
        Failure::usage(
            format!("{}'s configuration: {faults}", about.name),
            "give it with --config KEY=VALUE or --config-file FILE; igloo.toml has its schema under [config]",
        )
    })?;
    check_run_as(&package, &install.run_as)?;
    let again = format!("igloo install {}", install.path.display());
    let grants = answer_wants(context, &package.manifest.wants, &install.grants, &[], &again)?;
    let uploaded: Package = context.client.upload(package.text, package.files).await?;
    let new = NewInstance {
        package: uploaded.id,
        name: install.name,
        config,
        grants: grants.iter().map(ToString::to_string).collect(),
        mode: igloo_api::wire::Mode::Enforce,
        run_as: install.run_as.choice(),
        start: !install.stopped,
    };
    let instance: Instance = context.client.call(Method::POST, &["instances"], &new).await?;
    let instance = if install.stopped { instance } else { wait_until_running(context, instance).await? };
    tell(context, &instance)
}

/// Refuses a way to run that the package has no file for, before its owner is asked for grants.
fn check_run_as(package: &packages::Package, given: &GivenRunAs) -> anyhow::Result<()> {
    let provider = &package.manifest.provider;
    let choice = RunAsChoice::from(given.choice());
    let usage = |text: String| Failure::usage(text, "leave --engine and --placement away, or choose others");
    let chosen = choice.resolve(provider.run_as()).map_err(|error| usage(error.to_string()))?;
    let engine = chosen.unwrap_or(provider.run_as()).engine();
    let file = match engine {
        Engine::Component => &package.files.component,
        Engine::Process => &package.files.executable,
    };
    if file.is_none() {
        let name = &package.manifest.package.name;
        return Err(usage(format!("{name} has no file for the engine '{engine}'")));
    }
    Ok(())
}

/// `igloo update`.
pub(super) async fn update(context: &Context, update: Update) -> anyhow::Result<()> {
    let package = packages::read(&update.path)?;
    let instance: Instance = context.client.get(&["instances", &update.name], &[]).await?;
    let granted: Vec<Grant> = instance.grants.iter().filter_map(|grant| grant.parse().ok()).collect();
    let again = format!("igloo update {} {}", update.name, update.path.display());
    let grants = answer_wants(context, &package.manifest.wants, &update.grants, &granted, &again)?;
    let uploaded: Package = context.client.upload(package.text, package.files).await?;
    for grant in grants.iter().filter(|grant| !granted.contains(grant)) {
        let body = igloo_api::wire::GrantBody { grant: grant.to_string() };
        let _: Instance = context.client.call(Method::POST, &["instances", &instance.id, "grants"], &body).await?;
    }
    let change = InstanceChange::Package(uploaded.id);
    let instance: Instance = context.client.call(Method::PATCH, &["instances", &instance.id], &change).await?;
    let instance = wait_until_running(context, instance).await?;
    tell(context, &instance)
}

fn tell(context: &Context, instance: &Instance) -> anyhow::Result<()> {
    if context.output.json {
        return context.output.json(instance);
    }
    let devices = match instance.stats.devices {
        0 => String::new(),
        count => format!(" with {}", show::count(count, "device")),
    };
    context.output.pieces(&[
        Text::new(&instance.name, Tone::Strong),
        Text::from(" is "),
        show::state(instance.state),
        Text::from(format!("{devices}.")),
    ]);
    if instance.state == State::Running {
        context.output.note(format!(
            "`igloo devices {}` shows its devices, `igloo watch {}` follows them.",
            instance.name, instance.name
        ));
    }
    Ok(())
}

/// What the owner grants of what a package wants: from the arguments, by asking, or with `--yes`.
fn answer_wants(
    context: &Context,
    wants: &[Want],
    given: &GivenGrants,
    granted: &[Grant],
    again: &str,
) -> anyhow::Result<Vec<Grant>> {
    let mut grants = granted.to_vec();
    grants.extend(given.grants.iter().cloned());
    let unanswered: Vec<&Want> =
        wants.iter().filter(|want| !grants.iter().any(|grant| want.satisfied_by(grant))).collect();
    if given.yes {
        grants.extend(unanswered.iter().filter_map(|want| want.complete()));
    }
    let open: Vec<&Want> =
        unanswered.into_iter().filter(|want| !grants.iter().any(|grant| want.satisfied_by(grant))).collect();
    if context.output.can_ask() && !given.yes {
        for want in open {
            grants.extend(ask(context, want)?);
        }
        return Ok(grants);
    }
    // Whoever gives grants of their own has looked: a narrower one answers a want that has nothing to fill in.
    let missing: Vec<&&Want> = open.iter().filter(|want| !want.optional && !narrowed(want, &given.grants)).collect();
    if missing.is_empty() {
        return Ok(grants);
    }
    let list: Vec<String> = missing.iter().map(|want| format!("{}  ({})", want.grant, want.why)).collect();
    let mut flags: Vec<String> = missing.iter().map(|want| format!("--grant '{}'", example(want))).collect();
    flags.extend(given.grants.iter().map(|grant| format!("--grant '{grant}'")));
    Err(Failure::usage(
        format!("it wants, and nobody is here to be asked:\n  {}", list.join("\n  ")),
        format!("{again} {}", flags.join(" ")),
    ))
}

/// Whether one of these grants is of the same sort as a want: `tcp:` for `tcp:`, `memory=` for `memory=`.
fn narrowed(want: &Want, grants: &[Grant]) -> bool {
    let sort = |text: &str| text.split([':', '=']).next().map(str::to_owned);
    !want.open() && grants.iter().any(|grant| sort(&grant.to_string()) == sort(&want.grant))
}

/// A want with something plausible in place of its `?`.
fn example(want: &Want) -> String {
    if !want.open() {
        return want.grant.clone();
    }
    let part = if want.grant.starts_with("serial:") {
        serial_ports().into_iter().next().unwrap_or_else(|| String::from("/dev/serial/by-id/PORT"))
    } else {
        String::from("HOST")
    };
    want.grant.replacen('?', &part, 1)
}

/// Asks for one want on the terminal.
fn ask(context: &Context, want: &Want) -> anyhow::Result<Option<Grant>> {
    let optional = if want.optional { " (it works without)" } else { "" };
    context.output.pieces(&[]);
    context.output.pieces(&[
        Text::from("It wants "),
        Text::new(&want.grant, Tone::Strong),
        Text::new(optional, Tone::Faint),
    ]);
    context.output.pieces(&[Text::from(format!("  {}", want.why))]);
    let (question, ports) = if want.grant.starts_with("serial:") && want.open() {
        let ports = serial_ports();
        for (number, port) in ports.iter().enumerate() {
            context.output.line(format!("  {}  {port}", number + 1));
        }
        ("Which port? A number, a path or a URL; nothing to refuse:", ports)
    } else if want.open() {
        ("Which host? A name, an address or a network; nothing to refuse:", Vec::new())
    } else {
        ("Allow it? [y]es, [n]o, or a narrower grant:", Vec::new())
    };
    loop {
        let answer = context.output.ask(question)?;
        let chosen = answer.parse::<usize>().ok().and_then(|number| ports.get(number.checked_sub(1)?));
        let grant = match (answer.as_str(), chosen) {
            ("" | "n" | "N" | "no", _) => return Ok(None),
            ("y" | "Y" | "yes", _) if !want.open() => want.grant.parse(),
            (_, Some(port)) => want.fill(port),
            // A whole grant is as good as a part of one.
            (text, None) if want.open() => want.fill(text).or_else(|error| text.parse().map_err(|_| error)),
            (text, None) => text.parse(),
        };
        match grant {
            Ok(grant) => return Ok(Some(grant)),
            Err(error) => context.output.warn(error.to_string()),
        }
    }
}

/// The serial ports of this machine, by names that stay the same after a replug.
pub(super) fn serial_ports() -> Vec<String> {
    let list = |folder: &str, wanted: fn(&str) -> bool| -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut paths: Vec<String> = names.filter(|name| wanted(name)).map(|name| format!("{folder}/{name}")).collect();
        paths.sort_unstable();
        paths
    };
    let stable = list("/dev/serial/by-id", |_| true);
    if stable.is_empty() {
        return list("/dev", |name| name.starts_with("ttyUSB") || name.starts_with("ttyACM"));
    }
    stable
}

/// Waits until an instance runs, showing what it does meanwhile. One that fails is an error with its reason.
pub(super) async fn wait_until_running(context: &Context, mut instance: Instance) -> anyhow::Result<Instance> {
    let spinner = if context.output.json { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(Duration::from_millis(100));
    let begun = Instant::now();
    let ended = loop {
        match instance.state {
            State::Running => break Ok(instance),
            State::Stopped if !instance.wanted => break Ok(instance),
            // It was not begun yet.
            State::Stopped if begun.elapsed() < BEGIN => {}
            State::Stopped => break Err(Failure::NotFound(format!("{} ended by itself", instance.name)).into()),
            State::BackingOff | State::Quarantined => {
                let reason = show::first_line(instance.reason.as_deref().unwrap_or("it does not say why"));
                break Err(anyhow::anyhow!(
                    "{} does not run ({}): {reason}\n  `igloo logs {}` has more",
                    instance.name,
                    instance.state,
                    instance.name
                ));
            }
            State::Compiling => {
                // Compiling that failed may not show in the state at once.
                if let Ok(package) = context.client.get::<Package>(&["packages", &instance.package], &[]).await
                    && package.compiled == Compiled::Failed
                {
                    let reason = package.compile_error.unwrap_or_default();
                    break Err(anyhow::anyhow!("{} cannot be compiled: {reason}", instance.package_name));
                }
                spinner.set_message(format!("{} is being compiled", instance.package_name));
            }
            State::Starting => spinner.set_message(format!("{} starts", instance.name)),
        }
        if begun.elapsed() > PATIENCE {
            break Err(anyhow::anyhow!(
                "{} is still {} after {} s; it goes on: `igloo providers` shows it",
                instance.name,
                instance.state,
                PATIENCE.as_secs()
            ));
        }
        tokio::time::sleep(POLL).await;
        let id = instance.id.clone();
        match context.client.get(&["instances", &id], &[]).await {
            Ok(newer) => instance = newer,
            Err(error) => break Err(error),
        }
    };
    spinner.finish_and_clear();
    ended
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{failure, output::Output};

    fn want(grant: &str, optional: bool) -> Want {
        Want { grant: grant.to_owned(), why: String::from("because"), optional }
    }

    fn answered(wants: &[Want], grants: &[&str], yes: bool) -> anyhow::Result<Vec<String>> {
        let which = crate::client::Where { url: Some(String::from("http://127.0.0.1:1")), data: None };
        let context = Context { client: crate::client::Client::new(&which)?, output: Output::new(true) };
        let given = GivenGrants { grants: grants.iter().map(|grant| grant.parse().unwrap()).collect(), yes };
        let grants = answer_wants(&context, wants, &given, &[], "igloo install x")?;
        Ok(grants.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn without_a_terminal_the_flags_are_named() {
        let wants = [want("serial:meter=?", false), want("https://api.example.com", false), want("memory=32MiB", true)];
        let (text, way_out, code) = failure::report(&answered(&wants, &[], false).unwrap_err());
        assert!(text.contains("serial:meter=?") && text.contains("because"), "{text}");
        let way_out = way_out.unwrap();
        assert!(way_out.starts_with("igloo install x --grant 'serial:meter=/"), "{way_out}");
        assert!(way_out.contains("--grant 'https://api.example.com'") && !way_out.contains("memory"), "{way_out}");
        assert_eq!(code, failure::code::USAGE);
    }

    #[test]
    fn yes_grants_what_needs_no_filling_in() {
        let wants = [want("https://api.example.com", false), want("memory=32MiB", true)];
        assert_eq!(answered(&wants, &[], true).unwrap(), ["https://api.example.com", "memory=32MiB"]);
        assert!(answered(&[want("serial:meter=?", false)], &[], true).is_err());
        assert_eq!(
            answered(&[want("serial:meter=?", false)], &["serial:meter=/dev/ttyUSB0"], true).unwrap(),
            ["serial:meter=/dev/ttyUSB0"]
        );
    }

    #[test]
    fn a_narrower_grant_answers_too() {
        let wants = [want("tcp://192.168.0.0/16:502", false)];
        assert_eq!(answered(&wants, &["tcp://192.168.1.20:502"], false).unwrap(), ["tcp://192.168.1.20:502"]);
    }
}
