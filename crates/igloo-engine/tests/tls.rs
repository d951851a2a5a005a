//! TLS in a component: the guest `tls-cases` against OpenSSL's server and client, with certificates made by the
//! `openssl` command.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test")]
#![recursion_limit = "256"]

mod common;
#[path = "../../../tests/guests/tls-cases/src/measure.rs"]
mod measure;
mod tls_pki;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use common::{Running, start};
use igloo_engine::ActionOutcome;
use rustls::{ClientConfig, RootCertStore, client::Resumption};
use serde_json::{Value as Json, json};
use tls_pki::{Pki, SslServer, free_port, s_client, websocket_server};

/// A guest that may connect to this port and trusts these roots beside the system's.
async fn guest(port: u16, pki: &Pki) -> Running {
    let tcp = format!("tcp://127.0.0.1:{port}");
    let https = format!("https://127.0.0.1:{port}");
    let running = start("tls-cases", &["cpu=400%", "memory=256MiB", &tcp, &https], "{}").await;
    running.roots.replace_own(&[pki.root()]).unwrap();
    running
}

async fn case(running: &Running, name: &str, parameters: Json) -> Json {
    match running.instance.action(name.to_owned(), parameters.to_string(), Duration::from_secs(120)).await {
        ActionOutcome::Ok(answer) => serde_json::from_str(&answer).unwrap(),
        other => panic!(
            "{name} {parameters}: {other:?}\ndenied: {:?}\nlog: {:?}",
            running.home.denials(),
            running.home.logs()
        ),
    }
}

#[tokio::test]
async fn every_suite_of_both_versions() {
    let pki = Pki::new();
    let (rsa, ecdsa) = (pki.leaf("rsa:2048", "server.test"), pki.leaf("p256", "server.test"));
    let server = SslServer::start(&pki, &rsa, &["-rev", "-dcert", ecdsa.certificate(), "-dkey", ecdsa.key()]).await;
    let running = guest(server.port, &pki).await;
    let all: &[&str] = &["X25519", "secp256r1", "secp384r1"];
    // In TLS 1.2 the groups that a client offers are also the curves that a certificate may have (RFC 8422, 5.1).
    let of_the_certificate: &[&str] = &["secp256r1"];
    for (suite, version, groups) in [
        ("TLS13_AES_256_GCM_SHA384", "TLSv1_3", all),
        ("TLS13_AES_128_GCM_SHA256", "TLSv1_3", all),
        ("TLS13_CHACHA20_POLY1305_SHA256", "TLSv1_3", all),
        ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLSv1_2", of_the_certificate),
        ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLSv1_2", of_the_certificate),
        ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "TLSv1_2", of_the_certificate),
        ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLSv1_2", all),
        ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLSv1_2", all),
        ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "TLSv1_2", all),
    ] {
        for group in groups {
            let parameters = json!({ "port": server.port, "name": "server.test", "suite": suite, "group": group });
            let answer = case(&running, "connect", parameters).await;
            let expected = json!({ "answer": "reward", "version": version, "suite": suite, "group": group });
            assert_eq!(answer, expected, "{suite} {group}");
        }
    }
}

#[tokio::test]
async fn every_kind_of_server_certificate() {
    let pki = Pki::new();
    for kind in ["rsa:2048", "rsa:4096", "p256", "p384", "ed25519"] {
        let leaf = pki.leaf(kind, "server.test");
        for version in ["-tls1_3", "-tls1_2"] {
            let server = SslServer::start(&pki, &leaf, &["-rev", version]).await;
            let running = guest(server.port, &pki).await;
            let answer = case(&running, "connect", json!({ "port": server.port, "name": "server.test" })).await;
            assert_eq!(answer["answer"], "reward", "{kind} {version}: {answer}");
        }
    }
}

