//! Timers and tasks.

use crate::{Outcome, Parameters};
use igloo::json;
use std::time::{Duration, Instant};

pub(crate) async fn timers() -> Outcome {
    let start = Instant::now();
    let task = tokio::spawn(async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        5
    });
    let mut interval = tokio::time::interval(Duration::from_millis(10));
    for _ in 0..3 {
        interval.tick().await;
    }
    let timeout = tokio::time::timeout(Duration::from_millis(15), std::future::pending::<()>()).await;
    let answer = task.await?;
    Ok(json!({ "task": answer, "timed_out": timeout.is_err(), "ms": start.elapsed().as_millis() as u64 }))
}

pub(crate) async fn sleep(p: &Parameters) -> Outcome {
    let start = Instant::now();
    tokio::time::sleep(Duration::from_millis(p.ms.unwrap_or(10))).await;
    Ok(json!({ "us": start.elapsed().as_micros() as u64 }))
}

/// A task that never waits must not keep others from running.
pub(crate) async fn busy(p: &Parameters) -> Outcome {
    let start = Instant::now();
    let duration = Duration::from_millis(p.ms.unwrap_or(200));
    let mut rounds = 0u64;
    while start.elapsed() < duration {
        tokio::task::yield_now().await;
        rounds += 1;
    }
    Ok(json!({ "rounds": rounds }))
}

/// Blocking tasks run at once, one after the other; what is ready waits in between.
pub(crate) async fn spawn_blocking() -> Outcome {
    let tasks = (0..3u32).map(|n| tokio::task::spawn_blocking(move || n * n));
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await?);
    }
    Ok(json!({ "answers": answers }))
}

pub(crate) async fn blocking_sleep() -> Outcome {
    tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(50))).await?;
    Ok(json!({}))
}

/// `std::thread::Builder` says no; `std::thread::spawn` panics.
pub(crate) fn thread_spawn(p: &Parameters) -> Outcome {
    let refused =
        std::thread::Builder::new().spawn(|| ()).map_or_else(|e| format!("{:?}", e.kind()), |_| "ok".to_owned());
    if p.count.is_none() {
        return Ok(json!({ "refused": refused }));
    }
    std::thread::spawn(|| ());
    Ok(json!({}))
}

#[allow(clippy::unnecessary_wraps, reason = "it is a case as the others are")]
pub(crate) fn thread_sleep() -> Outcome {
    std::thread::sleep(Duration::from_millis(50));
    Ok(json!({}))
}
