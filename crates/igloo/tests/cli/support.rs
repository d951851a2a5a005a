//! A hub in a process of its own, and commands against it.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

/// How long anything may take: two cores may be busy with other tests.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a command printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    code: Option<i32>,
}

impl Ran {
    #[track_caller]
    pub(crate) fn succeeded(&self) {
        assert_eq!(self.code, Some(0), "{self:#?}");
    }

    /// It failed with this exit code, and said this.
    #[track_caller]
    pub(crate) fn failed(&self, code: i32, text: &str) {
        assert_eq!(self.code, Some(code), "{self:#?}");
        assert!(self.stderr.contains(text), "'{text}' is not in {self:#?}");
    }
}

fn command(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_igloo"));
    command.args(arguments).env_clear().env("TZ", "UTC").stdin(Stdio::null());
    command.envs(environment.iter().copied());
    command
}

/// Runs the command to its end.
pub(crate) fn igloo(arguments: &[&str], environment: &[(&str, &str)]) -> Ran {
    let output = command(arguments, environment).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert!(!stdout.contains('\u{1b}') && !stderr.contains('\u{1b}'), "colours are for terminals");
    Ran { stdout, stderr, code: output.status.code() }
}

/// A package made by `cargo xtask build-guests`.
pub(crate) fn package(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/packages").join(name);
    assert!(folder.join("igloo.toml").exists(), "{}: run `cargo xtask build-guests`", folder.display());
    folder.to_str().unwrap().to_owned()
}

/// A running hub with a data directory of its own.
pub(crate) struct Home {
    data: tempfile::TempDir,
    arguments: Vec<String>,
    hub: Child,
}

fn up(data: &Path, listen: &str, arguments: &[String]) -> Child {
    let mut all = vec!["up", "--listen", listen, "--data", data.to_str().unwrap()];
    all.extend(arguments.iter().map(String::as_str));
    let mut hub = command(&all, &[]).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
    let mut first = String::new();
    let begun = Instant::now();
    let mut stdout = BufReader::new(hub.stdout.take().unwrap());
    stdout.read_line(&mut first).unwrap();
    assert!(first.starts_with("Igloo "), "{first}");
    assert!(begun.elapsed() < Duration::from_secs(3), "it took {:?}", begun.elapsed());
    // What it says later is nobody's, but must be read.
    std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
    hub
}

impl Home {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let hub = up(data.path(), "127.0.0.1:0", &arguments);
        let home = Self { data, arguments, hub };
        home.address();
        home
    }

    fn address(&self) -> String {
        let file = self.data.path().join("address");
        until("an address", || std::fs::read_to_string(&file).ok().filter(|text| text.ends_with('\n')))
            .trim()
            .to_owned()
    }

    /// Ends the hub as a service manager does, and starts it again at the same address.
    pub(crate) fn restart(&mut self) {
        let address = self.address();
        self.end();
        assert!(!self.data.path().join("address").exists());
        self.hub = up(self.data.path(), &address, &self.arguments);
    }

    /// The hub's process.
    pub(crate) fn process(&self) -> u32 {
        self.hub.id()
    }

    /// Another hub in the same directory.
    pub(crate) fn second(&self) -> Ran {
        igloo(&["up", "--listen", "127.0.0.1:0", "--data", self.data.path().to_str().unwrap()], &[])
    }

    pub(crate) fn igloo(&self, arguments: &[&str]) -> Ran {
        self.igloo_with(arguments, &[])
    }

    pub(crate) fn igloo_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Ran {
        let mut all = vec![("IGLOO_DATA", self.data.path().to_str().unwrap())];
        all.extend(environment);
        igloo(arguments, &all)
    }

    /// Starts a command that goes on.
    pub(crate) fn follow(&self, arguments: &[&str]) -> Following {
        let environment = [("IGLOO_DATA", self.data.path().to_str().unwrap())];
        let mut child =
            command(arguments, &environment).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Following { child, lines }
    }

    #[track_caller]
    pub(crate) fn until_running(&self, name: &str) {
        until(name, || {
            let ran = self.igloo(&["providers", name, "--json"]);
            let instance: serde_json::Value = serde_json::from_str(&ran.stdout).ok()?;
            (instance["state"] == "running").then_some(())
        });
    }

    fn end(&mut self) {
        let process = rustix::process::Pid::from_child(&self.hub);
        rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
        let begun = Instant::now();
        let status = self.hub.wait().unwrap();
        assert!(status.success(), "{status}");
        assert!(begun.elapsed() < Duration::from_secs(8), "it took {:?}", begun.elapsed());
    }

    /// Ends the hub; it must end well.
    pub(crate) fn stop(mut self) {
        self.end();
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = self.hub.kill();
        let _ = self.hub.wait();
    }
}

/// A command that goes on, line by line.
pub(crate) struct Following {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Following {
    /// The next line that has this text.
    #[track_caller]
    pub(crate) fn until(&mut self, text: &str) -> String {
        let mut before = Vec::new();
        let begun = Instant::now();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE.saturating_sub(begun.elapsed())) {
            if line.contains(text) {
                return line;
            }
            before.push(line);
        }
        panic!("no line has '{text}': {before:#?}");
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(answer) = ask() {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{what}: not in {} s", PATIENCE.as_secs());
}

/// Output with runs of spaces as one, and with `#` for numbers that differ from run to run: times and amounts.
pub(crate) fn normalized(text: &str) -> String {
    let word = |word: &str, next: Option<&&str>| {
        let measured = matches!(next, Some(&("MiB" | "KiB" | "ms" | "s" | "min")));
        let clock = word.matches(':').count() == 2 && word.contains('.');
        if clock || (measured && word.starts_with(|c: char| c.is_ascii_digit())) {
            let mut out = String::new();
            for character in word.chars() {
                match character {
                    '0'..='9' if out.ends_with('#') => {}
                    '0'..='9' => out.push('#'),
                    // An amount is one number.
                    '.' if measured => {}
                    other => out.push(other),
                }
            }
            return out;
        }
        word.to_owned()
    };
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.iter().enumerate().map(|(at, text)| word(text, words.get(at + 1))).collect::<Vec<_>>().join(" ")
    };
    let lines: Vec<String> = text.lines().map(line).collect();
    if text.ends_with('\n') { lines.join("\n") + "\n" } else { lines.join("\n") }
}
