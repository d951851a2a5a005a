//! The providers without an SDK, as the hub runs them: `docs/process-protocol.md` is enough.

use igloo_hub::{CommandOutcome, State};
use igloo_real_tests::{Home, workspace};
use serde_json::json;

async fn a_lamp_obeys(example: &str, name: &str) {
    let home = Home::open_with_launcher().await;
    let folder = workspace().join("examples").join(example);
    let lamp = home.install_folder(&folder, "it is in the repository", None, &[], json!({ "name": name })).await;
    home.ready(&lamp).await;
    assert_eq!(home.hub.device(home.hub.devices(&igloo_model::Query::all())[0].id).unwrap().name, name);
    for on in [true, false, true] {
        assert_eq!(home.command("lamp", "bulb", "switch", json!(on)).await, CommandOutcome::Ok);
        assert_eq!(home.now("lamp", "bulb", "switch"), json!(on));
    }
    let stopped = home.hub.stop(&lamp.id.into()).await.unwrap();
    assert_eq!((stopped.state, stopped.restarts), (State::Stopped, 0), "{}", home.story());
    home.hub.start(&lamp.id.into()).await.unwrap();
    home.ready(&lamp).await;
    assert_eq!(home.command("lamp", "bulb", "switch", json!(false)).await, CommandOutcome::Ok);
}

#[tokio::test]
async fn plain_python_is_a_provider() {
    a_lamp_obeys("process-python", "Reading lamp").await;
}

#[tokio::test]
async fn plain_node_is_a_provider() {
    a_lamp_obeys("process-node", "Night light").await;
}
