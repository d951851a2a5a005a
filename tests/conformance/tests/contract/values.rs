//! What a provider tells: values, events, its devices and whether they can be reached.

use std::collections::BTreeSet;

use igloo_conformance::{Subject, conformance};
use igloo_hub::{CommandOutcome, State};
use igloo_model::{Value, tree::Change};
use igloo_protocol::RunAs;
use igloo_real_tests::PATIENCE;
use serde_json::{Value as Json, json};
use tokio::time::timeout;

conformance!(
    only_the_newest_value_counts,
    what_is_refused_is_told_by_its_index,
    unknown_kinds_are_kept,
    devices_of_others_are_out_of_reach,
    what_cannot_be_reached_keeps_its_values,
    what_is_no_longer_described_is_missing,
    devices_come_and_go,
    events_keep_their_order,
    events_above_the_rate_are_counted,
    events_are_those_that_are_listed,
);

async fn only_the_newest_value_counts(run_as: RunAs) {
    let subject = Subject::ready(run_as, &["writes=50/s"]).await;
    let mut watch = subject.home.hub.watch("*/*/count".parse().unwrap());
    watch.next().await;
    subject.case("burst", json!({ "count": 2000 })).await;
    let mut seen = Vec::new();
    timeout(PATIENCE, async {
        while seen.last() != Some(&Value::Integer(2000)) {
            seen.extend(watch.next().await.into_iter().filter_map(|change| match change {
                Change::Value { value, .. } => Some(value),
                _ => None,
            }));
        }
    })
    .await
    .unwrap_or_else(|_| panic!("the newest value was dropped: {seen:?}"));
    assert!(seen.len() < 200, "{} values were published at 50/s", seen.len());
    let number = |value: &Value| matches!(value, Value::Integer(number) if *number > 0);
    assert!(seen.iter().all(number) && seen.is_sorted_by_key(|value| format!("{value:?}").len()), "{seen:?}");
    assert_eq!(subject.component("count", "count").value, json!(2000));
}

async fn what_is_refused_is_told_by_its_index(run_as: RunAs) {
    let subject = Subject::ready(run_as, &[]).await;
    let refused = subject.case("bad-writes", json!({})).await;
    let refused: BTreeSet<String> = refused.as_array().unwrap().iter().map(Json::to_string).collect();
    let expected = [
        json!([1, "conform/temperature/temperature", "WrongType"]),
        json!([3, "conform/text/text", "Limit"]),
        json!([4, "stray/x/real", "NotDescribed"]),
        json!([5, "conform/temperature/temperature", "WrongType"]),
    ];
    assert_eq!(refused, expected.iter().map(Json::to_string).collect());
    // The others of the same list were taken.
    assert_eq!(subject.component("temperature", "temperature").value, json!(21.5));
    assert_eq!(subject.component("text", "text").value, json!("fine"));
    assert!(subject.find("stray").is_none());
}

async fn unknown_kinds_are_kept(run_as: RunAs) {
    let subject = Subject::ready(run_as, &[]).await;
    subject.case("bad-writes", json!({})).await;
    let unknown = subject.component("unknown", "acme-frobnication");
    assert_eq!(unknown.value, json!("anything"));
    assert_eq!(unknown.attributes, json!({ "acme-size": 3 }));
}

async fn devices_of_others_are_out_of_reach(run_as: RunAs) {
    let subject = Subject::ready(run_as, &[]).await;
    let other = subject.another().await;
    let theirs = json!({ "device": "theirs" });
    subject.home.action(&other, "describe", theirs.clone()).await.unwrap();
    let denied = subject.case("undescribed", theirs).await;
    assert_eq!(denied, json!({ "removed": false, "available": false }));
    let devices = subject.home.hub.devices(&igloo_model::Query::all());
    let theirs = devices.iter().find(|device| device.key == "theirs").unwrap();
    assert!(theirs.available && theirs.instance == other.id, "{theirs:?}");

    // The same identifier is another device.
    let request = subject.request("count", "count", json!(7));
    assert_eq!(subject.home.hub.command(request).await.outcome, CommandOutcome::Ok);
    let devices = subject.home.hub.devices(&"*/conform/count/count".parse().unwrap());
    let values: Vec<&Json> = devices.iter().map(|device| &device.entities[0].components[0].value).collect();
    assert_eq!(values, [&json!(7), &Json::Null]);
}

