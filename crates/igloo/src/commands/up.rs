//! `igloo up`: a hub and its API in this process, until it is told to stop.
//!
//! The first Ctrl-C (or SIGTERM) stops instances and keeps their values; a second one ends the process at once.

use std::{
    io::IsTerminal,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use anyhow::Context as _;
use igloo_api::{AllowedHosts, Auth, Tokens};
use igloo_engine::component::{CompilerCommand, EngineOptions};
use igloo_hub::{Error, Hub, HubEvent, Logged, NewInstance, Options};
use igloo_protocol::{Grant, Grants, RunAsChoice};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
};
use tracing_subscriber::EnvFilter;

use super::logs;
use crate::{
    cli::Up,
    failure::Failure,
    output::{Output, Text, Tone},
    packages, place, show,
};

/// `igloo up`.
pub(super) async fn up(arguments: Up, data: Option<PathBuf>, output: Output) -> anyhow::Result<()> {
    let begun = Instant::now();
    let filter = EnvFilter::try_from_env("IGLOO_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .init();
    let data = place::data(data)?;
    let first = !data.join(igloo_api::tokens::LOCAL_TOKEN_FILE).exists();
    make_private(&data)?;
    let mut signals = Signals::new()?;
    let mut listeners = Vec::new();
    for address in &arguments.listen {
        listeners.push(listen(*address)?);
    }
    let addresses = listeners.iter().map(TcpListener::local_addr).collect::<Result<Vec<SocketAddr>, _>>()?;
    let program = std::env::current_exe().context("the igloo program cannot find itself")?;
    let compiler = CompilerCommand { program: program.clone(), args: vec![String::from("compile-component")] };
    let options = Options {
        data: data.clone(),
        engine: EngineOptions::new(data.join("cache")).compiler(compiler).launcher(program),
        api_addresses: addresses.clone(),
    };
    let hub = Hub::open(options).await.map_err(|error| opening(error, &data))?;
    let tokens = Tokens::open(&data).context("the tokens")?;
    let auth = Auth { tokens: Arc::new(tokens), hosts: AllowedHosts::new(arguments.allow_host.clone()) };
    let address = addresses.first().copied().map(reachable).context("no address to listen on was given")?;
    let address_file = data.join(place::ADDRESS_FILE);
    std::fs::write(&address_file, format!("{address}\n")).with_context(|| address_file.display().to_string())?;

    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(igloo_api::serve(hub.clone(), listeners, auth, async {
        let _ = stopped.await;
    }));
    let shown = if arguments.quiet { None } else { Some(tokio::spawn(show_events(hub.clone(), output))) };
    summary(output, &data, address, begun, first);
    let adding = add_packages(&hub, &arguments, output);
    tokio::select! {
        () = adding => signals.next().await,
        () = signals.next() => {}
    }

    output.note("Stopping…");
    let goodbye = async {
        hub.shutdown().await;
        let _ = stop.send(());
        let _ = serving.await;
    };
    let ended = tokio::select! {
        () = goodbye => Ok(()),
        () = signals.next() => Err(anyhow::anyhow!("it was ended before everything had stopped")),
    };
    if let Some(shown) = shown {
        shown.abort();
    }
    let _ = std::fs::remove_file(&address_file);
    ended
}

/// SIGINT and SIGTERM.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn make_private(data: &Path) -> anyhow::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data)
        .and_then(|()| std::fs::set_permissions(data, std::fs::Permissions::from_mode(0o700)))
        .with_context(|| format!("the data directory {}", data.display()))
}

fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    igloo_api::listen(address).map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => Failure::usage(
            format!("something listens on {address} already: another hub, perhaps"),
            "igloo doctor, to see which; or --listen 127.0.0.1:0, to take a free port",
        ),
        std::io::ErrorKind::PermissionDenied => {
            Failure::usage(format!("listening on {address} is not allowed: {error}"), "use a port above 1023")
        }
        _ => anyhow::Error::new(error).context(format!("cannot listen on {address}")),
    })
}

fn opening(error: Error, data: &Path) -> anyhow::Error {
    match error {
        Error::Conflict(text) => Failure::usage(
            format!("{}: {text}", data.display()),
            "stop the other hub, or use another directory with --data DIR",
        ),
        error => anyhow::Error::new(error).context(format!("the home in {} cannot be opened", data.display())),
    }
}

