//! What runs in the sandbox: tries things and tells "name: result", where "done" is what must not be.

use std::ffi::{CString, OsString};
use std::fs;
use std::io::{self, Read, Write};
use std::process::ExitCode;

pub(crate) fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let args: Vec<String> = args.map(|argument| argument.into_string().unwrap()).collect();
    let paths = &args[1..];
    match args[0].as_str() {
        "look" => look(&args),
        "read" => paths.iter().for_each(|path| tell(path, read(path))),
        "write" => paths.iter().for_each(|path| tell(path, write(path))),
        "link" => tell("link", fs::hard_link(&paths[0], &paths[1])),
        "kill" => paths.iter().for_each(|pid| tell(pid, kill(pid.parse().unwrap()))),
        "calls" => calls(),
        "fork-bomb" => fork_bomb(),
        "memory-bomb" => memory_bomb(),
        "use" => use_up(),
        "compute" => compute(),
        other => panic!("{other}"),
    }
    ExitCode::SUCCESS
}

fn tell<T>(name: &str, result: io::Result<T>) {
    match result {
        Ok(_) => println!("{name}: done"),
        Err(error) => println!("{name}: {error}"),
    }
}

fn check(result: libc::c_long) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn look(args: &[String]) {
    println!("argument: {}", args.join(" "));
    println!("directory: {}", std::env::current_dir().unwrap().display());
    for (name, value) in std::env::vars() {
        println!("env {name}: {value}");
    }
    // The listing's own descriptor is the only one that is gone when it is looked at.
    let numbers: Vec<_> = fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().file_name()).collect();
    for number in numbers {
        let number = number.to_str().unwrap();
        if let Ok(to) = fs::read_link(format!("/proc/self/fd/{number}")) {
            println!("fd {number}: {}", to.to_str().unwrap().split(':').next().unwrap());
        }
    }
    println!("host name: {}", fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim());
    let root = fs::read_dir("/").unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut root: Vec<_> = root.collect();
    root.sort();
    println!("root: {}", root.join(" "));
    // SAFETY: always succeeds.
    println!("user: {}", unsafe { libc::getuid() });
}

fn read(path: &str) -> io::Result<()> {
    if fs::metadata(path)?.is_dir() {
        fs::read_dir(path)?;
        return Ok(());
    }
    fs::File::open(path)?.read_exact(&mut [0])
}

fn write(path: &str) -> io::Result<()> {
    fs::OpenOptions::new().write(true).create(true).truncate(true).open(path)?.write_all(b"x")
}

fn kill(pid: i32) -> io::Result<()> {
    // SAFETY: takes no pointers.
    check(unsafe { libc::kill(pid, libc::SIGKILL) }.into())?;
    // The first process of a namespace is sent signals that it does not take.
    if pid == 1 { Err(io::Error::other("sent, and this still runs")) } else { Ok(()) }
}

