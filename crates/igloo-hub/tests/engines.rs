//! How an instance runs is its owner's choice among what its package has files for.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test")]

mod common;

use common::{Home, files, which};
use igloo_hub::{Error, NewInstance, PackageFiles, State};
use igloo_protocol::{Engine, Grants, Placement, RunAs, RunAsChoice};
use serde_json::json;

const SCRIPT: &[u8] = b"#!/bin/sh\n";

fn choice(engine: Option<Engine>, placement: Option<Placement>) -> RunAsChoice {
    RunAsChoice { engine, placement }
}

const PROCESS: RunAsChoice = RunAsChoice { engine: Some(Engine::Process), placement: None };
const ISOLATED: RunAsChoice = RunAsChoice { engine: None, placement: Some(Placement::Isolated) };

/// The bench guest's package, with this in its `[provider]` table and these files.
async fn install(home: &Home, provider: &str, executable: Option<&[u8]>) -> Result<igloo_hub::PackageInfo, Error> {
    let (manifest, component) = files("bench");
    let manifest = manifest.replacen("executable = \"bench\"", "", 1);
    let manifest = manifest.replacen("[provider]", &format!("[provider]\n{provider}"), 1);
    let files = PackageFiles { component: Some(component), executable: executable.map(Vec::from), files: None };
    home.hub.add_package(manifest, files).await
}

fn instance(package: &igloo_hub::PackageInfo, run_as: RunAsChoice) -> NewInstance {
    let name = Some("lamp".parse().unwrap());
    NewInstance { package: package.id.clone(), name, config: json!({}), grants: Grants::default(), run_as, start: true }
}

#[tokio::test]
async fn files_are_those_that_the_manifest_names() {
    let home = Home::open().await;
    let named = "executable = \"bench\"";
    for (provider, executable, expected) in [
        ("", Some(SCRIPT), "names no executable, and one was given"),
        (named, Some(b"PK\x03\x04".as_slice()), "bench is not an executable"),
    ] {
        match install(&home, provider, executable).await {
            Err(Error::Invalid(text)) => assert!(text.contains(expected), "{text}"),
            other => panic!("{other:?}"),
        }
    }
    let (manifest, _) = files("bench");
    let manifest = manifest.replacen("[provider]", "[provider]\nfiles = \"bench.tar\"", 1);
    for (archive, expected) in [(None, "bench.tar, and it was not given"), (Some(vec![1; 1024]), "archive is refused")]
    {
        let files = PackageFiles { component: None, executable: Some(SCRIPT.to_vec()), files: archive };
        match home.hub.add_package(manifest.clone(), files).await {
            Err(Error::Invalid(text)) => assert!(text.contains(expected), "{text}"),
            other => panic!("{other:?}"),
        }
    }
    let both = install(&home, named, Some(SCRIPT)).await.unwrap();
    assert_eq!(both.runs_as, [RunAs::InHub, RunAs::Isolated, RunAs::Process]);
    assert_eq!(both.run_as, RunAs::InHub);
    let again = install(&home, named, Some(SCRIPT)).await.unwrap();
    assert_eq!(again.id, both.id);
    assert_ne!(install(&home, named, Some(b"#!/bin/bash\n")).await.unwrap().id, both.id);
}

#[tokio::test]
async fn of_two_named_files_one_is_enough() {
    let home = Home::open().await;
    let package = install(&home, "executable = \"bench\"", None).await.unwrap();
    assert_eq!(package.runs_as, [RunAs::InHub, RunAs::Isolated]);
    let refused = home.hub.add_instance(instance(&package, PROCESS)).await.unwrap_err();
    assert!(matches!(&refused, Error::Invalid(text) if text.contains("no native executable")), "{refused}");

    // The manifest's own engine is the component's.
    let (manifest, _) = files("bench");
    let files = PackageFiles { component: None, executable: Some(SCRIPT.to_vec()), files: None };
    let native = home.hub.add_package(manifest.clone(), files).await.unwrap();
    assert_eq!(native.runs_as, [RunAs::Process]);
    let refused = home.hub.add_instance(instance(&native, RunAsChoice::default())).await.unwrap_err();
    assert!(matches!(&refused, Error::Invalid(text) if text.contains("no component")), "{refused}");
    let lamp = home.hub.add_instance(instance(&native, PROCESS)).await.unwrap();
    assert_eq!(lamp.run_as, RunAs::Process);
    assert!(matches!(home.hub.run_as(&which("lamp"), RunAsChoice::default()).await, Err(Error::Invalid(_))));

    let none = home.hub.add_package(manifest, PackageFiles::default()).await.unwrap_err();
    assert!(matches!(&none, Error::Invalid(text) if text.contains("and it was not given")), "{none}");
}

