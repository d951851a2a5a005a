//! Messages and their encryption, with other implementations of the same.

use igloo_real_tests::Python;
use serde_json::json;

use crate::bench::{Bench, port_of, saying, tcp};
use crate::table::Row;

pub(crate) async fn snow(bench: Bench) -> Row {
    let (mut server, ready) = Python::start("noise_server.py", &[]).await;
    let port = port_of(&ready);
    let answer = bench.exchange("snow", &[tcp(port)], saying(port, "lamp on")).await;
    assert_eq!(answer, json!({ "answers": ["LAMP ON", "AND AGAIN"], "forged": true }));
    assert_eq!(server.line().await, json!({ "heard": ["lamp on", "and again"] }));
    Row::ran(
        "snow",
        "noiseprotocol (Python)",
        "Noise_NNpsk0_25519_ChaChaPoly_SHA256, ESPHome's: handshake, messages both ways, a forged one refused",
    )
}

pub(crate) async fn prost(bench: Bench) -> Row {
    let (mut server, ready) = Python::start("protobuf_server.py", &[]).await;
    let port = port_of(&ready);
    let answer = bench.exchange("prost", &[tcp(port)], saying(port, "porch")).await;
    let heard = json!({
        "name": "porch",
        "offset": -40,
        "history": [20.5, -3.25],
        "source": { "address": 0x0012_4B00_1234_5678_u64.to_string(), "key": "AP8=" },
    });
    assert_eq!(server.line().await, heard);
    let expected = json!({
        "name": "hcrop",
        "offset": -40_000,
        "history": [20.5, -3.25, 1e300],
        "from": ["00124b0012345678", [0, 255]],
        "valid": true,
    });
    assert_eq!(answer, expected);
    Row::ran("prost", "protobuf (Python)", "Messages both ways: nested, repeated, zigzag, fixed and optional fields")
}
