//! Running other programs. Every failure shows the command and says what to do by hand.

use std::{
    env,
    ffi::OsStr,
    fmt::Write as _,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::{places, say};

/// The cargo that runs this, in the workspace's root.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = program(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// A program in the workspace's root, without what cargo told xtask about xtask: build scripts that watch those
/// variables would run again, and everything above them would be compiled again.
pub(crate) fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    in_workspace(&mut command);
    command
}

/// See [`program`].
pub(crate) fn in_workspace(command: &mut Command) {
    command.current_dir(places::root());
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
}

/// Runs to the end, its output going where ours does.
pub(crate) fn run(mut command: Command, by_hand: &str) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("{} did not start. {by_hand}", text(&command)))?;
    if !status.success() {
        bail!("{} failed ({status}). {by_hand}", text(&command));
    }
    Ok(())
}

/// Runs to the end and gives each line of its standard output to `line` as well as to ours. True if it succeeded.
pub(crate) fn run_with_lines(mut command: Command, mut line: impl FnMut(&str)) -> Result<bool> {
    let shown = text(&command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{shown} did not start"))?;
    let output = child.stdout.take().context("no output to read")?;
    let mut reader = BufReader::new(output);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes)? > 0 {
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_end_matches('\n');
        say::line(text);
        line(text);
        bytes.clear();
    }
    Ok(child.wait()?.success())
}

/// Its standard output, or `None` if it is not there or fails. For questions where "no" is an answer.
pub(crate) fn ask(mut command: Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Where a program is on the `PATH`, or where only root's `PATH` looks.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// The command as a person would type it.
pub(crate) fn text(command: &Command) -> String {
    let mut text = String::from("`");
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    text += &name.to_string_lossy();
    for argument in command.get_args() {
        let _ = write!(text, " {}", argument.to_string_lossy());
    }
    text + "`"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_seen_and_failure_is_told() {
        let mut command = program("sh");
        command.args(["-c", "echo one; echo two; exit 3"]);
        let mut lines = Vec::new();
        assert!(!run_with_lines(command, |line| lines.push(line.to_owned())).unwrap());
        assert_eq!(lines, ["one", "two"]);
    }

    #[test]
    fn a_failure_says_what_to_do() {
        let error = run(program("false"), "Do this by hand.").unwrap_err().to_string();
        assert!(error.contains("`false`") && error.ends_with("Do this by hand."), "{error}");
        let error = run(program("no-such-program"), "Install it.").unwrap_err().to_string();
        assert!(error.contains("did not start") && error.contains("Install it."), "{error}");
    }
}