#[tokio::test]
async fn a_package_without_a_file_for_it_is_refused() {
    let home = Home::open().await;
    let package = install(&home, "", None).await.unwrap();
    let refused = home.hub.add_instance(instance(&package, PROCESS)).await.unwrap_err();
    assert!(matches!(&refused, Error::Invalid(text) if text.contains("no native executable")), "{refused}");
    let in_hub = choice(Some(Engine::Process), Some(Placement::InHub));
    let refused = home.hub.add_instance(instance(&package, in_hub)).await.unwrap_err();
    assert!(matches!(&refused, Error::Invalid(text) if text.contains("always isolated")), "{refused}");
    home.hub.add_instance(instance(&package, RunAsChoice::default())).await.unwrap();
    assert!(matches!(home.hub.run_as(&which("lamp"), PROCESS).await, Err(Error::Invalid(_))));
}

#[tokio::test]
async fn the_choice_is_kept_until_it_is_taken_back() {
    let home = Home::open().await;
    let package = install(&home, "executable = \"bench\"", Some(SCRIPT)).await.unwrap();
    let made = home.hub.add_instance(instance(&package, ISOLATED)).await.unwrap();
    assert_eq!((made.run_as, made.run_as_chosen), (RunAs::Isolated, true));
    let home = home.reopen().await;
    assert_eq!(home.hub.instance(&which("lamp")).unwrap().run_as, RunAs::Isolated);
    assert_eq!(home.hub.run_as(&which("lamp"), PROCESS).await.unwrap().run_as, RunAs::Process);
    let own = home.hub.run_as(&which("lamp"), RunAsChoice::default()).await.unwrap();
    assert_eq!((own.run_as, own.run_as_chosen), (RunAs::InHub, false));
    home.until("lamp", "ready", |info| info.state == State::Running && info.ready).await;
}

#[tokio::test]
async fn what_cannot_run_here_is_not_tried_again_and_again() {
    let home = Home::open().await;
    let package = install(&home, "executable = \"bench\"\nrequires = [\"landlock\"]", Some(SCRIPT)).await.unwrap();
    home.hub.add_instance(instance(&package, PROCESS)).await.unwrap();
    let is_quarantined = |info: &igloo_hub::InstanceInfo| matches!(info.state, State::Quarantined { .. });
    let lamp = home.until("lamp", "quarantined", is_quarantined).await;
    assert_eq!(lamp.restarts, 0);
    assert!(matches!(&lamp.state, State::Quarantined { reason } if reason.contains("did not start")), "{lamp:?}");
    let found = home.hub.diagnose().await;
    let provider = &found.providers[0];
    assert_eq!(provider.requires.iter().map(ToString::to_string).collect::<Vec<_>>(), ["landlock"]);
    assert_eq!(provider.protections, found.machine);
    // What its owner changes is tried at once.
    home.hub.run_as(&which("lamp"), RunAsChoice::default()).await.unwrap();
    home.until("lamp", "ready", |info| info.ready).await;
    assert!(home.hub.diagnose().await.providers[0].protections.is_empty());
}

#[tokio::test]
async fn limits_are_the_packages_and_then_the_owners() {
    let home = Home::open().await;
    let (manifest, component) = files("bench");
    let manifest = format!("{manifest}\n[limits]\nqueue = 1\nmemory = \"32MiB\"\n");
    let package = home.hub.add_package(manifest, component).await.unwrap();
    let limits = home.hub.add_instance(instance(&package, RunAsChoice::default())).await.unwrap().limits;
    assert_eq!((limits.queue, limits.memory, limits.sockets), (1, 32 << 20, 256));
    home.hub.grant(&which("lamp"), "queue=7".parse().unwrap()).await.unwrap();
    let limits = home.hub.grant(&which("lamp"), "without=landlock".parse().unwrap()).await.unwrap().limits;
    assert_eq!((limits.queue, limits.memory), (7, 32 << 20));
}
