//! Smart meters on a serial line, with other parsers as oracles.

use std::path::{Path, PathBuf};

use igloo_real_tests::{Line, run};
use serde_json::{Value as Json, json};
use tokio::io::AsyncWriteExt as _;

use crate::bench::Bench;
use crate::table::Row;

/// What the oracle says of a reading.
fn reading(telegram: &Json, name: &str) -> f64 {
    let reading = telegram.as_array().unwrap().iter().find(|reading| reading["name"] == name);
    reading.unwrap_or_else(|| panic!("{name}: {telegram}"))["value"].as_str().unwrap().parse().unwrap()
}

pub(crate) async fn dsmr5(bench: Bench) -> Row {
    let telegrams = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../providers/p1-meter/telegrams");
    let file: PathBuf = telegrams.join("home.txt");
    let oracle = run("dsmr_oracle.py", &["5", file.to_str().unwrap()]).await;
    let text = std::fs::read(&file).unwrap();
    let end = text.windows(3).position(|window| window == b"\r\n/").unwrap() + 2;
    let line = Line::new().await;
    let guest = bench.guest(&[format!("serial:port={}", line.near().display())]).await;
    let far = tokio::fs::OpenOptions::new().write(true).open(line.far()).await;
    let mut far = far.unwrap();
    let meter = async {
        // A meter says it every second, and who listens may come in the middle of one.
        far.write_all(&text[100..end]).await.unwrap();
        loop {
            far.write_all(&text[..end]).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let answer = tokio::select! {
        answer = guest.exchange("dsmr5", json!({})) => answer,
        () = meter => unreachable!(),
    };
    let first = &oracle[0];
    for (mine, name) in [
        (&answer["delivered"], "CURRENT_ELECTRICITY_USAGE"),
        (&answer["received"], "CURRENT_ELECTRICITY_DELIVERY"),
        (&answer["to"][0], "ELECTRICITY_USED_TARIFF_1"),
        (&answer["to"][1], "ELECTRICITY_USED_TARIFF_2"),
        (&answer["by"][0], "ELECTRICITY_DELIVERED_TARIFF_1"),
        (&answer["voltage"], "INSTANTANEOUS_VOLTAGE_L1"),
    ] {
        assert!((mine.as_f64().unwrap() - reading(first, name)).abs() < 1e-9, "{name}: {answer}");
    }
    Row::ran(
        "dsmr5",
        "dsmr-parser",
        "Read a telegram from a serial port, begun in the middle of another: the oracle's readings",
    )
}
