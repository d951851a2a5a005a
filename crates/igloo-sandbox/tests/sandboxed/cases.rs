//! The cases. Each makes a home, runs something hostile or ordinary in it, and looks at what became of it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::net::UdpSocket;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use igloo_sandbox::{Error, Exit, Machine, Protection, start};

use super::home::{DEADLINE, Home, finish, launcher, run};

type Case = fn() -> Pin<Box<dyn Future<Output = ()>>>;

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        pub(crate) const CASES: &[(&str, Case)] = &[$((stringify!($name), || Box::pin($name()))),*];
    };
}

cases!(
    machine,
    environment_and_descriptors,
    files_of_the_host_are_not_there,
    only_its_own_directories_are_written,
    calls_are_refused,
    namespaces_are_refused,
    programs_with_setuid_gain_nothing,
    without_namespaces_landlock_holds,
    outsiders_are_not_signalled,
    fork_bomb,
    memory_bomb,
    children_end_with_the_program,
    children_end_with_kill,
    everything_ends_with_the_hub,
    dropped_while_it_runs,
    dropped_while_it_starts,
    runs_as_the_owner_of_its_directory,
    without_a_user_namespace,
    what_cannot_be_executed,
    exit_codes_and_signals,
    lacking_what_is_required,
    sockets_inside,
    extra_descriptors,
    usage_is_told,
    languages,
    groups_are_removed,
    many_at_once,
);

fn is_root() -> bool {
    // SAFETY: always succeeds.
    unsafe { libc::geteuid() == 0 }
}

/// Runs an action of `inside`, which tells "name: result" for each attempt.
async fn attempts(home: &Home, arguments: &[&str]) -> Vec<(String, String)> {
    let (exit, text) = run(home.inside(arguments)).await;
    assert_eq!(exit, Exit::Code(0), "{text}");
    text.lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, result)| (name.to_owned(), result.to_owned()))
        .collect()
}

async fn all_are_refused(home: &Home, arguments: &[&str]) {
    let results = attempts(home, arguments).await;
    assert!(!results.is_empty());
    for (name, result) in results {
        assert_ne!(result, "done", "{name} is possible");
    }
}

async fn machine() {
    let machine = Machine::probe(&launcher()).await.unwrap();
    for (protection, lacking) in machine.report().iter() {
        println!("    {protection}: {}", lacking.unwrap_or("in force"));
    }
    let must = [Protection::NoNewPrivileges, Protection::Seccomp, Protection::Capabilities, Protection::ResourceLimits];
    for one in must {
        assert!(machine.report().in_force(one), "{one}");
    }
    let again = Machine::probe(&launcher()).await.unwrap();
    assert!(std::ptr::eq(machine, again));
}

async fn environment_and_descriptors() {
    let home = Home::new();
    let mut results = attempts(&home, &["look"]).await;
    results.sort();
    let expected = [
        ("argument", "look"),
        ("directory", "/data"),
        ("env HOME", "/data"),
        ("env PATH", "/usr/bin:/bin"),
        ("env TMPDIR", "/tmp"),
        ("fd 0", "/dev/null"),
        ("fd 1", "pipe"),
        ("fd 2", "pipe"),
        ("fd 3", "socket"),
        ("host name", "igloo"),
        ("root", "app bin data dev etc lib lib32 lib64 proc run sbin tmp usr var"),
        ("user", "1000"),
    ];
    for (name, result) in &results {
        if name != "root" {
            assert!(expected.contains(&(name.as_str(), result.as_str())), "{name}: {result}");
        }
    }
    assert_eq!(results.len(), expected.len(), "{results:?}");
}

