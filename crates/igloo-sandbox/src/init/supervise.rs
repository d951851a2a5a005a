//! The sandbox's first process: builds the namespaces, starts the program, reaps, answers the hub, and ends.
//!
//! When it ends, so does everything in the sandbox: the kernel sees to that in a pid namespace; without one it takes in
//! every orphan (`PR_SET_CHILD_SUBREAPER`) and kills until no child is left. It ends when the program does, when the
//! hub says so, and when the hub is gone: by the parent-death signal, and by the end of the control socket.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::net::UdpSocket;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};

use super::program::{FromProgram, Program};
use super::{Doing, Failure, attempt, root};
use crate::protection::{Protection, Report};
use crate::sys;
use crate::wire::{self, Answer, FIXED_FDS, FromInit, Request, Stage, Task, ToInit};

/// Where programs in the sandbox ask for names: the address of systemd-resolved's stub, which is nobody's elsewhere.
const RESOLVER: (&str, u16) = ("127.0.0.53", 53);
/// The longest line that the program's process tells before it is the provider.
const MAX_LINE: u64 = 64 * 1024;

/// Never returns.
pub(super) fn run(control: &OwnedFd, task: &Task, fds: Vec<OwnedFd>, mut report: Report) -> ! {
    let tree = Tree::hold(&report);
    let result = tree.as_ref().map_err(|error| io::Error::from(error.kind())).doing("hold the processes together");
    let result = result.and_then(|_| supervise(control.as_fd(), task, fds, &mut report));
    if let Err(failure) = result {
        let _ = wire::send(control.as_fd(), &failure.told(Stage::Setup), &[]);
    }
    if let Ok(tree) = tree {
        tree.end();
    }
    sys::exit_now(0)
}

/// How everything that was started here is ended.
enum Tree {
    /// The kernel does it.
    Namespace,
    /// The children of this process, orphans among them, by its file in /proc.
    Children(File),
}

impl Tree {
    fn hold(report: &Report) -> io::Result<Self> {
        if report.in_force(Protection::PidNamespace) {
            sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong)?;
            return Ok(Self::Namespace);
        }
        sys::prctl(libc::PR_SET_CHILD_SUBREAPER, 1)?;
        // A signal that leaves time to kill the others.
        sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM as libc::c_ulong)?;
        Ok(Self::Children(File::open("/proc/thread-self/children")?))
    }

    fn end(self) {
        let Self::Children(mut list) = self else { return };
        // Each round kills who is there; their children become ours. ECHILD ends it.
        loop {
            let mut text = String::new();
            let read = list.rewind().and_then(|()| list.read_to_string(&mut text));
            if read.is_ok() {
                for pid in text.split_ascii_whitespace().filter_map(|pid| pid.parse::<libc::pid_t>().ok()) {
                    // SAFETY: takes no pointers. A child that is not reaped keeps its number, so it is nobody else's.
                    unsafe { libc::kill(pid, libc::SIGKILL) };
                }
            }
            if sys::reap_any(true).is_err() {
                return;
            }
        }
    }
}

fn supervise(control: BorrowedFd<'_>, task: &Task, fds: Vec<OwnedFd>, report: &mut Report) -> Result<(), Failure> {
    let signals = sys::signalfd(&[libc::SIGCHLD, libc::SIGTERM]).doing("watch signals")?;
    // Its /proc files are not the program's to read.
    sys::prctl(libc::PR_SET_DUMPABLE, 0).doing("hide init")?;
    let resolver = namespaces(task, report);
    let mut fds = fds.into_iter();
    let (Some(protocol), Some(output), Some(errors), Some(requests)) = (fds.next(), fds.next(), fds.next(), fds.next())
    else {
        return Err(io::ErrorKind::InvalidData.into()).doing(format!("start without {FIXED_FDS} descriptors"));
    };
    let descriptors: Vec<OwnedFd> = [output, errors, protocol].into_iter().chain(fds).collect();

    let (from_program, to_init) = io::pipe().doing("make a pipe")?;
    let (from_init, to_program) = io::pipe().doing("make a pipe")?;
    let forked = sys::fork(libc::CLONE_FILES).doing("fork")?;
    let Some((pid, _pidfd)) = forked else {
        let to_init = File::from(OwnedFd::from(to_init));
        let from_init = File::from(OwnedFd::from(from_init));
        Program { task, descriptors: &descriptors, report, to_init, from_init }.run()
    };

    let mut status = BufReader::new(from_program.take(MAX_LINE));
    let mut prepared = None;
    let mut ended = None;
    // The table of descriptors is shared until this message: nothing may be closed before.
    while prepared.is_none() && ended.is_none() {
        let [said, signalled, told] =
            sys::poll([status.get_ref().get_ref().as_fd(), signals.as_fd(), control], None).doing("wait")?;
        if said {
            prepared = Some(next(&mut status).doing("hear of the program's process")?);
        } else if signalled {
            ended = reaped(signals.as_fd(), pid);
        } else if told {
            return Ok(());
        }
    }
    let listener = match prepared {
        Some(FromProgram::Prepared { report: more, listener }) => {
            report.merge(more);
            // SAFETY: the program's process made it in the table that both shared, and gave it up.
            listener.map(|number| unsafe { OwnedFd::from_raw_fd(number) })
        }
        Some(FromProgram::Failed(failed)) => {
            return wire::send(control, &failed, &[]).doing("tell the hub");
        }
        None => return Err(io::ErrorKind::BrokenPipe.into()).doing("prepare: the process ended"),
    };
    drop((to_init, from_init, descriptors));
    let resolver_told = resolver.is_some();
    let message = FromInit::Prepared { report: report.clone(), resolver: resolver_told, listener: listener.is_some() };
    let passed: Vec<BorrowedFd<'_>> =
        resolver.iter().map(AsFd::as_fd).chain(listener.iter().map(AsFd::as_fd)).collect();
    wire::send(control, &message, &passed).doing("tell the hub")?;
    drop((resolver, listener));

    serve(&Serving { control, requests, signals, pid, local: resolver_told }, status, to_program)
}

