//! Libraries that drivers use, unchanged, in a component, against real counterparts. docs/rust-libraries.md is what
//! came of it: the test writes it with `IGLOO_WRITE_DOCS=1`, and otherwise compares.
//!
//! The libraries are in `tests/libraries`, a workspace of its own. Each gets an instance of its own with exactly the
//! grants that it needs, and all of them run at the same time.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's way to say that it failed")]

mod bench;
mod blocked;
mod certificates;
mod devices;
mod homes;
mod messages;
mod meters;
mod modbus;
mod mqtt;
mod names;
mod receivers;
mod table;
mod web;

use std::sync::Arc;

use bench::Bench;
use futures::future::{BoxFuture, FutureExt as _};
use table::Row;

/// All of them, in the order of the table.
fn cases(bench: &Bench) -> Vec<BoxFuture<'static, Row>> {
    vec![
        mqtt::rumqttc(bench.clone()).boxed(),
        mqtt::rumqttc_tls(bench.clone()).boxed(),
        mqtt::rust_mqtt(bench.clone()).boxed(),
        modbus::over_tcp(bench.clone()).boxed(),
        modbus::over_serial(bench.clone()).boxed(),
        modbus::tokio_serial(bench.clone()).boxed(),
        modbus::serialport(bench.clone()).boxed(),
        web::hyper(bench.clone()).boxed(),
        web::reqwest(bench.clone()).boxed(),
        web::reqwest_https(bench.clone()).boxed(),
        web::axum(bench.clone()).boxed(),
        web::tokio_tungstenite(bench.clone()).boxed(),
        web::tokio_tungstenite_wss(bench.clone()).boxed(),
        web::tokio_rustls(bench.clone()).boxed(),
        web::embedded_io_async(bench.clone()).boxed(),
        messages::snow(bench.clone()).boxed(),
        messages::prost(bench.clone()).boxed(),
        devices::coap(bench.clone()).boxed(),
        devices::snmp2(bench.clone()).boxed(),
        devices::rups(bench.clone()).boxed(),
        devices::lifx_core(bench.clone()).boxed(),
        homes::esphome_client(bench.clone()).boxed(),
        homes::esphome_native_api(bench.clone()).boxed(),
        homes::ashv2(bench.clone()).boxed(),
        receivers::nmea(bench.clone()).boxed(),
        receivers::gpsd_proto(bench.clone()).boxed(),
        meters::dsmr5(bench.clone()).boxed(),
        names::hickory_resolver(bench.clone()).boxed(),
        web::ureq(bench.clone()).boxed(),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn libraries_speak_with_real_counterparts() {
    let bench = Bench(Arc::new(igloo_real_tests::Home::open().await));
    let running: Vec<_> = cases(&bench).into_iter().map(tokio::spawn).collect();
    let mut rows = Vec::new();
    let mut failed = 0;
    for case in running {
        match case.await {
            Ok(row) => rows.push(row),
            // Its panic's message is shown already.
            Err(_) => failed += 1,
        }
    }
    bench.0.hub.shutdown().await;
    assert_eq!(failed, 0, "see the panics above");
    rows.extend(blocked::rows());
    table::check(&rows);
}
