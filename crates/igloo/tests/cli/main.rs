//! The command as people and scripts use it, with a real hub and real providers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Home, normalized, package};

#[test]
fn a_home_from_nothing_to_removal() {
    let home = Home::start(&[]);
    let nothing = home.igloo(&["providers"]);
    nothing.succeeded();
    assert_eq!(nothing.stdout, "");
    assert!(nothing.stderr.contains("igloo install FOLDER"), "{}", nothing.stderr);

    let installed = home.igloo(&["install", &package("demo-home")]);
    installed.succeeded();
    assert_eq!(
        installed.stdout,
        "demo-home 0.1.0  A simulated home with a dozen devices, to try Igloo with.\n\
         demo-home is running with 13 devices.\n"
    );

    let providers = home.igloo(&["providers"]);
    assert_eq!(
        normalized(&providers.stdout),
        "NAME PACKAGE STATE DEVICES MEMORY CPU TIME RESTARTS\n\
         demo-home demo-home 0.1.0 running 13 # MiB # ms 0\n"
    );

    // One lamp, whose values only we change.
    let set = home.igloo(&["set", "living-lamp", "switch=on", "dimmer=25%", "--timeout", "5s"]);
    set.succeeded();
    assert!(set.stdout.starts_with("ok in ") && set.stdout.ends_with(" ms\n"), "{}", set.stdout);
    let devices = home.igloo(&["devices", "demo-home/living-lamp"]);
    assert_eq!(
        normalized(&devices.stdout),
        "DEVICE VALUE UPDATED\n\
         demo-home/living-lamp Living room lamp\n\
         ├ bulb/switch on # s ago\n\
         ├ bulb/dimmer 25 % # s ago\n\
         └ bulb/color-temperature 2700 K # s ago\n"
    );
    for path in ["demo-home/living-lamp/bulb/dimmer", "living-lamp/bulb/dimmer", "d1/bulb/dimmer"] {
        assert_eq!(home.igloo(&["get", path]).stdout, "25 %\n", "{path}");
    }
    let json: Value = serde_json::from_str(&home.igloo(&["get", "living-lamp", "--json"]).stdout).unwrap();
    assert_eq!(json["path"], "demo-home/living-lamp");

    let logs = home.igloo(&["logs", "demo-home"]);
    assert!(logs.stdout.contains("demo-home"), "{}", logs.stdout);
    home.igloo(&["config", "set", "demo-home", "speed=1"]).succeeded();
    assert_eq!(home.igloo(&["config", "show", "demo-home"]).stdout, "{\n  \"speed\": 1\n}\n");
    home.igloo(&["action", "demo-home", "ring"]).succeeded();
    home.igloo(&["grants", "add", "demo-home", "memory=32MiB", "discovery:_hap._tcp"]).succeeded();
    let grants = home.igloo(&["grants", "show", "demo-home"]);
    assert!(
        grants.stdout.contains("discovery:_hap._tcp") && grants.stdout.contains("memory=32MiB cpu"),
        "{}",
        grants.stdout
    );
    home.igloo(&["grants", "revoke", "demo-home", "memory=32MiB"]).succeeded();

    home.igloo(&["groups", "create", "Living room"]).succeeded();
    let group = home.igloo(&["groups", "add", "Living room", "living-lamp", "living-blind"]);
    assert_eq!(group.stdout, "g1  Living room  2 devices\n");
    assert_eq!(
        normalized(&home.igloo(&["groups", "list"]).stdout),
        "GROUP ID DEVICES\nLiving room g1 demo-home/living-lamp, demo-home/living-blind\n"
    );

    assert_eq!(home.igloo(&["stop", "demo-home"]).stdout, "demo-home is stopped.\n");
    home.igloo(&["set", "living-lamp", "switch=off"]).failed(6, "unavailable");
    home.igloo(&["remove", "demo-home"]).failed(2, "igloo remove demo-home --yes");
    home.igloo(&["remove", "demo-home", "--yes"]).succeeded();
    assert_eq!(home.igloo(&["devices"]).stdout, "");
    home.igloo(&["packages", "--prune"]).succeeded();
    home.stop();
}

