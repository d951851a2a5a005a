//! The baseline of every process: 64 bytes to another process and back, over a Unix socket, and nothing else.

use std::{
    io::{Read as _, Write as _},
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::Result;

use crate::report::Times;

const BYTES: usize = 64;
const COUNT: usize = 20_000;

/// The child's side: sends back what comes, until the other side is gone.
pub(crate) fn answer() -> Result<()> {
    let mut input = std::io::stdin().lock();
    // The socket is the standard input, both ways.
    let mut output = UnixStream::from(std::os::fd::AsFd::as_fd(&std::io::stdin()).try_clone_to_owned()?);
    let mut message = [0; BYTES];
    while input.read_exact(&mut message).is_ok() {
        output.write_all(&message)?;
    }
    Ok(())
}

pub(super) fn measure() -> Result<Times> {
    let (mut ours, theirs) = UnixStream::pair()?;
    let mut child = Command::new(std::env::current_exe()?)
        .arg("pong")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .spawn()?;
    let mut times = Vec::with_capacity(COUNT);
    let mut message = [0; BYTES];
    for _ in 0..COUNT {
        let before = Instant::now();
        ours.write_all(&message)?;
        ours.read_exact(&mut message)?;
        times.push(before.elapsed());
    }
    drop(ours);
    child.wait()?;
    Ok(Times::new(times))
}
