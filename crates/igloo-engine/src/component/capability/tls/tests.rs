//! Both ends in one place, and whatever the network may do in between. Real counterparts, certificates that are no
//! good, and the way through a component are in `tests/hub_tls.rs`.

use std::{fs, process::Command, sync::OnceLock};

use rustls::{RootCertStore, pki_types::ServerName};

use super::{configuration::Configuration, connection::Connection, *};

/// A certificate of its own making for `device.test`, and its key.
fn identity() -> &'static (Vec<u8>, Vec<u8>) {
    static MADE: OnceLock<(Vec<u8>, Vec<u8>)> = OnceLock::new();
    MADE.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        let (certificate, key) = (path("certificate"), path("key"));
        let output = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=device.test", "-addext", "subjectAltName=DNS:device.test"])
            .args(["-keyout", &key, "-out", &certificate])
            .output()
            .expect("openssl: run `cargo xtask setup`");
        assert!(output.status.success(), "{output:?}");
        (fs::read(certificate).unwrap(), fs::read(key).unwrap())
    })
}

fn home() -> Arc<Roots> {
    Roots::shown("/nowhere".into()).unwrap()
}

fn serving() -> Configuration {
    let mut configuration = Configuration::new();
    let (certificate, key) = identity();
    configuration.set_certificate(certificate, &Zeroizing::new(key.clone())).unwrap();
    configuration.set_verification("none").unwrap();
    configuration
}

fn trusting() -> Configuration {
    let mut configuration = Configuration::new();
    assert_eq!(configuration.add_roots(&identity().0, ALL_ROOTS).unwrap(), 1);
    configuration
}

fn client(configuration: &Configuration) -> Connection {
    Connection::client(configuration.client(&home()).unwrap(), ServerName::try_from("device.test").unwrap()).unwrap()
}

fn server(configuration: &Configuration) -> Connection {
    Connection::server(configuration.server(&home()).unwrap()).unwrap()
}

/// Carries ciphertext both ways, in pieces of this size, until there is none.
fn carry(one: &mut Connection, other: &mut Connection, piece: u32) -> Result<(), ErrorCode> {
    while one.wants_take() || other.wants_take() {
        for back in [false, true] {
            let (from, to) = if back { (&mut *other, &mut *one) } else { (&mut *one, &mut *other) };
            let bytes = from.take(piece);
            assert!(bytes.len() <= piece as usize);
            assert_eq!(to.feed(&bytes)? as usize, bytes.len());
        }
    }
    Ok(())
}

fn pair() -> (Connection, Connection) {
    let (mut client, mut server) = (client(&trusting()), server(&serving()));
    carry(&mut client, &mut server, 1 << 20).unwrap();
    assert!(client.handshake().unwrap() && server.handshake().unwrap());
    (client, server)
}

fn data(outcome: Result<ReadOutcome, ErrorCode>) -> Vec<u8> {
    match outcome.unwrap() {
        ReadOutcome::Data(data) => data,
        other => panic!("{other:?}"),
    }
}

#[test]
fn both_ends_agree_in_pieces_of_any_size() {
    for piece in [1, 2, 5, 100, 4096, 1 << 20] {
        for version in ["tls1.2", "tls1.3"] {
            let (mut trusting, mut serving) = (trusting(), serving());
            trusting.set_versions(Some(version), Some(version)).unwrap();
            trusting.set_alpn(vec![b"h2".to_vec(), b"http/1.1".to_vec()]).unwrap();
            serving.set_alpn(vec![b"http/1.1".to_vec()]).unwrap();
            let (mut client, mut server) = (client(&trusting), server(&serving));
            // Before the peer is known it is kept.
            assert_eq!(client.write(b"early").unwrap(), 5);
            assert!(!client.handshake().unwrap());
            carry(&mut client, &mut server, piece).unwrap();
            assert!(client.handshake().unwrap() && server.handshake().unwrap());
            assert_eq!((client.version(), server.version()), (Some(version.to_owned()), Some(version.to_owned())));
            assert_eq!(client.cipher_suite(), server.cipher_suite());
            assert!(client.cipher_suite().unwrap().starts_with("TLS_"));
            assert_eq!((client.alpn(), server.alpn()), (Some(b"http/1.1".to_vec()), Some(b"http/1.1".to_vec())));
            assert_eq!((client.requested_name(), server.requested_name().as_deref()), (None, Some("device.test")));
            assert_eq!((client.peer_certificates().len(), server.peer_certificates().len()), (1, 0));
            assert!(!client.resumed() && !server.resumed());
            assert_eq!(server.readable(), 5);
            assert_eq!((data(server.read(3)), data(server.read(3))), (b"ear".to_vec(), b"ly".to_vec()));
            assert!(matches!(server.read(3), Ok(ReadOutcome::WouldBlock)));
        }
    }
}

