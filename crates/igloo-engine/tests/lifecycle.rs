//! A provider's life on the component engine: commands while it runs, deadlines, killing, traps, limits.

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
    let options = igloo_engine::component::EngineOptions::new(cache.path().to_owned());
    let engine = igloo_engine::component::ComponentEngine::new(options).unwrap();
    drop(launch(&engine, "bench", &[], "{}").await);
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
    let running = start_on(&engine, "bench", &[], "{}").await;
    assert_eq!(running.instance.command(command("bench", "switch", "switch", Value::Boolean(true))).await, Outcome::Ok);
    assert_ne!(std::fs::read(&kept).unwrap(), bad);
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
