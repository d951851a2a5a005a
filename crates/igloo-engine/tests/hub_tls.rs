//! `igloo:tls` through a component: the guest `tls-cases` moves ciphertext between the hub's state machine and a socket
//! of its own, against OpenSSL's server and client.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test")]

mod common;
mod tls_pki;

use std::time::Duration;

use common::{Running, start};
use igloo_engine::ActionOutcome;
use serde_json::{Value as Json, json};
use tls_pki::{Leaf, Pki, SslServer, free_port, s_client};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

async fn guest(grants: &[&str]) -> Running {
    start("tls-cases", &[&["cpu=400%", "memory=256MiB"], grants].concat(), "{}").await
}

async fn case(running: &Running, name: &str, parameters: Json) -> Json {
    match running.instance.action(format!("hub-tls-{name}"), parameters.to_string(), Duration::from_secs(120)).await {
        ActionOutcome::Ok(answer) => serde_json::from_str(&answer).unwrap(),
        other => panic!("{name} {parameters}: {other:?}\nlog: {:?}", running.home.logs()),
    }
}

/// A connection with these parameters beside the usual ones, from a provider that may.
async fn connect(running: &Running, port: u16, more: Json) -> Json {
    running.policy.replace(common::grants(&[&format!("tcp://127.0.0.1:{port}")]));
    let mut parameters = json!({ "port": port, "name": "server.test", "send": "drawer\n" });
    parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    case(running, "connect", parameters).await
}

fn root(pki: &Pki) -> String {
    std::fs::read_to_string(pki.root_path()).unwrap()
}

