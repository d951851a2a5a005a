//! Everything that xtask says: progress goes to standard error, results to standard output.

use std::{
    fmt::Display,
    io::{IsTerminal, Write, stderr, stdout},
    time::Duration,
};

/// A step begins.
pub(crate) fn step(title: impl Display) {
    progress(&format!("==> {title}"), "1;36");
}

/// Something worth knowing about the step that is running.
pub(crate) fn note(text: impl Display) {
    progress(&format!("    {text}"), "2");
}

/// What went wrong, and what to do.
pub(crate) fn error(text: impl Display) {
    progress(&format!("error: {text}"), "1;31");
}

/// A line of a result. A closed pipe is no failure.
pub(crate) fn line(text: impl Display) {
    let mut out = stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// `0.4 s`, `12 s`, `3 min 05 s`.
pub(crate) fn time(duration: Duration) -> String {
    match duration.as_secs() {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        seconds @ 10..60 => format!("{seconds} s"),
        seconds => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

fn progress(text: &str, style: &str) {
    let mut err = stderr().lock();
    let _ = if err.is_terminal() { writeln!(err, "\x1b[{style}m{text}\x1b[0m") } else { writeln!(err, "{text}") };
}