#[test]
fn a_large_transfer_stays_within_the_buffers() {
    let (mut client, mut server) = pair();
    let sent: Vec<u8> = (0..3_000_000_u32).map(|n| (n / 7) as u8).collect();
    let (mut received, mut at, mut on_the_way, mut full) = (Vec::new(), 0, Vec::new(), 0);
    while received.len() < sent.len() {
        at += client.write(&sent[at..(at + INPUT).min(sent.len())]).unwrap() as usize;
        // Written, but not taken, is no more than the buffer, and a record beside it.
        while client.wants_take() {
            let taken = client.take(u32::MAX);
            assert!(taken.len() <= BUFFER);
            on_the_way.extend(taken);
        }
        let fed = server.feed(&on_the_way).unwrap() as usize;
        full += usize::from(fed < on_the_way.len());
        on_the_way.drain(..fed);
        assert!(server.readable() > 0 && (server.readable() as usize) < BUFFER, "{}", server.readable());
        while let ReadOutcome::Data(data) = server.read(u32::MAX).unwrap() {
            received.extend(data);
        }
    }
    assert!(received == sent && full > 0);
    // A guest that never takes: the hub keeps no more.
    let kept: usize = (0..100).map(|_| client.write(&sent[..INPUT]).unwrap() as usize).sum();
    assert!(kept <= BUFFER, "{kept}");
}

#[test]
fn an_end_is_clean_or_truncated() {
    let (mut client, mut server) = pair();
    client.write(b"last words").unwrap();
    client.close_notify();
    client.close_notify();
    assert!(matches!(client.write(b"more"), Err(ErrorCode::Closed)));
    carry(&mut client, &mut server, 1 << 20).unwrap();
    assert_eq!(data(server.read(100)), b"last words");
    assert!(matches!(server.read(100), Ok(ReadOutcome::Closed)));
    assert_eq!(server.feed(b"what comes after it is ignored").unwrap(), 30);
    assert!(matches!(server.read(100), Ok(ReadOutcome::Closed)));
    // The other direction is still open.
    server.write(b"goodbye").unwrap();
    carry(&mut client, &mut server, 1 << 20).unwrap();
    assert_eq!(data(client.read(100)), b"goodbye");

    let (mut client, mut server) = pair();
    client.write(b"last words").unwrap();
    carry(&mut client, &mut server, 1 << 20).unwrap();
    server.feed_end();
    assert_eq!(data(server.read(100)), b"last words");
    assert!(matches!(server.read(100), Ok(ReadOutcome::Truncated)));
    assert!(server.feed(b"more").is_err());

    let mut early = self::client(&trusting());
    early.feed_end();
    assert!(matches!(early.handshake(), Err(ErrorCode::Other((code, _))) if code == "truncated"));
}

#[test]
fn an_error_stays_and_the_alert_goes_out() {
    let (mut client, mut server) = (client(&Configuration::new()), server(&serving()));
    let failed = carry(&mut client, &mut server, 1 << 20).unwrap_err();
    let is_self_signed = |code: &ErrorCode| matches!(code, ErrorCode::Certificate(why) if why.reason == "self-signed");
    assert!(is_self_signed(&failed), "{failed:?}");
    for again in [client.handshake().err(), client.feed(&[]).err(), client.write(&[]).err(), client.read(1).err()] {
        assert!(again.as_ref().is_some_and(is_self_signed), "{again:?}");
    }
    let alert = client.take(u32::MAX);
    assert!(!alert.is_empty());
    assert!(matches!(server.feed(&alert), Err(ErrorCode::Alert(_))));
}

#[test]
fn what_is_not_tls_is_said() {
    let mut client = client(&trusting());
    let mut server = server(&serving());
    assert!(matches!(client.feed(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Err(ErrorCode::NotTls)));
    assert!(matches!(server.feed(b"GET / HTTP/1.1\r\nHost: device.test\r\n\r\n"), Err(ErrorCode::NotTls)));
    assert!(matches!(client.handshake(), Err(ErrorCode::NotTls)));
}

/// A byte of what is on the way is another, at every place, in both versions: either side says so or never completes;
/// nothing is read that was not written.
#[test]
fn every_byte_that_is_changed_is_noticed() {
    let (trusting, serving) = (trusting(), serving());
    for version in ["tls1.2", "tls1.3"] {
        let mut place = 0;
        loop {
            let mut configuration = Configuration::new();
            configuration.add_roots(&identity().0, ALL_ROOTS).unwrap();
            configuration.set_versions(Some(version), Some(version)).unwrap();
            let (mut client, mut server) = (client(&configuration), server(&serving));
            client.write(b"question").unwrap();
            let (mut left, mut changed) = (place, false);
            'carrying: while client.wants_take() || server.wants_take() {
                for back in [false, true] {
                    let (from, to) = if back { (&mut server, &mut client) } else { (&mut client, &mut server) };
                    let mut bytes = from.take(u32::MAX);
                    if !changed && left < bytes.len() {
                        bytes[left] ^= 0x10 << (place % 4);
                        changed = true;
                    } else if !changed {
                        left -= bytes.len();
                    }
                    if to.feed(&bytes).is_err() {
                        break 'carrying;
                    }
                }
            }
            if let Ok(ReadOutcome::Data(data)) = server.read(100) {
                assert_eq!(data, b"question", "{version} {place}");
            }
            if !changed {
                break;
            }
            place += 7;
        }
        assert!(place > 700, "{place}");
    }
    drop(trusting);
}

