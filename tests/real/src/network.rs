//! A network of a test's own: a namespace of the kernel in which only the loopback interface is, with multicast.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

/// Set in a test's process that is in a network of its own already.
const INSIDE: &str = "IGLOO_TEST_NETWORK";
/// Brings the loopback interface up, makes multicast go through it, and becomes the test.
const SCRIPT: &str =
    "ip link set lo up && ip link set lo multicast on && ip route add 224.0.0.0/4 dev lo && exec \"$@\"";

/// As above, and names are asked for of a server at 127.0.0.1 there.
const NAMES: &str = "printf 'nameserver 127.0.0.1\\noptions timeout:1 attempts:2\\n' >\"$1\" && \
    mount --bind \"$1\" /etc/resolv.conf && shift && ";
/// As above, and there are no control groups.
const NO_CGROUPS: &str = "mount -t tmpfs none /sys/fs/cgroup && ";

/// As [`in_own_network`]; whoever resolves names asks a server at 127.0.0.1, which is the test's to start.
#[must_use]
pub fn in_own_network_with_names(name: &str) -> bool {
    let file = tempfile::NamedTempFile::new().unwrap();
    run_inside(name, &format!("{NAMES}{SCRIPT}"), &[file.path()])
}

/// As [`in_own_network`], without control groups: what needs them is lacking.
#[must_use]
pub fn in_own_network_without_cgroups(name: &str) -> bool {
    run_inside(name, &format!("{NO_CGROUPS}{SCRIPT}"), &[])
}

/// Runs the test `name` of this program once more, in a network of its own, and says how that went. Where it answers
/// `true` the caller is that test, to go on; where `false`, it has been run, or cannot be here, which is printed.
#[must_use]
pub fn in_own_network(name: &str) -> bool {
    run_inside(name, SCRIPT, &[])
}

/// `arguments` are the script's, before the test and its own.
fn run_inside(name: &str, script: &str, arguments: &[&Path]) -> bool {
    if env::var_os(INSIDE).is_some() {
        return true;
    }
    let namespace = |program: &str| {
        let mut unshare = Command::new("unshare");
        // A user namespace gives the rights to make the other one, to everybody.
        unshare.args(["--user", "--map-root-user", "--net", "--mount", program]);
        unshare
    };
    let possible = namespace("true").stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    if !possible {
        #[allow(clippy::print_stderr, reason = "what is skipped is to be seen")]
        {
            eprintln!("skipped: {name}: this kernel gives no user, network and mount namespaces");
        }
        return false;
    }
    let test = env::current_exe().unwrap();
    let mut inside = namespace("sh");
    inside.args(["-c", script, "sh"]).args(arguments).arg(test).args([
        "--exact",
        name,
        "--nocapture",
        "--include-ignored",
    ]);
    let output = inside.env(INSIDE, "1").output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success() && text.contains("1 passed"), "in a network of its own:\n{text}");
    false
}
