//! A full disk is an error to whoever needs it, and nobody else's business.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test")]

mod common;

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use common::{Home, options, which};
use igloo_hub::{CommandOutcome, Error, Hub, State};
use igloo_protocol::StoreError;
use serde_json::json;

/// A small file system of its own, as long as this lives.
struct Disk {
    place: tempfile::TempDir,
}

impl Disk {
    /// Nothing where this user may not mount.
    fn mount(mebibytes: u32) -> Option<Self> {
        let place = tempfile::tempdir().unwrap();
        let options = format!("size={mebibytes}m");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(place.path()).output().ok()?;
        mounted.status.success().then_some(Self { place })
    }

    fn filler(&self) -> PathBuf {
        self.place.path().join("filler")
    }

    fn fill(&self) {
        let mut file = File::create(self.filler()).unwrap();
        for size in [1 << 16, 1 << 10, 1] {
            let bytes = vec![7; size];
            while file.write_all(&bytes).is_ok() {}
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.place.path()).status();
    }
}

/// Adds groups until one is refused: the database has some room of its own.
async fn groups_until_full(hub: &Hub) -> (Vec<String>, Error) {
    let mut kept = Vec::new();
    for n in 0..1000 {
        match hub.create_group(&format!("group {n} {}", "x".repeat(100))).await {
            Ok(group) => kept.push(group.name),
            Err(error) => return (kept, error),
        }
    }
    panic!("the disk was never full");
}

#[tokio::test]
async fn the_hub_serves_on() {
    let Some(disk) = Disk::mount(8) else {
        eprintln!("skipped: this user may not mount a small file system");
        return;
    };
    let data: &Path = &disk.place.path().join("data");
    let hub = Hub::open(options(data)).await.unwrap();
    let home = Home { hub, directory: tempfile::tempdir().unwrap() };
    home.run("bench", "bench", &["tcp://192.0.2.1:80"]).await;
    disk.fill();

    let (kept, error) = groups_until_full(&home.hub).await;
    assert!(matches!(&error, Error::Storage(text) if text.contains("full")), "{error}");
    let provider = home.hub.home_of(&which("bench")).unwrap();
    let stored = provider.store_set(String::from("k"), vec![7; 500_000]).await;
    assert!(matches!(&stored, Err(StoreError::Unavailable(text)) if text.contains("full")), "{stored:?}");
    let (manifest, component) = common::files("fifty");
    let installed = home.hub.add_package(manifest, component).await;
    assert!(matches!(&installed, Err(Error::Storage(_))), "{installed:?}");
    assert!(home.hub.keep_values().await.is_ok(), "nothing was written yet");

    // Devices are commanded, values are shown.
    for on in [true, false, true] {
        assert_eq!(home.switch("bench/bench/switch", on).await.outcome, CommandOutcome::Ok);
        assert_eq!(home.value("bench/bench/switch", "switch"), json!(on));
    }
    // What makes the home safer works, and says that it is not kept.
    let revoked = home.hub.revoke(&which("bench"), "tcp://192.0.2.1:80".parse().unwrap()).await;
    assert!(matches!(&revoked, Err(Error::Storage(text)) if text.contains("in force now")), "{revoked:?}");
    assert!(home.hub.instance(&which("bench")).unwrap().grants.list.is_empty());
    let stopped = home.hub.stop(&which("bench")).await;
    assert!(matches!(&stopped, Err(Error::Storage(_))), "{stopped:?}");
    assert_eq!(home.hub.instance(&which("bench")).unwrap().state, State::Stopped);

    disk.free();
    home.hub.start(&which("bench")).await.unwrap();
    home.until("bench", "ready", |info| info.ready).await;
    let provider = home.hub.home_of(&which("bench")).unwrap();
    provider.store_set(String::from("k"), vec![7; 500_000]).await.unwrap();
    home.hub.create_group("after").await.unwrap();
    home.switch("bench/bench/switch", false).await;
    home.hub.shutdown().await;
    drop(provider);

    let hub = Hub::open(options(data)).await.unwrap();
    let names: Vec<String> = hub.groups().into_iter().map(|group| group.name).collect();
    assert_eq!(names, [kept, vec![String::from("after")]].concat());
    let home = Home { hub, directory: tempfile::tempdir().unwrap() };
    assert!(home.hub.instance(&which("bench")).unwrap().grants.list.is_empty(), "kept with the next change");
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(home.value("bench/bench/switch", "switch"), json!(false));
    home.hub.shutdown().await;
}