/// Any bytes: no panic, no growth, and nothing but errors.
#[test]
fn garbage_is_refused() {
    let serving = serving();
    let mut number = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        number ^= number << 13;
        number ^= number >> 7;
        number ^= number << 17;
        number
    };
    for round in 0..300 {
        let mut server = server(&serving);
        let mut fed = 0;
        while fed < 200_000 {
            let length = (next() % 3000) as usize;
            let mut bytes: Vec<u8> = (0..length).map(|_| next() as u8).collect();
            // What begins like a record gets further.
            if round % 2 == 0 && bytes.len() > 10 {
                bytes[..3].copy_from_slice(&[20 + (next() % 5) as u8, 3, 3]);
                let body = ((bytes.len() - 5) as u16).to_be_bytes();
                bytes[3..5].copy_from_slice(&body);
            }
            match server.feed(&bytes) {
                Ok(taken) => fed += taken as usize,
                Err(_) => break,
            }
        }
        assert!(!server.handshake().unwrap_or_default());
        assert!(server.take(u32::MAX).len() < 100);
    }
}

#[test]
fn configurations_say_what_they_cannot() {
    let mut configuration = Configuration::new();
    let (certificate, key) = identity();
    assert!(matches!(configuration.set_verification("perhaps"), Err(ErrorCode::Unsupported(_))));
    for (minimum, maximum) in [(None, Some("tls1.1")), (Some("tls1.4"), None), (None, Some("dtls1.2"))] {
        assert!(matches!(configuration.set_versions(minimum, maximum), Err(ErrorCode::Unsupported(_))));
    }
    assert!(matches!(configuration.set_versions(Some("tls1.3"), Some("tls1.2")), Err(ErrorCode::InvalidArgument(_))));
    configuration.set_versions(Some("tls1.0"), None).unwrap();
    for protocols in [vec![Vec::new()], vec![vec![1; 256]]] {
        assert!(matches!(configuration.set_alpn(protocols), Err(ErrorCode::InvalidArgument(_))));
    }
    assert!(matches!(configuration.set_alpn(vec![vec![1]; PROTOCOLS + 1]), Err(ErrorCode::Limit)));

    assert!(matches!(configuration.server(&home()), Err(ErrorCode::InvalidArgument(_))));
    let key = Zeroizing::new(key.clone());
    for bad in [&b"nothing"[..], b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n", &[0x30; 20]] {
        assert!(configuration.set_certificate(bad, &key).is_err(), "{bad:?}");
        assert!(configuration.set_certificate(certificate, &Zeroizing::new(bad.to_vec())).is_err(), "{bad:?}");
    }
    let encrypted = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    assert!(matches!(
        configuration.set_certificate(certificate, &Zeroizing::new(encrypted.to_vec())),
        Err(ErrorCode::InvalidArgument(why)) if why.contains("encrypted")
    ));
    // Who must show a certificate, and nobody says whose.
    configuration.set_certificate(certificate, &key).unwrap();
    assert!(matches!(configuration.server(&home()), Err(ErrorCode::InvalidArgument(_))));
    configuration.set_verification("optional").unwrap();
    assert!(matches!(configuration.client(&home()), Err(ErrorCode::Unsupported(_))));

    assert!(matches!(configuration.add_roots(&vec![0x30; INPUT + 1], ALL_ROOTS), Err(ErrorCode::Limit)));
    assert!(matches!(configuration.add_roots(certificate, 10), Err(ErrorCode::Limit)));
    assert_eq!(configuration.add_roots(&[0x30; 100], ALL_ROOTS).unwrap(), 0);
    let many = certificate.repeat(ROOTS);
    let mut given = 0;
    while configuration.add_roots(&many[..certificate.len() * 100], ALL_ROOTS).is_ok() {
        given += 100;
    }
    assert!(given <= ROOTS && configuration.size <= INPUT, "{given}");
    assert!(RootCertStore::empty().is_empty());

    let full = Configuration::new();
    assert!(matches!(server_name(None, &full), Err(ErrorCode::InvalidArgument(_))));
    for bad in ["", "two words", "a..b", "1.2.3.4.5", "\0"] {
        assert!(matches!(server_name(Some(bad.to_owned()), &full), Err(ErrorCode::InvalidArgument(_))), "{bad}");
    }
    for good in ["plug.local", "192.168.1.20", "fe80::1", "under_score.test", "localhost"] {
        assert!(server_name(Some(good.to_owned()), &full).is_ok(), "{good}");
    }
}
