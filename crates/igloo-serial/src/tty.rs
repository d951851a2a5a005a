//! A tty: a serial port of this machine, or a pseudo-terminal.
//!
//! Promises: the device is held exclusively (flock(2), and TIOCEXCL on real devices), is a serial device, never
//! becomes the controlling terminal, and speaks raw bytes. Everything that may block in the kernel runs on a thread
//! for such work. Closing included: Linux waits there up to 30 s for output that flow control holds back.
//!
//! A pseudo-terminal has no modem lines and no line coding: driving its lines does nothing, reading them is
//! unsupported, and data bits, parity and stop bits are what it makes of them.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::fs::{FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::termios::{
    ControlModes, InputModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, ioctl_tiocexcl,
    ioctl_tiocnxcl, isatty, tcdrain, tcflush, tcgetattr, tcsetattr,
};
use serial2::SerialPort;
use tokio::io::ReadBuf;
use tokio::io::unix::AsyncFd;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use crate::error::Error;
use crate::settings::{Buffers, DataBits, FlowControl, Lines, ModemLines, Parity, Settings, StopBits};

#[derive(Debug)]
pub(crate) struct Tty {
    port: Arc<str>,
    /// `None` only while it is being dropped.
    device: Option<AsyncFd<Arc<SerialPort>>>,
    is_pty: bool,
    /// Held by the one thread that waits in tcdrain(3).
    draining: Arc<Mutex<()>>,
}

/// Whether a device number belongs to a pseudo-terminal's slave side, from Linux's
/// Documentation/admin-guide/devices.txt ("Unix98 PTY slaves").
fn is_pty(device: u64) -> bool {
    (136..=143).contains(&rustix::fs::major(device))
}

/// What a character device is if it is a terminal and no serial port, from the same list.
fn not_serial(device: u64) -> Option<&'static str> {
    match (rustix::fs::major(device), rustix::fs::minor(device)) {
        (4, 0..=63) => Some("a virtual console"),
        (5, 0) => Some("this process's own terminal"),
        (5, 1) => Some("the system console"),
        (5, 2) | (128..=135, _) => Some("the master side of a pseudo-terminal"),
        _ => None,
    }
}

impl Tty {
    pub(crate) async fn open(port: &Arc<str>, path: &Path, settings: Settings) -> Result<Self, Error> {
        let (owned_port, path) = (Arc::clone(port), path.to_owned());
        let (device, is_pty) = unblock(port, move || open(&owned_port, &path, settings)).await?;
        // SAFETY: the serial port owns its descriptor, and behind the `Arc` nothing can replace or close it.
        #[allow(unsafe_code)]
        let device = unsafe { AsyncFd::register(Arc::new(device)) }.map_err(|e| Error::opening(port, e))?;
        Ok(Self { port: Arc::clone(port), device: Some(device), is_pty, draining: Arc::default() })
    }

    fn device(&self) -> Result<&AsyncFd<Arc<SerialPort>>, Error> {
        self.device.as_ref().ok_or_else(|| Error::disconnected(&self.port))
    }

    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<(), Error>> {
        let device = self.device()?;
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            let mut ready = ready!(device.poll_read_ready(cx)).map_err(|e| Error::using(&self.port, e))?;
            match ready.try_io(|device| Ok(retry(|| rustix::io::read(device.get_ref(), buf.initialize_unfilled()))?)) {
                // With VMIN = 1 no bytes means hung up.
                Ok(Ok(0)) => return Poll::Ready(Err(Error::disconnected(&self.port))),
                Ok(Ok(count)) => {
                    buf.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Ok(Err(error)) => return Poll::Ready(Err(Error::using(&self.port, error))),
                Err(_would_block) => {}
            }
        }
    }

    pub(crate) fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize, Error>> {
        let device = self.device()?;
        loop {
            let mut ready = ready!(device.poll_write_ready(cx)).map_err(|e| Error::using(&self.port, e))?;
            match ready.try_io(|device| Ok(retry(|| rustix::io::write(device.get_ref(), bytes))?)) {
                Ok(result) => return Poll::Ready(result.map_err(|e| Error::using(&self.port, e))),
                Err(_would_block) => {}
            }
        }
    }

