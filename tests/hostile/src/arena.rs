//! A hub of its own with a good provider and a place for a bad one.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use igloo_engine::component::EngineOptions;
use igloo_hub::{CommandOutcome, CommandRequest, Hub, InstanceInfo, InstanceRef, NewInstance, Options, PackageFiles};
use igloo_model::Query;
use igloo_protocol::{Grants, RunAs, RunAsChoice};
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tokio::time::{Duration, Instant, sleep};

use crate::PATIENCE;
use crate::neighbour::Neighbour;
use crate::pourer::Pourer;

/// Between two looks at something that tells nobody when it changes.
const STEP: Duration = Duration::from_millis(10);
/// The name of the good one, and of the bad one.
const GOOD: &str = "good";
const BAD: &str = "bad";

/// A hub in a temporary directory.
#[derive(Debug)]
pub struct Arena {
    /// The hub.
    pub hub: Hub,
    data: TempDir,
    /// Stands for the hub's API, and for a server of somebody else on this machine.
    api: TcpListener,
    other: TcpListener,
    pourer: Pourer,
}

/// The project's root.
#[must_use]
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The command, which also starts sandboxes.
#[must_use]
pub fn igloo() -> PathBuf {
    let igloo = workspace().join("target/release/igloo");
    assert!(igloo.is_file(), "there is no {}: run `cargo build --release -p igloo`", igloo.display());
    igloo
}

/// A package: its manifest and its files.
pub(crate) fn package(name: &str) -> (String, PackageFiles) {
    let folder = workspace().join("target/packages").join(name);
    let hint = format!("run `cargo xtask build-guests {name}`");
    let read =
        |file: String| std::fs::read(folder.join(&file)).unwrap_or_else(|error| panic!("{file}: {error}: {hint}"));
    let manifest = String::from_utf8(read(String::from("igloo.toml"))).unwrap();
    let component = Some(read(format!("{}.wasm", name.replace('-', "_"))));
    let executable = manifest.contains("\nexecutable = ").then(|| read(name.to_owned()));
    (manifest, PackageFiles { component, executable, files: None })
}

/// The breaker, with the line that says what it does.
pub(crate) fn breaker(what: &str) -> (String, PackageFiles) {
    const SCRIPT: &str = include_str!("../guests/breaker/breaker.py");
    let manifest = "[package]\nname = \"breaker\"\nversion = \"0.1.0\"\ndescription = \"Breaks the protocol.\"\n\
         [provider]\nengine = \"process\"\nexecutable = \"breaker\"\n\
         [actions.try]\ndescription = \"Tries one thing.\"\nparameters = { type = \"object\" }\n\
         [config]\ntype = \"object\"\n";
    let executable = Some(format!("{SCRIPT}\n\nmain(\"{what}\")\n").into_bytes());
    (manifest.to_owned(), PackageFiles { component: None, executable, files: None })
}

fn which(name: &str) -> InstanceRef {
    InstanceRef::Name(name.parse().unwrap())
}

impl Arena {
    /// Opens a hub and starts the good one.
    pub async fn open() -> Self {
        let data = tempfile::tempdir().unwrap();
        let listener = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (api, other) = (listener(), listener());
        // Compiled code is the same for all tests.
        let engine = EngineOptions::new(workspace().join("target/tmp/hostile-cache")).launcher(igloo());
        let api_addresses = vec![api.local_addr().unwrap()];
        let hub = Hub::open(Options { data: data.path().join("data"), engine, api_addresses }).await.unwrap();
        let arena = Self { hub, data, api, other, pourer: Pourer::start() };
        arena.add(package("bench"), GOOD, None, &[], json!({})).await;
        arena.until(GOOD, "ready", |info| info.ready).await;
        arena
    }

