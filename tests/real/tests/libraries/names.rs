//! Name servers, with dnsmasq.

use igloo_real_tests::{Program, free_port};
use serde_json::json;

use crate::bench::{Bench, at, tcp, udp};
use crate::table::Row;

pub(crate) async fn hickory_resolver(bench: Bench) -> Row {
    let port = free_port();
    let number = format!("--port={port}");
    let server = Program::start(
        "dnsmasq",
        [
            "--keep-in-foreground",
            "--log-facility=-",
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
            "--listen-address=127.0.0.1",
            "--bind-interfaces",
            "--user=",
            "--pid-file=",
            "--local=/test/",
            "--host-record=lamp.home.test,192.168.7.9,fd00::9",
            "--srv-host=_mqtt._tcp.home.test,lamp.home.test,1883,10,20",
            &number,
        ],
    );
    server.says("started").await;
    let answer = bench.exchange("hickory-resolver", &[udp(port), tcp(port)], at(port)).await;
    let mut addresses: Vec<&str> = answer["addresses"].as_array().unwrap().iter().filter_map(|a| a.as_str()).collect();
    addresses.sort_unstable();
    assert_eq!(addresses, ["192.168.7.9", "fd00::9"]);
    assert_eq!(answer["service"], json!(["10 20 1883 lamp.home.test."]));
    assert_eq!(answer["missing"], true);
    Row::ran(
        "hickory-resolver",
        "dnsmasq",
        "Over UDP: looked up IPv4 and IPv6 addresses, a service, and a name that is not there",
    )
}
