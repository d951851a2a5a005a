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
    let line = Line::new().await;
    let (mut server, _) = Python::start("modbus_server.py", &["rtu", line.far().to_str().unwrap()]).await;
    prepare(&mut server).await;
    let grants = [format!("serial:port={}", line.near().display())];
    check(&mut server, bench.exchange("tokio-modbus-rtu", &grants, json!({})).await).await;
    Row::ran(LIBRARY, "pymodbus", &format!("RTU on a serial port: {WHAT}"))
}