    /// Where the hub keeps its data.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.data.path().join("data")
    }

    /// Puts this test's numbers and places in a text.
    #[must_use]
    pub fn fill_in(&self, text: &str) -> String {
        let port = |listener: &TcpListener| listener.local_addr().as_ref().map_or(0, SocketAddr::port).to_string();
        text.replace("{data}", &self.data().display().to_string())
            .replace("{hub}", &std::process::id().to_string())
            .replace("{api}", &port(&self.api))
            .replace("{other}", &port(&self.other))
            .replace("{pourer}", &self.pourer.port().to_string())
    }

    /// Starts the bad one.
    pub async fn start_bad(&self, package: (String, PackageFiles), run_as: RunAs, grants: &[&str], config: Json) {
        let grants: Vec<String> = grants.iter().map(|grant| self.fill_in(grant)).collect();
        self.add(package, BAD, Some(run_as), &grants, config).await;
    }

    /// Starts the provider on the SDK as the bad one, to try things.
    pub async fn start_hostile(&self, run_as: RunAs, grants: &[&str]) {
        self.start_bad(package("hostile"), run_as, grants, json!({ "life": "good" })).await;
        self.until_bad("ready", |info| info.ready).await;
    }

    /// Starts the breaker as the bad one.
    pub async fn start_breaker(&self, life: &str, config: Json) {
        self.start_bad(breaker(life), RunAs::Process, &[], config).await;
    }

    async fn add(
        &self,
        (manifest, files): (String, PackageFiles),
        name: &str,
        run_as: Option<RunAs>,
        grants: &[String],
        config: Json,
    ) {
        let package = self.hub.add_package(manifest, files).await.unwrap().id;
        let mut all = Grants::default();
        for grant in grants {
            all.add(grant.parse().unwrap());
        }
        let run_as = run_as.map_or_else(RunAsChoice::default, |run_as| RunAsChoice {
            engine: Some(run_as.engine()),
            placement: Some(run_as.placement()),
        });
        let name = Some(name.parse().unwrap());
        let request = NewInstance { package, name, config, grants: all, run_as, start: true };
        self.hub.add_instance(request).await.unwrap();
    }

    /// The server that pours.
    #[must_use]
    pub fn pourer(&self) -> &Pourer {
        &self.pourer
    }

    /// Whether somebody has connected to the server of somebody else. It accepts nobody else.
    #[must_use]
    pub fn was_other_reached(&self) -> bool {
        self.other.set_nonblocking(true).unwrap();
        self.other.accept().is_ok()
    }

    /// The bad one, as of now.
    #[must_use]
    pub fn bad(&self) -> InstanceInfo {
        self.hub.instance(&which(BAD)).unwrap()
    }

    /// Waits until the bad one is so.
    pub async fn until_bad(&self, what: &str, so: impl Fn(&InstanceInfo) -> bool) -> InstanceInfo {
        self.until(BAD, what, so).await
    }

    async fn until(&self, name: &str, what: &str, so: impl Fn(&InstanceInfo) -> bool) -> InstanceInfo {
        let which = which(name);
        self.wait(&format!("{name} is {what}"), || Some(self.hub.instance(&which).unwrap()).filter(|info| so(info)))
            .await
    }

    /// Waits until a look at the hub finds something.
    pub async fn wait<T>(&self, what: &str, look: impl Fn() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(Instant::now() < deadline, "in vain: {what}\n{}", self.story());
            sleep(STEP).await;
        }
    }

    /// Asks the good one for commands from now on.
    #[must_use]
    pub fn neighbour(&self) -> Neighbour {
        Neighbour::of(self.hub.clone(), self.request(GOOD, "switch").expect("a good neighbour"))
    }

    /// What asks an entity of `bench`, the device that both have, to be on. Nothing if it is not described yet.
    fn request(&self, name: &str, entity: &str) -> Option<CommandRequest> {
        let owner = self.hub.instance(&which(name)).ok()?.id;
        let devices = self.hub.devices(&Query::all());
        let device = devices.iter().find(|device| device.instance == owner && device.key == "bench")?.id;
        Some(CommandRequest {
            device,
            entity: entity.to_owned(),
            changes: vec![(String::from("switch"), Json::Bool(true))],
            transition: None,
            deadline: Duration::from_secs(2),
            idempotency_key: None,
        })
    }

    /// Asks an entity of the bad one.
    pub async fn command_bad(&self, entity: &str) -> CommandOutcome {
        let request = self.wait("its device is described", || self.request(BAD, entity)).await;
        self.hub.command(request).await.outcome
    }

    /// Has the bad one try something: its answer, or why there is none.
    pub async fn try_bad(&self, what: &str, to: &str) -> String {
        let parameters = json!({ "what": what, "to": self.fill_in(to) });
        match self.hub.action(&which(BAD), "try", parameters, PATIENCE).await {
            Ok(Json::String(answer)) => answer,
            Ok(other) => other.to_string(),
            Err(failure) => format!("{failure:?}"),
        }
    }

    /// What the instances do, have logged and were denied, for a failing test.
    #[must_use]
    pub fn story(&self) -> String {
        let states = self.hub.instances().into_iter().map(|info| format!("{}: {:?}", info.name, info.state));
        let log = self.hub.logs(None, 40).unwrap().into_iter().map(|line| {
            let text: String = line.text.chars().take(300).collect();
            format!("{} {:?} {:?}: {text}", line.instance_name, line.source, line.level)
        });
        let denials = self.hub.denials(None).unwrap().into_iter().map(|denial| format!("{denial:?}"));
        states.chain(log).chain(denials).collect::<Vec<_>>().join("\n")
    }
}
