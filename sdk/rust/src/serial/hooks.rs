//! What the `serialport` and `tokio-serial` of a WebAssembly component call. `igloo build` compiles sources of our own in
//! the place of these crates (`crates/igloo-build/overlays`); they cannot depend on this one, so they find these
//! functions by their names when the component is linked.
//!
//! The contract, without which a call would be undefined: **both sides give a function the same signature, and are
//! compiled by the same compiler.** It holds because
//!
//! - everything in a signature is the standard library's or a primitive, so it means the same type on both sides;
//! - one cargo build compiles both sides, and rustc refuses to link crates of different compilers;
//! - the version in the names is the signatures': whoever changes one takes the next number, and sources of another
//!   number do not link;
//! - `xtask/tests/hooks.rs` compares the declarations in the overlays with the definitions here, word for word.
//!
//! Settings travel as five numbers: bits per second, data bits, parity (0 none, 1 odd, 2 even), stop bits and flow control
//! (0 none, 1 software, 2 hardware). Errors have the kind of [`SerialError`](super::SerialError)'s conversion.

use super::{Buffers, ControlLines, FlowControl, Parity, Settings, Slot, background::Background, slots};
use crate::log::Level;
use std::{
    cell::RefCell,
    collections::HashMap,
    io,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{runtime::Handle, sync::Mutex};

thread_local! {
    static PORTS: RefCell<Ports> = RefCell::default();
}

#[derive(Default)]
struct Ports {
    last: u64,
    /// Several handles may share a port.
    open: HashMap<u64, Rc<Background>>,
    /// Whose turn it is to have a slot's port. No more entries than granted slots.
    turns: HashMap<String, Arc<Mutex<()>>>,
}

impl Ports {
    fn insert(&mut self, port: Rc<Background>) -> u64 {
        self.last += 1;
        self.open.insert(self.last, port);
        self.last
    }
}

fn port(handle: u64) -> io::Result<Rc<Background>> {
    let port = PORTS.with_borrow(|ports| ports.open.get(&handle).cloned());
    port.ok_or_else(|| io::Error::new(io::ErrorKind::NotConnected, "the port is closed"))
}

fn error(kind: io::ErrorKind, text: String) -> io::Error {
    io::Error::new(kind, text)
}

fn not_granted(slot: &str, slots: &[Slot]) -> io::Error {
    let bound: Vec<&str> = slots.iter().filter(|slot| slot.bound).map(|slot| slot.name.as_str()).collect();
    let bound = if bound.is_empty() { "none".to_owned() } else { bound.join(", ") };
    let text = format!(
        "there is no serial port '{slot}': a provider opens a slot that its igloo.toml wants, once its owner has granted \
         `serial:NAME=PORT` (granted now: {bound})"
    );
    error(io::ErrorKind::NotFound, text)
}

fn settings([baud_rate, data_bits, parity, stop_bits, flow_control]: [u32; 5]) -> io::Result<Settings> {
    let invalid = |text: &str| error(io::ErrorKind::InvalidInput, text.to_owned());
    if !(50..=4_000_000).contains(&baud_rate) {
        return Err(invalid("a port has 50 to 4 000 000 bits per second"));
    }
    let (Ok(data_bits @ 5..=8), Ok(stop_bits @ 1..=2)) = (u8::try_from(data_bits), u8::try_from(stop_bits)) else {
        return Err(invalid("a port has 5 to 8 data bits and 1 or 2 stop bits"));
    };
    Ok(Settings {
        baud_rate,
        data_bits,
        parity: match parity {
            0 => Parity::None,
            1 => Parity::Odd,
            2 => Parity::Even,
            _ => return Err(invalid("there is no such parity")),
        },
        stop_bits,
        flow_control: match flow_control {
            0 => FlowControl::None,
            1 => FlowControl::Software,
            2 => FlowControl::Hardware,
            _ => return Err(invalid("there is no such flow control")),
        },
    })
}

fn numbers(settings: Settings) -> [u32; 5] {
    let parity = match settings.parity {
        Parity::None => 0,
        Parity::Odd => 1,
        Parity::Even => 2,
    };
    let flow_control = match settings.flow_control {
        FlowControl::None => 0,
        FlowControl::Software => 1,
        FlowControl::Hardware => 2,
    };
    [settings.baud_rate, settings.data_bits.into(), parity, settings.stop_bits.into(), flow_control]
}

/// The slots that can be opened.
#[unsafe(no_mangle)]
fn __igloo_serial_1_slots() -> Vec<String> {
    slots().into_iter().filter(|slot| slot.bound).map(|slot| slot.name).collect()
}

/// Begins to open a slot, and to drive DTR. Errors that can be known at once are; the others show on first use.
#[unsafe(no_mangle)]
fn __igloo_serial_1_open(slot: &str, numbers: [u32; 5], dtr: Option<bool>) -> io::Result<u64> {
    let settings = settings(numbers)?;
    let slots = slots();
    if !slots.iter().any(|one| one.bound && one.name == slot) {
        return Err(not_granted(slot, &slots));
    }
    if Handle::try_current().is_err() {
        let text = "a port is opened while the provider runs: in `new`, `run`, a command, an action or a task";
        return Err(error(io::ErrorKind::Other, text.to_owned()));
    }
    let turn = PORTS.with_borrow_mut(|ports| {
        if ports.open.values().any(|port| port.slot() == slot && port.is_alive()) {
            return Err(error(
                io::ErrorKind::ResourceBusy,
                format!("the port '{slot}' is open already: close it first"),
            ));
        }
        Ok(ports.turns.entry(slot.to_owned()).or_default().clone())
    })?;
    let port = Background::open(slot, settings, turn);
    if dtr.is_some() {
        port.set_lines(ControlLines { data_terminal_ready: dtr, request_to_send: None })?;
    }
    Ok(PORTS.with_borrow_mut(|ports| ports.insert(port)))
}

/// Another handle of the same port.
#[unsafe(no_mangle)]
fn __igloo_serial_1_share(handle: u64) -> io::Result<u64> {
    let port = port(handle)?;
    Ok(PORTS.with_borrow_mut(|ports| ports.insert(port)))
}

/// Gives a handle up. The last one closes the port.
#[unsafe(no_mangle)]
fn __igloo_serial_1_close(handle: u64) {
    let port = PORTS.with_borrow_mut(|ports| {
        let port = ports.open.remove(&handle)?;
        let shared = ports.open.values().any(|other| Rc::ptr_eq(other, &port));
        (!shared).then_some(port)
    });
    if let Some(port) = port {
        port.close();
    }
}

#[unsafe(no_mangle)]
fn __igloo_serial_1_settings(handle: u64) -> io::Result<[u32; 5]> {
    Ok(numbers(port(handle)?.settings()))
}

#[unsafe(no_mangle)]
fn __igloo_serial_1_configure(handle: u64, numbers: [u32; 5]) -> io::Result<()> {
    port(handle)?.configure(settings(numbers)?)
}

/// DTR and RTS; `None` leaves a line as it is.
#[unsafe(no_mangle)]
fn __igloo_serial_1_set_lines(handle: u64, dtr: Option<bool>, rts: Option<bool>) -> io::Result<()> {
    port(handle)?.set_lines(ControlLines { data_terminal_ready: dtr, request_to_send: rts })
}

/// CTS, DSR, RI and CD, as they were when the port was asked last. It is asked again now.
#[unsafe(no_mangle)]
fn __igloo_serial_1_lines(handle: u64) -> io::Result<[bool; 4]> {
    let lines = port(handle)?.lines()?;
    Ok([lines.clear_to_send, lines.data_set_ready, lines.ring_indicator, lines.carrier_detect])
}

/// Begins or ends a break.
#[unsafe(no_mangle)]
fn __igloo_serial_1_set_break(handle: u64, on: bool) -> io::Result<()> {
    port(handle)?.set_break(on)
}

/// Holds a break for so many milliseconds.
#[unsafe(no_mangle)]
fn __igloo_serial_1_send_break(handle: u64, milliseconds: u32) -> io::Result<()> {
    port(handle)?.send_break(Duration::from_millis(milliseconds.into()))
}

#[unsafe(no_mangle)]
fn __igloo_serial_1_discard(handle: u64, input: bool, output: bool) -> io::Result<()> {
    let port = port(handle)?;
    match (input, output) {
        (true, true) => port.discard(Buffers::Both),
        (true, false) => port.discard(Buffers::Input),
        (false, true) => port.discard(Buffers::Output),
        (false, false) => Ok(()),
    }
}

/// Bytes that can be read, and bytes that wait to be sent.
#[unsafe(no_mangle)]
fn __igloo_serial_1_waiting(handle: u64) -> io::Result<(usize, usize)> {
    port(handle)?.waiting()
}

/// What is there, or `WouldBlock`.
#[unsafe(no_mangle)]
fn __igloo_serial_1_read(handle: u64, buffer: &mut [u8]) -> io::Result<usize> {
    port(handle)?.read(buffer)
}

/// What there is room for, or `WouldBlock`.
#[unsafe(no_mangle)]
fn __igloo_serial_1_write(handle: u64, bytes: &[u8]) -> io::Result<usize> {
    port(handle)?.write(bytes)
}

/// Everything written is transmitted before what comes next. Does not wait.
#[unsafe(no_mangle)]
fn __igloo_serial_1_flush(handle: u64) -> io::Result<()> {
    port(handle)?.flush()
}

#[unsafe(no_mangle)]
fn __igloo_serial_1_poll_read(handle: u64, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
    port(handle)?.poll_read(cx, buffer)
}

#[unsafe(no_mangle)]
fn __igloo_serial_1_poll_write(handle: u64, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
    port(handle)?.poll_write(cx, bytes)
}

/// Waits until everything written has been transmitted.
#[unsafe(no_mangle)]
fn __igloo_serial_1_poll_flush(handle: u64, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    port(handle)?.poll_flush(cx)
}

#[unsafe(no_mangle)]
fn __igloo_serial_1_poll_readable(handle: u64, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    port(handle)?.poll_readable(cx)
}

#[unsafe(no_mangle)]
fn __igloo_serial_1_poll_writable(handle: u64, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    port(handle)?.poll_writable(cx)
}

/// A line in the provider's log.
#[unsafe(no_mangle)]
fn __igloo_serial_1_warn(text: &str) {
    crate::host::log(Level::Warn, text);
}