#[tokio::test]
async fn every_kind_of_issuer_and_of_signature() {
    for (kind, digest) in [
        ("rsa:2048", "-sha256"),
        ("rsa:2048", "-sha384"),
        ("rsa:2048", "-sha512"),
        ("p256", "-sha384"),
        ("p384", "-sha256"),
        ("p384", "-sha384"),
        ("ed25519", "-sha256"),
    ] {
        let pki = Pki::with(kind, digest);
        let server = SslServer::start(&pki, &pki.leaf("p256", "server.test"), &["-rev"]).await;
        let running = guest(server.port, &pki).await;
        let answer = case(&running, "connect", json!({ "port": server.port, "name": "server.test" })).await;
        assert_eq!(answer["answer"], "reward", "{kind} {digest}: {answer}");
    }
}

#[tokio::test]
async fn a_client_shows_its_certificate_whatever_form_its_key_has() {
    let pki = Pki::new();
    let server_leaf = pki.leaf("p256", "server.test");
    for version in ["-tls1_3", "-tls1_2"] {
        let options = ["-rev", version, "-Verify", "1", "-verify_return_error", "-CAfile", pki.root_path()];
        let server = SslServer::start(&pki, &server_leaf, &options).await;
        let running = guest(server.port, &pki).await;
        for kind in ["rsa:2048", "p256", "p384", "ed25519", "rsa:2048 pkcs1", "p256 sec1", "p384 sec1"] {
            let leaf = pki.leaf(kind, "client.test");
            let answer = case(
                &running,
                "connect",
                json!({
                    "port": server.port,
                    "name": "server.test",
                    "certificate": leaf.certificate_pem(),
                    "key": leaf.key_pem(),
                }),
            )
            .await;
            assert_eq!(answer["answer"], "reward", "{kind} {version}: {answer}");
        }
        let answer = case(&running, "connect", json!({ "port": server.port, "name": "server.test" })).await;
        assert_ne!(answer["answer"], "reward", "without a certificate: {answer}");
    }
}

#[tokio::test]
async fn what_cannot_be_trusted_is_refused() {
    let (pki, stranger, namesake) = (Pki::new(), Pki::named("Somebody else"), Pki::new());
    let good = pki.leaf("p256", "server.test");
    let server = SslServer::start(&pki, &good, &["-rev"]).await;
    let running = guest(server.port, &pki).await;
    let connect = async |port: u16, name: &str| {
        running.policy.replace(common::grants(&[&format!("tcp://127.0.0.1:{port}")]));
        case(&running, "connect", json!({ "port": port, "name": name })).await
    };
    let refused = |answer: &Json, why: &str| {
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(error.contains(why), "{why}: {answer}");
    };

    assert_eq!(connect(server.port, "server.test").await["answer"], "reward");
    refused(&connect(server.port, "other.test").await, "not valid for name");

    let expired = SslServer::start(&pki, &pki.expired_leaf("server.test"), &["-rev"]).await;
    refused(&connect(expired.port, "server.test").await, "Expired");

    let unknown = SslServer::start(&stranger, &stranger.leaf("p256", "server.test"), &["-rev"]).await;
    refused(&connect(unknown.port, "server.test").await, "UnknownIssuer");

    let forged = SslServer::start(&namesake, &namesake.leaf("p256", "server.test"), &["-rev"]).await;
    refused(&connect(forged.port, "server.test").await, "BadSignature");

    let self_signed = SslServer::start(&pki, &pki.self_signed("server.test"), &["-rev"]).await;
    let answer = connect(self_signed.port, "server.test").await;
    assert!(answer["error"].as_str().is_some_and(|error| error.contains("invalid peer certificate")), "{answer}");

    // The owner takes the root away while the provider runs.
    running.roots.replace_own(&[]).unwrap();
    refused(&connect(server.port, "server.test").await, "UnknownIssuer");
    running.roots.replace_own(&[pki.root()]).unwrap();
    assert_eq!(connect(server.port, "server.test").await["answer"], "reward");
}

#[tokio::test]
async fn a_provider_serves_tls() {
    let pki = Pki::new();
    for kind in ["rsa:2048", "p256", "p384 sec1", "ed25519"] {
        for version in ["-tls1_3", "-tls1_2"] {
            let leaf = pki.leaf(kind, "provider.test");
            let port = free_port();
            let listen = format!("listen:tcp://127.0.0.1:{port}");
            let running = start("tls-cases", &["cpu=400%", &listen], "{}").await;
            let parameters = json!({ "port": port, "certificate": leaf.certificate_pem(), "key": leaf.key_pem() });
            let serving = case(&running, "serve", parameters);
            let asking = s_client(&pki, port, "provider.test", version, "hello from openssl\n");
            let (served, answer) = tokio::join!(serving, asking);
            assert_eq!(served["line"], "hello from openssl", "{kind} {version}");
            assert!(answer.contains("hello from openssl"), "{kind} {version}: {answer}");
        }
    }
}

