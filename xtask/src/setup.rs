//! `cargo xtask setup`: everything that a machine needs, looked for first and installed only where it is missing.

use std::{fs, path::Path, time::Instant};

use anyhow::{Result, bail};

use crate::{places, process, say};

/// The oldest compiler that works.
const RUST: (u32, u32) = (1, 95);

/// Python's packages for tests, pinned.
const PYTHON: &str = include_str!("../python.txt");

/// What is looked for, and Debian's packages that have it.
struct Tool {
    present: fn() -> bool,
    packages: &'static [&'static str],
    why: &'static str,
}

/// apt-get, as root. Some packages are servers, which Debian starts once they are installed: not here, where tests start
/// them with configurations of their own. A policy that the machine has already is left as it is.
const APT: &str = r#"
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap 'rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
fi
apt-get -o DPkg::Lock::Timeout=300 "$@"
"#;

const TO_BUILD: &[Tool] = &[Tool {
    present: || process::find("cc").is_some(),
    packages: &["gcc", "libc6-dev"],
    why: "SQLite and the TLS library are partly C",
}];

const TO_TEST: &[Tool] = &[
    Tool { present: || process::find("socat").is_some(), packages: &["socat"], why: "pairs of pseudo-terminals" },
    Tool { present: || process::find("ser2net").is_some(), packages: &["ser2net"], why: "serial over the network" },
    Tool { present: || process::find("ip").is_some(), packages: &["iproute2"], why: "networks of the tests' own" },
    Tool {
        present: || process::find("openssl").is_some(),
        packages: &["openssl"],
        why: "TLS servers and certificates",
    },
    // Servers that libraries are tried against, and tools that ask what came of it.
    Tool { present: || process::find("mosquitto").is_some(), packages: &["mosquitto"], why: "an MQTT broker" },
    Tool { present: || process::find("g++").is_some(), packages: &["g++"], why: "ESPHome's firmware" },
    Tool {
        present: || process::find("mosquitto_sub").is_some(),
        packages: &["mosquitto-clients"],
        why: "MQTT clients",
    },
    Tool { present: || process::find("dnsmasq").is_some(), packages: &["dnsmasq-base"], why: "a name server" },
    Tool { present: || process::find("curl").is_some(), packages: &["curl"], why: "an HTTP client" },
    Tool { present: || process::find("ip").is_some(), packages: &["iproute2"], why: "networks of a test's own" },
    Tool { present: || process::find("snmpd").is_some(), packages: &["snmpd"], why: "an SNMP agent" },
    Tool { present: || process::find("snmpget").is_some(), packages: &["snmp"], why: "an SNMP manager" },
    Tool { present: || process::find("upsd").is_some(), packages: &["nut-server"], why: "a UPS that is a file" },
    Tool { present: || process::find("gpsd").is_some(), packages: &["gpsd"], why: "a server for GPS receivers" },
    Tool { present: || process::find("gpspipe").is_some(), packages: &["gpsd-clients"], why: "a client of gpsd" },
    Tool { present: || process::find("knxd").is_some(), packages: &["knxd"], why: "a KNX bus" },
    Tool { present: || process::find("knxtool").is_some(), packages: &["knxd-tools"], why: "a client on a KNX bus" },
    // A sandbox shows the system's programs, not those of a user's home.
    Tool {
        present: || Path::new("/usr/bin/python3").exists(),
        packages: &["python3"],
        why: "providers in plain Python, in a sandbox",
    },
    Tool { present: has_venv, packages: &["python3", "python3-venv"], why: "real counterparts and oracles" },
];

/// Installs what is missing: to build and run, and unless `run_only` also to test.
pub(crate) fn setup(run_only: bool) -> Result<()> {
    let began = Instant::now();
    say::step("Setting up");
    rust()?;
    target()?;
    tools(TO_BUILD)?;
    if !run_only {
        tools(TO_TEST)?;
        python()?;
    }
    say::note(format!("ready, {}", say::time(began.elapsed())));
    Ok(())
}

fn rust() -> Result<()> {
    let (major, minor) = RUST;
    let mut rustc = process::program("rustc");
    rustc.arg("--version");
    let Some(text) = process::ask(rustc) else {
        bail!("there is no rustc. Install Rust {major}.{minor} or newer: https://rustup.rs");
    };
    match version(&text) {
        Some(found) if found >= RUST => Ok(()),
        _ => bail!(
            "`{text}` is too old: Igloo needs Rust {major}.{minor}. Run `rustup update`, or see https://rustup.rs"
        ),
    }
}

