//! std's name lookup, which would wait for its answer, and must not: it would stop the whole provider.
//!
//! The first ask starts a lookup through the hub and is told to try again; asks during the next moments get the answer.
//! tokio's lookups (`connect("name:port")`, `lookup_host`, and so what is built on them) know that and wait in between
//! as futures do: the SDK's overlay of tokio calls [`__igloo_lookup_under_way`]. For whoever does not, there is a line
//! in the log.

use super::{
    abi::{Code, Out},
    poll::{Pollable, pollable},
    table::{self, Object, insert},
};
use crate::{
    bindings::wasi::{
        clocks::monotonic_clock,
        sockets::{
            ip_name_lookup::{ErrorCode, resolve_addresses},
            types::IpAddress,
        },
    },
    host,
    log::Level,
    runtime::component::start,
};
use std::{
    cell::RefCell,
    collections::{HashMap, VecDeque},
    future::{Future, poll_fn},
    pin::Pin,
    task::{Poll, Waker},
};

/// How long an answer is given again, in nanoseconds. It is there for the next ask, not to spare the hub a question.
const KEPT: u64 = 30_000_000_000;
/// The same, for an answer that there is none.
const FAILURE_KEPT: u64 = 1_000_000_000;
/// Names that are known or being looked up at a time. Longer than that, and the ask is told to try again.
const NAMES: usize = 64;

enum Lookup {
    UnderWay(Vec<Waker>),
    Done { answer: Result<Vec<IpAddress>, Code>, until: u64 },
}

#[derive(Default)]
struct Lookups {
    by_name: HashMap<String, Lookup>,
    /// What the last ask was told to try again for.
    asked: Option<String>,
}

thread_local! {
    static LOOKUPS: RefCell<Lookups> = RefCell::default();
}

impl From<ErrorCode> for Code {
    fn from(error: ErrorCode) -> Self {
        match error {
            ErrorCode::AccessDenied => Self::AccessDenied,
            ErrorCode::InvalidArgument => Self::InvalidArgument,
            ErrorCode::NameUnresolvable => Self::NameUnresolvable,
            ErrorCode::TemporaryResolverFailure => Self::TemporaryResolverFailure,
            ErrorCode::PermanentResolverFailure | ErrorCode::Other(_) => Self::PermanentResolverFailure,
        }
    }
}

impl Lookups {
    /// The answer for a name, or to try again.
    fn ask(&mut self, name: &str) -> Result<Vec<IpAddress>, Code> {
        let now = monotonic_clock::now();
        self.asked = None;
        self.by_name.retain(|_, lookup| !matches!(lookup, Lookup::Done { until, .. } if *until <= now));
        match self.by_name.get(name) {
            Some(Lookup::Done { answer, .. }) => return answer.clone(),
            Some(Lookup::UnderWay(_)) => {}
            None if self.by_name.len() >= NAMES => return Err(Code::TemporaryResolverFailure),
            None => {
                self.by_name.insert(name.to_owned(), Lookup::UnderWay(Vec::new()));
                start(look_up(name.to_owned()));
            }
        }
        self.asked = Some(name.to_owned());
        Err(Code::TemporaryResolverFailure)
    }

    /// The answer is there.
    fn done(&mut self, name: &str, answer: Result<Vec<IpAddress>, Code>) {
        let kept = if answer.is_ok() { KEPT } else { FAILURE_KEPT };
        let done = Lookup::Done { answer, until: monotonic_clock::now().saturating_add(kept) };
        let Some(Lookup::UnderWay(waiting)) = self.by_name.insert(name.to_owned(), done) else { return };
        if waiting.is_empty() {
            let text = format!(
                "std's lookup of `{name}` cannot wait here and said \"try again\": its answer is there now, for 30 s. \
                 tokio's lookups and igloo::net::resolve wait"
            );
            host::log(Level::Warn, &text);
        }
        waiting.into_iter().for_each(Waker::wake);
    }
}

async fn look_up(name: String) {
    let answer = resolve_addresses(name.clone()).await.map_err(Code::from);
    LOOKUPS.with_borrow_mut(|lookups| lookups.done(&name, answer));
}

/// What to wait for before asking again, if the last ask was told to try again.
///
/// Called by the SDK's overlay of tokio, which declares it with this signature and is compiled by the same compiler.
#[unsafe(no_mangle)]
extern "Rust" fn __igloo_lookup_under_way() -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
    let name = LOOKUPS.with_borrow_mut(|lookups| lookups.asked.take())?;
    Some(Box::pin(poll_fn(move |cx| {
        LOOKUPS.with_borrow_mut(|lookups| match lookups.by_name.get_mut(&name) {
            Some(Lookup::UnderWay(waiting)) => {
                if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                    waiting.push(cx.waker().clone());
                }
                Poll::Pending
            }
            _ => Poll::Ready(()),
        })
    })))
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_ip_name_lookup_resolve_addresses(_: u32, name: *const u8, length: usize, out: Out) {
    let name = if length == 0 {
        &[]
    } else {
        // SAFETY: wasi-libc passes a string of `length` bytes.
        unsafe { std::slice::from_raw_parts(name, length) }
    };
    let answer = match std::str::from_utf8(name) {
        Ok(name) => LOOKUPS.with_borrow_mut(|lookups| lookups.ask(name)),
        Err(_) => Err(Code::InvalidArgument),
    };
    match answer {
        Ok(addresses) => {
            out.ok();
            out.u32(4, insert(Object::Names(std::rc::Rc::new(RefCell::new(addresses.into())))));
        }
        Err(code) => out.err(4, code),
    }
}

/// A `result<option<ip-address>, error-code>`: the option at 2, the address at 4, its numbers at 6.
#[unsafe(no_mangle)]
extern "C" fn __wasm_import_ip_name_lookup_method_resolve_address_stream_resolve_next_address(handle: u32, out: Out) {
    let next = match table::get(handle) {
        Some(Object::Names(addresses)) => addresses.borrow_mut().pop_front(),
        _ => None,
    };
    out.ok();
    out.u8(2, u8::from(next.is_some()));
    match next {
        Some(IpAddress::Ipv4((a, b, c, d))) => {
            out.u8(4, 0);
            [a, b, c, d].into_iter().enumerate().for_each(|(i, byte)| out.u8(6 + i, byte));
        }
        Some(IpAddress::Ipv6((a, b, c, d, e, f, g, h))) => {
            out.u8(4, 1);
            let bytes = [a, b, c, d, e, f, g, h].into_iter().flat_map(u16::to_le_bytes);
            bytes.enumerate().for_each(|(i, byte)| out.u8(6 + i, byte));
        }
        None => {}
    }
}

/// The addresses of one answer that were not taken yet.
pub(super) type Addresses = VecDeque<IpAddress>;

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_ip_name_lookup_method_resolve_address_stream_subscribe(_: u32) -> u32 {
    pollable(Pollable::Always)
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_ip_name_lookup_resolve_address_stream_drop(handle: u32) {
    table::remove(handle);
}

/// WASI 0.2 passes "the network" to every call; WASI 0.3 has none.
#[unsafe(no_mangle)]
extern "C" fn __wasm_import_instance_network_instance_network() -> u32 {
    0
}

#[unsafe(no_mangle)]
extern "C" fn __wasm_import_network_network_drop(_: u32) {}
