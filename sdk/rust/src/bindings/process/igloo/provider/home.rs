//! `igloo:provider/home`. What has an answer blocks, as an import does; a `write` is checked here and only sent.

use super::types::{BadUpdate, DescribeError, DeviceDescription, EmitError, LogLevel, Update, UpdateError, Value};
use crate::process::current::{Current, ask_blocking, current};
use igloo_wire::{
    EncodeError, FromProvider,
    message::{Reply, Request, RequestError},
};
use std::borrow::Cow;

/// Updates in one write (`wit/provider.wit`).
const UPDATES: usize = 4096;

pub fn describe(device: &DeviceDescription) -> Result<Vec<u32>, DescribeError> {
    match ask_blocking(Request::Describe { device: device.clone() }) {
        Ok(Reply::Handles(handles)) => {
            if let Some(current) = current() {
                current.known().described(device, &handles);
            }
            Ok(handles)
        }
        Err(RequestError::Describe(error)) => Err(error),
        other => Err(DescribeError::Other(unexpected(other))),
    }
}

pub fn remove(device: &str) -> bool {
    if let Some(current) = current() {
        current.known().removed(device);
    }
    ask_blocking(Request::Remove { device: device.to_owned() }) == Ok(Reply::Boolean(true))
}

pub fn complete() {
    say(&FromProvider::Complete {});
}

pub fn ready() {
    say(&FromProvider::Ready {});
}

pub fn write(updates: &[Update]) -> Result<(), Vec<BadUpdate>> {
    let Some(current) = current() else { return Ok(()) };
    let mut bad = Vec::new();
    {
        let known = current.known();
        for (index, update) in (0..).zip(updates) {
            let checked = if index as usize >= UPDATES { Err(UpdateError::Limit) } else { known.check(update) };
            bad.extend(checked.err().map(|error| BadUpdate { index, error }));
        }
    }
    if bad.is_empty() {
        send(current, Cow::Borrowed(updates));
    } else {
        let is_good = |index: &usize| bad.iter().all(|bad| bad.index as usize != *index);
        let good: Vec<Update> = (0..updates.len()).filter(is_good).map(|index| updates[index].clone()).collect();
        send(current, Cow::Owned(good));
    }
    if bad.is_empty() { Ok(()) } else { Err(bad) }
}

/// Sends what was checked: as one, unless it is too much for one frame.
fn send(current: &Current, updates: Cow<'_, [Update]>) {
    if updates.is_empty() {
        return;
    }
    let message = FromProvider::Write { updates: updates.into_owned() };
    if let (Err(EncodeError::TooLarge(_)), FromProvider::Write { mut updates }) =
        (current.connection.say(&message), message)
        && updates.len() > 1
    {
        let rest = updates.split_off(updates.len() / 2);
        send(current, Cow::Owned(updates));
        send(current, Cow::Owned(rest));
    }
}

pub fn emit(component: u32, event: &str, data: Option<&Value>) -> Result<(), EmitError> {
    match ask_blocking(Request::Emit { component, event: event.to_owned(), data: data.cloned() }) {
        Ok(Reply::Done {}) => Ok(()),
        Err(RequestError::Emit(error)) => Err(error),
        other => Err(EmitError::Other(unexpected(other))),
    }
}

pub fn set_available(device: &str, available: bool) -> bool {
    ask_blocking(Request::SetAvailable { device: device.to_owned(), available }) == Ok(Reply::Boolean(true))
}

pub fn log(level: LogLevel, message: &str) {
    match current() {
        Some(current) => current.connection.log(level, message),
        #[allow(clippy::print_stderr, reason = "the only log there is")]
        None => eprintln!("{level:?}: {message}"),
    }
}

pub fn config() -> String {
    current().map_or_else(|| "{}".to_owned(), |current| current.config().to_owned())
}

fn say(message: &FromProvider) {
    if let Some(current) = current() {
        let _ = current.connection.say(message);
    }
}

/// A code and a text for an answer that the contract has no case for.
pub(in crate::bindings) fn unexpected(answer: Result<Reply, RequestError>) -> (String, String) {
    let (code, text) = match answer {
        Err(RequestError::Busy) => ("busy", "too many calls wait for their answers".to_owned()),
        Err(RequestError::Malformed(text)) => ("malformed", text),
        other => ("unexpected", format!("{other:?}")),
    };
    (code.to_owned(), text)
}
