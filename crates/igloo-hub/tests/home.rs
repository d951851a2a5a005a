//! A home with running providers: commands, watches, restarts of the hub, groups, and the owner's decisions.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test")]

mod common;

use std::time::{Duration, Instant};

use common::{Home, newest, options, which};
use igloo_hub::{CommandFailure, CommandOutcome, Error, Hub, HubEvent, NewInstance, State};
use igloo_model::{Query, Value, tree::Change};
use igloo_protocol::RunAsChoice;
use serde_json::json;

#[tokio::test]
async fn what_a_command_writes_is_there_before_its_outcome() {
    let home = Home::open().await;
    home.run("bench", "bench", &[]).await;
    let mut watch = home.hub.watch("bench/*/switch".parse().unwrap());
    watch.next().await;
    for round in 0..200 {
        let on = round % 2 == 0;
        assert_eq!(home.switch("bench/bench/switch", on).await.outcome, CommandOutcome::Ok);
        assert_eq!(home.value("bench/bench/switch", "switch"), json!(on));
        assert_eq!(newest(&watch.next().await, "switch"), Some(Value::Boolean(on)));
    }
    assert_eq!(home.hub.instance(&which("bench")).unwrap().commands, 200);
}

#[tokio::test]
async fn a_watch_of_nothing_begins_at_once() {
    let home = Home::open().await;
    let mut watch = home.hub.watch(Query::all());
    assert!(watch.next().await.is_empty());
    home.run("bench", "bench", &[]).await;
    let changes = watch.next().await;
    assert!(changes.iter().any(|change| matches!(change, Change::Device(_))), "{changes:?}");
}

#[tokio::test]
async fn commands_that_cannot_be_are_told_why() {
    let home = Home::open().await;
    home.run("misbehave", "m", &[]).await;
    let request = |entity: &str, kind: &str, value: serde_json::Value| {
        let mut request = home.request("m/misbehave/good", true);
        request.entity = entity.to_owned();
        request.changes = vec![(kind.to_owned(), value)];
        home.hub.command(request)
    };
    assert!(matches!(request("nowhere", "switch", json!(true)).await.outcome, CommandOutcome::NotFound(_)));
    assert!(matches!(request("good", "dimmer", json!(1)).await.outcome, CommandOutcome::Invalid(_)));
    assert!(matches!(request("good", "switch", json!("on")).await.outcome, CommandOutcome::Invalid(_)));
    assert!(matches!(request("counter", "count", json!(1)).await.outcome, CommandOutcome::Invalid(_)));
    let reason = String::from("misbehave: will not");
    assert_eq!(request("reject", "switch", json!(true)).await.outcome, CommandOutcome::Rejected(reason));
    assert!(matches!(request("busy", "switch", json!(true)).await.outcome, CommandOutcome::Busy(_)));
    home.hub.stop(&which("m")).await.unwrap();
    assert!(matches!(request("good", "switch", json!(true)).await.outcome, CommandOutcome::Unavailable(_)));
    let action = home.hub.action(&which("m"), "count", json!({}), Duration::from_secs(1)).await;
    assert!(matches!(action, Err(CommandFailure::Unavailable(_))), "{action:?}");
}

#[tokio::test]
async fn actions_are_checked_and_answered() {
    let home = Home::open().await;
    home.run("bench", "bench", &["writes=1000000/s", "cpu=400%"]).await;
    let run = async |name: &str, parameters| {
        home.hub.action(&which("bench"), name, parameters, Duration::from_secs(20)).await
    };
    let answer = run("flood", json!({"count": 1000, "batch": 10})).await.unwrap();
    assert!(answer["elapsed_ns"].as_u64().unwrap() > 0);
    assert!(matches!(run("flood", json!({"count": 0})).await, Err(CommandFailure::Invalid(_))));
    assert!(matches!(run("nothing", json!({})).await, Err(CommandFailure::NotFound(text)) if text.contains("flood")));
}