#[tokio::test]
async fn both_versions_and_what_was_agreed() {
    let pki = Pki::new();
    let server = SslServer::start(&pki, &pki.leaf("p256", "server.test"), &["-rev", "-alpn", "echo,http/1.1"]).await;
    let running = guest(&[]).await;
    for (version, suite) in
        [("tls1.3", "TLS_AES_256_GCM_SHA384"), ("tls1.2", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384")]
    {
        let more = json!({ "roots": root(&pki), "minimum": version, "maximum": version, "alpn": ["h2", "http/1.1"] });
        let answer = connect(&running, server.port, more).await;
        let agreed = json!({
            "version": version,
            "suite": suite,
            "alpn": "http/1.1",
            "requested": null,
            "certificates": 1,
            "resumed": false,
        });
        assert_eq!(answer, json!({ "answer": "reward", "end": "line", "agreed": agreed }));
    }
    // By address, and in the other mode that looks at a chain.
    let answer = connect(&running, server.port, json!({ "roots": root(&pki), "name": "127.0.0.1" })).await;
    assert_eq!(answer["answer"], "reward", "{answer}");
}

#[tokio::test]
async fn what_cannot_be_trusted_is_refused_with_its_reason() {
    let (pki, stranger, namesake) = (Pki::new(), Pki::named("Somebody else"), Pki::new());
    let running = guest(&[]).await;
    let good = pki.leaf("p256", "server.test");
    let own = pki.self_signed("server.test");
    let outcome = async |leaf: &Leaf, more: Json| {
        let server = SslServer::start(&pki, leaf, &["-rev"]).await;
        let mut answer = connect(&running, server.port, more).await;
        if answer["answer"].is_string() { answer["answer"].take() } else { answer["error"].take() }
    };
    let trusting = json!({ "roots": root(&pki) });
    let chain = json!({ "roots": root(&pki), "verification": "chain" });
    for (leaf, more, expected) in [
        (&good, trusting.clone(), "reward"),
        (&good, json!({ "roots": root(&pki), "name": "other.test" }), "hostname-mismatch"),
        (&good, json!({ "roots": root(&pki), "name": "127.0.0.2" }), "hostname-mismatch"),
        (&good, json!({ "roots": root(&pki), "name": "other.test", "verification": "chain" }), "reward"),
        (&good, json!({ "roots": root(&pki), "name": null, "verification": "chain" }), "reward"),
        (&good, json!({ "roots": root(&pki), "name": null }), "invalid-argument"),
        (&good, json!({}), "unknown-issuer"),
        (&good, json!({ "home_roots": true }), "unknown-issuer"),
        (&pki.expired_leaf("server.test"), trusting.clone(), "expired"),
        (&pki.expired_leaf("server.test"), chain.clone(), "expired"),
        (&stranger.leaf("p256", "server.test"), trusting.clone(), "unknown-issuer"),
        (&stranger.leaf("p256", "server.test"), chain.clone(), "unknown-issuer"),
        (&namesake.leaf("p256", "server.test"), trusting.clone(), "bad-signature"),
        (&own, trusting.clone(), "self-signed"),
        // A device's own certificate, given as a root: it is that very one, and still for a name and a time.
        (&own, json!({ "roots": own.certificate_pem() }), "reward"),
        (&own, json!({ "roots": own.certificate_pem(), "name": "other.test" }), "hostname-mismatch"),
        (&own, json!({ "roots": own.certificate_pem(), "name": "other.test", "verification": "chain" }), "reward"),
        (&good, json!({ "roots": own.certificate_pem() }), "unknown-issuer"),
        (&good, json!({ "roots": good.certificate_pem() }), "reward"),
        (&pki.expired_leaf("server.test"), json!({ "roots": root(&pki) + &own.certificate_pem() }), "expired"),
    ] {
        assert_eq!(outcome(leaf, more.clone()).await, expected, "{more}");
    }
    // Pinned, and no longer valid.
    let old = pki.expired_leaf("server.test");
    assert_eq!(outcome(&old, json!({ "roots": old.certificate_pem() })).await, "expired");
    assert!(running.home.logs().iter().all(|line| !format!("{line:?}").contains("not checked")));
}

#[tokio::test]
async fn the_homes_roots_are_those_of_the_moment() {
    let pki = Pki::new();
    let server = SslServer::start(&pki, &pki.leaf("p256", "server.test"), &["-rev"]).await;
    let running = guest(&[]).await;
    let more = json!({ "home_roots": true });
    assert_eq!(connect(&running, server.port, more.clone()).await["error"], "unknown-issuer");
    running.roots.replace_own(&[pki.root()]).unwrap();
    assert_eq!(connect(&running, server.port, more.clone()).await["answer"], "reward");
    running.roots.replace_own(&[]).unwrap();
    assert_eq!(connect(&running, server.port, more).await["error"], "unknown-issuer");
    // They are not trusted unasked.
    running.roots.replace_own(&[pki.root()]).unwrap();
    assert_eq!(connect(&running, server.port, json!({})).await["error"], "unknown-issuer");
}

#[tokio::test]
async fn nothing_is_checked_if_that_is_asked_for_and_the_owner_sees_it() {
    let pki = Pki::new();
    let running = guest(&[]).await;
    for leaf in [pki.self_signed("device.test"), pki.expired_leaf("device.test"), pki.version_1("device.test")] {
        for version in ["tls1.2", "tls1.3"] {
            let server = SslServer::start(&pki, &leaf, &["-rev"]).await;
            let more = json!({ "verification": "none", "name": "plug.local", "minimum": version, "maximum": version });
            let answer = connect(&running, server.port, more).await;
            assert_eq!(answer["answer"], "reward", "{answer}");
            assert_eq!(answer["agreed"]["certificates"], 1);
        }
    }
    let told =
        running.home.logs().iter().filter(|line| format!("{line:?}").contains("plug.local is not checked")).count();
    assert_eq!(told, 1, "{:?}", running.home.logs());
}

#[tokio::test]
async fn every_kind_of_server_certificate() {
    let pki = Pki::new();
    let running = guest(&[]).await;
    for kind in ["rsa:2048", "rsa:4096", "p256", "p384", "ed25519"] {
        let leaf = pki.leaf(kind, "server.test");
        for (version, verification) in [("tls1.2", "full"), ("tls1.3", "full"), ("tls1.2", "none"), ("tls1.3", "none")]
        {
            let server = SslServer::start(&pki, &leaf, &["-rev"]).await;
            let more = json!({
                "roots": root(&pki), "minimum": version, "maximum": version, "verification": verification,
            });
            let answer = connect(&running, server.port, more).await;
            assert_eq!(answer["answer"], "reward", "{kind} {version} {verification}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_client_shows_its_certificate_whatever_form_its_key_has() {
    let pki = Pki::new();
    let running = guest(&[]).await;
    let server_leaf = pki.leaf("p256", "server.test");
    for version in ["-tls1_3", "-tls1_2"] {
        let options = ["-rev", version, "-Verify", "1", "-verify_return_error", "-CAfile", pki.root_path()];
        let server = SslServer::start(&pki, &server_leaf, &options).await;
        for kind in ["rsa:2048", "p256", "p384", "ed25519", "rsa:2048 pkcs1", "p256 sec1", "p384 sec1"] {
            let leaf = pki.leaf(kind, "client.test");
            let more = json!({ "roots": root(&pki), "certificate": leaf.certificate_pem(), "key": leaf.key_pem() });
            let answer = connect(&running, server.port, more).await;
            assert_eq!(answer["answer"], "reward", "{kind} {version}: {answer}");
        }
        let answer = connect(&running, server.port, json!({ "roots": root(&pki) })).await;
        // certificate_required (RFC 8446) and handshake_failure (RFC 5246).
        assert_eq!(answer, json!({ "error": "alert", "alert": if version == "-tls1_3" { 116 } else { 40 } }));
    }
    let (one, other) = (pki.leaf("p256", "client.test"), pki.leaf("p256", "client.test"));
    let more = json!({ "roots": root(&pki), "certificate": one.certificate_pem(), "key": other.key_pem() });
    assert_eq!(connect(&running, 1, more).await["error"], "invalid-argument");
}

#[tokio::test]
async fn old_versions_and_foreign_suites_are_refused() {
    let pki = Pki::new();
    let running = guest(&[]).await;
    let leaf = pki.leaf("rsa:2048", "server.test");
    // What it has is too old, or nothing that this end does; which alert says so is OpenSSL's.
    for options in [
        &["-rev", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"][..],
        &["-rev", "-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"],
    ] {
        let server = SslServer::start(&pki, &leaf, options).await;
        let answer = connect(&running, server.port, json!({ "roots": root(&pki) })).await;
        assert!(
            answer["error"] == "alert" && (answer["alert"] == 70 || answer["alert"] == 40),
            "{options:?}: {answer}"
        );
    }
    let answer = connect(&running, 1, json!({ "maximum": "tls1.1" })).await;
    assert_eq!(answer["error"], "unsupported");
}

/// What is no TLS, and what ends in the middle.
#[tokio::test]
async fn a_peer_that_is_none() {
    let running = guest(&[]).await;
    for (said, expected) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "not-tls"),
        (b"", "truncated"),
        (b"\x16\x03\x03\x00\x40\x02\x00\x00\x3c", "truncated"),
        (b"\x16\x03\x03\x00\x04\x63\x00\x00\x00", "protocol"),
        (b"\x17\x03\x03\x00\x10garbage instead!", "protocol"),
        (b"\x15\x03\x03\x00\x02\x02\x50", "alert"),
    ] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut hello = [0; 5];
            socket.read_exact(&mut hello).await.unwrap();
            assert_eq!(hello[..2], [0x16, 3]);
            socket.write_all(said).await.unwrap();
            socket.shutdown().await.unwrap();
            // Whatever it says to that.
            let _ = socket.read_to_end(&mut Vec::new()).await;
        };
        let (answer, ()) = tokio::join!(connect(&running, port, json!({})), serving);
        assert_eq!(answer["error"], expected, "{said:?}: {answer}");
    }
}

#[tokio::test]
async fn a_large_download() {
    const SIZE: u64 = 64 << 20;
    let pki = Pki::new();
    let files = pki.file("bulk", SIZE);
    let server = SslServer::start_in(files, &pki, &pki.leaf("p256", "server.test"), &["-WWW"]).await;
    let running = guest(&[&format!("tcp://127.0.0.1:{}", server.port)]).await;
    let parameters = json!({
        "port": server.port, "name": "server.test", "roots": root(&pki), "send": "GET /bulk HTTP/1.0\r\n\r\n",
    });
    let answer = case(&running, "download", parameters).await;
    assert!(answer["bytes"].as_u64().is_some_and(|bytes| bytes > SIZE && bytes < SIZE + 1000), "{answer}");
    println!("download: {:.0} MiB/s", 64e9 / answer["ns"].as_f64().unwrap());
}

#[tokio::test]
async fn a_provider_serves() {
    let pki = Pki::new();
    for kind in ["rsa:2048", "p256", "p384 sec1", "ed25519"] {
        for (option, version) in [("-tls1_3", "tls1.3"), ("-tls1_2", "tls1.2")] {
            let leaf = pki.leaf(kind, "provider.test");
            let port = free_port();
            let running = guest(&[&format!("listen:tcp://127.0.0.1:{port}")]).await;
            let parameters = json!({
                "port": port,
                "certificate": leaf.certificate_pem(),
                "key": leaf.key_pem(),
                "verification": "none",
            });
            let serving = case(&running, "serve", parameters);
            let asking = s_client(&pki, port, "provider.test", option, "hello from openssl\n");
            let (served, answer) = tokio::join!(serving, asking);
            assert_eq!(served["line"], "hello from openssl", "{kind} {version}: {served}");
            assert_eq!(
                (&served["agreed"]["version"], &served["agreed"]["requested"]),
                (&json!(version), &json!("provider.test"))
            );
            assert!(answer.contains("hello from openssl"), "{kind} {version}: {answer}");
        }
    }
}

/// Two providers: one serves and asks for a certificate, the other has one, has none, or has a stranger's.
#[tokio::test]
async fn a_server_checks_its_clients() {
    let (pki, stranger) = (Pki::new(), Pki::named("Somebody else"));
    let leaf = pki.leaf("p256", "server.test");
    let good = pki.leaf("p256", "client.test");
    let bad = stranger.leaf("p256", "client.test");
    for (mode, client, expected) in [
        ("full", Some(&good), "drawer"),
        ("full", None, "missing"),
        ("full", Some(&bad), "unknown-issuer"),
        ("optional", None, "drawer"),
        ("optional", Some(&good), "drawer"),
        ("optional", Some(&bad), "unknown-issuer"),
        ("none", Some(&bad), "drawer"),
    ] {
        let port = free_port();
        let serving = guest(&[&format!("listen:tcp://127.0.0.1:{port}")]).await;
        let asking = guest(&[]).await;
        let parameters = json!({
            "port": port,
            "certificate": leaf.certificate_pem(),
            "key": leaf.key_pem(),
            "roots": root(&pki),
            "verification": mode,
        });
        let mut more = json!({ "roots": root(&pki) });
        if let Some(client) = client {
            more["certificate"] = json!(client.certificate_pem());
            more["key"] = json!(client.key_pem());
        }
        let asked = async {
            tls_pki::listening(port).await;
            connect(&asking, port, more).await
        };
        let (served, asked) = tokio::join!(case(&serving, "serve", parameters), asked);
        if expected == "drawer" {
            assert_eq!((&served["line"], &asked["answer"]), (&json!("drawer"), &json!("drawer")), "{mode}");
            let shown = usize::from(mode != "none" && client.is_some());
            assert_eq!(served["agreed"]["certificates"], shown, "{mode}");
        } else {
            assert_eq!(served["error"], expected, "{mode}: {served}");
            assert!(matches!(asked["error"].as_str(), Some("alert" | "io" | "truncated")), "{mode}: {asked}");
        }
    }
}

#[tokio::test]
async fn hostile_guests_are_bounded() {
    let running = start("tls-cases", &["cpu=400%", "memory=256MiB", "sockets=50"], "{}").await;
    let answer = case(&running, "hostile", json!({})).await;
    let expected = json!({
        "connections": 50,
        "refused": { "error": "limit", "text": "" },
        "written": 64 << 10,
        "garbage": { "error": "not-tls", "text": "" },
        "huge_roots": { "error": "limit", "text": "" },
        "no_roots": { "error": "invalid-argument", "text": "neither PEM nor DER" },
        "after_dropping": true,
        "empty_read": true,
    });
    assert_eq!(answer, expected);
}
