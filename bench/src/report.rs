//! What people and programs read.

#![expect(clippy::print_stdout, reason = "this is what prints")]

use std::time::Duration;

use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};

/// Prints a table under a title.
pub(crate) fn table(title: &str, header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(header.to_vec());
    for row in rows {
        table.add_row(row);
    }
    println!("\n{title}\n{table}");
}

/// Prints one line of JSON.
pub(crate) fn line(json: &serde_json::Value) {
    println!("{json}");
}

/// Times, sorted.
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The time that this share of all does not exceed, in microseconds.
    pub(crate) fn percentile_us(&self, share: f64) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index"
        )]
        let index = ((self.0.len() as f64 * share) as usize).min(self.0.len().saturating_sub(1));
        self.0.get(index).map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
    }

    pub(crate) fn p50_us(&self) -> f64 {
        self.percentile_us(0.5)
    }

    pub(crate) fn p99_us(&self) -> f64 {
        self.percentile_us(0.99)
    }

    /// A row: name, p50, p99, how many, p50 beside a baseline's.
    pub(crate) fn row(&self, name: &str, baseline: &Times) -> Vec<String> {
        vec![
            name.to_owned(),
            format!("{:.1}", self.p50_us()),
            format!("{:.1}", self.p99_us()),
            self.0.len().to_string(),
            format!("{:.2}×", self.p50_us() / baseline.p50_us()),
        ]
    }
}
