//! DNS rebinding: a granted name, and a name server that answers with what was not granted, or with something else the
//! next time. The server is dnsmasq, in a network of the test's own, and the hub asks it as the system is told to.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

use igloo_hostile::{Arena, PATIENCE, UNNOTICED};
use igloo_protocol::RunAs;
use igloo_real_tests::{Program, in_own_network_with_names};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Duration, sleep, timeout};

const NAME: &str = "lamp.example";
/// Documentation addresses (RFC 5737), to which there is no way here: what is allowed fails by itself.
const HONEST: &str = "203.0.113.7";
/// What it answers, and which kind of address the denial says that is.
const LIES: [(&[&str], &str); 8] = [
    (&["127.0.0.1"], "local"),
    (&["127.8.8.8", "::1"], "local"),
    (&["::ffff:127.0.0.1"], "local"),
    (&["0.0.0.0"], "local"),
    (&["169.254.169.254"], "local"),
    (&["fe80::1"], "local"),
    (&["192.168.7.9"], "private"),
    (&["fd00::9", "100.64.0.1"], "private"),
];

struct NameServer {
    program: Program,
    hosts: PathBuf,
    _folder: tempfile::TempDir,
}

impl NameServer {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let hosts = folder.path().join("hosts");
        std::fs::write(&hosts, "").unwrap();
        let own = [format!("--addn-hosts={}", hosts.display())];
        let usual = [
            // Which changes no user: there is only one here.
            "--no-daemon",
            "--log-facility=-",
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
            "--listen-address=127.0.0.1",
            "--bind-interfaces",
            "--pid-file=",
            "--local=/example/",
        ];
        let program = Program::start("dnsmasq", usual.iter().copied().chain(own.iter().map(String::as_str)));
        program.says("started").await;
        Self { program, hosts, _folder: folder }
    }

    /// From now on it answers with these, and has said so to us.
    async fn answers(&self, addresses: &[&str]) {
        let lines: String = addresses.iter().map(|address| format!("{address} {NAME}\n")).collect();
        std::fs::write(&self.hosts, lines).unwrap();
        let process = self.program.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)).unwrap();
        // It reads its files again (dnsmasq(8)).
        kill_process(process, Signal::HUP).unwrap();
        let wanted: BTreeSet<IpAddr> = addresses.iter().map(|one| one.parse::<IpAddr>().unwrap()).collect();
        let told = async || {
            let found = tokio::net::lookup_host((NAME, 0)).await;
            found.map(|found| found.map(|address| address.ip()).collect::<BTreeSet<_>>()).unwrap_or_default()
        };
        let flipped = async {
            while told().await != wanted {
                sleep(Duration::from_millis(10)).await;
            }
        };
        assert!(timeout(PATIENCE, flipped).await.is_ok(), "{:?} is not {wanted:?}\n{:?}", told().await, self.program);
    }
}

#[track_caller]
fn is_refused(told: &str, what: &str, arena: &Arena) {
    assert!(told.starts_with("refused: "), "{what}: {told}\n{}", arena.story());
}

async fn a_name_server_that_lies(run_as: RunAs) {
    let server = NameServer::start().await;
    let arena = Arena::open().await;
    let neighbour = arena.neighbour();
    arena.start_hostile(run_as, &["tcp://lamp.example:{other}", "http://lamp.example:{other}"]).await;
    let (endpoint, origin) = ("lamp.example:{other}", "http://lamp.example:{other}/");
    for (addresses, kind) in LIES {
        server.answers(addresses).await;
        for (what, to) in [("resolve", NAME), ("connect", endpoint), ("http", origin)] {
            is_refused(&arena.try_bad(what, to).await, &format!("{what} of {addresses:?}"), &arena);
        }
        let denials = arena.hub.denials(None).unwrap();
        let told = |capability: &str, reason: &str| {
            denials.iter().any(|denial| {
                denial.capability == capability
                    && denial.enforced
                    && denial.reason.as_ref().is_some_and(|r| r.contains(reason))
            })
        };
        assert!(told("resolve", &format!("it resolves to {kind} addresses only")), "{addresses:?}: {denials:#?}");
        assert!(told("http", "it resolves to addresses that the grant does not allow"), "{denials:#?}");
    }

    // Of several answers only the good one is told.
    server.answers(&[HONEST, "127.0.0.1"]).await;
    assert_eq!(arena.try_bad("resolve", NAME).await, format!("done: \"[{HONEST}]\""));

    // It was honest when it was asked, and lies before the connection is made.
    server.answers(&[HONEST]).await;
    assert_eq!(arena.try_bad("resolve", NAME).await, format!("done: \"[{HONEST}]\""));
    server.answers(&["127.0.0.1"]).await;
    is_refused(&arena.try_bad("connect", "127.0.0.1:{other}").await, "the new address", &arena);
    is_refused(&arena.try_bad("connect", endpoint).await, "the name", &arena);
    is_refused(&arena.try_bad("http", origin).await, "the origin", &arena);
    let before = arena.bad().denials;
    let told = arena.try_bad("connect", "203.0.113.7:{other}").await;
    assert!(told.contains("unreachable") || told.contains("Unreachable"), "allowed, and not there: {told}");
    assert_eq!(arena.bad().denials, before, "{}", arena.story());

    assert!(!arena.was_other_reached(), "somebody came through\n{}", arena.story());
    let answers = neighbour.answers().await;
    assert!(answers.failed.is_empty() && answers.slowest < UNNOTICED, "{answers:?}\n{}", arena.story());
    timeout(PATIENCE, arena.hub.shutdown()).await.expect("the hub stops in time");
}

macro_rules! ways {
    ($($way:ident $run_as:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $way() {
                if in_own_network_with_names(concat!("rebinding::", stringify!($way))) {
                    a_name_server_that_lies(RunAs::$run_as).await;
                }
            }
        )+
    };
}

ways! { in_hub InHub isolated Isolated process Process }
