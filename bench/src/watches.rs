//! One change, many watchers: from the command to the last of them.

use std::time::Instant;

use anyhow::Result;
use igloo_model::{Value, tree::Change};
use tokio::sync::{Barrier, mpsc};

use crate::{
    hub::{TestHub, command, switch},
    report::{Times, table},
};

const COUNT: usize = 500;

pub(crate) async fn measure() -> Result<()> {
    let home = TestHub::open().await?;
    home.install("bench", "bench", &["cpu=400%", "writes=1000000/s"], serde_json::Value::Null).await?;
    let device = home.device("bench")?;
    let mut all = Vec::new();
    for watchers in [1, 10, 100] {
        let (told, mut heard) = mpsc::channel(watchers);
        let mut readers = Vec::new();
        let begun = std::sync::Arc::new(Barrier::new(watchers + 1));
        for _ in 0..watchers {
            let (mut watch, told, begun) =
                (home.hub.watch("bench/bench/switch/switch".parse()?), told.clone(), begun.clone());
            readers.push(tokio::spawn(async move {
                watch.next().await;
                begun.wait().await;
                loop {
                    for change in watch.next().await {
                        if let Change::Value { value: Value::Boolean(on), .. } = change {
                            let _ = told.send(on).await;
                        }
                    }
                }
            }));
        }
        begun.wait().await;
        let mut times = Vec::new();
        let mut on = false;
        for _ in 0..COUNT {
            on = !on;
            let before = Instant::now();
            command(&home.hub, switch(device, on)).await?;
            let mut missing = watchers;
            while missing > 0 {
                if heard.recv().await == Some(on) {
                    missing -= 1;
                }
            }
            times.push(before.elapsed());
        }
        readers.iter().for_each(tokio::task::JoinHandle::abort);
        all.push((watchers, Times::new(times)));
    }
    home.hub.shutdown().await;
    let rows: Vec<Vec<String>> =
        all.iter().filter_map(|(watchers, times)| Some(times.row(&watchers.to_string(), &all.first()?.1))).collect();
    table(
        "From a command until every watcher knows, in µs",
        &["watchers", "p50", "p99", "changes", "beside one"],
        rows,
    );
    Ok(())
}