async fn files_of_the_host_are_not_there() {
    let home = Home::new();
    let secret = home.path().join("secret");
    let secret = secret.to_str().unwrap();
    std::os::unix::fs::symlink(secret, home.path().join("data/link")).unwrap();
    let pid = std::process::id().to_string();
    let paths = [
        "/etc/shadow",
        "/etc/hostname",
        "/etc/machine-id",
        secret,
        "/data/../secret",
        "/data/../../secret",
        "../secret",
        "/data/link",
        "/proc/1/environ",
        "/proc/1/root/etc/shadow",
        "/proc/1/maps",
        "/proc/1/mem",
        &format!("/proc/{pid}/environ"),
        "/proc/kcore",
        "/root/.bashrc",
        "/home",
        "/sys/class/net",
        "/dev/mem",
        "/dev/tty",
        "/var/log",
        "/proc/self/root/../etc/shadow",
    ];
    all_are_refused(&home, &[&["read"], paths.as_slice()].concat()).await;
}

async fn only_its_own_directories_are_written() {
    let home = Home::new();
    let secret = home.path().join("secret");
    let results = attempts(&home, &["write", "/data/a", "/tmp/a", "/dev/null", "a"]).await;
    assert!(results.iter().all(|(_, result)| result == "done"), "{results:?}");
    assert_eq!(fs::read(home.path().join("data/a")).unwrap(), b"x");
    let paths =
        ["/a", "/app/a", "/app/inside", "/usr/a", "/etc/passwd", "/dev/a", "/proc/sys/kernel/hostname", "/run/a"];
    all_are_refused(&home, &[&["write"], paths.as_slice()].concat()).await;
    all_are_refused(&home, &["write", secret.to_str().unwrap(), "/data/../b", "/proc/self/oom_score_adj"]).await;
    // A link to what is not its own leads nowhere, and cannot be made from one place to the other.
    std::os::unix::fs::symlink(&secret, home.path().join("data/link")).unwrap();
    all_are_refused(&home, &["write", "/data/link"]).await;
    all_are_refused(&home, &["link", "/app/inside", "/data/hard"]).await;
    all_are_refused(&home, &["link", "/data/a", "/app/hard"]).await;
    assert_eq!(fs::read(&secret).unwrap(), b"secret");
    assert!(!home.path().join("app/a").exists());
}

async fn calls_are_refused() {
    all_are_refused(&Home::new(), &["calls"]).await;
}

async fn namespaces_are_refused() {
    let home = Home::new();
    let script = home.script(
        "/bin/sh",
        "unshare -U true && echo user: done\nunshare -m true && echo mount: done\n\
         mount -t tmpfs none /tmp && echo tmpfs: done\nmount --bind / /tmp && echo bind: done\nexit 0",
    );
    let (exit, text) = run(home.spec(script, &[])).await;
    assert_eq!(exit, Exit::Code(0));
    assert!(!text.contains("done"), "{text}");
}

async fn programs_with_setuid_gain_nothing() {
    let home = Home::new();
    let set = home.path().join("data/sh");
    fs::copy("/bin/sh", &set).unwrap();
    fs::set_permissions(&set, std::os::unix::fs::PermissionsExt::from_mode(0o6755)).unwrap();
    let script =
        home.script("/bin/sh", "grep -E '^(Cap|NoNewPrivs)' /proc/self/status; /data/sh -p -c 'id -u'; su -c id");
    let (_, text) = run(home.spec(script, &[])).await;
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert!(text.contains(&format!("{set}:\t0000000000000000")), "{text}");
    }
    assert!(text.contains("NoNewPrivs:\t1"), "{text}");
    assert!(text.contains("\n1000\n") && !text.contains("uid=0"), "{text}");
}

async fn without_namespaces_landlock_holds() {
    let home = Home::new();
    let secret = home.path().join("secret");
    let mut spec = home.inside(&["read", secret.to_str().unwrap(), "/etc/shadow", "/etc/hostname", "/proc/1/environ"]);
    spec.without.extend([Protection::MountNamespace, Protection::PidNamespace]);
    let running = start(&launcher(), spec).await.unwrap();
    if !running.report().in_force(Protection::Landlock) {
        println!("    skipped: {:?}", running.report().why_lacking(Protection::Landlock));
        return;
    }
    let (exit, text) = finish(running).await;
    assert_eq!((exit, text.contains("done")), (Exit::Code(0), false), "{text}");

    let mut spec = home.spec(home.script("/bin/sh", "pwd; echo $HOME; echo x > own; cat own; echo y > ../other"), &[]);
    spec.without.extend([Protection::MountNamespace]);
    let (_, text) = run(spec).await;
    let data = fs::canonicalize(home.path().join("data")).unwrap();
    assert!(text.starts_with(&format!("{0}\n{0}\nx\n", data.display())), "{text}");
    assert!(!home.path().join("other").exists());
}