#[test]
fn how_a_provider_runs_is_chosen_shown_and_refused() {
    let home = Home::start(&[]);
    home.igloo(&["install", &package("fifty"), "--engine", "process"]).failed(2, "no file for the engine 'process'");
    let in_hub = ["install", &package("fifty"), "--engine", "process", "--placement", "in-hub"];
    home.igloo(&in_hub).failed(2, "always isolated");
    home.igloo(&["install", &package("fifty"), "--placement", "in-hub"]).succeeded();
    let shown = home.igloo(&["providers", "fifty"]).stdout;
    assert!(normalized(&shown).contains("runs as component (your choice: igloo run-as)"), "{shown}");
    home.igloo(&["run-as", "fifty"]).failed(2, "--default");
    home.igloo(&["run-as", "fifty", "--engine", "process"]).failed(1, "no native executable");
    home.igloo(&["run-as", "fifty", "--default"]).succeeded();
    let stats = home.igloo(&["providers", "--stats"]).stdout;
    assert!(stats.contains("QUEUE") && stats.contains(" 0/32 "), "{stats}");
    let json: Value = serde_json::from_str(&home.igloo(&["providers", "--stats", "--json"]).stdout).unwrap();
    assert!(json[0]["stats"]["cpu-microseconds"].as_u64().is_some_and(|time| time > 0), "{json}");
    let doctor = home.igloo(&["doctor"]).stdout;
    assert!(doctor.contains("fifty: component, in WebAssembly's sandbox in the hub"), "{doctor}");
    home.stop();
}

/// The original's providers outlived it.
#[test]
fn original_sigterm_ends_the_hub_in_order_and_leaves_nobody() {
    let mut home = Home::start(&["--package", &package("demo-home")]);
    home.until_running("demo-home");
    home.igloo(&["set", "living-lamp", "dimmer=12%"]).succeeded();
    let below = descendants(home.process());
    // It checks the exit code and that the address is gone.
    home.restart();
    let left: Vec<_> = descendants(1).into_iter().filter(|process| below.contains(process)).collect();
    assert!(left.is_empty(), "{left:?}");
    // What was set just before is what is known just after.
    let lamp: Value = serde_json::from_str(&home.igloo(&["get", "living-lamp", "--json"]).stdout).unwrap();
    assert_eq!(lamp["path"], "demo-home/living-lamp");
    home.stop();
}

/// The processes below one, by id and start, which is field 22 of proc_pid_stat(5).
fn descendants(of: u32) -> Vec<(u32, String)> {
    let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let all: Vec<(u32, u32, String)> = entries
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let text = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            // The name may have spaces: what follows it begins with field 3.
            let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
            Some((id, fields[1].parse().ok()?, fields[19].to_owned()))
        })
        .collect();
    let mut found = vec![of];
    let mut descendants = Vec::new();
    while let Some(parent) = found.pop() {
        for (id, _, start) in all.iter().filter(|(_, known, _)| *known == parent) {
            found.push(*id);
            descendants.push((*id, start.clone()));
        }
    }
    descendants
}