    /// Does something with the device on a thread that may block.
    async fn with<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Arc<str>, &SerialPort) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (device, port) = (Arc::clone(self.device()?.get_ref()), Arc::clone(&self.port));
        unblock(&self.port, move || act(&port, &device)).await
    }

    pub(crate) async fn configure(&self, settings: Settings) -> Result<(), Error> {
        let is_pty = self.is_pty;
        self.with(move |port, device| configure(port, device, is_pty, settings)).await
    }

    pub(crate) async fn set_lines(&self, lines: Lines) -> Result<(), Error> {
        self.with(move |port, device| {
            let set = || {
                lines.dtr.map_or(Ok(()), |on| device.set_dtr(on))?;
                lines.rts.map_or(Ok(()), |on| device.set_rts(on))
            };
            match set() {
                Err(error) if has_no_lines(&error) => {
                    tracing::debug!(%port, "no modem lines to set");
                    Ok(())
                }
                result => result.map_err(|e| Error::using(port, e)),
            }
        })
        .await
    }

    pub(crate) async fn lines(&self) -> Result<ModemLines, Error> {
        self.with(move |port, device| {
            let read = || {
                Ok(ModemLines {
                    cts: device.read_cts()?,
                    dsr: device.read_dsr()?,
                    ri: device.read_ri()?,
                    cd: device.read_cd()?,
                })
            };
            read().map_err(|error: io::Error| {
                if has_no_lines(&error) { Error::unsupported(port, "modem lines") } else { Error::using(port, error) }
            })
        })
        .await
    }

    pub(crate) async fn send_break(&self, duration: Duration) -> Result<(), Error> {
        /// Ends the break however the wait ends.
        struct Break<'a>(&'a SerialPort);
        impl Drop for Break<'_> {
            fn drop(&mut self) {
                if let Err(error) = self.0.set_break(false) {
                    tracing::debug!(%error, "the break could not be ended");
                }
            }
        }
        let device = self.device()?.get_ref();
        device.set_break(true).map_err(|error| {
            if has_no_lines(&error) { Error::unsupported(&self.port, "break") } else { Error::using(&self.port, error) }
        })?;
        let _end = Break(device);
        tokio::time::sleep(duration).await;
        Ok(())
    }

    pub(crate) async fn drain(&self) -> Result<(), Error> {
        let alone = Arc::clone(&self.draining).lock_owned().await;
        self.with(move |port, device| {
            let _alone = alone;
            retry(|| tcdrain(device)).map_err(|e| Error::using(port, e))
        })
        .await
    }

    pub(crate) fn discard(&self, buffers: Buffers) -> Result<(), Error> {
        let queue = match buffers {
            Buffers::Input => QueueSelector::IFlush,
            Buffers::Output => QueueSelector::OFlush,
            Buffers::Both => QueueSelector::IOFlush,
        };
        tcflush(self.device()?.get_ref(), queue).map_err(|e| Error::using(&self.port, e))
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        let Some(device) = self.device.take().map(AsyncFd::into_inner) else { return };
        // Somebody waits for output that may never leave: it would keep the device open.
        if self.draining.try_lock().is_err() {
            let _ = tcflush(&device, QueueSelector::OFlush);
        }
        // The next opener need not wait for what the kernel still sends.
        let _ = ioctl_tiocnxcl(&device);
        let _ = rustix::fs::flock(&device, FlockOperation::NonBlockingUnlock);
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn_blocking(move || drop(device));
        }
    }
}

/// Runs something that may block in the kernel (a USB adapter answers its settings over the bus).
async fn unblock<T: Send + 'static>(
    port: &Arc<str>,
    act: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(act).await.map_err(|error| Error::using(port, io::Error::other(error)))?
}

fn retry<T>(call: impl FnMut() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    rustix::io::retry_on_intr(call)
}

fn has_no_lines(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOTTY | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP))
}

/// Refuses what is no serial port. Gives the device number.
fn check(port: &Arc<str>, stat: &rustix::fs::Stat) -> Result<u64, Error> {
    let what = match FileType::from_raw_mode(stat.st_mode) {
        FileType::CharacterDevice => not_serial(stat.st_rdev),
        FileType::Directory => Some("a directory"),
        FileType::RegularFile => Some("a file (to play it, write replay:FILE)"),
        _ => Some("a file of another kind"),
    };
    match what {
        Some(what) => Err(Error::NotASerialDevice { port: Arc::clone(port), what }),
        None => Ok(stat.st_rdev),
    }
}

