//! One provider, three ways to run it: as a component in the hub, as a component in a worker process, as a native
//! process. All figures in one run, beside a bare wasmtime call and a bare ping-pong over a Unix socket.

mod latency;
mod memory;
mod pingpong;
mod recovery;
mod start;
mod throughput;

use anyhow::Result;
use igloo_protocol::RunAs;
use serde_json::json;

use crate::report;

pub(crate) use self::{
    memory::{descendants, pss_kib},
    pingpong::answer as pong,
    start::first_answer,
};

const ALL: [RunAs; 3] = [RunAs::InHub, RunAs::Isolated, RunAs::Process];

/// What a row calls a way to run.
fn named(run_as: RunAs) -> &'static str {
    match run_as {
        RunAs::InHub => "component, in the hub",
        RunAs::Isolated => "component, isolated",
        RunAs::Process => "process",
    }
}

pub(crate) async fn run(json: bool) -> Result<()> {
    let free = latency::measure().await?;
    let pinned = latency::pinned().await?;
    latency::print(&free, &pinned);
    throughput::measure().await?;
    let memory = memory::measure().await?;
    let start = start::measure().await?;
    let recovery = recovery::measure().await?;
    if json {
        report::line(&json!({
            "component_command_p50_us": free.component,
            "isolated_command_p50_us": free.isolated,
            "process_command_p50_us": free.process,
            "bare_wasmtime_p50_us": free.bare_wasmtime,
            "bare_socket_p50_us": free.bare_socket,
            "pinned_component_command_p50_us": pinned.component,
            "pinned_process_command_p50_us": pinned.process,
            "pinned_bare_socket_p50_us": pinned.bare_socket,
            "trap_to_running_p99_ms": recovery.trap_p99_ms,
            "kill_to_running_p99_ms": recovery.kill_p99_ms,
            "start_100_cached_ms": start.hundred_cached_ms,
            "provider_rss_kib": memory.component_kib,
            "process_pss_kib": memory.process_kib,
            "isolated_pss_kib": memory.isolated_kib,
        }));
    }
    Ok(())
}

/// What the child that [`latency::pinned`] starts does.
pub(crate) async fn run_pinned() -> Result<()> {
    let figures = latency::measure().await?;
    report::line(&serde_json::to_value(figures)?);
    Ok(())
}
