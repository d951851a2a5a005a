//! The simulated home and the fifty lamps, as an owner meets them: there within a second, alive, and obedient.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test")]

mod common;

use std::time::{Duration, Instant};

use common::{command, start};
use igloo_engine::{ActionOutcome, Exit, Outcome};
use igloo_model::Value;

#[tokio::test]
async fn the_demo_home_lives_and_obeys() {
    let running = start("demo-home", &[], r#"{"speed": 600}"#).await;
    let began = Instant::now();
    let before = running.home.update_count();
    assert!(before > 10);
    let lock = command("front-lock", "lock", "target-lock", Value::Boolean(false));
    let lamp = command("living-lamp", "bulb", "dimmer", Value::Real(0.25));
    let blind = command("living-blind", "cover", "target-position", Value::Real(0.5));
    let sensor = command("weather", "air", "temperature", Value::Real(30.0));
    let instance = &running.instance;
    let (lock, lamp, blind, sensor) =
        tokio::join!(instance.command(lock), instance.command(lamp), instance.command(blind), instance.command(sensor));
    assert_eq!((lock, lamp, blind), (Outcome::Ok, Outcome::Ok, Outcome::Ok));
    assert!(matches!(sensor, Outcome::Error(_)), "{sensor:?}");
    // The bolt takes a second, and nobody waited for it.
    assert!(began.elapsed() < Duration::from_secs(2));
    let ring = instance.action("ring".to_owned(), "{}".to_owned(), Duration::from_secs(1)).await;
    assert_eq!(ring, ActionOutcome::Ok("null".to_owned()));
    assert!(running.home.update_count() > before + 50);
    assert_eq!(running.home.logs(), []);
    assert_eq!(running.instance.stop(Duration::from_secs(5)).await, Exit::Finished);
}

#[tokio::test]
async fn fifty_devices_tick_while_they_are_commanded() {
    let running = start("fifty", &[], "{}").await;
    let began = Instant::now();
    let commands = (0..50)
        .map(|n| running.instance.command(command(&format!("lamp-{n}"), "bulb", "switch", Value::Boolean(true))));
    for outcome in futures::future::join_all(commands).await {
        assert_eq!(outcome, Outcome::Ok);
    }
    // 5 ms each, all at the same time.
    assert!(began.elapsed() < Duration::from_millis(150), "{:?}", began.elapsed());
    let before = running.home.update_count();
    tokio::time::sleep(Duration::from_millis(350)).await;
    assert!(running.home.update_count() >= before + 200);
}
