//! Sockets, names and discovery: what is granted works as tokio has it, and nothing else does.

use std::net::SocketAddr;

use igloo_conformance::{Subject, conformance};
use igloo_protocol::RunAs;
use igloo_real_tests::free_port;
use serde_json::json;
use tokio::{
    io::copy,
    net::{TcpListener, UdpSocket},
};

conformance!(
    tcp_reaches_what_is_granted,
    tcp_reaches_nothing_else,
    nobody_listens_there,
    listening_is_granted_too,
    udp_reaches_what_is_granted,
    udp_reaches_nothing_else,
    names_resolve_where_they_are_granted,
    other_names_do_not_resolve,
    discovery_is_granted_by_type,
);

/// Echoes whatever comes, for as long as the test's runtime lives.
async fn tcp_echo() -> SocketAddr {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = server.accept().await {
            tokio::spawn(async move {
                let (mut reader, mut writer) = stream.split();
                copy(&mut reader, &mut writer).await
            });
        }
    });
    address
}

async fn udp_echo() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((count, from)) = socket.recv_from(&mut buffer).await {
            let _ = socket.send_to(&buffer[..count], from).await;
        }
    });
    address
}

async fn tcp_reaches_what_is_granted(run_as: RunAs) {
    let address = tcp_echo().await;
    let subject = Subject::ready(run_as, &[&format!("tcp://{address}")]).await;
    for text in ["hello", &"x".repeat(100_000)] {
        let told = subject.case("tcp", json!({ "name": address, "text": text })).await;
        assert_eq!(told, json!({ "ok": text }));
    }
    assert!(subject.denials().is_empty());
}

async fn tcp_reaches_nothing_else(run_as: RunAs) {
    let (granted, other) = (tcp_echo().await, TcpListener::bind("127.0.0.1:0").await.unwrap());
    let address = other.local_addr().unwrap();
    let subject = Subject::ready(run_as, &[&format!("tcp://{granted}")]).await;
    let denied = json!({ "error": "PermissionDenied" });
    assert_eq!(subject.case("tcp", json!({ "name": address, "text": "x" })).await, denied);
    let told = subject.denied("connect").await;
    assert_eq!(told, (format!("tcp://{address}"), Some(format!("tcp://{address}"))));
    for unreachable in ["169.254.169.254:80", "192.0.2.1:443", "[::1]:80", "[fe80::1]:80"] {
        assert_eq!(subject.case("tcp", json!({ "name": unreachable, "text": "x" })).await, denied, "{unreachable}");
    }
    let nobody = tokio::time::timeout(std::time::Duration::from_millis(50), other.accept()).await;
    assert!(nobody.is_err(), "a connection came all the same");
}

async fn nobody_listens_there(run_as: RunAs) {
    let port = free_port();
    let subject = Subject::ready(run_as, &[&format!("tcp://127.0.0.1:{port}")]).await;
    let told = subject.case("tcp", json!({ "name": format!("127.0.0.1:{port}"), "text": "x" })).await;
    assert_eq!(told, json!({ "error": "ConnectionRefused" }));
}

async fn listening_is_granted_too(run_as: RunAs) {
    let (granted, other) = (free_port(), free_port());
    let subject = Subject::ready(run_as, &[&format!("listen:tcp://127.0.0.1:{granted}")]).await;
    let listen = async |port: u16| subject.case("listen", json!({ "name": format!("127.0.0.1:{port}") })).await;
    assert_eq!(listen(granted).await, json!({ "ok": "listens" }));
    assert_eq!(listen(other).await, json!({ "error": "PermissionDenied" }));
    assert!(subject.denied("listen").await.0.contains(&other.to_string()));
}

async fn udp_reaches_what_is_granted(run_as: RunAs) {
    let address = udp_echo().await;
    let subject = Subject::ready(run_as, &[&format!("udp://{address}")]).await;
    assert_eq!(subject.case("udp", json!({ "name": address, "text": "ping" })).await, json!({ "ok": "ping" }));
}

async fn udp_reaches_nothing_else(run_as: RunAs) {
    let (granted, other) = (udp_echo().await, udp_echo().await);
    // One protocol's grant is not the other's.
    let grants = [format!("udp://{granted}"), format!("tcp://{other}")];
    let subject = Subject::ready(run_as, &[&grants[0], &grants[1]]).await;
    let told = subject.case("udp", json!({ "name": other, "text": "ping" })).await;
    assert_eq!(told, json!({ "error": "PermissionDenied" }));
    assert_eq!(subject.denied("connect").await.1, Some(format!("udp://{other}")));
}

async fn names_resolve_where_they_are_granted(run_as: RunAs) {
    let address = tcp_echo().await;
    let name = format!("localhost:{}", address.port());
    // A name reaches the machine's own addresses only where they are granted too.
    let grants = [format!("tcp://{name}?lan"), format!("tcp://{address}")];
    let subject = Subject::ready(run_as, &[&grants[0], &grants[1]]).await;
    assert_eq!(subject.case("resolve", json!({ "name": "localhost" })).await, json!({ "ok": "[127.0.0.1]" }));
    assert_eq!(subject.case("connect", json!({ "name": name, "text": "named" })).await, json!({ "ok": "named" }));
}

async fn other_names_do_not_resolve(run_as: RunAs) {
    let address = tcp_echo().await;
    let name = format!("localhost:{}", address.port());
    let subject = Subject::ready(run_as, &[&format!("tcp://{name}")]).await;
    let denied = json!({ "error": "PermissionDenied" });
    assert_eq!(subject.case("resolve", json!({ "name": "not-granted.example" })).await, denied);
    assert_eq!(subject.denied("resolve").await.0, "not-granted.example");
    // A granted name whose address no grant allows: DNS rebinding.
    assert_eq!(subject.case("connect", json!({ "name": name, "text": "x" })).await, denied);
    assert_eq!(subject.case("tcp", json!({ "name": address, "text": "x" })).await, denied);
}

async fn discovery_is_granted_by_type(run_as: RunAs) {
    let subject = Subject::ready(run_as, &["discovery:_igloo-test._tcp"]).await;
    assert_eq!(subject.case("browse", json!({ "name": "_hap._tcp" })).await, json!("AccessDenied"));
    let told = subject.denied("discovery").await;
    assert_eq!(told, (String::from("_hap._tcp"), Some(String::from("discovery:_hap._tcp"))));
    assert_eq!(subject.case("search", json!({ "name": "upnp:rootdevice" })).await, json!("AccessDenied"));
    assert_eq!(subject.case("browse", json!({ "name": "no type" })).await, json!("Invalid"));
}
