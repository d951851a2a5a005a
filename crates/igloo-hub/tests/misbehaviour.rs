//! Whatever one provider does, the others and their callers do not notice.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, clippy::print_stderr, reason = "a test")]

mod common;

use std::time::{Duration, Instant};

use common::{Home, which};
use futures::FutureExt;
use igloo_hub::{CommandOutcome, CommandRequest, LogSource, NewInstance, State};
use igloo_model::Value;
use igloo_protocol::{BadUpdate, RunAsChoice, Update, UpdateError};
use serde_json::json;

/// The longest that another provider's command may take meanwhile.
const UNNOTICED: Duration = Duration::from_millis(250);

/// Runs commands of a good provider for so long, and answers the slowest.
async fn slowest(home: &Home, during: Duration) -> Duration {
    let began = Instant::now();
    let mut slowest = Duration::ZERO;
    while began.elapsed() < during {
        let sent = Instant::now();
        let result = home.switch("good/bench/switch", true).await;
        assert_eq!(result.outcome, CommandOutcome::Ok);
        slowest = slowest.max(sent.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    slowest
}

/// A good provider beside one that lives so.
async fn beside(life: &str, during: Duration) -> Home {
    let home = Home::open().await;
    home.run("bench", "good", &[]).await;
    home.add("misbehave", "bad", json!({ "life": life }), &[]).await;
    let slowest = slowest(&home, during).await;
    eprintln!("{life}: the slowest command beside it took {slowest:?}");
    assert!(slowest < UNNOTICED, "{life}: {slowest:?}");
    home
}

#[tokio::test]
async fn a_trap_is_restarted() {
    let home = beside("panic", Duration::from_secs(3)).await;
    let bad = home.until("bad", "restarted twice", |info| info.restarts >= 2).await;
    assert!(bad.wanted);
    let logs = home.hub.logs(Some(&which("bad")), 1000).unwrap();
    let told = logs.iter().find(|line| line.source == LogSource::Hub && line.text.contains("trapped")).unwrap();
    assert!(told.text.contains("starting again at once"), "{}", told.text);
    let device = home.hub.device(home.device("bad/misbehave")).unwrap();
    assert!(!device.missing, "its devices stay");
}

#[tokio::test]
async fn a_spin_is_ended() {
    let home = beside("spin", Duration::from_secs(7)).await;
    home.until("bad", "restarted", |info| info.restarts >= 1).await;
    assert_eq!(home.hub.instance(&which("good")).unwrap().restarts, 0);
}

#[tokio::test]
async fn a_memory_bomb_is_ended() {
    let home = beside("memory-bomb", Duration::from_secs(3)).await;
    home.until("bad", "restarted", |info| info.restarts >= 1).await;
}

#[tokio::test]
async fn floods_are_bounded() {
    let home = beside("flood-log", Duration::from_secs(2)).await;
    let bad = home.hub.instance(&which("bad")).unwrap();
    assert!(bad.lost_log_lines > 100, "{bad:?}");
    assert!(home.hub.logs(Some(&which("bad")), usize::MAX).unwrap().len() <= 1000);

    let home = beside("flood-writes", Duration::from_secs(2)).await;
    let before = home.hub.instance(&which("bad")).unwrap();
    assert!(before.state == State::Running && before.writes > 10_000, "{before:?}");

    let home = beside("flood-events", Duration::from_secs(2)).await;
    let bad = home.hub.instance(&which("bad")).unwrap();
    assert!(bad.lost_events > 100 && bad.events < 10_000, "{bad:?}");
}

#[tokio::test]
async fn one_that_is_never_ready_delays_nobody() {
    let home = beside("never-ready", Duration::from_secs(1)).await;
    let bad = home.hub.instance(&which("bad")).unwrap();
    assert_eq!((bad.state, bad.ready), (State::Starting, false));
    let outcome = home.switch("bad/misbehave/good", true).await.outcome;
    assert!(matches!(outcome, CommandOutcome::Unavailable(_)), "{outcome:?}");
    let began = Instant::now();
    home.hub.stop(&which("bad")).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(7));
}

/// A package of the misbehaving guest that must be ready within a second.
async fn impatient(home: &Home) -> igloo_hub::PackageId {
    let (manifest, component) = common::files("misbehave");
    let manifest = manifest.replacen("[provider]", "[provider]\nstart-deadline-s = 1", 1);
    home.hub.add_package(manifest, component).await.unwrap().id
}

#[tokio::test]
async fn one_that_is_not_ready_in_time_has_failed() {
    let home = Home::open().await;
    let request = NewInstance {
        package: impatient(&home).await,
        name: Some("bad".parse().unwrap()),
        config: json!({"life": "never-ready"}),
        grants: common::grants(&[]),
        run_as: RunAsChoice::default(),
        start: true,
    };
    home.hub.add_instance(request).await.unwrap();
    let late = |info: &igloo_hub::InstanceInfo| matches!(&info.state, State::BackingOff { reason, .. } if reason.contains("start-deadline-s"));
    let bad = home.until("bad", "backing off", late).await;
    assert!(bad.restarts >= 1, "the first restart is immediate");
    // One that became ready in time is left alone.
    home.hub.configure(&which("bad"), json!({"life": "good"})).await.unwrap();
    let ready = home.until("bad", "ready", |info| info.ready).await.restarts;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let still = home.hub.instance(&which("bad")).unwrap();
    assert_eq!((still.state, still.restarts), (State::Running, ready));
}

/// The original waited at boot for every provider, for ever.
#[tokio::test]
async fn original_one_that_never_becomes_ready_hangs_nothing_at_boot() {
    let home = Home::open().await;
    home.add("misbehave", "bad", json!({"life": "never-ready"}), &[]).await;
    home.run("bench", "good", &[]).await;
    let home = home.reopen().await;
    // The hub answers before anybody is ready, and the good one becomes ready beside the bad one.
    assert_eq!(home.hub.instances().len(), 2);
    home.until("good", "ready", |info| info.ready).await;
    assert_eq!(home.switch("good/bench/switch", true).await.outcome, CommandOutcome::Ok);
    let bad = home.hub.instance(&which("bad")).unwrap();
    assert!(!bad.ready && bad.state != State::Running, "{bad:?}");
}

/// The original panicked, and took the whole home with it.
#[tokio::test]
async fn original_a_write_to_an_unknown_entity_is_answered_and_harms_nobody() {
    let home = Home::open().await;
    home.run("bench", "good", &[]).await;
    home.run("misbehave", "bad", &[]).await;
    let provider = home.hub.home_of(&which("bad")).unwrap();
    let mut unknown = vec![Update { component: 4_000_000_000, value: Value::Boolean(true), time: None }];
    let bad = provider.write(&mut unknown);
    assert_eq!(bad, [BadUpdate { index: 0, error: UpdateError::UnknownComponent }]);
    home.hub.action(&which("bad"), "bad-writes", json!({}), Duration::from_secs(5)).await.unwrap();
    assert_eq!(home.switch("good/bench/switch", true).await.outcome, CommandOutcome::Ok);
    assert_eq!(home.switch("bad/misbehave/good", true).await.outcome, CommandOutcome::Ok);
    assert_eq!(home.hub.instance(&which("bad")).unwrap().restarts, 0);
}

/// Without waiting: the command is answered when it is polled for the first time, whatever its deadline.
#[tokio::test]
async fn commands_to_one_that_is_down_are_answered_at_once() {
    let home = Home::open().await;
    home.run("misbehave", "m", &[]).await;
    let mut request = home.request("m/misbehave/good", true);
    request.deadline = CommandRequest::LONGEST;
    let unavailable = |when: &str| {
        let outcome = home.hub.command(request.clone()).now_or_never().expect(when).outcome;
        assert!(matches!(outcome, CommandOutcome::Unavailable(_)), "{when}: {outcome:?}");
    };
    home.hub.stop(&which("m")).await.unwrap();
    unavailable("stopped");
    home.hub.configure(&which("m"), json!({"life": "fail-at-start"})).await.unwrap();
    home.hub.start(&which("m")).await.unwrap();
    home.until("m", "backing off", |info| matches!(info.state, State::BackingOff { .. })).await;
    unavailable("backing off");
    home.hub.configure(&which("m"), json!({"life": "never-ready"})).await.unwrap();
    home.until("m", "starting", |info| info.state == State::Starting).await;
    unavailable("starting");
    assert_eq!(home.hub.instance(&which("m")).unwrap().failures.unavailable, 3);
}

#[tokio::test]
async fn too_many_devices_are_refused() {
    let home = beside("too-many-devices", Duration::from_secs(2)).await;
    let bad = home.until("bad", "ready", |info| info.ready).await;
    assert_eq!(bad.devices, 1024);
}

#[tokio::test]
async fn one_that_does_not_stop_is_ended() {
    let home = beside("ignore-stop", Duration::from_secs(1)).await;
    let began = Instant::now();
    let bad = home.hub.stop(&which("bad")).await.unwrap();
    assert_eq!(bad.state, State::Stopped);
    assert!((Duration::from_secs(4)..Duration::from_secs(7)).contains(&began.elapsed()), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_command_that_hangs_stops_nothing_else() {
    let home = Home::open().await;
    home.run("misbehave", "m", &[]).await;
    let mut hang = home.request("m/misbehave/hang", true);
    hang.deadline = Duration::from_millis(300);
    let count = async || {
        home.hub.action(&which("m"), "count", json!({}), Duration::from_secs(1)).await.unwrap().as_u64().unwrap()
    };
    let before = count().await;
    let result = home.hub.command(hang.clone()).await;
    assert_eq!(result.outcome, CommandOutcome::Timeout);
    assert!((Duration::from_millis(300)..Duration::from_millis(500)).contains(&result.elapsed), "{:?}", result.elapsed);
    // `run` went on, and commands are answered.
    assert!(count().await > before);
    assert_eq!(home.switch("m/misbehave/good", true).await.outcome, CommandOutcome::Ok);

    // 32 may be under way; one more is busy, and its slot is free when they have timed out.
    let many = (0..33).map(|_| home.hub.command(hang.clone()));
    let outcomes = futures::future::join_all(many).await;
    let busy = outcomes
        .iter()
        .filter(|result| matches!(&result.outcome, CommandOutcome::Busy(reason) if reason.contains("queue=")))
        .count();
    assert_eq!(busy, 1);
    let failures = home.hub.instance(&which("m")).unwrap().failures;
    assert_eq!((failures.busy, failures.timeout), (1, 33));
    // 33 calls were never answered: that is one too many.
    home.until("m", "restarted", |info| info.restarts == 1 && info.ready).await;
    assert_eq!(home.switch("m/misbehave/good", true).await.outcome, CommandOutcome::Ok);
}

#[tokio::test]
async fn commands_under_way_are_interrupted_and_not_sent_again() {
    let home = Home::open().await;
    home.run("misbehave", "m", &[]).await;
    let mut panic = home.request("m/misbehave/panic", true);
    panic.idempotency_key = Some(String::from("once"));
    let result = home.hub.command(panic.clone()).await;
    assert_eq!(result.outcome, CommandOutcome::Interrupted);
    home.until("m", "restarted", |info| info.restarts == 1 && info.ready).await;
    // The same request again gets the same outcome and does not trap it again.
    let again = home.hub.command(panic).await;
    assert_eq!((again.id, again.outcome), (result.id, CommandOutcome::Interrupted));
    assert_eq!(home.hub.instance(&which("m")).unwrap().restarts, 1);
}

#[tokio::test]
async fn lines_are_fit_for_a_terminal() {
    let home = Home::open().await;
    home.run("misbehave", "m", &["logs=1000/s"]).await;
    home.hub.action(&which("m"), "log", json!({"count": 5}), Duration::from_secs(5)).await.unwrap();
    let lines = home.hub.logs(Some(&which("m")), 1000).unwrap();
    let is_fit = |text: &str| !text.contains(|c: char| c.is_control() && !['\t', '\n'].contains(&c));
    assert!(lines.iter().all(|line| is_fit(&line.text)), "{lines:#?}");
    assert!(lines.iter().all(|line| line.text.len() <= 4096 + 3));
    assert!(lines.iter().any(|line| line.text.contains("\\u{1b}[2Jcleared\nsecond line")), "{lines:#?}");
}

#[tokio::test]
#[ignore = "takes forty seconds"]
async fn too_many_failures_end_in_quarantine() {
    let home = Home::open().await;
    home.add("misbehave", "bad", json!({"life": "fail-at-start"}), &[]).await;
    let is_quarantined = |info: &igloo_hub::InstanceInfo| matches!(info.state, State::Quarantined { .. });
    let bad = home.within(Duration::from_secs(90), "bad", "quarantined", is_quarantined).await;
    assert!(matches!(bad.state, State::Quarantined { reason } if reason.contains("fails at the start")));
    assert_eq!(bad.restarts, 7);
    home.hub.configure(&which("bad"), json!({"life": "good"})).await.unwrap();
    home.until("bad", "ready", |info| info.ready).await;
}
