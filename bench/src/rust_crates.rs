//! Ordinary tokio code in a component beside the same code natively: throughput, connections, and what tokio adds to a
//! command while there is work.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result, bail};
use igloo_engine::{ActionOutcome, Instance};
use serde_json::{Value as Json, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::{
    hub::{Bare, bare_switch},
    memory::rss_kib,
    net,
    report::{self, Times, table},
};

const ECHO_BYTES: u32 = 64 << 20;
/// The best of so many: a busy machine makes single runs slower, never quicker.
const ECHOES: usize = 5;
const CYCLES: u32 = 10_000;
const COMMANDS: usize = 20_000;
const DEADLINE: Duration = Duration::from_secs(120);

pub(crate) async fn run(json: bool) -> Result<()> {
    let server = echo_server()?;
    let grant = format!("tcp://{server}");

    let (component, native) = echo(server, &grant).await?;
    table(
        "64 MiB through an echo server on loopback, both ways at once",
        &["the same code", "MiB/s", "beside native"],
        [("native", native), ("component", component)]
            .map(|(name, rate)| vec![name.to_owned(), format!("{rate:.0}"), format!("{:.2}×", rate / native)]),
    );

    let growth = cycles(server, &grant).await?;

    let bare = commands("bare", "{}", &grant).await?;
    let quiet = commands("bench", "{}", &grant).await?;
    let busy = commands("bench", &json!({ "work": server.to_string() }).to_string(), &grant).await?;
    table(
        "A command by wasmtime on one thread, in µs",
        &["answered by", "p50", "p99", "calls", "beside bare"],
        [
            bare.row("a bare async export", &bare),
            quiet.row("a tokio task", &bare),
            busy.row("a tokio task, 10 connections at work", &bare),
        ],
    );
    if json {
        report::line(&json!({
            "echo_mib_s_component": component,
            "echo_mib_s_native": native,
            "command_p50_us": busy.p50_us(),
            "bare_command_p50_us": bare.p50_us(),
            "rss_growth_kib_10k_connections": growth,
        }));
    }
    Ok(())
}

/// An echo server on a thread of its own, so that it takes as much of the machine from either side.
fn echo_server() -> Result<SocketAddr> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name(String::from("echo")).spawn(move || {
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener)?;
            loop {
                let (mut stream, _) = listener.accept().await?;
                tokio::spawn(async move {
                    let mut buffer = vec![0; 64 * 1024];
                    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                        if stream.write_all(buffer.get(..count).unwrap_or_default()).await.is_err() {
                            break;
                        }
                    }
                });
            }
            #[expect(unreachable_code, reason = "it names the error's type")]
            std::io::Result::Ok(())
        })
    })?;
    Ok(address)
}

/// MiB/s of the component and natively, alternating.
async fn echo(server: SocketAddr, grant: &str) -> Result<(f64, f64)> {
    let bare = Bare::open("bench").await?;
    let instance = start(&bare, grant).await?;
    let (mut component, mut native) = (f64::MAX, f64::MAX);
    for _ in 0..ECHOES {
        let parameters = json!({ "address": server.to_string(), "count": ECHO_BYTES });
        component = component.min(elapsed(&action(&instance, "echo", &parameters).await?)?);
        // On one thread, as a provider is.
        let took = tokio::task::spawn_blocking(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(net::echo(server, ECHO_BYTES as usize))
        });
        native = native.min(took.await??.as_secs_f64());
    }
    instance.kill("measured").await;
    let mib = f64::from(ECHO_BYTES >> 20);
    Ok((mib / component, mib / native))
}

/// By how many KiB this process grows while a component connects, echoes and closes ten thousand times. The first tenth
/// is what buffers grow to.
async fn cycles(server: SocketAddr, grant: &str) -> Result<f64> {
    let bare = Bare::open("bench").await?;
    let instance = start(&bare, grant).await?;
    let some = |count: u32| json!({ "address": server.to_string(), "count": count });
    action(&instance, "cycles", &some(CYCLES / 10)).await?;
    let (before, guest_before) = (rss_kib("self")?, instance.stats().memory_bytes);
    let took = elapsed(&action(&instance, "cycles", &some(CYCLES)).await?)?;
    let (after, guest_after) = (rss_kib("self")?, instance.stats().memory_bytes);
    instance.kill("measured").await;
    let growth = f64::from(after) - f64::from(before);
    let memory = guest_after.saturating_sub(guest_before) / 1024;
    table(
        "10 000 connections, one after the other: connect, echo, close",
        &["what", "figure"],
        [
            vec![String::from("each"), format!("{:.0} µs", took / f64::from(CYCLES) * 1e6)],
            vec![String::from("this process grew by"), format!("{growth:.0} KiB")],
            vec![String::from("the component's memory grew by"), format!("{memory} KiB")],
        ],
    );
    Ok(growth)
}

async fn commands(package: &str, config: &str, grant: &str) -> Result<Times> {
    let bare = Bare::open(package).await?;
    let launch = bare.launch_with(config, &[grant])?;
    let times = bare.engine.bare_commands(&bare.prepared, launch, &bare_switch(), COMMANDS).await;
    Ok(Times::new(times.map_err(|error| anyhow::anyhow!("{package}: {error:#}"))?))
}

async fn start(bare: &Bare, grant: &str) -> Result<Instance> {
    Ok(bare.engine.start(&bare.prepared, bare.launch_with("{}", &[grant])?))
}

async fn action(instance: &Instance, name: &str, parameters: &Json) -> Result<Json> {
    loop {
        match instance.action(name.to_owned(), parameters.to_string(), DEADLINE).await {
            ActionOutcome::Ok(answer) => return Ok(serde_json::from_str(&answer)?),
            // It has just been started.
            ActionOutcome::Error(igloo_protocol::CommandError::Unavailable) => tokio::task::yield_now().await,
            other => bail!("{name}: {other:?}"),
        }
    }
}

/// Seconds.
fn elapsed(answer: &Json) -> Result<f64> {
    Ok(answer.get("elapsed_ns").and_then(Json::as_f64).context("an answer with elapsed_ns")? / 1e9)
}