async fn outsiders_are_not_signalled() {
    let mut outsider = Command::new("sleep").arg("1000").spawn().unwrap();
    let home = Home::new();
    let pid = outsider.id().to_string();
    let mut specs = vec![home.inside(&["kill", &pid, "1", "-1"])];
    let mut bare = home.inside(&["kill", &pid]);
    bare.without.insert(Protection::PidNamespace);
    specs.push(bare);
    for spec in specs {
        let (_, text) = run(spec).await;
        assert!(!text.contains(&format!("{pid}: done")), "{text}");
        assert!(outsider.try_wait().unwrap().is_none());
    }
    outsider.kill().unwrap();
    outsider.wait().unwrap();
}

async fn fork_bomb() {
    let home = Home::new();
    let running = start(&launcher(), home.inside(&["fork-bomb"])).await.unwrap();
    if let Some(why) = running.report().why_lacking(Protection::ProcessLimit) {
        println!("    skipped: {why}");
        return;
    }
    let (exit, text) = finish(running).await;
    assert_eq!(exit, Exit::Code(0), "{text}");
    let count: usize = text.trim().parse().unwrap();
    assert!((10..64).contains(&count), "{count}");
}

async fn memory_bomb() {
    let home = Home::new();
    let running = start(&launcher(), home.inside(&["memory-bomb"])).await.unwrap();
    let group = running.report().in_force(Protection::MemoryLimit);
    let (exit, text) = finish(running).await;
    if group {
        assert_eq!(exit, Exit::OutOfMemory, "{text}");
    } else {
        // RLIMIT_DATA refuses the memory, and Rust aborts.
        assert_eq!(exit, Exit::Signal(libc::SIGABRT), "{text}");
    }
}

/// Waits until nobody holds the writing end of a pipe that the program's children inherited.
async fn closes(fd: std::os::fd::OwnedFd) {
    let read = tokio::task::spawn_blocking(move || File::from(fd).read_to_end(&mut Vec::new()));
    tokio::time::timeout(DEADLINE, read).await.expect("somebody is left").unwrap().unwrap();
}

/// Each with the pid namespace and without.
fn with_and_without(home: &Home, executable: &Path) -> [igloo_sandbox::Spec; 2] {
    let mut specs = [home.spec(executable, &[]), home.spec(executable, &[])];
    specs[1].without.insert(Protection::PidNamespace);
    specs
}

/// Children that left their session, and one that ignores what can be ignored.
const CHILDREN: &str =
    "setsid sleep 1000 & (trap '' TERM HUP INT; sleep 1000 & sleep 1000) & setsid sh -c 'sleep 999 & :' ";

async fn children_end_with_the_program() {
    let home = Home::new();
    let script = home.script("/bin/sh", &format!("{CHILDREN}\nexit 3"));
    for spec in with_and_without(&home, &script) {
        let mut running = start(&launcher(), spec).await.unwrap();
        let (out, err) = (running.take_stdout().unwrap(), running.take_stderr().unwrap());
        assert_eq!(tokio::time::timeout(DEADLINE, running.wait()).await.unwrap(), Exit::Code(3));
        closes(out).await;
        closes(err).await;
    }
}

async fn children_end_with_kill() {
    let home = Home::new();
    let script = home.script("/bin/sh", &format!("{CHILDREN}\necho ready\nsleep 1000"));
    for spec in with_and_without(&home, &script) {
        let mut running = start(&launcher(), spec).await.unwrap();
        let mut out = BufReader::new(File::from(running.take_stdout().unwrap()));
        out.read_line(&mut String::new()).unwrap();
        running.kill();
        running.kill();
        assert_eq!(tokio::time::timeout(DEADLINE, running.wait()).await.unwrap(), Exit::Killed);
        assert_eq!(running.wait().await, Exit::Killed);
        closes(out.into_inner().into()).await;
    }
}

