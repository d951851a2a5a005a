//! CPython's own tests of asyncio, in a component: `tests/python/asyncio`. What came of each is compared with its
//! `expected.toml`, and docs/python-asyncio.md is what it says; `IGLOO_WRITE_DOCS=1` writes it.
//!
//! The provider's project, with Debian's tests as its dependency, is made by `tests/python/asyncio/stage.py`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test's way to say what happened")]

use std::env;
use std::time::Duration;

use igloo_hub::{CommandFailure, InstanceInfo};
use igloo_real_tests::{Home, workspace};
use serde_json::{Value as Json, json};
use tokio::process::Command;

/// Tests that would wait for ever in a way that nothing can end, each with its reason in expected.toml.
const LEFT_ALONE: [&str; 7] = [
    // They start a process and wait for it.
    "test_asyncio.test_events.TestPyGetEventLoop.test_get_event_loop_new_process",
    "test_asyncio.test_events.TestCGetEventLoop.test_get_event_loop_new_process",
    // It runs what is never done, which was an error in 3.11.
    "test_asyncio.test_runners.RunnerTests.test_run_future",
    // They block on a lock that another thread is to release.
    "test_asyncio.test_tasks.RunCoroutineThreadsafeTests.test_run_coroutine_threadsafe",
    "test_asyncio.test_tasks.RunCoroutineThreadsafeTests.test_run_coroutine_threadsafe_task_cancelled",
    "test_asyncio.test_tasks.RunCoroutineThreadsafeTests.test_run_coroutine_threadsafe_task_factory_exception",
    "test_asyncio.test_tasks.RunCoroutineThreadsafeTests.test_run_coroutine_threadsafe_with_exception",
];
/// How long one action may take: many times what it does.
const LONG: Duration = Duration::from_secs(60);

async fn ask(home: &Home, instance: &InstanceInfo, action: &str, parameters: Json) -> Json {
    let answer = home.hub.action(&instance.id.into(), action, parameters.clone(), LONG).await;
    answer.unwrap_or_else(|error: CommandFailure| panic!("{action} {parameters}: {error}\n{}", home.story()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cpythons_own_tests_of_asyncio() {
    let home = Home::open().await;
    let grants = [
        "tcp://127.0.0.1:*",
        "tcp://localhost:*",
        "tcp://[::1]:*",
        "udp://127.0.0.1:*",
        "udp://[::1]:*",
        "listen:tcp://127.0.0.1:0",
        "listen:tcp://0.0.0.0:0",
        "listen:tcp://[::1]:0",
        "listen:tcp://[::]:0",
        "listen:udp://127.0.0.1:0",
        "listen:udp://0.0.0.0:0",
        "listen:udp://[::1]:0",
        "cpu=100%",
        "memory=512MiB",
    ]
    .map(str::to_owned);
    let instance = home.install("asyncio-suite", &grants, json!(null)).await;
    home.ready(&instance).await;

    let modules = ask(&home, &instance, "modules", json!({})).await;
    // A module that could not be imported is told with the reason.
    let modules: Vec<&str> =
        modules.as_array().unwrap().iter().filter_map(Json::as_str).filter(|name| !name.contains(':')).collect();
    let mut answers: Vec<Json> = Vec::new();
    for module in &modules {
        let mut first = 0;
        loop {
            let parameters = json!({ "module": module, "first": first, "leave": LEFT_ALONE });
            let some = ask(&home, &instance, "check", parameters).await;
            let some = some.as_array().unwrap();
            if some.is_empty() {
                break;
            }
            first += some.len();
            answers.extend(some.iter().cloned());
        }
        println!("{module}: {first} tests");
    }
    home.hub.shutdown().await;

    let left_alone = LEFT_ALONE.map(|test| json!({ "test": test, "outcome": "skipped", "why": "left alone" }));
    answers.extend(left_alone);
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results.json");
    std::fs::write(&results, json!({ "modules": modules, "answers": answers }).to_string()).unwrap();
    let mut report = Command::new("python3");
    report.arg(workspace().join("tests/python/asyncio/report.py")).arg(&results);
    if env::var_os("IGLOO_WRITE_DOCS").is_some() {
        report.arg("--write");
    }
    let output = report.output().await.unwrap();
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
