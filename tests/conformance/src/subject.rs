//! The provider under test, in a home of its own.

use std::time::Duration;

use igloo_hub::{
    CommandFailure, CommandOutcome, CommandRequest, ComponentView, DenialRecord, DeviceView, InstanceInfo, InstanceRef,
    State,
};
use igloo_model::Query;
use igloo_protocol::RunAs;
use igloo_real_tests::{Home, PATIENCE, component, device};
use serde_json::{Value as Json, json};
use tokio::time::{Instant, sleep};

/// Between two looks at what tells nobody when it changes.
const STEP: Duration = Duration::from_millis(5);

/// The guest `conform`.
#[derive(Debug)]
pub struct Subject {
    /// Where it is.
    pub home: Home,
    /// Which it is.
    pub which: InstanceRef,
}

impl Subject {
    /// Starts it and waits until it is ready.
    pub async fn ready(run_as: RunAs, grants: &[&str]) -> Self {
        let subject = Self::start(run_as, grants, json!({})).await;
        subject.until("running", |info| info.state == State::Running).await;
        subject
    }

    /// Starts it.
    pub async fn start(run_as: RunAs, grants: &[&str], config: Json) -> Self {
        let home = Home::open_with_launcher().await;
        let instance = home.install_as("conform", Some(run_as), grants, config).await;
        assert_eq!(instance.run_as, run_as);
        Self { home, which: InstanceRef::Id(instance.id) }
    }

    /// Starts another one beside it, the same way.
    pub async fn another(&self) -> InstanceInfo {
        let run_as = self.info().run_as;
        let other = self.home.install_as("conform", Some(run_as), &[], json!({})).await;
        self.home.ready(&other).await;
        other
    }

    /// The instance now.
    #[must_use]
    pub fn info(&self) -> InstanceInfo {
        self.home.hub.instance(&self.which).unwrap()
    }

    /// Waits until the instance is as it should be.
    pub async fn until(&self, what: &str, is: impl Fn(&InstanceInfo) -> bool) -> InstanceInfo {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let info = self.info();
            if is(&info) {
                return info;
            }
            assert!(Instant::now() < deadline, "in vain: {what}\n{info:#?}\n{}", self.home.story());
            sleep(STEP).await;
        }
    }

    /// Waits until a line is in the log that has this in it.
    pub async fn logged(&self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.lines().iter().any(|line| line.contains(text)) {
            assert!(Instant::now() < deadline, "not in the log: {text}\n{}", self.home.story());
            sleep(STEP).await;
        }
    }

    /// The lines of its log.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.home.hub.logs(Some(&self.which), usize::MAX).unwrap().into_iter().map(|line| line.text).collect()
    }

    /// Runs an action that succeeds.
    pub async fn case(&self, name: &str, parameters: Json) -> Json {
        let outcome = self.act(name, parameters).await;
        outcome.unwrap_or_else(|error| panic!("{name}: {error}\n{}", self.home.story()))
    }

    /// Runs an action.
    pub async fn act(&self, name: &str, parameters: Json) -> Result<Json, CommandFailure> {
        self.home.hub.action(&self.which, name, parameters, PATIENCE).await
    }

    /// A command to its own device.
    #[must_use]
    pub fn request(&self, entity: &str, kind: &str, value: Json) -> CommandRequest {
        CommandRequest {
            device: self.device("conform").id,
            entity: entity.to_owned(),
            changes: vec![(kind.to_owned(), value)],
            transition: None,
            deadline: PATIENCE,
            idempotency_key: None,
        }
    }

    /// Commands a switch to be on, with this deadline.
    pub async fn switch_within(&self, entity: &str, deadline: Duration) -> CommandOutcome {
        self.home.hub.command(CommandRequest { deadline, ..self.request(entity, "switch", json!(true)) }).await.outcome
    }

    /// Commands a switch to be on.
    pub async fn switch(&self, entity: &str) -> CommandOutcome {
        self.switch_within(entity, PATIENCE).await
    }

    /// One of its devices.
    #[must_use]
    pub fn device(&self, key: &str) -> DeviceView {
        self.find(key).unwrap_or_else(|| panic!("there is no {key}\n{}", self.home.story()))
    }

    /// One of its devices, if there is one.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<DeviceView> {
        let mut devices = self.home.hub.devices(&Query::all());
        devices.retain(|device| device.instance == self.info().id);
        device(&devices, key).cloned()
    }

    /// A component of its own device.
    #[must_use]
    pub fn component(&self, entity: &str, kind: &str) -> ComponentView {
        let devices = [self.device("conform")];
        component(&devices, "conform", entity, kind).unwrap_or_else(|| panic!("there is no {entity}/{kind}")).clone()
    }

    /// Waits until a component of its own device has this value.
    pub async fn until_value(&self, entity: &str, kind: &str, wanted: &Json) {
        let deadline = Instant::now() + PATIENCE;
        while self.component(entity, kind).value != *wanted {
            assert!(Instant::now() < deadline, "{entity}/{kind} is not {wanted}\n{:#?}", self.device("conform"));
            sleep(STEP).await;
        }
    }

    /// What it was denied.
    #[must_use]
    pub fn denials(&self) -> Vec<DenialRecord> {
        self.home.hub.denials(Some(&self.which)).unwrap()
    }

    /// Waits until a denial of this capability is told, and gives its target and the grant that would allow it.
    pub async fn denied(&self, capability: &str) -> (String, Option<String>) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(denial) = self.denials().into_iter().find(|denial| denial.capability == capability) {
                assert!(denial.enforced, "{denial:?}");
                return (denial.target, denial.grant);
            }
            assert!(Instant::now() < deadline, "nothing was denied: {capability}\n{:#?}", self.denials());
            sleep(STEP).await;
        }
    }
}
