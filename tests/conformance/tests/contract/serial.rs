//! Serial ports: a line of two pseudo-terminals, and a port behind a TCP server.

use igloo_conformance::{Subject, conformance};
use igloo_protocol::RunAs;
use igloo_real_tests::Line;
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;

conformance!(
    a_granted_port_carries_bytes_and_is_controlled,
    a_port_is_one_providers_at_a_time,
    an_unplugged_port_is_told_and_comes_back,
    what_is_not_granted_cannot_be_opened,
    a_port_behind_a_server_is_a_port,
);

fn grant(line: &Line) -> String {
    format!("serial:port={}", line.near().display())
}

async fn a_granted_port_carries_bytes_and_is_controlled(run_as: RunAs) {
    let line = Line::new().await;
    let _echo = line.echo();
    let subject = Subject::ready(run_as, &[&grant(&line)]).await;
    assert_eq!(subject.case("serial-slots", json!({})).await, json!([["port", true]]));
    assert_eq!(subject.case("serial-open", json!({})).await, Json::Null);
    assert_eq!(subject.case("serial-echo", json!({ "count": 10_000 })).await, json!(true));
    let told = subject.case("serial-control", json!({})).await;
    for control in ["configure", "drain", "discard", "break"] {
        assert_eq!(told[control], Json::Null, "{told}");
    }
    // A pseudo-terminal has no lines to be read, and that is what is told.
    assert_eq!(told["lines"], json!("Unsupported"), "{told}");
    assert_eq!(subject.case("serial-echo", json!({ "count": 100 })).await, json!(true));
}

async fn a_port_is_one_providers_at_a_time(run_as: RunAs) {
    let line = Line::new().await;
    let _echo = line.echo();
    let subject = Subject::ready(run_as, &[&grant(&line)]).await;
    assert_eq!(subject.case("serial-open", json!({})).await, Json::Null);
    assert_eq!(subject.case("serial-open", json!({})).await, json!("Busy"));
    assert_eq!(subject.case("serial-echo", json!({ "count": 10 })).await, json!(true));
    assert_eq!(subject.case("serial-close", json!({})).await, json!(true));
    assert_eq!(subject.case("serial-open", json!({})).await, Json::Null);
    assert_eq!(subject.case("serial-echo", json!({ "count": 10 })).await, json!(true));
}

async fn an_unplugged_port_is_told_and_comes_back(run_as: RunAs) {
    let mut line = Line::new().await;
    let subject = Subject::ready(run_as, &[&grant(&line)]).await;
    assert_eq!(subject.case("serial-open", json!({})).await, Json::Null);
    let (told, ()) = tokio::join!(subject.case("serial-until-gone", json!({})), line.unplug());
    assert_eq!(told, json!({ "bytes": 0, "end": "the port went away" }));
    assert_eq!(subject.case("serial-open", json!({})).await, json!("NotFound"));
    let (told, ()) = tokio::join!(subject.case("serial-wait", json!({})), line.plug());
    assert_eq!(told, Json::Null);
    let _echo = line.echo();
    assert_eq!(subject.case("serial-open", json!({})).await, Json::Null);
    assert_eq!(subject.case("serial-echo", json!({ "count": 100 })).await, json!(true));
}

async fn what_is_not_granted_cannot_be_opened(run_as: RunAs) {
    let subject = Subject::ready(run_as, &[]).await;
    assert_eq!(subject.case("serial-open", json!({})).await, json!("AccessDenied"));
    assert_eq!(subject.case("serial-open", json!({ "name": "other" })).await, json!("AccessDenied"));
    assert_eq!(subject.case("serial-wait", json!({ "name": "/dev/ttyS0" })).await, json!("AccessDenied"));
    let (target, _) = subject.denied("serial").await;
    assert!(target.contains("port"), "{target}");
}

async fn a_port_behind_a_server_is_a_port(run_as: RunAs) {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let grant = format!("serial:port=socket://{}", server.local_addr().unwrap());
    let subject = Subject::ready(run_as, &[&grant]).await;
    let (opened, accepted) = tokio::join!(subject.case("serial-open", json!({})), server.accept());
    assert_eq!(opened, Json::Null);
    let (mut stream, _) = accepted.unwrap();
    let echo = tokio::spawn(async move {
        let (mut reader, mut writer) = stream.split();
        // Until as much as the case sends is through; then the server is gone.
        let mut limited = tokio::io::AsyncReadExt::take(&mut reader, 5000);
        tokio::io::copy(&mut limited, &mut writer).await
    });
    assert_eq!(subject.case("serial-echo", json!({ "count": 5000 })).await, json!(true));
    echo.await.unwrap().unwrap();
    assert_eq!(subject.case("serial-until-gone", json!({})).await["end"], json!("the port went away"));
}