/// Where this machine reaches a listener: one on all addresses is reached through loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let mut address = address;
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

fn summary(output: Output, data: &Path, address: SocketAddr, begun: Instant, first: bool) {
    if output.json {
        // The one line of JSON: where it is.
        let _ = output.json_line(&serde_json::json!({ "url": format!("http://{address}"), "data": data }));
        return;
    }
    let row = |name: &str, value: String| {
        output.pieces(&[Text::new(format!("  {name:<7}"), Tone::Faint), Text::from(value)]);
    };
    output.pieces(&[
        Text::new("Igloo ", Tone::Strong),
        Text::new(env!("CARGO_PKG_VERSION"), Tone::Strong),
        Text::new(format!("  up in {} ms", begun.elapsed().as_millis()), Tone::Faint),
    ]);
    row("API", format!("http://{address}/v1"));
    row("data", data.display().to_string());
    if first {
        row("token", format!("{} (admin; the igloo command reads it)", data.join("token").display()));
        output.line("");
        output
            .note("In another terminal: `igloo devices`, `igloo watch`, `igloo install FOLDER`. Ctrl-C stops the hub.");
    }
}

/// Shows what providers log and how they are, until the hub ends.
async fn show_events(hub: Hub, output: Output) {
    let mut lines = hub.follow_logs(None);
    let mut events = hub.follow_events();
    loop {
        tokio::select! {
            line = lines.next() => match line {
                Some(Logged::Line(line)) => logs::print(output, &(&*line).into()),
                Some(Logged::Missed(count)) => output.warn(format!("{count} log lines were not shown")),
                None => return,
            },
            event = events.next() => match event {
                Some(HubEvent::InstanceState { instance, name, .. }) => {
                    if let Ok(info) = hub.instance(&instance.into()) {
                        let info = igloo_api::wire::Instance::from(info);
                        let mut pieces = vec![
                            Text::new(format!("{}  ", show::clock(&info.since)), Tone::Faint),
                            Text::from("      "),
                            Text::new(name.to_string(), Tone::Strong),
                            Text::from("  "),
                            show::state(info.state),
                        ];
                        if let Some(reason) = &info.reason {
                            pieces.push(Text::from(format!(": {}", show::first_line(reason))));
                        }
                        output.pieces(&pieces);
                    }
                }
                Some(_) => {}
                None => return,
            },
        }
    }
}

/// Makes instances of the packages named on the command line. One that fails is told, and stops nobody.
async fn add_packages(hub: &Hub, arguments: &Up, output: Output) {
    for folder in &arguments.package {
        if let Err(error) = add_package(hub, folder, &arguments.grant, output).await {
            output.warn(format!("{}: {error:#}", folder.display()));
        }
    }
}

async fn add_package(hub: &Hub, folder: &Path, grants: &[(String, Grant)], output: Output) -> anyhow::Result<()> {
    let package = packages::read(folder)?;
    let name: igloo_model::InstanceName = package.manifest.package.name.parse()?;
    let info = hub.add_package(package.text, package.files).await?;
    let own = || grants.iter().filter(|(of, _)| of == name.as_str()).map(|(_, grant)| grant.clone());
    match hub.instance(&igloo_hub::InstanceRef::Name(name.clone())) {
        Ok(instance) => {
            for grant in own().filter(|grant| !instance.grants.list.contains(grant)) {
                hub.grant(&instance.id.into(), grant).await?;
            }
            if instance.package != info.id {
                output.note(format!("{name} is updated from {}.", folder.display()));
                hub.update_instance(&instance.id.into(), info.id).await?;
            }
        }
        Err(Error::NotFound(_)) => {
            let mut granted = Grants::default();
            for grant in own() {
                granted.add(grant);
            }
            let missing: Vec<String> = info
                .wants
                .iter()
                .filter(|want| !want.optional && !granted.list.iter().any(|grant| want.satisfied_by(grant)))
                .map(|want| format!("--grant '{name}={}'", want.grant))
                .collect();
            if !missing.is_empty() {
                output.warn(format!("{name} wants what it was not granted; start with {}", missing.join(" ")));
            }
            let new = NewInstance {
                package: info.id,
                name: Some(name),
                config: serde_json::Value::Null,
                grants: granted,
                run_as: RunAsChoice::default(),
                start: true,
            };
            hub.add_instance(new).await?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
