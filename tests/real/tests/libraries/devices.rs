//! Devices on the network: CoAP with aiocoap, SNMP with snmpd, UPSs with upsd, lamps with lifx-emulator.

use std::fs;
use std::path::Path;

use igloo_real_tests::{Program, Python, ask, free_port, venv};
use serde_json::{Value as Json, json};

use crate::bench::{Bench, at, saying, tcp, udp};
use crate::table::Row;

pub(crate) async fn coap(bench: Bench) -> Row {
    let port = free_port();
    let (mut server, _) = Python::start("coap_server.py", &[&port.to_string()]).await;
    let answer = bench.exchange("coap", &[udp(port)], saying(port, "dimmed")).await;
    assert_eq!(server.line().await, json!({ "put": "dimmed" }));
    let resources = answer["resources"].as_array().unwrap();
    assert!(resources.contains(&json!("/lamp")) && resources.contains(&json!("/long")), "{answer}");
    assert_eq!((&answer["put"], &answer["states"]), (&json!("Changed"), &json!(["off", "dimmed"])));
    assert_eq!(
        (&answer["long"], &answer["same"], &answer["missing"]),
        (&json!(5000), &json!(true), &json!("NotFound"))
    );
    Row::ran("coap", "aiocoap", "Found resources, watched one while setting it, got 5 kB in blocks, and a 4.04")
}

pub(crate) async fn snmp2(bench: Bench) -> Row {
    let port = free_port();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("snmpd.conf");
    let lines = [
        &format!("agentAddress udp:127.0.0.1:{port}"),
        "rocommunity public 127.0.0.1",
        "createUser igloo SHA-256 authentication AES encryption",
        "rwuser igloo authPriv",
        "sysName cellar",
        "sysContact nobody",
    ];
    fs::write(&file, lines.join("\n")).unwrap();
    let path = folder.path().to_str().unwrap();
    let arguments = ["-f", "-Lo", "-C", "-c", file.to_str().unwrap(), "-I", "-smux", "-p", &format!("{path}/pid")];
    let agent = Program::start_with("snmpd", arguments, |command| {
        command.env("SNMP_PERSISTENT_DIR", path);
    });
    agent.says("NET-SNMP version").await;
    let answer = bench.exchange("snmp2", &[udp(port)], saying(port, "in the cellar")).await;
    let walked: Vec<(String, String)> = serde_json::from_value(answer["walked"].clone()).unwrap();
    let of = |oid: &str| walked.iter().find(|(name, _)| name == oid).map(|(_, value)| value.as_str());
    assert_eq!((of("1.3.6.1.2.1.1.5.0"), of("1.3.6.1.2.1.1.4.0")), (Some("cellar"), Some("nobody")), "{answer}");
    assert_eq!((&answer["set"], &answer["name"]), (&json!(0), &json!("cellar")), "{agent:?}");
    let place = format!("127.0.0.1:{port}");
    let user = ["-v3", "-l", "authPriv", "-u", "igloo", "-a", "SHA-256", "-A", "authentication", "-x", "AES", "-X"];
    let rest = ["encryption", "-Oqv", &place, "1.3.6.1.2.1.1.6.0"];
    let location = ask("snmpget", user.iter().chain(&rest), b"").await;
    assert_eq!(String::from_utf8_lossy(&location).trim().trim_matches('"'), "in the cellar");
    Row::ran(
        "snmp2",
        "snmpd",
        "Version 2c: a bulk walk; version 3 with SHA-256 and AES: read, and wrote what snmpget then showed",
    )
}

/// A UPS of a file, as Network UPS Tools has them for tests: the driver and the server, which is not the `upsd` on the
/// path: that one looks first whether the machine's own is enabled.
async fn ups(folder: &Path, port: u16) -> (Program, Program) {
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    let state = folder.display();
    write("ups.conf", &format!("[cellar]\ndriver = dummy-ups\nport = {state}/cellar.dev\ndesc = \"A UPS\"\n"));
    write("cellar.dev", "battery.charge: 87\nups.status: OL\nups.model: Paper\n");
    write("upsd.conf", &format!("LISTEN 127.0.0.1 {port}\nSTATEPATH {state}\n"));
    write("upsd.users", "[igloo]\npassword = secret\n");
    let user = std::env::var("USER").unwrap_or_else(|_| "root".to_owned());
    let environment = |command: &mut tokio::process::Command| {
        command.env("NUT_CONFPATH", folder).env("NUT_STATEPATH", folder).env("NUT_ALTPIDPATH", folder);
    };
    // The server tries again until the driver is there.
    let driver = Program::start_with("/lib/nut/dummy-ups", ["-a", "cellar", "-u", &user, "-F"], environment);
    let server = Program::start_with("/lib/nut/upsd", ["-u", &user, "-F"], environment);
    server.says("Connected to UPS [cellar]").await;
    (driver, server)
}

pub(crate) async fn rups(bench: Bench) -> Row {
    let port = free_port();
    let folder = tempfile::tempdir().unwrap();
    let (driver, server) = ups(folder.path(), port).await;
    let answer = bench.exchange("rups", &[tcp(port)], at(port)).await;
    assert_eq!(answer["devices"], json!([["cellar", "A UPS"]]), "{driver:?}\n{server:?}");
    assert_eq!(answer["charge"], "87", "{driver:?}\n{server:?}");
    let variables = answer["variables"].as_array().unwrap();
    assert!(variables.contains(&json!(["ups.model", "Paper"])), "{answer}");
    assert!(answer["missing"].as_str().is_some(), "{answer}");
    Row::ran(
        "rups",
        "upsd with its dummy-ups",
        "Signed in, listed UPSs and their variables, read the charge, got an error for what is not there",
    )
}

pub(crate) async fn lifx_core(bench: Bench) -> Row {
    let port = free_port();
    let program = venv("lifx-emulator");
    let arguments = ["--bind", "127.0.0.1", "--port", &port.to_string(), "--color", "1", "--verbose"];
    let lamp = Program::start(program.to_str().unwrap(), arguments);
    lamp.says("Server running").await;
    let answer = bench.exchange("lifx-core", &[udp(port)], at(port)).await;
    assert_eq!((&answer["port"], &answer["found"]), (&json!(port), &json!(true)), "{lamp:?}");
    let state: &Json = &answer["state"];
    assert_eq!((&state["hue"], &state["saturation"]), (&json!(21_845), &json!(65_535)), "{lamp:?}");
    assert_eq!((&state["kelvin"], &state["on"]), (&json!(3500), &json!(true)), "{lamp:?}");
    Row::ran(
        "lifx-core",
        "lifx-emulator",
        "Found a lamp by unicast, switched it on, set its colour, and read both back",
    )
}
