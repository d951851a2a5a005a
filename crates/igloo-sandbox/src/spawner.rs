//! The one thread that starts sandboxes.
//!
//! A parent-death signal fires when the *thread* that forked ends (prctl(2)), so all are forked by a thread that lives
//! as long as the hub. It must do nothing that waits for a sandbox.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, mpsc};

use tokio::sync::oneshot;

use crate::init::CONTROL;
use crate::spec::Launcher;
use crate::sys;

/// Starts that wait for the thread; a start takes about a millisecond.
const QUEUE: usize = 64;

struct Job {
    launcher: Launcher,
    control: OwnedFd,
    started: oneshot::Sender<io::Result<Child>>,
}

static SPAWNER: LazyLock<io::Result<mpsc::SyncSender<Job>>> = LazyLock::new(|| {
    let (jobs, queue) = mpsc::sync_channel::<Job>(QUEUE);
    std::thread::Builder::new().name("igloo-spawner".to_owned()).spawn(move || {
        for job in queue {
            // Whoever asked may have given up. It has not been told what to run yet.
            if let Err(Ok(mut unwanted)) = job.started.send(spawn(&job.launcher, job.control)) {
                let _ = unwanted.kill();
                let _ = unwanted.wait();
            }
        }
    })?;
    Ok(jobs)
});

/// Starts the launcher with `control` as its descriptor 3.
pub(crate) async fn start(launcher: &Launcher, control: OwnedFd) -> io::Result<Child> {
    let jobs = SPAWNER.as_ref().map_err(|error| io::Error::new(error.kind(), error.to_string()))?;
    let (started, answer) = oneshot::channel();
    let job = Job { launcher: launcher.clone(), control, started };
    jobs.try_send(job).map_err(|_| io::Error::new(io::ErrorKind::WouldBlock, "too many programs start at once"))?;
    answer.await.map_err(|_| io::Error::other("the spawner's thread has ended"))?
}

fn spawn(launcher: &Launcher, control: OwnedFd) -> io::Result<Child> {
    // Never number 3 itself: dup2 of a descriptor to itself would leave it closed on exec.
    let high = sys::duplicate_high(std::os::fd::AsFd::as_fd(&control))?;
    drop(control);
    let number = high.as_raw_fd();
    let mut command = Command::new(&launcher.program);
    command.args(&launcher.args).env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // A group of its own: a terminal's signals are the hub's, and a start that is given up is reaped by it.
    command.current_dir("/").process_group(0);
    // SAFETY: between fork and exec only dup2 and close_range are called, which are async-signal-safe; `number` is open
    // as long as `high` is, and 3 is nobody's in the child that matters after exec.
    unsafe {
        command.pre_exec(move || {
            if libc::dup2(number, CONTROL) < 0 {
                return Err(io::Error::last_os_error());
            }
            // Whatever a library of the hub forgot to mark.
            sys::close_on_exec_from(CONTROL as u32 + 1)
        });
    }
    command.spawn()
}