async fn everything_ends_with_the_hub() {
    for mode in ["with", "without"] {
        let home = Home::new();
        let script = home.script("/bin/sh", &format!("{CHILDREN}\necho ready >&4\nsleep 1000"));
        let mut hub = Command::new(std::env::current_exe().unwrap())
            .args(["sandbox-hub", mode])
            .args([home.path(), &script])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // The hub lends its output to the program, so that it is open as long as anybody of the tree lives.
        let mut out = BufReader::new(hub.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        hub.kill().unwrap();
        hub.wait().unwrap();
        closes(out.into_inner().into()).await;
    }
}

async fn dropped_while_it_runs() {
    let home = Home::new();
    let script = home.script("/bin/sh", &format!("{CHILDREN}\nsleep 1000"));
    for spec in with_and_without(&home, &script) {
        let mut running = start(&launcher(), spec).await.unwrap();
        let out = running.take_stdout().unwrap();
        drop(running);
        closes(out).await;
    }
}

async fn dropped_while_it_starts() {
    let home = Home::new();
    let script = home.script("/bin/sh", "sleep 1000");
    for micros in (0..40_000).step_by(1_500) {
        let launcher = launcher();
        let starting = start(&launcher, home.spec(&script, &[]));
        let _ = tokio::time::timeout(Duration::from_micros(micros), starting).await;
    }
    let until = Instant::now() + DEADLINE;
    loop {
        let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path().join("children"));
        let left: String = tasks.map(|path| fs::read_to_string(path).unwrap_or_default()).collect();
        if left.trim().is_empty() {
            return;
        }
        assert!(Instant::now() < until, "left: {left}");
        tokio::task::yield_now().await;
    }
}

async fn runs_as_the_owner_of_its_directory() {
    const OWNER: u32 = 23_456;
    if !is_root() {
        println!("    skipped: only root runs programs as others");
        return;
    }
    let home = Home::new();
    fs::set_permissions(home.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    std::os::unix::fs::chown(home.path().join("data"), Some(OWNER), Some(OWNER)).unwrap();
    let script = home.script("/bin/sh", "id -u; id -G; echo x > own");
    assert_eq!(run(home.spec(script, &[])).await, (Exit::Code(0), "1000\n1000\n".to_owned()));
    let own = fs::metadata(home.path().join("data/own")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&own), OWNER);
}

async fn without_a_user_namespace() {
    let home = Home::new();
    let secret = home.path().join("secret");
    let mut spec = home.inside(&["read", secret.to_str().unwrap(), "/etc/shadow"]);
    spec.without.insert(Protection::UserNamespace);
    spec.accept_lacking.insert(Protection::NetworkNamespace);
    let running = start(&launcher(), spec).await.unwrap();
    // Only root can make the others without it.
    assert_eq!(running.report().in_force(Protection::MountNamespace), is_root());
    assert!(running.report().in_force(Protection::Capabilities));
    let (exit, text) = finish(running).await;
    assert_eq!((exit, text.contains("done")), (Exit::Code(0), false), "{text}");
}

async fn what_cannot_be_executed() {
    let home = Home::new();
    let execute = |error: Error| match error {
        Error::Execute { error, what, .. } => (error.raw_os_error().unwrap(), what),
        other => panic!("{other}"),
    };
    let nothing = home.spec(home.path().join("app/nothing"), &[]);
    assert_eq!(execute(start(&launcher(), nothing).await.unwrap_err()).0, libc::ENOENT);

    fs::write(home.path().join("app/plain"), "x").unwrap();
    let plain = home.spec(home.path().join("app/plain"), &[]);
    assert_eq!(execute(start(&launcher(), plain).await.unwrap_err()).0, libc::EACCES);

    let script = home.script("/opt/nowhere/perl", "");
    let (errno, what) = execute(start(&launcher(), home.spec(&script, &[])).await.unwrap_err());
    assert!(errno == libc::ENOENT && what.contains("interpreter"), "{what}");

    let outside = home.spec("/bin/sh", &[]);
    assert!(matches!(start(&launcher(), outside).await, Err(Error::Spec { .. })));
    let above = home.spec(home.path().join("app/../secret"), &[]);
    assert!(matches!(start(&launcher(), above).await, Err(Error::Spec { .. })));
}