/// `rustc 1.95.0 (5980761 2026-04-14)` → (1, 95).
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split_whitespace().nth(1)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn target() -> Result<()> {
    let target = igloo_build::TARGET;
    let mut sysroot = process::program("rustc");
    sysroot.args(["--print", "sysroot"]);
    let library = process::ask(sysroot).map(|root| Path::new(&root).join("lib/rustlib").join(target).join("lib"));
    if library.is_some_and(|library| library.is_dir()) {
        return Ok(());
    }
    if process::find("rustup").is_none() {
        bail!(
            "rustc has no standard library for {target}, and there is no rustup to add it. Install Rust by rustup \
             (https://rustup.rs), or your distribution's package of that library (libstd-rust-dev-wasm32 on Debian)"
        );
    }
    say::note(format!("adding Rust's standard library for {target}"));
    let mut rustup = process::program("rustup");
    rustup.args(["target", "add", target]);
    process::run(rustup, &format!("Run `rustup target add {target}` by hand, in this folder, and see what it says."))
}

fn tools(tools: &[Tool]) -> Result<()> {
    let missing: Vec<&Tool> = tools.iter().filter(|tool| !(tool.present)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().flat_map(|tool| tool.packages).copied().collect();
    let why: Vec<&str> = missing.iter().map(|tool| tool.why).collect();
    let by_hand = format!("apt-get install -y --no-install-recommends {}", packages.join(" "));
    let needed = format!("missing: {} ({})", packages.join(", "), why.join("; "));
    if process::find("apt-get").is_none() {
        bail!("{needed}. Install them with your system's package manager; on Debian: sudo {by_hand}");
    }
    let Some(prefix) = administrator() else {
        bail!("{needed}. Run: sudo {by_hand}");
    };
    say::note(needed);
    for arguments in [&["update", "-q"][..], &["install", "-q", "-y", "--no-install-recommends"]] {
        let mut words =
            prefix.iter().chain(&["env", "DEBIAN_FRONTEND=noninteractive", "sh", "-c", APT, "apt-get"]).copied();
        let mut apt = process::program(words.next().unwrap_or("sh"));
        apt.args(words).args(arguments);
        if arguments.contains(&"install") {
            apt.args(&packages);
        }
        process::run(apt, &format!("Run by hand: sudo apt-get update && sudo {by_hand}"))?;
    }
    match missing.iter().find(|tool| !(tool.present)()) {
        Some(tool) => bail!("{} was installed and still is not found. Run: sudo {by_hand}", tool.packages.join(", ")),
        None => Ok(()),
    }
}

/// What makes a command run as root without a question: nothing, or sudo. `None` if neither does.
fn administrator() -> Option<&'static [&'static str]> {
    let mut id = process::program("id");
    id.arg("-u");
    if process::ask(id).as_deref() == Some("0") {
        return Some(&[]);
    }
    let mut sudo = process::program("sudo");
    sudo.args(["-n", "true"]);
    process::ask(sudo).map(|_| &["sudo", "-n"][..])
}

fn has_venv() -> bool {
    let mut python = process::program("python3");
    python.args(["-c", "import ensurepip, venv"]);
    process::ask(python).is_some()
}

/// `target/venv` with exactly the pinned packages. A note of what is in it makes the next time quick.
fn python() -> Result<()> {
    let venv = places::venv();
    let stamp = venv.join("igloo-installed.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == PYTHON) {
        return Ok(());
    }
    say::note("installing Python packages for tests in target/venv");
    if !venv.join("bin/pip").is_file() {
        let mut make = process::program("python3");
        make.args(["-m", "venv", "--clear"]).arg(&venv);
        process::run(make, "Run `sudo apt-get install python3-venv`, delete target/venv and try again.")?;
    }
    let mut pip = process::program(venv.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--requirement", "xtask/python.txt"]);
    process::run(pip, "Look at what pip says; `rm -r target/venv` and trying again may help. Only tests need it.")?;
    Ok(fs::write(stamp, PYTHON)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version("rustc 1.95.0 (59807616e 2026-04-14)"), Some((1, 95)));
        assert!(version("rustc 1.100.0-nightly") > Some(RUST));
        assert!(version("rustc 1.9.0") < Some(RUST));
        assert_eq!(version("what"), None);
    }

    #[test]
    fn every_python_package_is_pinned() {
        for line in PYTHON.lines().filter(|line| !line.starts_with('#')) {
            assert!(line.contains("=="), "{line}");
        }
    }
}
