//! How long a provider is away: from a trap, or from its process being killed, until it runs again.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use igloo_hub::{CommandRequest, InstanceInfo, InstanceRef, State};
use igloo_protocol::RunAs;

use super::{memory::descendants, named};
use crate::{
    hub::TestHub,
    report::{Times, table},
};

/// Providers that trap, each once: the first restart is immediate.
const TRAPS: usize = 100;
/// Providers that are killed, each once.
const KILLS: usize = 30;

pub(super) struct Figures {
    pub(super) trap_p99_ms: f64,
    pub(super) kill_p99_ms: f64,
}

pub(super) async fn measure() -> Result<Figures> {
    let home = TestHub::open().await?;
    let mut traps = Vec::new();
    for n in 0..TRAPS {
        let info = home.install_as("misbehave", &format!("trap-{n}"), RunAs::InHub).await?;
        let device = home.device(&info.name.to_string())?;
        let request = CommandRequest {
            device,
            entity: String::from("panic"),
            changes: vec![(String::from("switch"), true.into())],
            transition: None,
            deadline: Duration::from_secs(5),
            idempotency_key: None,
        };
        let before = Instant::now();
        home.hub.command(request).await;
        restarted(&home, &info).await?;
        traps.push(before.elapsed());
        home.hub.remove_instance(&InstanceRef::Id(info.id)).await?;
    }
    let mut kills = Vec::new();
    for n in 0..KILLS {
        let before: Vec<u32> = descendants();
        let info = home.install_as("bench", &format!("kill-{n}"), RunAs::Process).await?;
        // The init and the program: the program is the younger one.
        let program = descendants().into_iter().filter(|pid| !before.contains(pid)).max().context("it runs")?;
        let began = Instant::now();
        rustix::process::kill_process(
            rustix::process::Pid::from_raw(i32::try_from(program)?).context("a process's number")?,
            rustix::process::Signal::KILL,
        )?;
        restarted(&home, &info).await?;
        kills.push(began.elapsed());
        home.hub.remove_instance(&InstanceRef::Id(info.id)).await?;
    }
    home.hub.shutdown().await;
    let (traps, kills) = (Times::new(traps), Times::new(kills));
    let row = |what: String, times: &Times, count: usize| {
        vec![what, format!("{:.2}", times.p50_us() / 1e3), format!("{:.2}", times.p99_us() / 1e3), count.to_string()]
    };
    table(
        "Until it runs again, in ms",
        &["after", "p50", "p99", "times"],
        [
            row(format!("a trap ({})", named(RunAs::InHub)), &traps, TRAPS),
            row(format!("kill -9 ({})", named(RunAs::Process)), &kills, KILLS),
        ],
    );
    Ok(Figures { trap_p99_ms: traps.p99_us() / 1e3, kill_p99_ms: kills.p99_us() / 1e3 })
}

/// Waits until the instance runs in another session.
async fn restarted(home: &TestHub, info: &InstanceInfo) -> Result<()> {
    let mut events = home.hub.follow_events();
    let which = InstanceRef::Id(info.id);
    let again = async {
        loop {
            let now = home.hub.instance(&which)?;
            if now.restarts > info.restarts && now.state == State::Running {
                return anyhow::Ok(());
            }
            let _ = tokio::time::timeout(Duration::from_millis(5), events.next()).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), again).await.context("it did not run again within 30 s")?
}