#[tokio::test]
async fn reqwest_and_the_hubs_client_trust_the_same_roots() {
    let pki = Pki::new();
    let server = SslServer::start(&pki, &pki.leaf("p256", "server.test"), &["-www"]).await;
    let running = guest(server.port, &pki).await;
    let named = json!({ "port": server.port, "name": "server.test", "path": "/" });
    let by_address = json!({ "port": server.port, "name": "127.0.0.1", "path": "/" });
    let answer = case(&running, "reqwest", named.clone()).await;
    assert_eq!(answer["status"], 200, "{answer}");
    assert!(answer["body"].as_str().unwrap().contains("s_server"), "{answer}");
    let answer = case(&running, "hub-https", by_address.clone()).await;
    assert_eq!(answer["status"], 200, "{answer}");

    running.roots.replace_own(&[]).unwrap();
    let answer = case(&running, "reqwest", named).await;
    assert!(answer["error"].as_str().is_some_and(|error| error.contains("UnknownIssuer")), "{answer}");
    let answer = case(&running, "hub-https", by_address).await;
    assert!(answer["error"].is_string(), "{answer}");
}

#[tokio::test]
async fn a_websocket_over_tls() {
    let pki = Pki::new();
    let server = websocket_server(&pki.leaf("p256", "server.test")).await;
    let running = guest(server.port, &pki).await;
    let answer = case(&running, "websocket", json!({ "port": server.port, "name": "server.test" })).await;
    assert_eq!(answer["answer"], "over TLS");
}

#[tokio::test]
async fn keys_are_given_back() {
    let pki = Pki::new();
    let server = SslServer::start(&pki, &pki.leaf("p256", "server.test"), &["-rev"]).await;
    let running = guest(server.port, &pki).await;
    let parameters = json!({ "port": server.port, "name": "server.test", "count": 600 });
    let answer = case(&running, "handshakes", parameters).await;
    assert_eq!(answer["ns"].as_array().unwrap().len(), 600);
}

#[tokio::test]
async fn roots_are_read_and_not_written() {
    let pki = Pki::new();
    let running = guest(1, &pki).await;
    let with = case(&running, "roots", json!({})).await;
    running.roots.replace_own(&[]).unwrap();
    let without = case(&running, "roots", json!({})).await;
    assert_eq!(with["count"].as_u64().unwrap(), without["count"].as_u64().unwrap() + 1);
    for refused in ["write", "replace", "remove", "key"] {
        assert_ne!(with[refused], "ok", "{refused}: {with}");
    }
}

#[tokio::test]
async fn hostile_arguments_are_refused() {
    let running = start("tls-cases", &["cpu=400%", "memory=256MiB"], "{}").await;
    let answer = case(&running, "hostile", json!({})).await;
    let expected = json!({
        "opened": true,
        "wrong_additional": "refused",
        "tampered": "refused",
        "no_tag": "refused",
        "short_nonce": "invalid-argument",
        "no_nonce": "invalid-argument",
        "empty": "ok",
        "largest": "ok",
        "too_large": "limit",
        "large_additional": "limit",
        "unknown_aead": "unsupported",
        "short_key": "invalid-key",
        "keys": 1023,
        "too_many": "limit",
        "too_many_of_another_kind": "limit",
        "after_dropping": "ok",
        "unknown_group": "unsupported",
        "low_order": "refused",
        "short_point": "refused",
        "off_the_curve": "refused",
        "huge_point": "limit",
        "unknown_signature": "unsupported",
        "empty_signature": "refused",
        "huge_message": "limit",
        "huge_public_key": "limit",
        "no_private_key": "invalid-key",
        "garbage_private_key": "invalid-key",
        "huge_private_key": "limit",
        "blocks": "ok",
        "half_a_block": "invalid-argument",
        "no_vector": "invalid-argument",
        "unknown_cipher": "unsupported",
        "huge_piece": "limit",
        "ccm": "ok",
        "ccm_too_long": "limit",
        "code": "ok",
        "unknown_code": "unsupported",
        "kept_key": true,
        "zero_scalar": "invalid-key",
        "seed": "ok",
        "short_seed": "invalid-key",
        "unknown_format": "unsupported",
    });
    assert_eq!(answer, expected);
}