#[tokio::test]
async fn values_above_the_rate_come_late_and_are_not_lost() {
    let home = Home::open().await;
    home.run("bench", "bench", &["writes=200/s", "cpu=400%"]).await;
    let mut watch = home.hub.watch("bench/*/*/real".parse().unwrap());
    watch.next().await;
    // 100 components, each written 100 times. The action's answer makes everything visible.
    let flood = json!({"count": 10_000, "batch": 100});
    home.hub.action(&which("bench"), "flood", flood, Duration::from_secs(20)).await.unwrap();
    let last = |n: usize| json!(f64::from(u32::try_from(9900 + n).unwrap()));
    for n in 0..100 {
        assert_eq!(home.value(&format!("bench/bench/real-{n}"), "real"), last(n));
    }
    let skipped: u32 = watch
        .next()
        .await
        .iter()
        .map(|change| match change {
            Change::Value { skipped, .. } => *skipped,
            _ => 0,
        })
        .sum();
    assert!(skipped < 1000, "most were never published: {skipped}");
    assert_eq!(home.hub.instance(&which("bench")).unwrap().writes, 10_000);
}

#[tokio::test]
async fn the_same_key_is_the_same_command() {
    let home = Home::open().await;
    home.run("misbehave", "m", &[]).await;
    let mut request = home.request("m/misbehave/slow", true);
    request.idempotency_key = Some(String::from("k"));
    // Ten at once, and one whose asker goes away.
    let gone = home.hub.command(request.clone());
    assert!(tokio::time::timeout(Duration::from_millis(50), gone).await.is_err());
    let results = futures::future::join_all((0..10).map(|_| home.hub.command(request.clone()))).await;
    let again = home.hub.command(request.clone()).await;
    for result in results.iter().chain([&again]) {
        assert_eq!((result.id, &result.outcome), (again.id, &CommandOutcome::Ok));
    }
    assert_eq!(home.hub.instance(&which("m")).unwrap().commands, 1);
    request.entity = String::from("good");
    assert!(matches!(home.hub.command(request).await.outcome, CommandOutcome::Invalid(_)));
}

#[tokio::test]
async fn several_instances_of_one_package_are_apart() {
    let home = Home::open().await;
    for name in ["a", "b", "c"] {
        home.run("bench", name, &[]).await;
    }
    assert_eq!(home.switch("b/bench/switch", true).await.outcome, CommandOutcome::Ok);
    assert_eq!(home.value("b/bench/switch", "switch"), json!(true));
    for other in ["a", "c"] {
        assert_eq!(home.value(&format!("{other}/bench/switch"), "switch"), json!(null));
    }
    let package = home.install("bench").await;
    let request = NewInstance {
        package: package.clone(),
        name: None,
        config: json!(null),
        grants: common::grants(&[]),
        run_as: RunAsChoice::default(),
        start: false,
    };
    assert_eq!(home.hub.add_instance(request.clone()).await.unwrap().name.as_str(), "bench");
    assert_eq!(home.hub.add_instance(request.clone()).await.unwrap().name.as_str(), "bench-2");
    let taken = NewInstance { name: Some("a".parse().unwrap()), ..request.clone() };
    assert!(matches!(home.hub.add_instance(taken).await, Err(Error::Conflict(_))));
    let like_an_id = NewInstance { name: Some("i7".parse().unwrap()), ..request };
    assert!(matches!(home.hub.add_instance(like_an_id).await, Err(Error::Invalid(_))));
    assert!(matches!(home.hub.remove_package(&package).await, Err(Error::Conflict(_))));
    for info in home.hub.instances() {
        home.hub.remove_instance(&info.id.into()).await.unwrap();
    }
    assert!(home.hub.devices(&Query::all()).is_empty());
    home.hub.remove_package(&package).await.unwrap();
    assert!(home.hub.packages().is_empty());
}

