//! Where a library is tried: an instance of the guest `libraries` for each.

use std::sync::Arc;

use igloo_hub::{CommandFailure, InstanceInfo, InstanceRef};
use igloo_real_tests::{Home, PATIENCE};
use serde_json::{Value as Json, json};

/// The home of all instances.
#[derive(Clone)]
pub(crate) struct Bench(pub(crate) Arc<Home>);

/// One library's instance.
pub(crate) struct Guest {
    home: Arc<Home>,
    instance: InstanceInfo,
}

impl Bench {
    /// A running guest that may do exactly this.
    pub(crate) async fn guest(&self, grants: &[String]) -> Guest {
        let instance = self.0.install("libraries", grants, json!({})).await;
        self.0.ready(&instance).await;
        Guest { home: self.0.clone(), instance }
    }

    /// What a library's action answers.
    pub(crate) async fn exchange(&self, library: &str, grants: &[String], parameters: Json) -> Json {
        self.guest(grants).await.exchange(library, parameters).await
    }
}

impl Guest {
    /// What the action answers.
    pub(crate) async fn exchange(&self, library: &str, parameters: Json) -> Json {
        self.action(library, parameters).await.unwrap_or_else(|error| {
            let denials = self.home.hub.denials(Some(&InstanceRef::Id(self.instance.id))).unwrap();
            panic!("{library}: {error}\ndenied: {denials:?}\n{}", self.log());
        })
    }

    /// The action's outcome.
    pub(crate) async fn action(&self, library: &str, parameters: Json) -> Result<Json, CommandFailure> {
        self.home.hub.action(&InstanceRef::Id(self.instance.id), library, parameters, PATIENCE).await
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        let lines = self.home.hub.logs(Some(&InstanceRef::Id(self.instance.id)), 50).unwrap();
        lines.into_iter().map(|line| line.text).collect::<Vec<_>>().join("\n")
    }
}

/// The grant to reach a port of this machine.
pub(crate) fn tcp(port: u16) -> String {
    format!("tcp://127.0.0.1:{port}")
}

/// The grant to send datagrams to a port of this machine.
pub(crate) fn udp(port: u16) -> String {
    format!("udp://127.0.0.1:{port}")
}

/// The parameter that says where the counterpart is.
pub(crate) fn at(port: u16) -> Json {
    json!({ "address": format!("127.0.0.1:{port}") })
}

/// The parameters that say where the counterpart is and what to tell it.
pub(crate) fn saying(port: u16, text: &str) -> Json {
    json!({ "address": format!("127.0.0.1:{port}"), "text": text })
}

/// The port that a counterpart in Python says it listens on.
pub(crate) fn port_of(ready: &Json) -> u16 {
    u16::try_from(ready["ready"].as_u64().unwrap()).unwrap()
}
