//! A provider's life on the component engine: commands while it runs, deadlines, killing, traps, limits.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test")]

mod common;

use std::time::{Duration, Instant};

use common::{command, engine, launch, start, start_on};
use igloo_engine::{ActionOutcome, Exit, Outcome};
use igloo_model::Value;

#[tokio::test]
async fn a_command_is_answered_and_its_write_is_there_before() {
    let running = start("bench", &[], "{}").await;
    let outcome = running.instance.command(command("bench", "switch", "switch", Value::Boolean(true))).await;
    assert_eq!(outcome, Outcome::Ok);
    assert_eq!(running.home.newest(0), Some(Value::Boolean(true)));
    assert_eq!(running.instance.stop(Duration::from_secs(5)).await, Exit::Finished);
}

#[tokio::test]
async fn killing_ends_a_provider_at_once() {
    let running = start("bench", &[], "{}").await;
    let before = Instant::now();
    assert_eq!(running.instance.kill("enough").await, Exit::Killed("enough".to_owned()));
    assert!(before.elapsed() < Duration::from_secs(1));
    let outcome = running.instance.command(command("bench", "switch", "switch", Value::Boolean(true))).await;
    assert_eq!(outcome, Outcome::Error(igloo_protocol::CommandError::Unavailable));
}

#[tokio::test]
async fn an_action_returns_json() {
    let running = start("bench", &["cpu=400%"], "{}").await;
    let flood = r#"{"count": 10000, "batch": 16}"#.to_owned();
    match running.instance.action("flood".to_owned(), flood, Duration::from_secs(20)).await {
        ActionOutcome::Ok(json) => assert!(json.contains("elapsed_ns"), "{json}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(running.home.update_count(), 10_000);
}

#[tokio::test]
async fn compiled_code_that_was_changed_is_made_anew() {
    let cache = tempfile::tempdir().unwrap();
    let engine = || {
        let options = igloo_engine::component::EngineOptions::new(cache.path().to_owned());
        igloo_engine::component::ComponentEngine::new(options).unwrap()
    };
    let first = engine();
    drop(launch(&first, "bench", &[], "{}").await);
    let kept = std::fs::read_dir(cache.path())
        .unwrap()
        .flatten()
        .map(|file| file.path())
        .find(|path| path.extension().is_some_and(|e| e == "cwasm"))
        .unwrap();
    let good = std::fs::read(&kept).unwrap();
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    std::fs::remove_file(&kept).unwrap();
    std::fs::write(&kept, &bad).unwrap();
    // The middle is machine code. Who has the same from before need not look at it, and does not run it.
    for (engine, is_seen) in [(first, false), (engine(), true)] {
        let running = start_on(&engine, "bench", &[], "{}").await;
        let outcome = running.instance.command(command("bench", "switch", "switch", Value::Boolean(true))).await;
        assert_eq!(outcome, Outcome::Ok);
        assert_eq!(std::fs::read(&kept).unwrap() != bad, is_seen);
    }
}

#[tokio::test]
async fn many_instances_of_one_component_are_apart() {
    let engine = engine();
    let mut all = Vec::new();
    for _ in 0..20 {
        all.push(start_on(&engine, "bench", &[], "{}").await);
    }
    for (index, running) in all.iter().enumerate() {
        let on = index % 2 == 0;
        let outcome = running.instance.command(command("bench", "switch", "switch", Value::Boolean(on))).await;
        assert_eq!(outcome, Outcome::Ok);
        assert_eq!(running.home.newest(0), Some(Value::Boolean(on)));
        assert_eq!(running.home.update_count(), 1);
    }
}

/// The handle of `misbehave`'s counter, by its description's order: seven switches come before it.
const COUNTER: u32 = 7;

async fn misbehave(life: &str) -> common::Running {
    launch(&engine(), "misbehave", &[], &format!(r#"{{"life": "{life}"}}"#)).await
}

#[tokio::test]
async fn a_full_stack_is_named() {
    let running = misbehave("fill-stack").await;
    match running.instance.ended().await {
        Exit::Trapped(reason) => assert!(reason.contains("stack") && reason.contains("Box::pin"), "{reason}"),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn who_fills_the_disk_is_ended_and_the_limit_is_named() {
    for life in ["fill-disk", "fill-disk-unseen"] {
        let config = format!(r#"{{"life": "{life}"}}"#);
        let running = launch(&engine(), "misbehave", &["private=1MiB"], &config).await;
        match tokio::time::timeout(Duration::from_secs(60), running.instance.ended()).await.expect("nobody noticed") {
            Exit::Killed(reason) => assert!(reason.contains("grant private=2MiB for more"), "{life}: {reason}"),
            other => panic!("{life}: {other}"),
        }
    }
}

#[tokio::test]
async fn a_panic_is_a_trap_with_message_and_place() {
    let running = misbehave("panic").await;
    match running.instance.ended().await {
        Exit::Trapped(reason) => {
            assert!(reason.starts_with("panic: misbehave: panics, at "), "{reason}");
            assert!(reason.contains("backtrace"), "{reason}");
        }
        other => panic!("{other}"),
    }
    let logs = running.home.logs();
    let told = logs.iter().any(|(_, line)| line.contains("misbehave: panics") && line.contains("lib.rs"));
    assert!(told, "{logs:?}");
}

#[tokio::test]
async fn failing_and_finishing_are_told_apart() {
    assert_eq!(misbehave("finish").await.instance.ended().await, Exit::Finished);
    match misbehave("fail").await.instance.ended().await {
        Exit::Failed(reason) => assert!(reason.contains("misbehave: fails"), "{reason}"),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn commands_before_and_after_run_are_unavailable() {
    let unavailable = Outcome::Error(igloo_protocol::CommandError::Unavailable);
    let good = || command("misbehave", "good", "switch", Value::Boolean(true));
    let never = misbehave("never-ready").await;
    assert_eq!(never.instance.command(good()).await, unavailable);
    let finished = misbehave("finish").await;
    assert_eq!(finished.instance.ended().await, Exit::Finished);
    assert_eq!(finished.instance.command(good()).await, unavailable);
}

#[tokio::test]
async fn an_endless_loop_is_ended() {
    let running = misbehave("spin").await;
    let before = Instant::now();
    match running.instance.ended().await {
        Exit::Killed(reason) => assert!(reason.contains("without coming to rest"), "{reason}"),
        other => panic!("{other}"),
    }
    assert!(before.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn an_endless_loop_is_killed_at_any_instant() {
    let running = start("misbehave", &[], "{}").await;
    let spin = command("misbehave", "spin", "switch", Value::Boolean(true));
    let instance = &running.instance;
    let (outcome, exit) = tokio::join!(instance.command(spin), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        instance.kill("enough").await
    });
    assert_eq!(exit, Exit::Killed("enough".to_owned()));
    assert_eq!(outcome, Outcome::Interrupted);
}

#[tokio::test]
async fn memory_ends_at_the_limit() {
    let running = misbehave("memory-bomb").await;
    match running.instance.ended().await {
        Exit::Trapped(reason) => assert!(!reason.is_empty()),
        other => panic!("{other}"),
    }
    assert!(running.instance.stats().memory_bytes <= 64 << 20);
    assert!(running.home.logs().iter().any(|(_, line)| line.contains("memory limit of 64MiB")));
}

#[tokio::test]
async fn a_command_that_hangs_times_out_while_run_goes_on() {
    let running = start("misbehave", &[], "{}").await;
    let mut hang = command("misbehave", "hang", "switch", Value::Boolean(true));
    hang.deadline = Duration::from_millis(300);
    let before = running.home.newest(COUNTER);
    assert_eq!(running.instance.command(hang).await, Outcome::Timeout);
    running.home.until(|home| home.newest(COUNTER) != before).await;
    assert_eq!(running.instance.stats().stuck_calls, 1);
    let good = command("misbehave", "good", "switch", Value::Boolean(true));
    assert_eq!(running.instance.command(good).await, Outcome::Ok);
}

#[tokio::test]
async fn too_many_stuck_commands_end_the_provider() {
    let running = start("misbehave", &[], "{}").await;
    let commands = (0..40).map(|_| {
        let mut hang = command("misbehave", "hang", "switch", Value::Boolean(true));
        hang.deadline = Duration::from_millis(200);
        running.instance.command(hang)
    });
    let outcomes = futures::future::join_all(commands).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Timeout | Outcome::Interrupted)));
    match running.instance.ended().await {
        Exit::Killed(reason) => assert!(reason.contains("never answered"), "{reason}"),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_late_answer_frees_its_slot() {
    let running = start("misbehave", &[], "{}").await;
    let mut slow = command("misbehave", "slow", "switch", Value::Boolean(true));
    slow.deadline = Duration::from_millis(100);
    assert_eq!(running.instance.command(slow).await, Outcome::Timeout);
    let counted = running.home.newest(COUNTER);
    // Ten counts are a second: the answer came after half of one.
    for _ in 0..10 {
        let last = running.home.newest(COUNTER);
        running.home.until(|home| home.newest(COUNTER) != last).await;
    }
    assert_ne!(running.home.newest(COUNTER), counted);
    assert_eq!(running.instance.stats().stuck_calls, 0);
}

#[tokio::test]
async fn who_ignores_stop_is_ended() {
    let running = misbehave("ignore-stop").await;
    running.home.until(igloo_engine::test_home::Recorder::is_ready).await;
    match running.instance.stop(Duration::from_millis(500)).await {
        Exit::Killed(reason) => assert!(reason.contains("did not stop in time"), "{reason}"),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_busy_neighbour_is_not_felt() {
    let engine = engine();
    let good = start_on(&engine, "bench", &[], "{}").await;
    let _spinning = launch(&engine, "misbehave", &[], r#"{"life": "spin"}"#).await;
    let _bombing = launch(&engine, "misbehave", &[], r#"{"life": "memory-bomb"}"#).await;
    let until = Instant::now() + Duration::from_secs(4);
    let mut longest = Duration::ZERO;
    while Instant::now() < until {
        let before = Instant::now();
        let outcome = good.instance.command(command("bench", "switch", "switch", Value::Boolean(true))).await;
        assert_eq!(outcome, Outcome::Ok);
        longest = longest.max(before.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(longest < Duration::from_millis(250), "a command took {longest:?}");
}