#[tokio::test]
async fn a_home_comes_back_after_a_stop() {
    let home = Home::open().await;
    home.run("bench", "lamp", &["writes=500/s"]).await;
    home.run("fifty", "fifty", &[]).await;
    home.switch("lamp/bench/switch", true).await;
    let (lamp, other) = (home.device("lamp/bench"), home.device("fifty/lamp-7"));
    let kitchen = home.hub.create_group("Kitchen").await.unwrap().id;
    let upstairs = home.hub.create_group("Upstairs").await.unwrap().id;
    home.hub.add_to_group(kitchen, &[lamp, other]).await.unwrap();
    home.hub.add_to_group(upstairs, &[lamp]).await.unwrap();
    home.hub.rename_group(upstairs, "Attic").await.unwrap();
    assert!(matches!(home.hub.create_group("Attic").await, Err(Error::Conflict(_))));
    home.hub.stop(&which("lamp")).await.unwrap();

    let home = home.reopen().await;
    // At once, whatever providers do.
    let device = home.hub.device(lamp).unwrap();
    assert_eq!(device.groups, [kitchen, upstairs]);
    assert!(!device.available && !device.missing);
    let switch = &device.entities[0].components[0];
    assert_eq!((&switch.value, switch.stale), (&json!(true), true));
    assert_eq!(home.device("fifty/lamp-7"), other);
    let lamp_info = home.hub.instance(&which("lamp")).unwrap();
    assert_eq!((lamp_info.wanted, lamp_info.limits.writes_per_second), (false, 500));
    home.until("fifty", "ready", |info| info.ready).await;
    assert_eq!(home.device("fifty/lamp-7"), other, "the same device");
    assert_eq!(home.hub.devices(&Query::all()).len(), 51);
    home.hub.start(&which("lamp")).await.unwrap();
    home.until("lamp", "ready", |info| info.ready).await;
    home.switch("lamp/bench/switch", false).await;
    assert!(!home.hub.device(lamp).unwrap().entities[0].components[0].stale);
    home.hub.remove_from_group(kitchen, &[lamp]).await.unwrap();
    home.hub.delete_group(upstairs).await.unwrap();
    let groups = home.hub.groups();
    assert_eq!((groups.len(), &groups[0].devices), (1, &vec![other]));
}

#[tokio::test]
async fn two_hubs_do_not_share_a_directory() {
    let home = Home::open().await;
    let second = Hub::open(options(&home.directory.path().join("data"))).await;
    assert!(matches!(second, Err(Error::Conflict(text)) if text.contains("another hub")));
}

