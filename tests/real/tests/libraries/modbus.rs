//! Modbus, with pymodbus.

use igloo_real_tests::{Line, Python};
use serde_json::{Value as Json, json};

use crate::bench::{Bench, at, port_of, tcp};
use crate::table::Row;

const LIBRARY: &str = "tokio-modbus";
const WHAT: &str = "read input registers, wrote two registers and a coil, and got the exception for what is not there";

async fn prepare(server: &mut Python) {
    server.ask(json!({ "do": "set", "unit": 1, "table": "i", "address": 0, "values": [7, 0xFFFF, 300] })).await;
}

async fn check(server: &mut Python, answer: Json) {
    assert_eq!(answer["inputs"], json!([7, 0xFFFF, 300]));
    assert_eq!(answer["coils"], json!([false, false, false, true]));
    assert!(answer["missing"].as_str().unwrap().contains("Illegal data address"), "{answer}");
    for (table, address, expected) in [("h", 16, json!([215, 0xFFD8])), ("c", 2, json!([false, true]))] {
        let question = json!({ "do": "get", "unit": 1, "table": table, "address": address, "count": 2 });
        assert_eq!(server.ask(question).await["values"], expected);
    }
}

pub(crate) async fn over_tcp(bench: Bench) -> Row {
    let (mut server, ready) = Python::start("modbus_server.py", &["tcp", "0"]).await;
    let port = port_of(&ready);
    prepare(&mut server).await;
    check(&mut server, bench.exchange("tokio-modbus-tcp", &[tcp(port)], at(port)).await).await;
    Row::ran(LIBRARY, "pymodbus", &format!("Over TCP: {WHAT}"))
}

pub(crate) async fn over_serial(bench: Bench) -> Row {
    on_a_line(&bench, "tokio-modbus-rtu").await;
    Row::ran(LIBRARY, "pymodbus", &format!("RTU on a serial port: {WHAT}"))
}

pub(crate) async fn tokio_serial(bench: Bench) -> Row {
    on_a_line(&bench, "tokio-serial").await;
    let what = format!("Opened a port by its path, which is a slot; `tokio-modbus` on it {WHAT}");
    Row::ran("tokio-serial", "pymodbus", &what)
}

pub(crate) async fn serialport(bench: Bench) -> Row {
    let line = Line::new().await;
    let (mut dimmers, _) = Python::start("dimmers.py", &[line.far().to_str().unwrap()]).await;
    let grants = [format!("serial:port={}", line.near().display())];
    let answer = bench.exchange("serialport", &grants, json!({ "text": "3=40" })).await;
    assert_eq!(answer, json!({ "said": "3:40\n", "name": "port" }));
    assert_eq!(dimmers.ask(json!(null)).await["levels"], json!({ "3": 40 }));
    let what = "A line each way, with a timeout of zero and an `await` between reads: it must not wait by itself";
    Row::ran("serialport", "pyserial", what)
}

/// Lets a library speak RTU on a serial line.
async fn on_a_line(bench: &Bench, action: &str) {
    let line = Line::new().await;
    let (mut server, _) = Python::start("modbus_server.py", &["rtu", line.far().to_str().unwrap()]).await;
    prepare(&mut server).await;
    let grants = [format!("serial:port={}", line.near().display())];
    check(&mut server, bench.exchange(action, &grants, json!({})).await).await;
}
