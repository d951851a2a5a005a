//! What sockets and event loops do in Python: the same cases natively and in a component, with the same outcome, and what
//! would end a process and must not end an instance. `tests/python/sockets`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's way to say that it failed")]

use std::time::Duration;

use igloo_hub::{CommandFailure, InstanceInfo, InstanceRef};
use igloo_real_tests::{Home, workspace};
use serde_json::{Value as Json, json};
use tokio::process::Command;

async fn guest() -> (Home, InstanceInfo) {
    let home = Home::open().await;
    let grants = ["tcp://127.0.0.1:*", "udp://127.0.0.1:*", "listen:tcp://127.0.0.1:0", "listen:udp://127.0.0.1:0"]
        .map(str::to_owned);
    let instance = home.install("python-sockets", &grants, json!(null)).await;
    home.ready(&instance).await;
    (home, instance)
}

async fn ask(home: &Home, instance: &InstanceInfo, action: &str) -> Result<Json, CommandFailure> {
    home.action(instance, action, json!({})).await
}

#[tokio::test]
async fn the_outcomes_are_those_of_a_native_run() {
    let script = workspace().join("tests/python/sockets/src/socket_cases.py");
    let native = Command::new("python3").arg(script).output().await.unwrap();
    assert!(native.status.success(), "{}", String::from_utf8_lossy(&native.stderr));
    let mut native: Json = serde_json::from_slice(&native.stdout).unwrap();
    let (home, instance) = guest().await;
    let mut here = ask(&home, &instance, "cases").await.unwrap_or_else(|error| panic!("{error}\n{}", home.story()));
    // A component starts no processes, and says so.
    assert_eq!(here["loops"]["subprocess"], "NotImplementedError");
    for answers in [&mut native, &mut here] {
        answers["loops"].as_object_mut().unwrap().remove("subprocess");
    }
    assert_eq!(native, here);
    home.hub.shutdown().await;
}

#[tokio::test]
async fn what_would_end_a_process_ends_nothing_else() {
    let (home, instance) = guest().await;
    assert_eq!(ask(&home, &instance, "exits").await.unwrap(), "KeyboardInterrupt");
    let refused = ask(&home, &instance, "leaves").await.unwrap_err().to_string();
    assert!(refused.contains("SystemExit"), "{refused}");
    let now = home.hub.instance(&InstanceRef::Id(instance.id)).unwrap();
    assert_eq!(now.restarts, 0, "{}", home.story());
    // `run` is cancelled too: a failure with its reason, and no trap.
    assert!(ask(&home, &instance, "cancels-all").await.is_err());
    let told = async {
        while !home.story().contains("it was cancelled") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(20), told).await.is_ok(), "{}", home.story());
    assert!(!home.story().contains("trapped"), "{}", home.story());
    home.hub.shutdown().await;
}

/// Else looking at an object writes to the page that it is on, which an instance then has to itself.
#[tokio::test]
async fn what_was_imported_is_immortal_and_nothing_else() {
    let (home, instance) = guest().await;
    let told = ask(&home, &instance, "immortal").await.unwrap();
    assert_eq!(told, json!({ "imported": true, "known": false, "own": false, "own_goes": true }));
    home.hub.shutdown().await;
}

/// Buffers of connections would stay until the collector comes, and memory would be as large as chance has it.
#[tokio::test]
async fn what_is_done_with_is_gone_without_the_garbage_collector() {
    let (home, instance) = guest().await;
    assert_eq!(ask(&home, &instance, "garbage").await.unwrap(), json!({}));
    home.hub.shutdown().await;
}

#[tokio::test]
async fn two_instances_of_one_component_draw_different_numbers() {
    let (home, instance) = guest().await;
    let other = home.install("python-sockets", &[], json!(null)).await;
    home.ready(&other).await;
    let draws = ask(&home, &instance, "chances").await.unwrap();
    let others = ask(&home, &other, "chances").await.unwrap();
    let pairs = draws.as_array().unwrap().iter().zip(others.as_array().unwrap());
    assert_eq!(pairs.clone().count(), 3);
    for (one, other) in pairs {
        assert_ne!(one, other);
    }
    home.hub.shutdown().await;
}
