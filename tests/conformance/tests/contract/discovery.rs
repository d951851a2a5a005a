//! What is granted is found on the local network: mDNS as python-zeroconf announces, SSDP as
//! emulated-roku answers, in a network of the test's own.

use igloo_conformance::Subject;
use igloo_protocol::RunAs;
use igloo_real_tests::Python;
use serde_json::{Value as Json, json};

const KIND: &str = "_igloo-test._tcp";

async fn next(subject: &Subject) -> Json {
    subject.case("next-finding", json!({})).await
}

async fn a_granted_service_is_found_and_lost(run_as: RunAs) {
    let (mut announcer, ready) = Python::start("services.py", &[]).await;
    assert_eq!(ready, json!({ "ready": true }));
    let properties = json!({ "colour": "red", "flag": null });
    let service = json!({ "type": KIND, "name": "Lamp", "port": 8081, "properties": properties });
    assert_eq!(announcer.ask(json!({ "register": service })).await, json!({ "done": true }));
    let subject = Subject::ready(run_as, &["discovery:_igloo-test._tcp"]).await;
    assert_eq!(subject.case("browse", json!({ "name": KIND })).await, json!("begun"));
    let lamp = json!({ "found": {
        "kind": KIND, "name": "Lamp", "host": "igloo-test-host.local", "port": 8081,
        "addresses": ["127.0.0.1"], "colour": "red",
    } });
    assert_eq!(next(&subject).await, lamp);
    announcer.ask(json!({ "unregister": "Lamp" })).await;
    assert_eq!(next(&subject).await, json!({ "lost": { "kind": KIND, "name": "Lamp" } }));
    assert_eq!(subject.case("browse", json!({ "name": "_hap._tcp" })).await, json!("AccessDenied"));
}

async fn a_granted_device_answers_a_search(run_as: RunAs) {
    let subject = Subject::ready(run_as, &["discovery:roku:ecp"]).await;
    let (_player, ready) = Python::start("roku.py", &["8060"]).await;
    assert_eq!(ready, json!({ "ready": true }));
    assert_eq!(subject.case("search", json!({ "name": "roku:ecp" })).await, json!("begun"));
    let usn = "uuid:roku:ecp:igloo-test";
    let device = json!({ "target": "roku:ecp", "usn": usn, "location": "http://127.0.0.1:8060/" });
    assert_eq!(next(&subject).await, json!({ "device": device }));
    assert_eq!(subject.case("search", json!({ "name": "upnp:rootdevice" })).await, json!("AccessDenied"));
}

/// As `conformance!`, each in a network of its own.
macro_rules! alone {
    ($way:ident $run_as:ident: $($name:ident)+) => {
        mod $way {
            $(
                #[tokio::test]
                async fn $name() {
                    let name = concat!("discovery::", stringify!($way), "::", stringify!($name));
                    if igloo_real_tests::in_own_network(name) {
                        super::$name(igloo_protocol::RunAs::$run_as).await;
                    }
                }
            )+
        }
    };
}

alone! { in_hub InHub: a_granted_service_is_found_and_lost a_granted_device_answers_a_search }
alone! { isolated Isolated: a_granted_service_is_found_and_lost a_granted_device_answers_a_search }
alone! { process Process: a_granted_service_is_found_and_lost a_granted_device_answers_a_search }