/// Prints what TLS costs in a component and natively, with the same code against the same server:
/// `cargo test --release -p igloo-engine --test tls -- --ignored --nocapture figures`.
#[tokio::test]
#[ignore = "measures"]
async fn figures() {
    const HANDSHAKES: usize = 500;
    const ROUNDS: usize = 3;
    let pki = Pki::new();
    let leaf = pki.leaf("p256", "server.test");
    let server = SslServer::start(&pki, &leaf, &["-rev", "-tls1_3"]).await;
    let running = guest(server.port, &pki).await;
    let native = native_config(&pki);
    let address = SocketAddr::from(([127, 0, 0, 1], server.port));
    let parameters = json!({ "port": server.port, "name": "server.test", "count": HANDSHAKES, "group": "X25519" });
    // In turns, so that both see the same machine.
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let answer = case(&running, "handshakes", parameters.clone()).await;
        inside.extend(answer["ns"].as_array().unwrap().iter().map(|ns| ns.as_u64().unwrap()));
        outside.extend(measure::handshakes(&native, address, "server.test", HANDSHAKES).await.unwrap());
    }
    for (what, times) in [("component", &mut inside), ("native, ring", &mut outside)] {
        times.sort_unstable();
        let at = |share: usize| Duration::from_nanos(times[times.len() * share / 100]);
        println!("TLS 1.3 handshake, ECDSA P-256, X25519, {what}: p50 {:?}, p99 {:?}", at(50), at(99));
    }

    let files = pki.file("bulk", 256 << 20);
    let server = SslServer::start_in(files, &pki, &leaf, &["-WWW", "-tls1_3"]).await;
    let running = guest(server.port, &pki).await;
    let address = SocketAddr::from(([127, 0, 0, 1], server.port));
    for suite in ["TLS13_AES_128_GCM_SHA256", "TLS13_AES_256_GCM_SHA384", "TLS13_CHACHA20_POLY1305_SHA256"] {
        let mut only = rustls::crypto::ring::default_provider();
        only.cipher_suites.retain(|known| format!("{:?}", known.suite()) == suite);
        let native = configure(&pki, only);
        let mut best = [0.0_f64; 2];
        for _ in 0..ROUNDS {
            let parameters = json!({ "port": server.port, "name": "server.test", "path": "/bulk", "suite": suite });
            let answer = case(&running, "download", parameters).await;
            let rate = |bytes: f64, ns: f64| bytes / ns * 1e9 / f64::from(1 << 20);
            best[0] = best[0].max(rate(answer["bytes"].as_f64().unwrap(), answer["ns"].as_f64().unwrap()));
            let (bytes, ns) = measure::download(&native, address, "server.test", "/bulk").await.unwrap();
            assert!(bytes >= 256 << 20);
            assert_eq!(answer["bytes"], bytes);
            best[1] = best[1].max(rate(bytes as f64, ns as f64));
        }
        println!("download, {suite}: component {:.0} MiB/s, native {:.0} MiB/s", best[0], best[1]);
    }
    println!("memory of the component: {} KiB", running.instance.stats().memory_bytes / 1024);
}

fn native_config(pki: &Pki) -> Arc<ClientConfig> {
    let mut provider = rustls::crypto::ring::default_provider();
    provider.kx_groups.retain(|group| group.name() == rustls::NamedGroup::X25519);
    configure(pki, provider)
}

/// As the guest has it: the system's roots and this one, and no session resumed.
fn configure(pki: &Pki, provider: rustls::crypto::CryptoProvider) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots.add(pki.root()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Arc::new(config)
}
