//! Following the home: one line for each thing that happens. Begins anew when the hub restarts.

use std::{collections::HashMap, time::Duration};

use igloo_api::wire::{Device, WatchMessage};
use serde_json::Value;

use super::Context;
use crate::{
    failure::Failure,
    output::{Text, Tone},
    show,
};

/// The column of paths.
const NARROWEST: usize = 40;
/// How long to wait before the next attempt to reach the hub again.
const AGAIN: [u64; 4] = [200, 500, 1000, 2000];

/// `igloo watch`.
pub(super) async fn watch(context: &Context, query: &str) -> anyhow::Result<()> {
    let mut begun = false;
    let mut attempt = 0;
    loop {
        match context.client.follow(&["watch"], &[("query", query)]).await {
            Ok(mut messages) => {
                if begun {
                    context.output.note("The hub is back.");
                }
                (begun, attempt) = (true, 0);
                let mut lines = Lines::default();
                while let Some(text) = messages.next().await {
                    let message: WatchMessage = match serde_json::from_str(&text) {
                        Ok(message) => message,
                        // A kind of message that this version does not know.
                        Err(_) => continue,
                    };
                    if context.output.json {
                        context.output.json_line(&message)?;
                    } else {
                        lines.print(context, message);
                    }
                }
                context.output.note("The hub is gone. Waiting for it to come back (Ctrl-C ends).");
            }
            // The first attempt says what is wrong; later ones wait.
            Err(error) if !begun || !matches!(error.downcast_ref(), Some(Failure::Unreachable { .. })) => {
                return Err(error);
            }
            Err(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(AGAIN.get(attempt).copied().unwrap_or(2000))).await;
        attempt += 1;
    }
}

/// What was shown of devices, so that only what differs is shown again.
#[derive(Default)]
struct Lines {
    shown: HashMap<String, (String, String)>,
    values: HashMap<String, (String, bool)>,
    synced: bool,
    /// The longest path so far, so that values stand below each other.
    width: usize,
}

impl Lines {
    fn print(&mut self, context: &Context, message: WatchMessage) {
        match message {
            WatchMessage::Device { device } => self.device(context, &device),
            WatchMessage::Removed { device } => {
                let path = self.shown.remove(&device).map_or(device, |(path, _)| path);
                self.values.retain(|value, _| !value.starts_with(&format!("{path}/")));
                self.line(context, None, &path, Text::new("removed", Tone::Warning), "");
            }
            WatchMessage::Value { path, value, unit, updated, stale, skipped, .. } => {
                // What was never written has nothing to tell.
                let Some(updated) = updated else { return };
                let kind = path.rsplit('/').next().unwrap_or_default();
                let tone = if value == Value::Null || stale { Tone::Faint } else { Tone::Plain };
                let text = Text::new(show::value(kind, &value, unit.as_deref()), tone);
                // A value that was written again is no news for people; `--json` has it.
                let before = self.values.insert(path.clone(), (text.to_string(), stale));
                if before.as_ref().is_some_and(|(before, was_stale)| *before == text.to_string() && *was_stale == stale)
                {
                    return;
                }
                let mut remarks = Vec::new();
                if stale {
                    remarks.push(String::from("from before the hub started"));
                }
                // At the beginning, everything but the newest value is skipped.
                if self.synced && skipped > 0 {
                    remarks.push(format!("{} between", show::count(skipped.into(), "value")));
                }
                self.line(context, Some(&updated), &path, text, &remarks.join(", "));
            }
            WatchMessage::Event { path, event, data, updated, .. } => {
                let remark = if data.is_null() { String::new() } else { data.to_string() };
                self.line(context, Some(&updated), &path, Text::new(event, Tone::Strong), &remark);
            }
            WatchMessage::Lost { events } => {
                context.output.warn(format!("{events} events were lost: this reader was too slow"));
            }
            WatchMessage::Synced => {
                self.synced = true;
                if self.shown.is_empty() {
                    context.output.note("Nothing matches yet.");
                }
            }
        }
    }

    fn device(&mut self, context: &Context, device: &Device) {
        let state = if device.missing {
            "missing"
        } else if device.available {
            "available"
        } else if device.connected {
            "unavailable"
        } else {
            "provider not running"
        };
        let before = self.shown.insert(device.id.clone(), (device.path.clone(), state.to_owned()));
        let (known, same) = (before.is_some(), before.is_some_and(|(_, before)| before == state));
        // At the beginning the values speak for themselves.
        if same || (!self.synced && !known && device.available) {
            return;
        }
        let tone = if device.available { Tone::Good } else { Tone::Warning };
        self.line(context, None, &device.path, Text::new(state, tone), "");
    }

    fn line(&mut self, context: &Context, time: Option<&str>, path: &str, value: Text, remark: &str) {
        let time = time.map_or_else(|| show::clock(&jiff::Timestamp::now().to_string()), show::clock);
        self.width = self.width.max(path.len()).max(NARROWEST);
        let width = self.width;
        let mut pieces =
            vec![Text::new(format!("{time}  "), Tone::Faint), Text::from(format!("{path:<width$}  ")), value];
        if !remark.is_empty() {
            pieces.push(Text::new(format!("  ({remark})"), Tone::Faint));
        }
        context.output.pieces(&pieces);
    }
}
