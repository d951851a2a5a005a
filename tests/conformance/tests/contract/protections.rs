//! A protection that a package requires and that this machine lacks is why its provider does not start. The hub is the
//! real command where there are no control groups, and what it says is what its API says.

use std::path::Path;

use igloo_real_tests::{PATIENCE, Program, ask, in_own_network_without_cgroups, workspace};
use serde_json::Value as Json;
use tokio::time::{Duration, sleep, timeout};

struct Hub {
    igloo: String,
    data: String,
    _program: Program,
}

impl Hub {
    async fn up(data: &Path) -> Self {
        let igloo = workspace().join("target/release/igloo").canonicalize().unwrap().display().to_string();
        let data = data.display().to_string();
        let program = Program::start(&igloo, ["up", "--listen", "127.0.0.1:0", "--data", &data]);
        program.says("Igloo ").await;
        Self { igloo, data, _program: program }
    }

    async fn ask(&self, arguments: &[&str]) -> String {
        let all = arguments.iter().copied().chain(["--data", &self.data]);
        String::from_utf8(ask(&self.igloo, all, &[]).await).unwrap()
    }

    async fn until_state(&self, state: &str) -> Json {
        let mut last = Json::Null;
        let there = timeout(PATIENCE, async {
            while last["state"] != state {
                last = serde_json::from_str(&self.ask(&["providers", "lamp", "--json"]).await).unwrap();
                sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(there.await.is_ok(), "not {state}: {last:#}");
        last
    }
}

/// The bench guest, which requires this.
fn package(folder: &Path, requires: &str) {
    let bench = workspace().join("target/packages/bench");
    let manifest = std::fs::read_to_string(bench.join("igloo.toml")).unwrap();
    let manifest = manifest.replacen("[provider]", &format!("[provider]\nrequires = [\"{requires}\"]"), 1);
    std::fs::write(folder.join("igloo.toml"), manifest).unwrap();
    // Of the two files that it names, the one that is run is enough.
    std::fs::copy(bench.join("bench"), folder.join("bench")).unwrap();
}

#[tokio::test]
async fn what_is_required_and_lacking_is_why_it_does_not_start() {
    if !in_own_network_without_cgroups("protections::what_is_required_and_lacking_is_why_it_does_not_start") {
        return;
    }
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let hub = Hub::up(&data.path().join("data")).await;
    package(folder.path(), "memory-limit");
    let folder = folder.path().display().to_string();
    hub.ask(&["install", &folder, "--name", "lamp", "--engine", "process", "--stopped"]).await;
    let start = Program::start(&hub.igloo, ["start", "lamp", "--data", &hub.data]);
    start.says("this machine lacks memory-limit").await;
    let lamp = hub.until_state("quarantined").await;
    let reason = lamp["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("this machine lacks memory-limit ("), "{lamp:#}");
    assert!(reason.contains("grant without=memory-limit"), "{lamp:#}");
    assert_eq!(lamp["restarts"], 0, "{lamp:#}");

    // Its owner accepts it.
    hub.ask(&["grants", "add", "lamp", "without=memory-limit"]).await;
    hub.until_state("running").await;
}
