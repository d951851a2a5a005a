//! The hub's types as the API's bodies.

use std::{collections::BTreeMap, time::Duration};

use http::StatusCode;
use igloo_hub::{CommandFailure, CommandOutcome, CompileState, LogSource};
use igloo_model::value::timestamp_text;
use igloo_protocol::{ProtectionReport, grants, manifest};
use serde_json::Value;

use crate::{
    problem::Problem,
    wire::{
        Action, CommandResult, Compiled, Component, Denial, Device, Diagnosis, Engine, Entity, Failures, Group,
        Instance, Limits, LogLine, Mode, Outcome, Package, Placement, Protection, ProviderDiagnosis, Root, RunAs,
        RunAsChoice, State, Stats, Want,
    },
};

impl From<grants::Want> for Want {
    fn from(want: grants::Want) -> Self {
        Self { grant: want.grant, why: want.why, optional: want.optional }
    }
}

impl From<manifest::Action> for Action {
    fn from(action: manifest::Action) -> Self {
        Self { description: action.description, parameters: action.parameters }
    }
}

impl From<igloo_hub::PackageInfo> for Package {
    fn from(info: igloo_hub::PackageInfo) -> Self {
        let (compiled, compile_error) = match info.compiled {
            CompileState::Compiling { .. } => (Compiled::Compiling, None),
            CompileState::Ready => (Compiled::Ready, None),
            CompileState::Failed { reason } => (Compiled::Failed, Some(reason)),
        };
        Self {
            id: info.id.to_string(),
            name: info.name,
            version: info.version,
            description: info.description,
            wants: info.wants.into_iter().map(Want::from).collect(),
            actions: info.actions.into_iter().map(|(name, action)| (name, action.into())).collect(),
            config_schema: info.config_schema,
            size: info.size,
            run_as: info.run_as.into(),
            runs_as: info.runs_as.into_iter().map(RunAs::from).collect(),
            requires: info.requires.iter().map(ToString::to_string).collect(),
            compiled,
            compile_error,
        }
    }
}

impl From<grants::Mode> for Mode {
    fn from(mode: grants::Mode) -> Self {
        match mode {
            grants::Mode::Enforce => Self::Enforce,
            grants::Mode::Audit => Self::Audit,
        }
    }
}

impl From<Mode> for grants::Mode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Enforce => Self::Enforce,
            Mode::Audit => Self::Audit,
        }
    }
}

impl From<igloo_protocol::RunAs> for RunAs {
    fn from(run_as: igloo_protocol::RunAs) -> Self {
        let (engine, placement) = match run_as {
            igloo_protocol::RunAs::InHub => (Engine::Component, Placement::InHub),
            igloo_protocol::RunAs::Isolated => (Engine::Component, Placement::Isolated),
            igloo_protocol::RunAs::Process => (Engine::Process, Placement::Isolated),
        };
        Self { engine, placement }
    }
}

impl From<RunAsChoice> for igloo_protocol::RunAsChoice {
    fn from(choice: RunAsChoice) -> Self {
        Self {
            engine: choice.engine.map(|engine| match engine {
                Engine::Component => igloo_protocol::Engine::Component,
                Engine::Process => igloo_protocol::Engine::Process,
            }),
            placement: choice.placement.map(|placement| match placement {
                Placement::InHub => igloo_protocol::Placement::InHub,
                Placement::Isolated => igloo_protocol::Placement::Isolated,
            }),
        }
    }
}

impl From<grants::Limits> for Limits {
    fn from(limits: grants::Limits) -> Self {
        Self {
            memory: limits.memory,
            cpu_percent: limits.cpu_percent,
            storage: limits.storage,
            private: limits.private,
            buffers: limits.buffers,
            writes_per_second: limits.writes_per_second,
            events_per_second: limits.events_per_second,
            logs_per_second: limits.logs_per_second,
            queue: limits.queue,
            sockets: limits.sockets,
            serial_ports: limits.serial_ports,
            processes: limits.processes,
        }
    }
}

fn state(state: igloo_hub::State) -> (State, Option<String>, Option<String>) {
    match state {
        igloo_hub::State::Stopped => (State::Stopped, None, None),
        igloo_hub::State::Compiling => (State::Compiling, None, None),
        igloo_hub::State::Starting => (State::Starting, None, None),
        igloo_hub::State::Running => (State::Running, None, None),
        igloo_hub::State::BackingOff { until, reason } => {
            (State::BackingOff, Some(reason), Some(timestamp_text(until)))
        }
        igloo_hub::State::Quarantined { reason } => (State::Quarantined, Some(reason), None),
    }
}

