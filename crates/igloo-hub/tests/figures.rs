//! What the hub's own ways cost: `cargo test --release -p igloo-hub --test figures -- --ignored --nocapture`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, clippy::print_stdout, reason = "a test")]

mod common;

use std::time::{Duration, Instant};

use common::{Home, which};
use igloo_hub::CommandOutcome;
use igloo_model::{Access, Attributes, ComponentDescription, DeviceDescription, EntityDescription, Query, Value};
use igloo_protocol::Update;

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() - 1) * percent / 100]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures"]
async fn figures() {
    let home = Home::open().await;
    home.run("bench", "bench", &["writes=4000000/s", "cpu=400%"]).await;

    let request = home.request("bench/bench/switch", true);
    let mut took = Vec::new();
    for _ in 0..20_000 {
        let result = home.hub.command(request.clone()).await;
        assert_eq!(result.outcome, CommandOutcome::Ok);
        took.push(result.elapsed);
    }
    took.sort_unstable();
    println!("command, one write back, ok: p50 {:?}, p99 {:?}", percentile(&took, 50), percentile(&took, 99));

    let mut watch = home.hub.watch("bench/bench/switch/switch".parse().unwrap());
    watch.next().await;
    let mut took = Vec::new();
    for _ in 0..5000 {
        let began = Instant::now();
        let (result, changes) = tokio::join!(home.hub.command(request.clone()), watch.next());
        took.push(began.elapsed());
        assert!(result.outcome == CommandOutcome::Ok && changes.len() == 1);
    }
    took.sort_unstable();
    println!(
        "command until a watch has it and the outcome: p50 {:?}, p99 {:?}",
        percentile(&took, 50),
        percentile(&took, 99)
    );
    drop(watch);

    let provider = home.hub.home_of(&which("bench")).unwrap();
    let component = |n: usize| ComponentDescription {
        kind: ["real", "power", "temperature", "count"][n].to_owned(),
        access: Access::Read,
        attributes: Attributes::new(),
    };
    let entity = |n: usize| EntityDescription {
        id: n.to_string(),
        name: n.to_string(),
        attributes: Attributes::new(),
        components: (0..3).map(component).collect(),
    };
    let device = DeviceDescription {
        id: String::from("many"),
        name: String::from("Many"),
        attributes: Attributes::new(),
        entities: (0..100).map(entity).collect(),
    };
    let handles = provider.describe(device).unwrap();
    for watched in [false, true] {
        let watch = watched.then(|| home.hub.watch(Query::all()));
        let follow = watch.map(|mut watch| {
            tokio::spawn(async move {
                loop {
                    watch.next().await;
                }
            })
        });
        for batch in [1, 16, 256] {
            let mut updates = Vec::with_capacity(batch);
            let count = 2_000_000;
            let began = Instant::now();
            for n in 0..count / batch {
                let update = |k: usize| Update {
                    component: handles[(n * batch + k) % handles.len()],
                    value: Value::Real(1.5),
                    time: None,
                };
                updates.extend((0..batch).map(update));
                assert!(provider.write(&mut updates).is_empty());
            }
            let each = began.elapsed() / u32::try_from(count).unwrap();
            println!("write, {batch} at a time, watched: {watched}: {each:?} each");
        }
        if let Some(follow) = follow {
            follow.abort();
        }
    }

    let began = Instant::now();
    let sets = (0..1000).map(|n| provider.store_set(format!("k{}", n % 50), vec![7; 100]));
    assert!(futures::future::join_all(sets).await.iter().all(Result::is_ok));
    println!("1000 durable store sets, 8 at a time: {:?}", began.elapsed());

    home.hub.shutdown().await;
    let began = Instant::now();
    let hub = igloo_hub::Hub::open(common::options(&home.directory.path().join("data"))).await.unwrap();
    println!("opening a home with {} devices: {:?}", hub.devices(&Query::all()).len(), began.elapsed());
    hub.shutdown().await;
}