async fn exit_codes_and_signals() {
    let home = Home::new();
    assert_eq!(run(home.spec(home.script("/bin/sh", "exit 42"), &[])).await.0, Exit::Code(42));
    assert_eq!(run(home.spec(home.script("/bin/sh", "kill -SEGV $$"), &[])).await.0, Exit::Signal(libc::SIGSEGV));
}

async fn lacking_what_is_required() {
    let home = Home::new();
    let script = home.script("/bin/sh", "echo x > /data/ran");
    let mut spec = home.spec(&script, &[]);
    spec.without.insert(Protection::Seccomp);
    let error = start(&launcher(), spec).await.unwrap_err();
    assert!(matches!(error, Error::Lacking { protection: Protection::Seccomp, .. }), "{error}");
    assert!(error.to_string().contains("accept_lacking = [\"seccomp\"]"), "{error}");

    let mut spec = home.spec(&script, &[]);
    spec.without.insert(Protection::IpcNamespace);
    spec.required.insert(Protection::IpcNamespace);
    let error = start(&launcher(), spec).await.unwrap_err();
    assert!(matches!(error, Error::Lacking { protection: Protection::IpcNamespace, .. }), "{error}");
    assert!(!home.path().join("data/ran").exists());

    let mut spec = home.spec(&script, &[]);
    spec.without.insert(Protection::IpcNamespace);
    spec.required.insert(Protection::IpcNamespace);
    spec.accept_lacking.insert(Protection::IpcNamespace);
    assert_eq!(run(spec).await.0, Exit::Code(0));
    assert!(home.path().join("data/ran").exists());
}

async fn sockets_inside() {
    let home = Home::new();
    let script = home.script("/bin/sh", "cat <&3");
    let mut running = start(&launcher(), home.spec(script, &[])).await.unwrap();
    let Some(resolver) = running.take_resolver_socket() else {
        println!("    skipped: {:?}", running.report().why_lacking(Protection::NetworkNamespace));
        return;
    };
    let resolver = UdpSocket::from(resolver);
    assert_eq!(resolver.local_addr().unwrap().to_string(), "127.0.0.53:53");
    let socket = UdpSocket::from(running.local_socket(false).await.unwrap().unwrap());
    socket.send_to(b"name", "127.0.0.53:53").unwrap();
    resolver.set_nonblocking(false).unwrap();
    resolver.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut buffer = [0; 16];
    assert_eq!(resolver.recv_from(&mut buffer).unwrap().0, 4);
    // From where it is there is no way out.
    assert!(socket.send_to(b"x", "192.0.2.1:9").is_err());
    assert!(running.local_socket(true).await.unwrap().is_some());

    let mut protocol = UnixStream::from(running.take_protocol().unwrap());
    std::io::Write::write_all(&mut protocol, b"hello\n").unwrap();
    drop(protocol);
    assert_eq!(finish(running).await, (Exit::Code(0), "hello\n".to_owned()));
}

async fn extra_descriptors() {
    let home = Home::new();
    let mut spec = home.spec(home.script("/bin/sh", "cat <&4; cat <&5; ls /proc/self/fd | wc -l"), &[]);
    for text in ["four\n", "five\n"] {
        let (read, mut write) = std::io::pipe().unwrap();
        std::io::Write::write_all(&mut write, text.as_bytes()).unwrap();
        spec.extra_fds.push(read.into());
    }
    let (exit, text) = run(spec).await;
    // Six, and the one by which they are listed.
    assert_eq!((exit, text.as_str()), (Exit::Code(0), "four\nfive\n7\n"));
}