impl From<igloo_hub::Failures> for Failures {
    fn from(failures: igloo_hub::Failures) -> Self {
        let igloo_hub::Failures { rejected, busy, unavailable, timeout, interrupted, failed } = failures;
        Self { rejected, busy, unavailable, timeout, interrupted, failed }
    }
}

impl From<ProtectionReport> for Protection {
    fn from(report: ProtectionReport) -> Self {
        Self {
            name: report.protection.to_string(),
            means: report.protection.means().to_owned(),
            in_force: report.in_force(),
            reason: report.lacking,
        }
    }
}

impl From<igloo_hub::ProviderDiagnosis> for ProviderDiagnosis {
    fn from(found: igloo_hub::ProviderDiagnosis) -> Self {
        let (state, reason, _) = self::state(found.state);
        Self {
            instance: found.instance.to_string(),
            run_as: found.run_as.into(),
            state,
            reason,
            requires: found.requires.iter().map(ToString::to_string).collect(),
            without: found.without.iter().map(ToString::to_string).collect(),
            protections: found.protections.into_iter().map(Protection::from).collect(),
        }
    }
}

impl From<igloo_hub::Diagnosis> for Diagnosis {
    fn from(found: igloo_hub::Diagnosis) -> Self {
        Self {
            machine: found.machine.into_iter().map(Protection::from).collect(),
            providers: found.providers.into_iter().map(ProviderDiagnosis::from).collect(),
        }
    }
}

impl From<igloo_hub::InstanceInfo> for Instance {
    fn from(info: igloo_hub::InstanceInfo) -> Self {
        let (state, reason, retry_at) = self::state(info.state);
        Self {
            id: info.id.to_string(),
            name: info.name.to_string(),
            package: info.package.to_string(),
            package_name: info.package_name,
            version: info.version,
            run_as: info.run_as.into(),
            run_as_chosen: info.run_as_chosen,
            state,
            reason,
            retry_at,
            wanted: info.wanted,
            ready: info.ready,
            restarts: info.restarts,
            since: timestamp_text(info.since),
            config: info.config,
            grants: info.grants.list.iter().map(ToString::to_string).collect(),
            mode: info.grants.mode.into(),
            missing_wants: info.missing_wants.into_iter().map(Want::from).collect(),
            limits: info.limits.into(),
            stats: Stats {
                cpu_microseconds: info.stats.cpu_microseconds,
                memory_bytes: info.stats.memory_bytes,
                stuck_calls: info.stats.stuck_calls,
                devices: info.devices as u64,
                writes: info.writes,
                events: info.events,
                lost_events: info.lost_events,
                commands: info.commands,
                queue: info.queue,
                failures: info.failures.into(),
                sockets: info.stats.sockets,
                serial_ports: info.stats.serial_ports,
                buffered_bytes: info.stats.buffered_bytes,
                processes: info.stats.processes,
                lost_log_lines: info.lost_log_lines,
                denials: info.denials,
            },
        }
    }
}

fn object(json: Value) -> BTreeMap<String, Value> {
    match json {
        Value::Object(map) => map.into_iter().collect(),
        _ => BTreeMap::new(),
    }
}

impl From<igloo_hub::DeviceView> for Device {
    fn from(view: igloo_hub::DeviceView) -> Self {
        Self {
            id: view.id.to_string(),
            path: format!("{}/{}", view.instance_name, view.key),
            instance_id: view.instance.to_string(),
            instance: view.instance_name.to_string(),
            key: view.key,
            name: view.name,
            attributes: object(view.attributes),
            available: view.available,
            connected: view.connected,
            reachable: view.reachable,
            missing: view.missing,
            groups: view.groups.iter().map(ToString::to_string).collect(),
            entities: view.entities.into_iter().map(Entity::from).collect(),
        }
    }
}

impl From<igloo_hub::EntityView> for Entity {
    fn from(view: igloo_hub::EntityView) -> Self {
        Self {
            id: view.id,
            name: view.name,
            attributes: object(view.attributes),
            components: view.components.into_iter().map(Component::from).collect(),
        }
    }
}

