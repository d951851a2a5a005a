//! The key-value store.

use igloo_conformance::{Subject, conformance};
use igloo_hub::State;
use igloo_protocol::RunAs;
use serde_json::{Value as Json, json};

conformance!(what_is_stored_outlives_everything, stores_are_private, the_quota_is_kept);

async fn what_is_stored_outlives_everything(run_as: RunAs) {
    let mut subject = Subject::ready(run_as, &[]).await;
    for (key, text) in [("pair/b", "two"), ("pair/a", "one"), ("other", "three"), ("gone", "four")] {
        assert_eq!(subject.case("store-set", json!({ "key": key, "text": text })).await, Json::Null);
    }
    subject.case("store-set", json!({ "key": "pair/a", "text": "one again" })).await;
    assert_eq!(subject.case("store-delete", json!({ "key": "gone" })).await, Json::Null);
    assert_eq!(subject.case("store-delete", json!({ "key": "never" })).await, Json::Null);
    subject.home.hub.restart(&subject.which).await.unwrap();
    subject.until("running", |info| info.state == State::Running).await;
    assert_eq!(subject.case("store-keys", json!({ "key": "pair/" })).await, json!(["pair/a", "pair/b"]));
    subject.home = subject.home.reopen().await;
    subject.until("running", |info| info.state == State::Running).await;
    assert_eq!(subject.case("store-get", json!({ "key": "pair/a" })).await, json!("one again"));
    assert_eq!(subject.case("store-get", json!({ "key": "gone" })).await, Json::Null);
    assert_eq!(subject.case("store-keys", json!({ "key": "" })).await, json!(["other", "pair/a", "pair/b"]));
}

async fn stores_are_private(run_as: RunAs) {
    let subject = Subject::ready(run_as, &[]).await;
    let other = subject.another().await;
    subject.case("store-set", json!({ "key": "token", "text": "mine" })).await;
    assert_eq!(subject.home.action(&other, "store-get", json!({ "key": "token" })).await, Ok(Json::Null));
    assert_eq!(subject.home.action(&other, "store-keys", json!({})).await, Ok(json!([])));
}

async fn the_quota_is_kept(run_as: RunAs) {
    let subject = Subject::ready(run_as, &["storage=1MiB"]).await;
    let told = subject.case("store-fill", json!({ "count": 100 })).await;
    assert_eq!(told["refused"], json!("Quota"), "{told}");
    let stored = told["stored"].as_u64().unwrap();
    assert!((8..=16).contains(&stored), "{told}");
    // Nothing was changed by it, and room that is made can be used.
    let keys = subject.case("store-keys", json!({ "key": "fill/" })).await;
    assert_eq!(keys.as_array().unwrap().len() as u64, stored);
    subject.case("store-delete", json!({ "key": "fill/0" })).await;
    assert_eq!(subject.case("store-set", json!({ "key": "small", "text": "fits" })).await, Json::Null);
    let long = json!({ "key": "k".repeat(257), "text": "" });
    assert_eq!(subject.case("store-set", long).await, json!("Quota"));
}
