//! `kill -9` at any instant loses nothing that was acknowledged and corrupts nothing.
//!
//! The test runs itself as a child that opens a hub, changes everything that is durable as fast as it can, and prints a
//! line for each thing that was acknowledged. It is killed again and again, and each time the database and the files
//! must have all of it. `IGLOO_KILLS=1000` kills more often.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test")]

mod common;

use std::{
    collections::{HashMap, HashSet},
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use common::{files, grants, options, which};
use igloo_hub::{Hub, NewInstance};
use igloo_model::{
    Access, Attributes, ComponentDescription, DeviceDescription, DeviceId, EntityDescription, Query, Value,
};
use igloo_protocol::{Grant, Limit, RunAsChoice, Update};
use rusqlite::{Connection, OpenFlags};
use serde_json::json;

const DIRECTORY: &str = "IGLOO_DURABILITY_DIRECTORY";
const ROUND: &str = "IGLOO_DURABILITY_ROUND";
/// An empty component. It does not run, and need not.
const EMPTY: [u8; 8] = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];
const KEYS: u64 = 16;

/// A line for the parent; it is in the pipe when this returns.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n> {line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// What the child does. Alone it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the child of the other test"]
async fn child() {
    let (Some(directory), Ok(round)) = (std::env::var_os(DIRECTORY), std::env::var(ROUND)) else { return };
    let round: u64 = round.parse().unwrap();
    let hub = Hub::open(options(Path::new(&directory))).await.unwrap();
    let (manifest, component) = files("bench");
    let package = hub.add_package(manifest.clone(), component).await.unwrap().id;
    if hub.instance(&which("bench")).is_err() {
        let name = Some("bench".parse().unwrap());
        let request = NewInstance {
            package,
            name,
            config: json!({}),
            grants: grants(&[]),
            run_as: RunAsChoice::default(),
            start: true,
        };
        hub.add_instance(request).await.unwrap();
    }
    let home = loop {
        if let Some(home) = hub.home_of(&which("bench")) {
            break home;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    say("open");

    let groups = async {
        for n in 0.. {
            let name = format!("{round}-{n}");
            let group = hub.create_group(&name).await.unwrap();
            say(&format!("group {} {name}", group.id.0));
            if n % 4 != 0 || hub.groups().len() > 500 {
                say(&format!("may-go group {}", group.id.0));
                hub.delete_group(group.id).await.unwrap();
                say(&format!("gone group {}", group.id.0));
            }
        }
    };
    let limits = async {
        for n in 1.. {
            let rate = u32::try_from(round * 100_000 + n).unwrap();
            // Audit mode, by the way, is durable too; the session is left alone.
            hub.grant(&which("idle"), Grant::Limit(Limit::Writes(rate))).await.unwrap();
            say(&format!("limit {rate}"));
        }
    };
    let store = async {
        for n in 0.. {
            let number = round * 1_000_000 + n;
            let mut value = number.to_be_bytes().to_vec();
            value.resize(8 + usize::try_from(n * 977 % 20_000).unwrap(), 7);
            home.store_set(format!("k{}", n % KEYS), value).await.unwrap();
            say(&format!("store k{} {number}", n % KEYS));
        }
    };
    let devices = async {
        for n in 0_u64.. {
            let key = format!("{round}-{n}");
            let handles = home.describe(device(&key)).unwrap();
            let id = hub.resolve(&format!("bench/{key}")).unwrap().device;
            say(&format!("seen {} {key}", id.0));
            home.write(&mut vec![Update { component: handles[0], value: Value::Integer(1), time: None }]);
            if n.is_multiple_of(8) {
                let group = hub.create_group(&format!("with {key}")).await.unwrap();
                hub.add_to_group(group.id, &[id]).await.unwrap();
                say(&format!("member {} {} {key}", group.id.0, id.0));
                say(&format!("may-go group {}", group.id.0));
                hub.delete_group(group.id).await.unwrap();
                say(&format!("gone group {}", group.id.0));
            }
            say(&format!("may-go device {}", id.0));
            home.remove(&key);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let values = async {
        let handle = home.describe(device("counter")).unwrap()[0];
        for n in 0.. {
            let number = round * 1_000_000 + n;
            let value = Value::Integer(i64::try_from(number).unwrap());
            home.write(&mut vec![Update { component: handle, value, time: None }]);
            hub.keep_values().await.unwrap();
            say(&format!("value {number}"));
        }
    };
    let packages = async {
        for n in 0.. {
            let text = manifest.replace("version = \"0.1.0\"", &format!("version = \"{round}.{n}.0\""));
            let package = hub.add_package(text, EMPTY.to_vec()).await.unwrap().id;
            say(&format!("package {package}"));
            let name: igloo_model::InstanceName = format!("x-{round}-{n}").parse().unwrap();
            let request = NewInstance {
                package: package.clone(),
                name: Some(name.clone()),
                config: json!({}),
                grants: grants(&["tcp://192.0.2.1:80"]),
                run_as: RunAsChoice::default(),
                start: false,
            };
            let instance = hub.add_instance(request).await.unwrap().id;
            say(&format!("instance {} {name}", instance.0));
            if n % 8 != 0 || hub.instances().len() > 500 {
                say(&format!("may-go instance {}", instance.0));
                hub.remove_instance(&instance.into()).await.unwrap();
                say(&format!("gone instance {}", instance.0));
                say(&format!("may-go package {package}"));
                hub.remove_package(&package).await.unwrap();
                say(&format!("gone package {package}"));
            }
        }
    };
    if hub.instance(&which("idle")).is_err() {
        let package = hub.instance(&which("bench")).unwrap().package;
        let name = Some("idle".parse().unwrap());
        let request = NewInstance {
            package,
            name,
            config: json!({}),
            grants: grants(&[]),
            run_as: RunAsChoice::default(),
            start: false,
        };
        hub.add_instance(request).await.unwrap();
    }
    tokio::join!(groups, limits, store, devices, values, packages);
}

fn device(key: &str) -> DeviceDescription {
    DeviceDescription {
        id: key.to_owned(),
        name: format!("Device {key}"),
        attributes: Attributes::new(),
        entities: vec![EntityDescription {
            id: String::from("counter"),
            name: String::from("Counter"),
            attributes: Attributes::new(),
            components: vec![ComponentDescription {
                kind: String::from("count"),
                access: Access::Read,
                attributes: Attributes::new(),
            }],
        }],
    }
}

/// What was acknowledged and must be there, over all rounds.
#[derive(Default)]
struct Expected {
    there: HashMap<&'static str, HashMap<String, String>>,
    gone: HashMap<&'static str, HashSet<String>>,
    /// The largest number acknowledged of things that only grow.
    least: HashMap<String, u64>,
    /// Whose a device's id is. Never another's.
    seen: HashMap<u64, String>,
    acknowledged: u64,
}

fn kind(text: &str) -> &'static str {
    ["group", "instance", "package", "device"].into_iter().find(|kind| *kind == text).unwrap()
}

impl Expected {
    fn read(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["may-go", what, id] => drop(self.there.entry(kind(what)).or_default().remove(*id)),
            ["gone", what, id] => drop(self.gone.entry(kind(what)).or_default().insert((*id).to_owned())),
            ["seen", id, key] => self.see(id, key),
            ["member", group, id, key] => {
                self.see(id, key);
                self.there.entry("device").or_default().insert((*id).to_owned(), (*key).to_owned());
                let name = format!("with {key}");
                self.there.entry("group").or_default().insert((*group).to_owned(), name);
            }
            [what @ ("limit" | "value"), number] | ["store", what, number] => {
                self.least.insert((*what).to_owned(), number.parse().unwrap());
            }
            ["package", id] => drop(self.there.entry("package").or_default().insert((*id).to_owned(), String::new())),
            [what, id, name] => {
                drop(self.there.entry(kind(what)).or_default().insert((*id).to_owned(), (*name).to_owned()));
            }
            ["open"] => return,
            _ => panic!("{line}"),
        }
        self.acknowledged += 1;
    }

    fn see(&mut self, id: &str, key: &str) {
        let known = self.seen.entry(id.parse().unwrap()).or_insert_with(|| key.to_owned());
        assert_eq!(known, key, "the id {id} was given to two devices");
    }

    /// Everything acknowledged is in the database and on the disk.
    fn check(&self, data: &Path) {
        let path = data.join("igloo.db");
        let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
        let verdict: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(verdict, "ok");
        let violations: u32 =
            connection.query_row("SELECT COUNT(*) FROM pragma_foreign_key_check", [], |row| row.get(0)).unwrap();
        assert_eq!(violations, 0);
        for (what, sql) in [
            ("group", "SELECT CAST(id AS TEXT), name FROM groups"),
            ("instance", "SELECT CAST(id AS TEXT), name FROM instances"),
            ("device", "SELECT CAST(id AS TEXT), key FROM devices"),
            ("package", "SELECT id, '' FROM packages"),
        ] {
            let mut statement = connection.prepare(sql).unwrap();
            let found: HashMap<String, String> =
                statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
            for (id, name) in self.there.get(what).into_iter().flatten() {
                assert_eq!(found.get(id), Some(name), "the {what} {id} ({name}) is lost");
            }
            for id in self.gone.get(what).into_iter().flatten() {
                assert!(!found.contains_key(id), "the {what} {id} is back");
            }
            if what == "device" {
                for (id, key) in &found {
                    let seen = self.seen.get(&id.parse().unwrap());
                    assert!(seen.is_none_or(|seen| seen == key), "the id {id} is of {key} and {seen:?}");
                }
            }
        }
        for (what, least) in &self.least {
            let found: u64 = match what.as_str() {
                "limit" => {
                    let text: String = connection
                        .query_row("SELECT grants FROM instances WHERE name = 'idle'", [], |row| row.get(0))
                        .unwrap();
                    let grants: igloo_protocol::Grants = serde_json::from_str(&text).unwrap();
                    grants.limits().writes_per_second.into()
                }
                "value" => {
                    let text: String = connection
                        .query_row(
                            "SELECT value FROM component_values JOIN devices ON devices.id = device
                             WHERE key = 'counter'",
                            [],
                            |row| row.get(0),
                        )
                        .unwrap();
                    let Value::Integer(number) = serde_json::from_str(&text).unwrap() else { panic!("{text}") };
                    u64::try_from(number).unwrap()
                }
                key => {
                    let value: Vec<u8> = connection
                        .query_row("SELECT value FROM store WHERE key = ?1", [key], |row| row.get(0))
                        .unwrap();
                    u64::from_be_bytes(value[..8].try_into().unwrap())
                }
            };
            assert!(found >= *least, "{what}: {found} is there, {least} was acknowledged");
        }
        let used: Option<i64> = connection
            .query_row("SELECT SUM(64 + LENGTH(CAST(key AS BLOB)) + LENGTH(value)) FROM store", [], |row| row.get(0))
            .unwrap();
        let counted: Option<i64> =
            connection.query_row("SELECT SUM(bytes) FROM store_used", [], |row| row.get(0)).unwrap();
        assert_eq!(used, counted, "what the store uses");
        for id in self.there.get("package").into_iter().flatten().map(|(id, _)| id) {
            let files = data.join("packages").join(id);
            assert_eq!(std::fs::read(files.join("component.wasm")).unwrap(), EMPTY);
            assert!(!std::fs::read(files.join("igloo.toml")).unwrap().is_empty());
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost() {
    let kills: u64 = std::env::var("IGLOO_KILLS").ok().map_or(200, |text| text.parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut expected = Expected::default();
    for round in 0..kills {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--ignored", "--nocapture"])
            .env(DIRECTORY, &data)
            .env(ROUND, round.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        // Sometimes while it opens, mostly while it works.
        let pause = Duration::from_millis(if round % 10 == 9 { round * 7 % 60 } else { 20 + round * 37 % 300 });
        let mut line = String::new();
        if round % 10 != 9 {
            while out.read_line(&mut line).unwrap() > 0 && line.trim() != "> open" {
                line.clear();
            }
        }
        let reader = std::thread::spawn(move || {
            let mut lines = Vec::new();
            let mut line = String::new();
            while out.read_line(&mut line).unwrap_or(0) > 0 {
                if let Some(said) = line.strip_prefix("> ").and_then(|line| line.strip_suffix('\n')) {
                    lines.push(said.to_owned());
                }
                line.clear();
            }
            lines
        });
        std::thread::sleep(pause);
        child.kill().unwrap();
        let end = child.wait_with_output().unwrap();
        let faults = String::from_utf8_lossy(&end.stderr).into_owned();
        assert!(end.status.code().is_none(), "the child ended by itself in round {round}: {faults}");
        for line in reader.join().unwrap() {
            expected.read(&line);
        }
        if data.join("igloo.db").exists() && !expected.least.is_empty() {
            expected.check(&data);
        }
    }
    println!("{} things were acknowledged in {kills} lives", expected.acknowledged);
    assert!(expected.acknowledged > kills, "hardly anything happened");

    // And a hub opens it: everything is in its place, and no old id is given again.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let hub = Hub::open(options(&data)).await.unwrap();
        let ids: HashSet<DeviceId> = hub.devices(&Query::all()).iter().map(|device| device.id).collect();
        for (id, _) in expected.there.get("device").into_iter().flatten() {
            assert!(ids.contains(&DeviceId(id.parse().unwrap())));
        }
        hub.shutdown().await;
    });
}