#[tokio::test]
async fn a_hub_without_a_shutdown_ends_with_its_last_clone() {
    let home = Home::open().await;
    home.run("bench", "bench", &[]).await;
    let data = home.directory.path().join("data");
    drop(home.hub);
    let began = Instant::now();
    let hub = loop {
        match Hub::open(options(&data)).await {
            Ok(hub) => break hub,
            Err(error) => assert!(began.elapsed() < Duration::from_secs(10), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(hub.instances().len(), 1);
    hub.shutdown().await;
}

#[tokio::test]
async fn devices_are_forgotten_when_nobody_has_them() {
    let home = Home::open().await;
    home.run("bench", "bench", &[]).await;
    let device = home.device("bench/bench");
    assert!(matches!(home.hub.forget_device(device).await, Err(Error::Conflict(_))));
    home.hub.stop(&which("bench")).await.unwrap();
    home.hub.forget_device(device).await.unwrap();
    assert!(matches!(home.hub.device(device), Err(Error::NotFound(_))));
    let home = home.reopen().await;
    assert!(matches!(home.hub.device(device), Err(Error::NotFound(_))));
    home.hub.start(&which("bench")).await.unwrap();
    home.until("bench", "ready", |info| info.ready).await;
    assert!(home.device("bench/bench") > device, "an id is never given again");
}

#[tokio::test]
async fn revoking_ends_what_runs_at_once() {
    let home = Home::open().await;
    home.run("bench", "bench", &["tcp://192.0.2.1:80"]).await;
    let mut events = home.hub.follow_events();
    let grant: igloo_protocol::Grant = "tcp://192.0.2.1:80".parse().unwrap();
    let began = Instant::now();
    let info = home.hub.revoke(&which("bench"), grant.clone()).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert!(info.grants.list.is_empty());
    assert!(matches!(home.hub.revoke(&which("bench"), grant).await, Err(Error::NotFound(_))));
    home.until("bench", "ready", |info| info.ready).await;
    let mut states = Vec::new();
    while states.last() != Some(&State::Running) {
        if let Some(HubEvent::InstanceState { state, .. }) = events.next().await {
            states.push(state);
        }
    }
    assert_eq!(states, [State::Starting, State::Running]);
    let home = home.reopen().await;
    assert!(home.hub.instance(&which("bench")).unwrap().grants.list.is_empty());
}

#[tokio::test]
async fn configurations_are_checked_kept_and_restart() {
    let home = Home::open().await;
    home.run("misbehave", "m", &[]).await;
    let wrong = home.hub.configure(&which("m"), json!({"life": "long"})).await;
    assert!(matches!(wrong, Err(Error::Invalid(text)) if text.contains("life")));
    let info = home.hub.configure(&which("m"), json!({"life": "finish"})).await.unwrap();
    assert_eq!(info.config, json!({"life": "finish"}));
    let info = home.until("m", "stopped", |info| info.state == State::Stopped).await;
    assert!(info.wanted, "it finished by itself");
    home.hub.rename_instance(&which("m"), "n".parse().unwrap()).await.unwrap();
    let home = home.reopen().await;
    assert_eq!(home.hub.instance(&which("n")).unwrap().config, json!({"life": "finish"}));
}

#[tokio::test]
async fn an_update_that_fails_is_undone() {
    let home = Home::open().await;
    let old = home.run("bench", "bench", &[]).await;
    let (manifest, component) = common::files("bench");
    let newer = manifest.replace("version = \"0.1.0\"", "version = \"0.2.0\"");
    let good = home.hub.add_package(newer.clone(), component).await.unwrap();
    // An empty component: it has nothing of a provider.
    let broken = newer.replace("0.2.0", "0.3.0");
    let broken = home.hub.add_package(broken, vec![0, b'a', b's', b'm', 0x0d, 0, 1, 0]).await.unwrap();
    let wants = newer.replace("0.2.0", "0.4.0") + "[[wants]]\ngrant = \"tcp://192.0.2.1:80\"\nwhy = \"to call home\"\n";
    let wants = home.hub.add_package(wants, common::files("bench").1).await.unwrap();

    home.hub.update_instance(&which("bench"), good.id.clone()).await.unwrap();
    home.until("bench", "ready", |info| info.ready && info.version == "0.2.0").await;
    assert_eq!(home.switch("bench/bench/switch", true).await.outcome, CommandOutcome::Ok);

    let more = home.hub.update_instance(&which("bench"), wants.id).await;
    assert!(matches!(more, Err(Error::Wants(wants)) if wants[0].why == "to call home"));

    home.hub.update_instance(&which("bench"), broken.id).await.unwrap();
    let back = home.until("bench", "ready", |info| info.ready && info.version == "0.2.0").await;
    assert_eq!((back.package, back.id), (good.id, old.id));
    assert!(home.hub.logs(None, 100).unwrap().iter().any(|line| line.text.contains("going back to 0.2.0")));
}

#[tokio::test]
async fn what_is_no_component_is_refused() {
    let home = Home::open().await;
    let (manifest, component) = common::files("bench");
    let module = vec![0, b'a', b's', b'm', 1, 0, 0, 0];
    assert!(matches!(home.hub.add_package(manifest.clone(), module).await, Err(Error::Invalid(_))));
    assert!(matches!(home.hub.add_package(String::from("x"), component.clone()).await, Err(Error::Invalid(_))));
    let first = home.hub.add_package(manifest.clone(), component.clone()).await.unwrap();
    assert_eq!(home.hub.add_package(manifest, component).await.unwrap().id, first.id);
    assert_eq!(home.hub.packages().len(), 1);
}

#[tokio::test]
async fn denials_are_counted_told_and_answered_by_a_grant() {
    let home = Home::open().await;
    let mut events = home.hub.follow_events();
    // It wants a serial port, and has none.
    home.add("p1-meter", "meter", json!({}), &[]).await;
    let told = loop {
        match events.next().await {
            Some(HubEvent::Denial(denial)) => break denial,
            Some(_) => {}
            None => panic!("the hub is gone"),
        }
    };
    assert_eq!((told.capability, told.enforced, told.count), ("serial", true, 1));
    let denials = home.hub.denials(Some(&which("meter"))).unwrap();
    assert_eq!(denials.len(), 1, "{denials:?}");
    let info = home.hub.instance(&which("meter")).unwrap();
    assert!(info.denials >= 1 && info.missing_wants.len() == 1, "{info:?}");
    let grant = info.missing_wants[0].fill("replay:nowhere").unwrap();
    let info = home.hub.grant(&which("meter"), grant).await.unwrap();
    assert!(info.missing_wants.is_empty());
}
