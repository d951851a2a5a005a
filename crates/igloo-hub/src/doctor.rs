//! Which protections providers have, and which this machine lacks.

use std::collections::BTreeSet;

use igloo_engine::Instance;
use igloo_model::InstanceName;
use igloo_protocol::{Protection, ProtectionReport, RunAs};

use crate::{core::Core, info::State, managed::Managed};

/// What was found. Nothing is changed by finding it.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    /// What this machine offers to providers that are processes.
    pub machine: Vec<ProtectionReport>,
    /// The providers, by name.
    pub providers: Vec<ProviderDiagnosis>,
}

/// One provider's protections.
#[derive(Clone, Debug)]
pub struct ProviderDiagnosis {
    /// Which.
    pub instance: InstanceName,
    /// How it runs.
    pub run_as: RunAs,
    /// What it is doing.
    pub state: State,
    /// What its package requires.
    pub requires: BTreeSet<Protection>,
    /// What its owner accepts to be lacking.
    pub without: BTreeSet<Protection>,
    /// What its process has, or would have. Empty for a component in the hub: it has no process.
    pub protections: Vec<ProtectionReport>,
}

impl ProviderDiagnosis {
    fn of(managed: &Managed, machine: &[ProtectionReport]) -> Self {
        let owned = managed.owned.lock().clone();
        let session = managed.current_session();
        let running = session.as_ref().and_then(|session| session.running.get());
        let protections = match owned.runs_as() {
            RunAs::InHub => Vec::new(),
            RunAs::Isolated | RunAs::Process => {
                running.and_then(|running: &Instance| running.protections()).unwrap_or_else(|| machine.to_vec())
            }
        };
        Self {
            run_as: owned.runs_as(),
            state: managed.status.borrow().state.clone(),
            requires: owned.package.manifest.provider.requires.clone(),
            without: owned.grants.without(),
            instance: owned.name,
            protections,
        }
    }
}

impl Core {
    pub(crate) async fn diagnose(&self) -> Diagnosis {
        let machine = self.engines.machine().await;
        let managed: Vec<_> = self.instances.read().values().cloned().collect();
        let mut providers: Vec<ProviderDiagnosis> =
            managed.iter().map(|managed| ProviderDiagnosis::of(managed, &machine)).collect();
        providers.sort_by(|a, b| a.instance.cmp(&b.instance));
        Diagnosis { machine, providers }
    }
}