#[test]
fn roots_are_added_listed_and_removed() {
    let home = Home::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (key, pem, der, leaf) = (file("key"), file("root.pem"), file("root.der"), file("leaf.pem"));
    let openssl = |arguments: &[&str]| {
        let output = std::process::Command::new("openssl").args(arguments).output().expect("`cargo xtask setup`");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    openssl(&["genpkey", "-algorithm", "ED25519", "-out", &key]);
    let certificate = |authority: &str, out: &str| {
        let constraint = format!("basicConstraints=critical,CA:{authority}");
        openssl(&[
            "req",
            "-x509",
            "-key",
            &key,
            "-subj",
            "/CN=Home",
            "-days",
            "2",
            "-addext",
            &constraint,
            "-out",
            out,
        ]);
    };
    certificate("TRUE", &pem);
    certificate("FALSE", &leaf);
    openssl(&["x509", "-in", &pem, "-outform", "DER", "-out", &der]);

    home.igloo(&["roots"]).succeeded();
    let added = home.igloo(&["roots", "add", &pem]);
    assert!(added.stdout.starts_with("Home  CN=Home  until 2"), "{added:#?}");
    home.igloo(&["roots", "add", &der, "--name", "again"]).failed(1, "this certificate is there already, as 'Home'");
    home.igloo(&["roots", "add", &leaf]).failed(1, "not an authority's certificate");
    home.igloo(&["roots", "add", &key]).failed(1, "private key");
    home.igloo(&["roots", "add", &file("nowhere")]).failed(1, "nowhere");
    let listed = home.igloo(&["roots", "list"]).stdout;
    assert!(listed.contains("Home") && listed.contains("CN=Home"), "{listed}");
    home.igloo(&["roots", "remove", "nobody"]).failed(4, "igloo roots list");
    home.igloo(&["roots", "remove", "Home"]).succeeded();
    home.igloo(&["roots", "add", &der, "--name", "from DER"]).succeeded();
    home.stop();
}

#[test]
fn failures_name_the_thing_and_the_way_out() {
    let home = Home::start(&["--package", &package("demo-home")]);
    home.until_running("demo-home");
    home.igloo(&["set", "living-lamp", "dimmer=7"]).failed(6, "'dimmer' is at most 1, not 7");
    home.igloo(&["set", "living-lamp", "switch=bright"]).failed(2, "switch takes on or off");
    home.igloo(&["set", "living-lamp", "switch"]).failed(2, "KIND=VALUE");
    home.igloo(&["set", "living-lamp", "humidity=1"]).failed(4, "has no entity with humidity");
    home.igloo(&["set", "lamp", "switch=on"]).failed(4, "did you mean demo-home/living-lamp");
    home.igloo(&["get", "d999"]).failed(4, "there is no device 'd999'");
    home.igloo(&["providers", "nobody"]).failed(4, "nobody");
    home.igloo(&["watch", "a/b/c/d/e"]).failed(1, "more parts than");
    home.igloo(&["install", "/nowhere"]).failed(2, "igloo.toml");
    home.igloo(&["install", &package("p1-meter")]).failed(2, "--grant 'serial:meter=");
    home.igloo(&["install", &package("demo-home"), "--config", "speed=x"]).failed(2, "speed");
    home.igloo(&["grants", "add", "demo-home", "tcp://x"]).failed(2, "has no port");
    // Nobody there, and nobody allowed.
    home.igloo(&["--url", "http://127.0.0.1:1", "devices"]).failed(3, "igloo up");
    home.igloo(&["--url", "https://127.0.0.1:1", "devices"]).failed(2, "http://HOST:PORT");
    let token = home.igloo(&["tokens", "create", "panel", "--scope", "read"]);
    token.succeeded();
    let read = [("IGLOO_TOKEN", token.stdout.trim())];
    home.igloo_with(&["devices"], &read).succeeded();
    home.igloo_with(&["set", "living-lamp", "switch=on"], &read).failed(5, "--scope control");
    home.igloo_with(&["tokens", "list"], &read).failed(5, "--scope admin");
    home.igloo_with(&["devices"], &[("IGLOO_TOKEN", "igloo_x")]).failed(5, "unknown");
    home.igloo(&["tokens", "revoke", "t2"]).succeeded();
    home.igloo_with(&["devices"], &read).failed(5, "revoked");
    home.stop();
}

#[test]
fn a_watch_outlives_the_hub() {
    let mut home = Home::start(&["--package", &package("demo-home")]);
    home.until_running("demo-home");
    let mut watch = home.follow(&["watch", "*/living-lamp/*/dimmer"]);
    watch.until("demo-home/living-lamp/bulb/dimmer");
    home.igloo(&["set", "living-lamp", "dimmer=10%"]).succeeded();
    let line = watch.until(" 10 %");
    assert_eq!(normalized(&line), "#:#:#.# demo-home/living-lamp/bulb/dimmer 10 %");
    let mut json = home.follow(&["watch", "--json", "*/living-lamp/*/dimmer"]);
    let message: Value = serde_json::from_str(&json.until("\"type\":\"value\"")).unwrap();
    assert_eq!((&message["path"], &message["value"]), (&"demo-home/living-lamp/bulb/dimmer".into(), &0.1.into()));

    // The hub goes and comes back at the same address: the watch goes on.
    home.restart();
    home.until_running("demo-home");
    home.igloo(&["set", "living-lamp", "dimmer=33%"]).succeeded();
    watch.until(" 33 %");

    let mut logs = home.follow(&["logs", "--follow"]);
    home.igloo(&["restart", "demo-home"]).succeeded();
    logs.until("demo-home");
    home.stop();
}

#[test]
fn packages_given_to_up_are_made_once_with_their_grants() {
    let telegrams =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../providers/p1-meter/telegrams/esmr5.txt");
    let grant = format!("p1-meter=serial:meter=replay:{}?loop=true&interval_ms=200", telegrams.display());
    let arguments = ["--package", &package("demo-home"), "--package", &package("p1-meter"), "--grant", &grant];
    let mut home = Home::start(&arguments);
    home.until_running("p1-meter");
    let power = Instant::now();
    while home.igloo(&["devices", "p1-meter/*/*/power"]).stdout.is_empty() {
        assert!(power.elapsed() < Duration::from_secs(20), "the meter tells nothing");
        std::thread::sleep(Duration::from_millis(200));
    }
    home.restart();
    home.until_running("p1-meter");
    let instances: Value = serde_json::from_str(&home.igloo(&["providers", "--json"]).stdout).unwrap();
    assert_eq!(instances.as_array().map(Vec::len), Some(2));
    // A second hub in the same directory is refused.
    home.second().failed(2, "--data DIR");
    home.stop();
}

#[test]
fn the_doctor_needs_no_hub() {
    let data = tempfile::tempdir().unwrap();
    let doctor =
        support::igloo(&["doctor", "--data", data.path().to_str().unwrap(), "--url", "http://127.0.0.1:1"], &[]);
    assert!(doctor.stdout.contains("no hub answers") && doctor.stdout.contains("kernel"), "{}", doctor.stdout);
    let json = support::igloo(
        &["doctor", "--json", "--data", data.path().to_str().unwrap(), "--url", "http://127.0.0.1:1"],
        &[],
    );
    let findings: Value = serde_json::from_str(&json.stdout).unwrap();
    assert!(findings.as_array().is_some_and(|findings| findings.iter().any(|finding| finding["name"] == "clock")));
    for shell in ["bash", "fish", "zsh"] {
        let script = support::igloo(&["completions", shell], &[]);
        script.succeeded();
        assert!(script.stdout.contains("igloo"));
    }
    let help = support::igloo(&["--help"], &[]);
    assert!(help.stdout.contains("Examples:") && !help.stdout.contains("compile-component"), "{}", help.stdout);
}

#[test]
fn building_says_what_a_folder_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let build = || support::igloo(&["build", folder.path().to_str().unwrap()], &[]);
    build().failed(2, "Cargo.toml");
    std::fs::write(folder.path().join("Cargo.toml"), "[package]\nname = \"lamp\"\n").unwrap();
    build().failed(2, "igloo.toml");
    let manifest = "[package]\nname = \"lamp\"\n[provider]\nengine = \"component\"\ncomponent = \"lamp.wasm\"\n";
    std::fs::write(folder.path().join("igloo.toml"), manifest).unwrap();
    // What a hub would refuse is told before anything is compiled.
    build().failed(1, "version");
}