fn calls() {
    let root = CString::new("/").unwrap();
    let mut name = [0_u8; 64];
    let call = |what: &str, number: libc::c_long, arguments: [usize; 5]| {
        let [a, b, c, d, e] = arguments;
        // SAFETY: each is refused before it looks at its arguments, or has arguments that are valid.
        tell(what, check(unsafe { libc::syscall(number, a, b, c, d, e) }));
    };
    let path = root.as_ptr() as usize;
    // SAFETY: always succeeds.
    let parent = unsafe { libc::getppid() } as usize;
    let room = name.as_mut_ptr() as usize;
    call("ptrace", libc::SYS_ptrace, [libc::PTRACE_TRACEME as usize, 0, 0, 0, 0]);
    call("ptrace attach", libc::SYS_ptrace, [libc::PTRACE_SEIZE as usize, parent, 0, 0, 0]);
    call("process_vm_readv", libc::SYS_process_vm_readv, [1, 0, 0, 0, 0]);
    call("unshare", libc::SYS_unshare, [libc::CLONE_NEWUSER as usize, 0, 0, 0, 0]);
    call("clone", libc::SYS_clone, [(libc::CLONE_NEWUSER | libc::SIGCHLD) as usize, 0, 0, 0, 0]);
    call("clone3", libc::SYS_clone3, [room, 64, 0, 0, 0]);
    call("mount", libc::SYS_mount, [path, path, path, libc::MS_BIND as usize, 0]);
    call("umount", libc::SYS_umount2, [path, libc::MNT_DETACH as usize, 0, 0, 0]);
    call("pivot_root", libc::SYS_pivot_root, [path, path, 0, 0, 0]);
    call("chroot", libc::SYS_chroot, [path, 0, 0, 0, 0]);
    call("bpf", libc::SYS_bpf, [0, room, 64, 0, 0]);
    call("perf_event_open", libc::SYS_perf_event_open, [room, 0, 0, 0, 0]);
    call("userfaultfd", libc::SYS_userfaultfd, [1, 0, 0, 0, 0]);
    call("io_uring_setup", libc::SYS_io_uring_setup, [8, room, 0, 0, 0]);
    call("keyctl", libc::SYS_keyctl, [0, 0, 0, 0, 0]);
    call("add_key", libc::SYS_add_key, [path, path, 0, 0, 0]);
    call("personality", libc::SYS_personality, [0x0040_0000, 0, 0, 0, 0]);
    call("swapon", libc::SYS_swapon, [path, 0, 0, 0, 0]);
    call("reboot", libc::SYS_reboot, [0, 0, 0, 0, 0]);
    call("syslog", libc::SYS_syslog, [10, 0, 0, 0, 0]);
    call("seccomp", libc::SYS_seccomp, [2, 0, room, 0, 0]);
    call("pidfd_getfd", libc::SYS_pidfd_getfd, [3, 0, 0, 0, 0]);
    call("setuid", libc::SYS_setuid, [0, 0, 0, 0, 0]);
    call("ioctl TIOCSTI", libc::SYS_ioctl, [0, libc::TIOCSTI as usize, room, 0, 0]);
    call("netlink", libc::SYS_socket, [libc::AF_NETLINK as usize, libc::SOCK_DGRAM as usize, 0, 0, 0]);
    call("packet", libc::SYS_socket, [libc::AF_PACKET as usize, libc::SOCK_DGRAM as usize, 0, 0, 0]);
    call("raw", libc::SYS_socket, [libc::AF_INET as usize, libc::SOCK_RAW as usize, 1, 0, 0]);
    call("alg", libc::SYS_socket, [libc::AF_ALG as usize, libc::SOCK_SEQPACKET as usize, 0, 0, 0]);
    call("newer than known", 463, [0, 0, 0, 0, 0]);
    let device = CString::new("/data/device").unwrap();
    // SAFETY: a C string.
    tell("mknod", check(unsafe { libc::mknod(device.as_ptr(), libc::S_IFCHR | 0o666, 0x0101) }.into()));
}

/// Forks until it is refused, and tells how often it was not.
fn fork_bomb() {
    let mut count = 0;
    while count < 10_000 {
        // SAFETY: this process has one thread; the child only waits to be killed.
        match unsafe { libc::fork() } {
            -1 => break,
            0 => loop {
                // SAFETY: takes nothing.
                unsafe { libc::pause() };
            },
            _ => count += 1,
        }
    }
    println!("{count}");
}

fn memory_bomb() {
    let mut all = Vec::new();
    loop {
        all.push(std::hint::black_box(vec![1_u8; 1 << 20]));
        assert!(all.len() < 4096, "4 GiB are too many");
    }
}

fn use_up() {
    let memory = std::hint::black_box(vec![1_u8; 40 << 20]);
    let started = std::time::Instant::now();
    while started.elapsed() < std::time::Duration::from_millis(200) {
        std::hint::spin_loop();
    }
    println!("{}", memory.len());
    loop {
        std::thread::park();
    }
}

/// Code that is made while it runs, and tasks on threads.
fn compute() {
    // mov eax, 42; ret, and the same for aarch64.
    #[cfg(target_arch = "x86_64")]
    let code = [0xb8_u8, 42, 0, 0, 0, 0xc3];
    #[cfg(target_arch = "aarch64")]
    let code = [0x40_u8, 0x05, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6];
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping of one page, which is written, made executable, and called as what it contains.
    let result = unsafe {
        let page = libc::mmap(std::ptr::null_mut(), 4096, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
        assert_ne!(page, libc::MAP_FAILED);
        std::ptr::copy_nonoverlapping(code.as_ptr(), page.cast(), code.len());
        assert_eq!(libc::mprotect(page, 4096, libc::PROT_READ | libc::PROT_EXEC), 0);
        std::mem::transmute::<*mut libc::c_void, extern "C" fn() -> i32>(page)()
    };
    println!("jit: {result}");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let sum = runtime.block_on(async {
        let tasks = [1, 2, 3].map(|number| tokio::spawn(async move { number }));
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        sum
    });
    println!("threads: {sum}");
}