fn open(port: &Arc<str>, path: &Path, settings: Settings) -> Result<(SerialPort, bool), Error> {
    let fail = |error: Errno| Error::opening(port, error);
    // Look first: opening alone does something to some devices (watchdogs, tapes).
    check(port, &rustix::fs::stat(path).map_err(fail)?)?;
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let device: OwnedFd = retry(|| rustix::fs::open(path, flags, Mode::empty())).map_err(fail)?;
    // The name may mean something else by now: this is the check that counts.
    let number = check(port, &rustix::fs::fstat(&device).map_err(fail)?)?;
    let is_pty = is_pty(number);
    match tcgetattr(&device) {
        Ok(_) => {}
        Err(Errno::NOTTY | Errno::INVAL) if !isatty(&device) => return Err(fail(Errno::NOTTY)),
        Err(error) => return Err(fail(error)),
    }
    rustix::fs::flock(&device, FlockOperation::NonBlockingLockExclusive).map_err(fail)?;
    if !is_pty {
        // On a pseudo-terminal this would outlive a killed hub for as long as the other end is open.
        ioctl_tiocexcl(&device).map_err(fail)?;
    }
    configure(port, &device, is_pty, settings).inspect_err(|_| {
        // The flag is the device's, not the descriptor's: it stays while anybody has it open.
        let _ = ioctl_tiocnxcl(&device);
    })?;
    Ok((SerialPort::from(device), is_pty))
}

fn configure(port: &Arc<str>, device: impl AsFd, is_pty: bool, wanted: Settings) -> Result<(), Error> {
    let device = device.as_fd();
    let using = |error| match error {
        Errno::INVAL => Error::invalid(port, "the driver refuses these settings: try 9600 or 115200 baud, 8N1"),
        error => Error::using(port, error),
    };
    let mut termios = tcgetattr(device).map_err(using)?;
    write_settings(&mut termios, wanted).map_err(using)?;
    // At once: waiting for output to leave is the caller's choice (`drain`).
    tcsetattr(device, OptionalActions::Now, &termios).map_err(using)?;
    if is_pty {
        return Ok(());
    }
    // tcsetattr(3) succeeds if it could do any of it.
    let got = tcgetattr(device).map_err(using)?;
    if !wanted.is_close_to(got.output_speed()) {
        let reason = format!("{} baud became {}: choose a rate that it has", wanted.baud_rate, got.output_speed());
        return Err(Error::invalid(port, reason));
    }
    let coding = ControlModes::CSIZE | ControlModes::PARENB | ControlModes::PARODD | ControlModes::CSTOPB;
    if got.control_modes & coding != termios.control_modes & coding {
        return Err(Error::invalid(port, "it lacks these data bits, parity or stop bits: try 8N1"));
    }
    if (got.control_modes ^ termios.control_modes).contains(ControlModes::CRTSCTS) {
        return Err(Error::invalid(port, "it has no hardware flow control: choose none or software"));
    }
    Ok(())
}

/// Raw bytes with these settings, as termios(3) describes them.
fn write_settings(termios: &mut Termios, settings: Settings) -> rustix::io::Result<()> {
    termios.make_raw();
    let control = &mut termios.control_modes;
    control.remove(
        ControlModes::CSIZE
            | ControlModes::PARENB
            | ControlModes::PARODD
            | ControlModes::CMSPAR
            | ControlModes::CSTOPB
            | ControlModes::CRTSCTS,
    );
    control.insert(ControlModes::CREAD | ControlModes::CLOCAL);
    control.insert(match settings.data_bits {
        DataBits::Five => ControlModes::CS5,
        DataBits::Six => ControlModes::CS6,
        DataBits::Seven => ControlModes::CS7,
        DataBits::Eight => ControlModes::CS8,
    });
    match settings.parity {
        Parity::None => {}
        Parity::Odd => control.insert(ControlModes::PARENB | ControlModes::PARODD),
        Parity::Even => control.insert(ControlModes::PARENB),
    }
    if settings.stop_bits == StopBits::Two {
        control.insert(ControlModes::CSTOPB);
    }
    let software = InputModes::IXON | InputModes::IXOFF;
    termios.input_modes.remove(software | InputModes::IXANY | InputModes::INPCK);
    match settings.flow_control {
        FlowControl::None => {}
        FlowControl::Software => termios.input_modes.insert(software),
        FlowControl::Hardware => control.insert(ControlModes::CRTSCTS),
    }
    // A read gives what is there, and nothing only when the line is hung up.
    termios.special_codes[SpecialCodeIndex::VMIN] = 1;
    termios.special_codes[SpecialCodeIndex::VTIME] = 0;
    termios.set_speed(settings.baud_rate)
}
