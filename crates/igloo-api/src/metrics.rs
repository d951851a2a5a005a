//! Figures as Prometheus reads them: the text format 0.0.4,
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>.
//!
//! A counter begins with the hub. What an engine does not measure is left out, never told as zero. The number of series
//! is bounded by the instances of a home: nothing that a provider says becomes a label.

use std::fmt::Write;

use igloo_hub::{InstanceInfo, State};

/// What `/metrics` answers with.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A figure of each provider: its name without `igloo_provider_`, what it is, whether it only grows, and where it is
/// found.
type Figure = (&'static str, &'static str, Kind, fn(&InstanceInfo) -> Option<f64>);

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
}

#[expect(clippy::cast_precision_loss, reason = "the format's numbers are floats")]
fn number(count: u64) -> Option<f64> {
    Some(count as f64)
}

const FIGURES: &[Figure] = &[
    ("cpu_seconds_total", "CPU time spent in the provider's code.", Kind::Counter, |info| {
        number(info.stats.cpu_microseconds).map(|microseconds| microseconds / 1e6)
    }),
    ("memory_bytes", "Memory of the provider.", Kind::Gauge, |info| number(info.stats.memory_bytes)),
    ("memory_limit_bytes", "What the provider's memory is limited to.", Kind::Gauge, |info| number(info.limits.memory)),
    ("writes_total", "Values written.", Kind::Counter, |info| number(info.writes)),
    ("events_total", "Events emitted.", Kind::Counter, |info| number(info.events)),
    ("lost_events_total", "Events lost to the rate limit.", Kind::Counter, |info| number(info.lost_events)),
    ("commands_total", "Commands and actions delivered.", Kind::Counter, |info| number(info.commands)),
    ("queue", "Commands and actions under way.", Kind::Gauge, |info| number(info.queue.into())),
    ("queue_limit", "Commands and actions that may be under way.", Kind::Gauge, |info| {
        number(info.limits.queue.into())
    }),
    ("stuck_commands", "Commands and actions that were never answered.", Kind::Gauge, |info| {
        number(info.stats.stuck_calls.into())
    }),
    ("restarts_total", "Restarts after failures.", Kind::Counter, |info| number(info.restarts.into())),
    ("denials_total", "Things asked for that are not granted.", Kind::Counter, |info| number(info.denials)),
    ("lost_log_lines_total", "Log lines left out.", Kind::Counter, |info| number(info.lost_log_lines)),
    ("devices", "Devices.", Kind::Gauge, |info| number(info.devices as u64)),
    ("up", "Whether the provider takes commands.", Kind::Gauge, |info| number(info.ready.into())),
    ("sockets", "Sockets open.", Kind::Gauge, |info| info.stats.sockets.and_then(number)),
    ("serial_ports", "Serial ports open.", Kind::Gauge, |info| info.stats.serial_ports.and_then(number)),
    ("buffered_bytes", "Bytes that streams hold in the hub.", Kind::Gauge, |info| {
        info.stats.buffered_bytes.and_then(number)
    }),
    ("processes", "Processes and threads.", Kind::Gauge, |info| info.stats.processes.and_then(number)),
];

/// Everything that is told.
pub(crate) fn text(instances: &[InstanceInfo], started: i64) -> String {
    let mut page = Page(String::new());
    page.family("igloo_hub_info", "The hub.", Kind::Gauge);
    page.sample("igloo_hub_info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    page.family("igloo_hub_start_time_seconds", "When the hub started, since 1970.", Kind::Gauge);
    #[expect(clippy::cast_precision_loss, reason = "the format's numbers are floats")]
    page.sample("igloo_hub_start_time_seconds", &[], (started as f64 / 1e9).round());
    page.family("igloo_hub_providers", "Instances that are installed.", Kind::Gauge);
    page.sample("igloo_hub_providers", &[], number(instances.len() as u64).unwrap_or_default());

    page.family("igloo_provider_info", "What runs, and how.", Kind::Gauge);
    for info in instances {
        let (name, engine, placement) =
            (info.name.to_string(), info.run_as.engine().to_string(), info.run_as.placement().to_string());
        let labels = [
            ("instance", name.as_str()),
            ("package", &info.package_name),
            ("version", &info.version),
            ("engine", &engine),
            ("placement", &placement),
        ];
        page.sample("igloo_provider_info", &labels, 1.0);
    }
    page.family("igloo_provider_state", "1 for the state that it is in.", Kind::Gauge);
    for info in instances {
        let labels = [("instance", info.name.as_str()), ("package", &info.package_name), ("state", state(&info.state))];
        page.sample("igloo_provider_state", &labels, 1.0);
    }
    for (name, help, kind, figure) in FIGURES {
        let name = format!("igloo_provider_{name}");
        page.family(&name, help, *kind);
        for info in instances {
            if let Some(value) = figure(info) {
                page.sample(&name, &[("instance", info.name.as_str()), ("package", &info.package_name)], value);
            }
        }
    }
    let name = "igloo_provider_command_failures_total";
    page.family(name, "Commands and actions that did not succeed.", Kind::Counter);
    for info in instances {
        for (outcome, count) in info.failures.list() {
            let labels = [("instance", info.name.as_str()), ("package", &info.package_name), ("outcome", outcome)];
            page.sample(name, &labels, number(count).unwrap_or_default());
        }
    }
    page.0
}

fn state(state: &State) -> &'static str {
    match state {
        State::Stopped => "stopped",
        State::Compiling => "compiling",
        State::Starting => "starting",
        State::Running => "running",
        State::BackingOff { .. } => "backing-off",
        State::Quarantined { .. } => "quarantined",
    }
}

struct Page(String);

impl Page {
    fn family(&mut self, name: &str, help: &str, kind: Kind) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.0.push_str(name);
        for (at, (label, text)) in labels.iter().enumerate() {
            self.0.push(if at == 0 { '{' } else { ',' });
            self.0.push_str(label);
            self.0.push_str("=\"");
            for character in text.chars() {
                match character {
                    '\\' => self.0.push_str("\\\\"),
                    '"' => self.0.push_str("\\\""),
                    '\n' => self.0.push_str("\\n"),
                    other => self.0.push(other),
                }
            }
            self.0.push('"');
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        let mut page = Page(String::new());
        page.sample("igloo_x", &[("a", "back\\slash \"quoted\"\nnext"), ("b", "é")], 1.5);
        assert_eq!(page.0, "igloo_x{a=\"back\\\\slash \\\"quoted\\\"\\nnext\",b=\"é\"} 1.5\n");
    }
}