impl From<igloo_hub::ComponentView> for Component {
    fn from(view: igloo_hub::ComponentView) -> Self {
        Self {
            kind: view.kind,
            access: view.access.to_string(),
            value: view.value,
            unit: view.unit,
            revision: view.revision,
            updated: view.updated.map(timestamp_text),
            time: view.time.map(timestamp_text),
            stale: view.stale,
            attributes: object(view.attributes),
        }
    }
}

impl From<igloo_hub::GroupInfo> for Group {
    fn from(info: igloo_hub::GroupInfo) -> Self {
        Self {
            id: info.id.to_string(),
            name: info.name,
            devices: info.devices.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<igloo_hub::RootInfo> for Root {
    fn from(info: igloo_hub::RootInfo) -> Self {
        Self {
            name: info.name,
            subject: info.subject,
            expires: timestamp_text(info.expires),
            expired: info.expired,
            sha256: info.sha256,
        }
    }
}

impl From<igloo_hub::DenialRecord> for Denial {
    fn from(record: igloo_hub::DenialRecord) -> Self {
        Self {
            instance: record.instance_name.to_string(),
            capability: record.capability.to_owned(),
            target: record.target,
            grant: record.grant,
            reason: record.reason,
            enforced: record.enforced,
            count: record.count,
            first: timestamp_text(record.first),
            last: timestamp_text(record.last),
        }
    }
}

impl From<&igloo_hub::LogLine> for LogLine {
    fn from(line: &igloo_hub::LogLine) -> Self {
        Self {
            time: timestamp_text(line.time),
            instance: line.instance_name.to_string(),
            level: line.level.to_string(),
            source: match line.source {
                LogSource::Provider => "provider",
                LogSource::Hub => "hub",
            }
            .to_owned(),
            text: line.text.clone(),
        }
    }
}

/// A command's result, or its problem.
pub(crate) fn command(result: igloo_hub::CommandResult) -> Result<CommandResult, Problem> {
    let elapsed_ms = milliseconds(result.elapsed);
    let failure = match result.outcome {
        CommandOutcome::Ok => return Ok(CommandResult { command: result.id, outcome: Outcome::Ok, elapsed_ms }),
        CommandOutcome::Rejected(reason) => CommandFailure::Rejected(reason),
        CommandOutcome::Busy(reason) => CommandFailure::Busy(reason),
        CommandOutcome::Unavailable(reason) => CommandFailure::Unavailable(reason),
        CommandOutcome::Timeout => CommandFailure::Timeout,
        CommandOutcome::Interrupted => CommandFailure::Interrupted,
        CommandOutcome::Invalid(reason) => CommandFailure::Invalid(reason),
        CommandOutcome::NotFound(reason) => CommandFailure::NotFound(reason),
        CommandOutcome::Failed { code, text } => CommandFailure::Failed { code, text },
    };
    let mut problem = Problem::from(failure);
    problem.command = (result.id != 0).then_some(result.id);
    problem.elapsed_ms = Some(elapsed_ms);
    Err(problem)
}

impl From<CommandFailure> for Problem {
    fn from(failure: CommandFailure) -> Self {
        let unknown_effect = "look at the device before you try again: it may have done it";
        let (status, title, outcome, way_out) = match &failure {
            CommandFailure::Rejected(_) => (StatusCode::CONFLICT, "Rejected by the provider", Outcome::Rejected, None),
            CommandFailure::Busy(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "Busy", Outcome::Busy, Some("nothing was done: try again later"))
            }
            CommandFailure::Unavailable(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "Unavailable", Outcome::Unavailable, None)
            }
            CommandFailure::Timeout => {
                (StatusCode::GATEWAY_TIMEOUT, "No answer in time", Outcome::Timeout, Some(unknown_effect))
            }
            CommandFailure::Interrupted => {
                (StatusCode::BAD_GATEWAY, "Interrupted", Outcome::Interrupted, Some(unknown_effect))
            }
            CommandFailure::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "Invalid request", Outcome::Invalid, None),
            CommandFailure::NotFound(_) => (StatusCode::NOT_FOUND, "Not found", Outcome::NotFound, None),
            CommandFailure::Failed { .. } => (StatusCode::BAD_GATEWAY, "Failed", Outcome::Failed, None),
        };
        let mut problem = Self::new(status, title, failure.to_string());
        problem.outcome = Some(outcome);
        problem.way_out = way_out.map(Box::from);
        if let CommandFailure::Failed { code, .. } = failure {
            problem.code = Some(code.into());
        }
        problem
    }
}

fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