struct Serving<'a> {
    control: BorrowedFd<'a>,
    requests: OwnedFd,
    signals: OwnedFd,
    pid: libc::pid_t,
    /// Whether there is a network namespace to make sockets in.
    local: bool,
}

/// Until the program has ended, or shall.
fn serve(
    this: &Serving<'_>,
    mut status: BufReader<io::Take<io::PipeReader>>,
    to_program: io::PipeWriter,
) -> Result<(), Failure> {
    let mut to_program = Some(to_program);
    let mut running = false;
    loop {
        // Once the program runs its pipe only says that it is closed; the control socket stands in for it.
        let pipe = if running { this.control } else { status.get_ref().get_ref().as_fd() };
        let [told, asked, signalled, said] =
            sys::poll([this.control, this.requests.as_fd(), this.signals.as_fd(), pipe], None).doing("wait")?;
        if told {
            match wire::receive(this.control) {
                Ok((ToInit::Go, _)) => {
                    if let Some(mut pipe) = to_program.take() {
                        io::Write::write_all(&mut pipe, &[1]).doing("start the program")?;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // To be killed, the hub's end, or nonsense.
                Ok(_) | Err(_) => return Ok(()),
            }
        }
        if said && !running {
            match next(&mut status) {
                Ok(FromProgram::Failed(failed)) => return wire::send(this.control, &failed, &[]).doing("tell the hub"),
                Ok(FromProgram::Prepared { .. }) => {}
                Err(_) => {
                    running = true;
                    wire::send(this.control, &FromInit::Running, &[]).doing("tell the hub")?;
                }
            }
        }
        if asked && !answer(this) {
            return Ok(());
        }
        if signalled && let Some(end) = reaped(this.signals.as_fd(), this.pid) {
            return match end {
                Reaped::Program(status) => {
                    wire::send(this.control, &FromInit::Ended { status }, &[]).doing("tell the hub")
                }
                Reaped::Terminated => Ok(()),
            };
        }
    }
}

/// One request of the hub's. False if nobody will ask any more.
fn answer(this: &Serving<'_>) -> bool {
    let Ok((Request::LocalSocket { ipv6 }, _)) = wire::receive::<Request>(this.requests.as_fd()) else { return false };
    let made = if this.local { sys::udp_socket(ipv6) } else { Err(io::Error::from_raw_os_error(libc::ENOTSUP)) };
    let sent = match made {
        Ok(socket) => wire::send(this.requests.as_fd(), &Answer { errno: None }, &[socket.as_fd()]),
        Err(error) => wire::send(this.requests.as_fd(), &Answer { errno: error.raw_os_error() }, &[]),
    };
    // A hub that does not take its answers may ask again.
    sent.is_ok() || sent.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

enum Reaped {
    Program(i32),
    Terminated,
}

/// Reaps everyone who has ended; tells if the program was among them, or if init was told to end.
fn reaped(signals: BorrowedFd<'_>, program: libc::pid_t) -> Option<Reaped> {
    let mut found = None;
    while let Some(signal) = sys::next_signal(signals) {
        if signal == libc::SIGTERM {
            found = Some(Reaped::Terminated);
        }
    }
    while let Ok(Some((pid, status))) = sys::reap_any(false) {
        if pid == program {
            found = Some(Reaped::Program(status));
        }
    }
    found
}

fn next(status: &mut BufReader<io::Take<io::PipeReader>>) -> io::Result<FromProgram> {
    let mut line = String::new();
    status.read_line(&mut line)?;
    if line.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_str(&line)?)
}

/// The namespaces that need no fork, and the capabilities, which are needed for them. Gives the resolver's socket.
fn namespaces(task: &Task, report: &mut Report) -> Option<OwnedFd> {
    let network = attempt(task, report, Protection::NetworkNamespace, || {
        sys::unshare(libc::CLONE_NEWNET).doing("make a network namespace")?;
        sys::loopback_up().doing("switch lo on")?;
        UdpSocket::bind(RESOLVER).map(OwnedFd::from).doing("listen for names")
    });
    attempt(task, report, Protection::IpcNamespace, || sys::unshare(libc::CLONE_NEWIPC).doing("make an ipc namespace"));
    attempt(task, report, Protection::UtsNamespace, || {
        sys::unshare(libc::CLONE_NEWUTS).doing("make a uts namespace")?;
        sys::set_host_name("igloo").doing("set the host name")
    });
    // Only hides the path of the control group; not worth a line of the report.
    let _ = sys::unshare(libc::CLONE_NEWCGROUP);
    let known = report.clone();
    attempt(task, report, Protection::MountNamespace, || {
        sys::unshare(libc::CLONE_NEWNS).doing("make a mount namespace")?;
        root::enter(task, &known).inspect_err(|_| root::leave(task))
    });
    attempt(task, report, Protection::Capabilities, || {
        // CAP_LAST_CAP is 40 in Linux 6; the header has room for 64.
        sys::drop_capabilities(63).doing("drop capabilities")
    });
    network
}