async fn usage_is_told() {
    let home = Home::new();
    for without in [&[][..], &[Protection::MemoryLimit, Protection::ProcessLimit, Protection::CpuLimit]] {
        let mut spec = home.inside(&["use"]);
        spec.without.extend(without);
        let mut running = start(&launcher(), spec).await.unwrap();
        let mut out = BufReader::new(File::from(running.take_stdout().unwrap()));
        out.read_line(&mut String::new()).unwrap();
        let usage = running.usage();
        assert!(usage.memory_bytes > 32 << 20 && usage.memory_bytes < 64 << 20, "{usage:?}");
        assert!(usage.cpu > Duration::from_millis(50), "{usage:?}");
        assert!((2..=3).contains(&usage.processes), "{usage:?}");
        let init =
            fs::read_to_string(format!("/proc/{}/smaps_rollup", running.init_pid().unwrap())).unwrap_or_default();
        let private = init.lines().filter(|line| line.starts_with("Private_"));
        println!("    {usage:?}; init: {:?}", private.collect::<Vec<_>>());
    }
}

async fn languages() {
    let home = Home::new();
    let python = "import threading, subprocess, ctypes, mmap, json\n\
        t = threading.Thread(target=lambda: print(sum(range(1000)))); t.start(); t.join()\n\
        print(subprocess.run(['/bin/echo', 'child'], capture_output=True, text=True).stdout, end='')\n\
        open('/data/f', 'w').write('x'); import tempfile; tempfile.TemporaryFile().write(b'x')";
    let node = "let s = 0; for (let i = 0; i < 3e7; i++) s = (s + i * i) % 1000003;\n\
        const { Worker } = require('worker_threads');\n\
        new Worker('require(\"worker_threads\").parentPort.postMessage(1)', { eval: true })\n\
          .on('message', (m) => console.log('worker', m));\n\
        require('fs').writeFileSync('/data/n', String(s));\n\
        console.log(require('child_process').execSync('/bin/echo child').toString().trim());";
    for (interpreter, text, says) in
        [("/usr/bin/python3", python, "499500\nchild\n"), ("/usr/bin/node", node, "child\nworker 1\n")]
    {
        if !Path::new(interpreter).exists() {
            println!("    skipped: there is no {interpreter}");
            continue;
        }
        let mut spec = home.spec(home.script(interpreter, text), &[]);
        spec.limits.memory_bytes = Some(512 << 20);
        assert_eq!(run(spec).await, (Exit::Code(0), says.to_owned()), "{interpreter}");
    }
    let (exit, text) = run(home.inside(&["compute"])).await;
    assert_eq!((exit, text.as_str()), (Exit::Code(0), "jit: 42\nthreads: 6\n"));
}

async fn groups_are_removed() {
    let left = || -> Vec<_> {
        let prefix = format!("igloo.{}.", std::process::id());
        let find = Command::new("find").args(["/sys/fs/cgroup", "-name", &format!("{prefix}*")]).output().unwrap();
        String::from_utf8(find.stdout).unwrap().lines().map(str::to_owned).collect()
    };
    let home = Home::new();
    let (exit, _) = run(home.spec(home.script("/bin/sh", "exit 0"), &[])).await;
    assert_eq!(exit, Exit::Code(0));
    // Those of cases that dropped theirs are removed by threads of their own.
    let until = Instant::now() + DEADLINE;
    while !left().is_empty() {
        assert!(Instant::now() < until, "{:?}", left());
        tokio::task::yield_now().await;
    }
    if !is_root() {
        println!("    skipped in part: without rights there are no groups");
    }
}

async fn many_at_once() {
    const COUNT: usize = 16;
    let home = Home::new();
    let script = home.script("/bin/sh", "read line <&3");
    let mut times = Vec::new();
    let mut all = Vec::new();
    for _ in 0..COUNT {
        let before = Instant::now();
        all.push(start(&launcher(), home.spec(&script, &[])).await.unwrap());
        times.push(before.elapsed());
    }
    times.sort();
    println!("    a start takes {:?} (median of {COUNT}), at most {:?}", times[COUNT / 2], times[COUNT - 1]);
    for mut running in all {
        drop(running.take_protocol());
        assert_eq!(tokio::time::timeout(DEADLINE, running.wait()).await.unwrap(), Exit::Code(1));
    }
}
