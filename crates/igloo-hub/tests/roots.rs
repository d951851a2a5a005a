//! The owner's own root certificates, from the hub to a provider's connection: real certificates, OpenSSL's server.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test")]

mod common;
#[path = "../../igloo-engine/tests/tls_pki/mod.rs"]
mod tls_pki;

use std::{os::unix::fs::PermissionsExt as _, time::Duration};

use common::{Home, which};
use igloo_hub::Error;
use serde_json::{Value as Json, json};
use tls_pki::{Pki, SslServer};

async fn connect(home: &Home, port: u16) -> Json {
    let parameters = json!({ "port": port, "name": "server.test" });
    let answer = home.hub.action(&which("tls"), "connect", parameters, Duration::from_secs(20)).await;
    answer.unwrap_or_else(|failure| panic!("{failure:?}"))
}

#[tokio::test]
async fn a_root_is_trusted_from_its_addition_to_its_removal() {
    let pki = Pki::new();
    let server = SslServer::start(&pki, &pki.leaf("p256", "server.test"), &["-rev"]).await;
    let home = Home::open().await;
    home.run("tls-cases", "tls", &[&format!("tcp://127.0.0.1:{}", server.port)]).await;
    let refused = |answer: Json| assert!(answer["error"].as_str().unwrap().contains("UnknownIssuer"), "{answer}");
    refused(connect(&home, server.port).await);

    let pem = std::fs::read_to_string(pki.root_path()).unwrap();
    let added = home.hub.add_root(None, &pem).await.unwrap();
    assert_eq!((added.name.as_str(), added.subject.as_str()), ("Root of a test", "CN=Root of a test"));
    assert!(!added.expired && added.sha256.len() == 64, "{added:?}");
    assert_eq!(connect(&home, server.port).await["answer"], "reward", "without a restart");

    // The owner's decision outlives the hub, and what providers see is made anew.
    let ssl = home.directory.path().join("data/ssl");
    home.hub.shutdown().await;
    std::fs::remove_dir_all(&ssl).unwrap();
    let home = home.reopen().await;
    assert_eq!(home.hub.roots(), [added]);
    assert_eq!(std::fs::metadata(&ssl).unwrap().permissions().mode() & 0o022, 0, "nobody else writes it");
    home.until("tls", "ready", |info| info.ready).await;
    assert_eq!(connect(&home, server.port).await["answer"], "reward");

    home.hub.remove_root("Root of a test").await.unwrap();
    refused(connect(&home, server.port).await);
    assert!(home.hub.roots().is_empty());
    assert!(matches!(home.hub.remove_root("Root of a test").await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn what_is_no_root_is_refused_with_the_reason() {
    let (pki, other) = (Pki::new(), Pki::with("rsa:2048", "-sha256"));
    let home = Home::open().await;
    let leaf = pki.leaf("p256", "server.test");
    let (root, second) = (std::fs::read_to_string(pki.root_path()).unwrap(), other.root_path());
    let bundle = format!("{root}{}", std::fs::read_to_string(second).unwrap());
    for (pem, says) in [
        (leaf.certificate_pem(), "not an authority's certificate"),
        (leaf.key_pem(), "private key"),
        (format!("{root}{}", leaf.key_pem()), "private key"),
        (bundle, "2 certificates"),
        ("garbage".to_owned(), "BEGIN CERTIFICATE"),
        (root.replace('M', "N"), "no certificate"),
    ] {
        match home.hub.add_root(None, &pem).await {
            Err(Error::Invalid(text)) => assert!(text.contains(says), "{says}: {text}"),
            other => panic!("{says}: {other:?}"),
        }
    }
    assert!(matches!(home.hub.add_root(Some("\u{1b}[2J"), &root).await, Err(Error::Invalid(_))));
    // An expired one is not dangerous: it is kept, and said.
    let expired = home.hub.add_root(Some("old"), &pki.expired_root().certificate_pem()).await.unwrap();
    assert!(expired.expired, "{expired:?}");
    home.hub.add_root(Some("mine"), &root).await.unwrap();
    for name in ["mine", "the same by another name"] {
        assert!(matches!(home.hub.add_root(Some(name), &root).await, Err(Error::Conflict(_))), "{name}");
    }
    let names: Vec<String> = home.hub.roots().into_iter().map(|root| root.name).collect();
    assert_eq!(names, ["mine", "old"]);
}