async fn what_cannot_be_reached_keeps_its_values(run_as: RunAs) {
    let subject = Subject::ready(run_as, &[]).await;
    assert_eq!(subject.switch("plain").await, CommandOutcome::Ok);
    assert_eq!(subject.case("available", json!({ "available": false })).await, json!(true));
    let device = subject.device("conform");
    assert_eq!((device.available, device.reachable, device.connected), (false, false, true));
    assert_eq!(subject.component("plain", "switch").value, json!(true));
    assert!(matches!(subject.switch("plain").await, CommandOutcome::Unavailable(_) | CommandOutcome::Ok));
    assert_eq!(subject.case("available", json!({ "available": true })).await, json!(true));
    assert!(subject.device("conform").available);
}

async fn what_is_no_longer_described_is_missing(run_as: RunAs) {
    let config = |devices: &[&str]| json!({ "devices": devices });
    let subject = Subject::start(run_as, &[], config(&["lamp", "blind"])).await;
    subject.until("running", |info| info.state == State::Running).await;
    let blind = subject.device("blind");
    assert!(blind.available && !blind.missing);
    subject.home.hub.configure(&subject.which, config(&["lamp"])).await.unwrap();
    subject.until("running", |info| info.state == State::Running).await;
    let missing = subject.device("blind");
    assert_eq!((missing.id, missing.missing, missing.available), (blind.id, true, false));
    assert!(subject.device("lamp").available);
    subject.home.hub.configure(&subject.which, config(&["blind"])).await.unwrap();
    subject.until("running", |info| info.state == State::Running).await;
    assert_eq!(subject.device("blind"), blind);
}

async fn devices_come_and_go(run_as: RunAs) {
    let subject = Subject::ready(run_as, &[]).await;
    subject.case("describe", json!({ "device": "late" })).await;
    let late = subject.device("late");
    assert!(late.available);
    // Describing again is no other device.
    subject.case("describe", json!({ "device": "late" })).await;
    assert_eq!(subject.device("late").id, late.id);
    assert_eq!(subject.case("remove", json!({ "device": "late" })).await, json!(true));
    assert!(subject.find("late").is_none());
    assert_eq!(subject.case("remove", json!({ "device": "late" })).await, json!(false));
    // An identifier that cannot be one.
    let refused = subject.act("describe", json!({ "device": "a b" })).await.unwrap_err().to_string();
    assert!(refused.contains("not valid"), "{refused}");
}

async fn events_keep_their_order(run_as: RunAs) {
    let subject = Subject::ready(run_as, &[]).await;
    let mut watch = subject.home.hub.watch("*/*/button".parse().unwrap());
    watch.next().await;
    let told = subject.case("events", json!({ "count": 50 })).await;
    assert_eq!(told, json!({ "lost": 0, "overflow": "" }));
    let (mut events, mut revisions, mut written) = (Vec::new(), Vec::new(), 0);
    timeout(PATIENCE, async {
        while events.len() < 50 || written == 0 {
            for change in watch.next().await {
                match change {
                    Change::Event { event, data, revision, .. } => {
                        events.push((event.to_string(), data));
                        revisions.push(revision);
                    }
                    Change::Value { revision, .. } => written = revision,
                    _ => {}
                }
            }
        }
    })
    .await
    .unwrap_or_else(|_| panic!("not all came: {events:?}"));
    let name = |n: i64| String::from(if n % 2 == 0 { "press" } else { "double-press" });
    let expected: Vec<_> = (0..50).map(|n| (name(n), Some(Value::Integer(n)))).collect();
    assert_eq!(events, expected);
    assert!(revisions.is_sorted() && revisions.last() < Some(&written), "the write came after the events");
}

async fn events_above_the_rate_are_counted(run_as: RunAs) {
    let subject = Subject::ready(run_as, &["events=20/s"]).await;
    let told = subject.case("events", json!({ "count": 200 })).await;
    let lost = told["lost"].as_u64().unwrap();
    assert!(lost > 50, "{told}");
    assert!(told["overflow"].as_str().unwrap().contains(&format!("{lost} are lost")), "{told}");
    assert_eq!(subject.info().lost_events, lost);
}

async fn events_are_those_that_are_listed(run_as: RunAs) {
    let subject = Subject::ready(run_as, &[]).await;
    let told = subject.case("unlisted-event", json!({})).await;
    assert_eq!(told, json!("unknown-event: the event is not one of the component's options"));
    assert_eq!(subject.info().events, 0);
}
