//! What is left of a provider's processes when it ends, and when the hub does: nothing.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use igloo_hostile::{Arena, PATIENCE, igloo, processes_with};
use rustix::process::{Pid, Signal, kill_process};

/// Waits until there are processes with this argument, or none.
async fn until(there_are: bool, argument: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = processes_with(argument);
        if found.is_empty() != there_are {
            return;
        }
        assert!(Instant::now() < deadline, "processes with {argument}: {found:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// An argument of `sleep` that no other test has.
fn seconds(number: u32) -> String {
    format!("{}{number}", 86_400_000 + std::process::id())
}

/// A provider that leaves children in sessions of their own, in a hub.
async fn with_children(argument: &str) -> Arena {
    let arena = Arena::open().await;
    arena.start_breaker("leaves_children", serde_json::json!({ "argument": argument })).await;
    arena.until_bad("ready", |info| info.ready).await;
    until(true, argument).await;
    arena
}

/// The same in the real `igloo up`.
async fn with_children_of_up(argument: &str) -> (Arena, Child) {
    let arena = with_children(argument).await;
    arena.hub.shutdown().await;
    until(false, argument).await;
    let mut up = Command::new(igloo());
    up.args(["up", "--listen", "127.0.0.1:0", "--data"]).arg(arena.data()).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut up = up.spawn().unwrap();
    let mut first = String::new();
    let mut output = BufReader::new(up.stdout.take().unwrap());
    output.read_line(&mut first).unwrap();
    assert!(first.starts_with("Igloo "), "{first}");
    // What it says later is nobody's, but must be read.
    std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
    until(true, argument).await;
    (arena, up)
}

fn end(up: &mut Child, signal: Signal) {
    kill_process(Pid::from_child(up), signal).unwrap();
    up.wait().unwrap();
}

/// The original's SIGTERM left its providers running.
#[tokio::test]
async fn original_sigterm_leaves_no_orphans() {
    let argument = seconds(1);
    let (_arena, mut up) = with_children_of_up(&argument).await;
    end(&mut up, Signal::TERM);
    until(false, &argument).await;
}

#[tokio::test]
async fn sigkill_leaves_no_orphans() {
    let argument = seconds(2);
    let (_arena, mut up) = with_children_of_up(&argument).await;
    end(&mut up, Signal::KILL);
    until(false, &argument).await;
}

#[tokio::test]
async fn a_stop_leaves_no_children() {
    let argument = seconds(3);
    let arena = with_children(&argument).await;
    arena.hub.stop(&arena.bad().id.into()).await.unwrap();
    until(false, &argument).await;
}

#[tokio::test]
async fn an_end_leaves_no_children() {
    let argument = seconds(4);
    let arena = with_children(&argument).await;
    // The next life would leave some again.
    arena.hub.configure(&arena.bad().id.into(), serde_json::json!({ "argument": "" })).await.unwrap();
    until(false, &argument).await;
    let argument = seconds(5);
    arena.until_bad("ready", |info| info.ready).await;
    // The attempt ends its process.
    let answer = arena.try_bad("leave-and-exit", &argument).await;
    assert!(answer.contains("Interrupted"), "{answer}");
    until(false, &argument).await;
}

/// A hub that is dropped without a goodbye, as when a test fails.
#[tokio::test]
async fn a_dropped_hub_leaves_no_children() {
    let argument = seconds(6);
    drop(with_children(&argument).await);
    until(false, &argument).await;
}
