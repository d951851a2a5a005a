//! The hub's discovery against announcers that are not ours, in a network of the test's own.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test's way to say that it failed")]

use std::fs;
use std::time::Duration;

use igloo_hub::InstanceInfo;
use igloo_real_tests::{Home, PATIENCE, Python, in_own_network};
use serde_json::{Value as Json, json};
use tokio::time::{Instant, sleep};

const KIND: &str = "_igloo-test._tcp";

struct Guest {
    home: Home,
    instance: InstanceInfo,
}

impl Guest {
    async fn granted(grants: &[&str]) -> Self {
        let home = Home::open().await;
        let grants: Vec<String> = grants.iter().map(|grant| (*grant).to_owned()).collect();
        let instance = home.install("tokio-cases", &grants, json!({})).await;
        Self { home, instance }
    }

    async fn case(&self, name: &str, what: &str) -> Json {
        let outcome = self.home.action(&self.instance, name, json!({ "name": what })).await;
        outcome.unwrap_or_else(|error| panic!("{name}: {error}\n{}", self.home.story()))
    }

    async fn next(&self) -> Json {
        self.case("next-finding", "").await
    }
}

async fn register(announcer: &mut Python, name: &str, port: u16) {
    let properties = json!({ "colour": "red", "flag": null });
    let service = json!({ "type": KIND, "name": name, "port": port, "properties": properties });
    assert_eq!(announcer.ask(json!({ "register": service })).await, json!({ "done": true }));
}

#[tokio::test]
async fn a_service_is_found_as_it_is_and_lost_when_it_says_goodbye() {
    if !in_own_network("a_service_is_found_as_it_is_and_lost_when_it_says_goodbye") {
        return;
    }
    let (mut announcer, ready) = Python::start("services.py", &[]).await;
    assert_eq!(ready, json!({ "ready": true }));
    register(&mut announcer, "First lamp", 8081).await;

    let guest = Guest::granted(&["discovery:_igloo-test._tcp"]).await;
    assert_eq!(guest.case("browse", KIND).await, json!({ "begun": true }));
    let lamp = |name: &str, port: u16| {
        json!({ "found": {
            "kind": KIND, "name": name, "host": "igloo-test-host.local", "port": port,
            "addresses": ["127.0.0.1"], "colour": "red", "flag": [],
        } })
    };
    // What was there before, then what comes.
    assert_eq!(guest.next().await, lamp("First lamp", 8081));
    register(&mut announcer, "Second lamp", 8082).await;
    assert_eq!(guest.next().await, lamp("Second lamp", 8082));
    announcer.ask(json!({ "unregister": "First lamp" })).await;
    assert_eq!(guest.next().await, json!({ "lost": { "kind": KIND, "name": "First lamp" } }));

    // A second browser of the same is told what is there; sixteen are the most.
    assert_eq!(guest.case("browse", KIND).await, json!({ "begun": true }));
    assert_eq!(guest.next().await, lamp("Second lamp", 8082));
    let many = guest.case("browse-many", KIND).await;
    assert_eq!(many, json!({ "begun": 15, "error": "too-many: too many at a time" }));

    // What is not granted, and what is no service type.
    assert_eq!(guest.case("browse", "_hap._tcp").await, json!({ "error": "AccessDenied" }));
    assert_eq!(guest.case("browse", "_hap._tcp.local").await, json!({ "error": "Invalid" }));
    let denials = guest.home.hub.denials(None).unwrap();
    let denied: Vec<_> = denials.iter().map(|d| (d.capability, d.target.as_str(), d.grant.as_deref())).collect();
    assert_eq!(denied, [("discovery", "_hap._tcp", Some("discovery:_hap._tcp"))]);

    // Idle means idle: the last who looks takes the daemon with it.
    assert!(daemon_runs());
    assert_eq!(guest.case("stop-browsing", "").await, json!({ "stopped": true }));
    let deadline = Instant::now() + PATIENCE;
    while daemon_runs() {
        assert!(Instant::now() < deadline, "nobody looks, and the daemon runs on");
        sleep(Duration::from_millis(20)).await;
    }
    // And it is there again for the next.
    assert_eq!(guest.case("browse", KIND).await, json!({ "begun": true }));
    assert_eq!(guest.next().await, lamp("Second lamp", 8082));
}

/// Whether this process has the thread of mDNS. No other test is in it.
fn daemon_runs() -> bool {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    threads
        .flatten()
        .any(|thread| fs::read_to_string(thread.path().join("comm")).is_ok_and(|name| name == "mDNS_daemon\n"))
}

#[tokio::test]
async fn a_roku_answers_a_search() {
    if !in_own_network("a_roku_answers_a_search") {
        return;
    }
    let guest = Guest::granted(&["discovery:roku:ecp"]).await;
    let (_player, ready) = Python::start("roku.py", &["8060"]).await;
    assert_eq!(ready, json!({ "ready": true }));
    assert_eq!(guest.case("search", "roku:ecp").await, json!({ "begun": true }));
    let usn = "uuid:roku:ecp:igloo-test";
    let device = json!({ "target": "roku:ecp", "usn": usn, "location": "http://127.0.0.1:8060/" });
    assert_eq!(guest.next().await, json!({ "device": device }));
    assert_eq!(guest.case("search", "upnp:rootdevice").await, json!({ "error": "AccessDenied" }));
}
