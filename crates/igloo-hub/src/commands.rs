//! Commands and actions on their way to a provider, and their outcomes on the way back.
//!
//! A command is checked, given a number, and handed to its instance before anything is awaited, so commands to a device
//! start in the order in which they came. Whoever asked may go away: then it goes on in a task of its own. It is delivered
//! at most once; there is no path here that delivers again.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use igloo_engine::{ActionOutcome, Outcome};
use igloo_model::{Kinds, Value, ValueType, tree::CommandRefused};
use igloo_protocol::{Command, CommandError};
use rusqlite::Connection;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::{
    core::Core,
    idempotency::{Begun, Fingerprint, Keys, Ticket},
    info::{CommandFailure, CommandOutcome, CommandRequest, CommandResult, InstanceRef},
    managed::Managed,
    session::Session,
    storage::rows,
};

/// Bytes in an idempotency key.
const KEY_BYTES: usize = 256;
/// Bytes in an action's parameters.
const PARAMETERS_BYTES: usize = 256 * 1024;
/// The name of how often the hub has started.
const STARTS: &str = "starts";
/// Commands that one start may number: numbers stay below 2⁵³ for 131 072 starts.
const PER_START: u64 = 1 << 36;

/// What the hub remembers of commands.
#[derive(Debug)]
pub(crate) struct Commands {
    next: AtomicU64,
    keys: Keys<(u64, CommandOutcome)>,
}

impl Commands {
    /// Begins a range of numbers that no earlier start of the hub has used.
    pub(crate) fn open(connection: &Connection) -> rusqlite::Result<Self> {
        let starts = rows::meta(connection, STARTS)?;
        rows::set_meta(connection, STARTS, starts + 1)?;
        Ok(Self { next: AtomicU64::new(starts * PER_START + 1), keys: Keys::default() })
    }
}

/// A session that takes commands, and a slot in it.
type Admitted = (Arc<Session>, tokio::sync::OwnedSemaphorePermit);

/// A session that takes commands and has room for one more.
fn admit(managed: &Managed) -> Result<Admitted, CommandFailure> {
    let not_ready = || CommandFailure::Unavailable(format!("'{}' is not ready", managed.name()));
    let session = managed.current_session().filter(|session| session.is_ready()).ok_or_else(not_ready)?;
    let slot = session.slots.clone().try_acquire_owned().map_err(|_| {
        let queue = session.limits().queue;
        CommandFailure::Busy(format!(
            "{queue} commands are under way: that is its limit; the grant queue=NUMBER allows more"
        ))
    })?;
    Ok((session, slot))
}

fn failure(error: CommandError, session: &Session) -> CommandFailure {
    match error {
        CommandError::Rejected(reason) => CommandFailure::Rejected(session.clean(&reason)),
        CommandError::Busy => CommandFailure::Busy(String::from("the provider says so")),
        CommandError::Unavailable => CommandFailure::Unavailable(String::from("the provider cannot reach it now")),
        CommandError::Other { code, text } => {
            CommandFailure::Failed { code: session.clean(&code), text: session.clean(&text) }
        }
    }
}

fn check_deadline(deadline: Duration) -> Result<Duration, CommandFailure> {
    if deadline.is_zero() || deadline > CommandRequest::LONGEST {
        let longest = CommandRequest::LONGEST.as_secs();
        return Err(CommandFailure::Invalid(format!("a deadline is above 0 and at most {longest} s")));
    }
    Ok(deadline)
}

/// Reads a command's changes as values of their kinds.
fn read_changes(changes: &[(String, Json)]) -> Result<Vec<(String, Value)>, CommandFailure> {
    let read = |(name, json): &(String, Json)| {
        let kind = Kinds::built_in().get(name);
        let value = match kind.value_type {
            // It has no value: that it is named is all.
            ValueType::Marker => Value::Unknown,
            _ => Value::from_json(json, &kind).map_err(|misfit| CommandFailure::Invalid(misfit.to_string()))?,
        };
        Ok((name.clone(), value))
    };
    changes.iter().map(read).collect()
}

/// What a request asks for. How long its asker waits is not a part of it.
fn fingerprint(request: &CommandRequest) -> Fingerprint {
    let transition = request.transition.map(|transition| transition.as_millis().to_string());
    let asked = serde_json::json!([request.device, request.entity, request.changes, transition]);
    Sha256::digest(asked.to_string()).into()
}

impl Core {
    /// Carries out a command.
    pub(crate) async fn command(self: &Arc<Self>, request: CommandRequest) -> CommandResult {
        let began = Instant::now();
        let (id, outcome) = match request.idempotency_key.clone() {
            None => match self.deliver(&request) {
                Ok((id, delivered)) => (id, delivered.await),
                Err(failure) => (0, Err(failure).into()),
            },
            Some(key) => self.command_once(request, &key).await,
        };
        CommandResult { id, outcome, elapsed: began.elapsed() }
    }

    /// Carries out a command unless one with this key is known: then its outcome is the answer.
    async fn command_once(self: &Arc<Self>, request: CommandRequest, key: &str) -> (u64, CommandOutcome) {
        let invalid = |text: String| (0, CommandOutcome::Invalid(text));
        if key.is_empty() || key.len() > KEY_BYTES {
            return invalid(format!("an idempotency key has 1 to {KEY_BYTES} bytes"));
        }
        let fingerprint = fingerprint(&request);
        loop {
            match self.commands.keys.begin(key, fingerprint, Instant::now()) {
                Begun::Different => return invalid(String::from("this idempotency key was used for another command")),
                Begun::Full => {
                    let reason = String::from("too many commands with idempotency keys are under way in the hub");
                    return (0, CommandOutcome::Busy(reason));
                }
                Begun::New(ticket) => return self.deliver_for(ticket, &request).await,
                Begun::Known(mut known) => {
                    match tokio::time::timeout(request.deadline, known.wait_for(Option::is_some)).await {
                        Ok(Ok(outcome)) => return outcome.clone().unwrap_or((0, CommandOutcome::Interrupted)),
                        Err(_) => return (0, CommandOutcome::Timeout),
                        // The first request was refused and nothing was delivered: this one is the first now.
                        Ok(Err(_)) => {}
                    }
                }
            }
        }
    }

    async fn deliver_for(
        self: &Arc<Self>,
        ticket: Ticket<(u64, CommandOutcome)>,
        request: &CommandRequest,
    ) -> (u64, CommandOutcome) {
        match self.deliver(request) {
            Err(failure) => (0, Err(failure).into()),
            Ok((id, delivered)) => {
                // In a task, so that the outcome is kept also where the asker went away.
                let kept = self.runtime.spawn(async move {
                    let outcome = delivered.await;
                    ticket.keep((id, outcome.clone()));
                    (id, outcome)
                });
                kept.await.unwrap_or((id, CommandOutcome::Interrupted))
            }
        }
    }

    /// Checks a command and hands it to its instance. Nothing is awaited here.
    fn deliver(self: &Arc<Self>, request: &CommandRequest) -> Result<(u64, Underway<CommandOutcome>), CommandFailure> {
        let deadline = check_deadline(request.deadline)?;
        let changes = read_changes(&request.changes)?;
        let (instance, checked) = self.tree.read(|tree| {
            let checked = tree
                .check_command(request.device, &request.entity, &changes)
                .map(|device| device.key.clone())
                .map_err(|refused| match refused {
                    CommandRefused::NotFound(text) => CommandFailure::NotFound(text),
                    CommandRefused::Invalid(text) => CommandFailure::Invalid(text),
                    CommandRefused::Unavailable(text) => CommandFailure::Unavailable(text),
                });
            (tree.device(request.device).map(|device| device.instance), checked)
        });
        let managed = instance.and_then(|instance| self.instances.read().get(&instance).cloned());
        let Some(managed) = managed else {
            return Err(checked.err().unwrap_or_else(|| {
                CommandFailure::NotFound(format!("the instance of the device {} is gone", request.device))
            }));
        };
        let device = managed.counters.counted(checked)?;
        let (session, slot) = managed.counters.counted(admit(&managed))?;
        let id = self.commands.next.fetch_add(1, Ordering::Relaxed);
        managed.counters.commands.fetch_add(1, Ordering::Relaxed);
        let command =
            Command { id, device, entity: request.entity.clone(), changes, transition: request.transition, deadline };
        let delivery = async move {
            let _slot = slot;
            let outcome = match session.running.get() {
                Some(running) => running.command(command).await,
                None => Outcome::Error(CommandError::Unavailable),
            };
            session.flush();
            CommandOutcome::from(managed.counters.counted(match outcome {
                Outcome::Ok => Ok(()),
                Outcome::Error(error) => Err(failure(error, &session)),
                Outcome::Timeout => Err(CommandFailure::Timeout),
                Outcome::Interrupted => Err(CommandFailure::Interrupted),
            }))
        };
        Ok((id, self.begin_now(delivery)))
    }

    /// Polls a future once, so that what it does before its first wait happens in the caller's order. The rest is
    /// polled by whoever awaits it, without a task between them.
    fn begin_now<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> Underway<T> {
        let mut future: BoxFuture<'static, T> = Box::pin(future);
        let _runtime = self.runtime.enter();
        let mut context = Context::from_waker(Waker::noop());
        let done = match future.as_mut().poll(&mut context) {
            Poll::Ready(done) => Some(done),
            Poll::Pending => None,
        };
        Underway { rest: done.is_none().then_some(future), done, runtime: self.runtime.clone() }
    }

    /// Runs an action of an instance.
    pub(crate) async fn action(
        self: &Arc<Self>,
        which: &InstanceRef,
        name: &str,
        parameters: Json,
        deadline: Duration,
    ) -> Result<Json, CommandFailure> {
        let deadline = check_deadline(deadline)?;
        let managed = self.find(which).map_err(|error| CommandFailure::NotFound(error.to_string()))?;
        let package = managed.owned.lock().package.clone();
        if !package.manifest.actions.contains_key(name) {
            let faults = package.manifest.check_parameters(name, &parameters);
            return Err(CommandFailure::NotFound(faults.err().map(|faults| faults.to_string()).unwrap_or_default()));
        }
        package
            .manifest
            .check_parameters(name, &parameters)
            .map_err(|faults| CommandFailure::Invalid(faults.to_string()))?;
        let text = parameters.to_string();
        if text.len() > PARAMETERS_BYTES {
            return Err(CommandFailure::Invalid(format!(
                "an action's parameters have at most {PARAMETERS_BYTES} bytes"
            )));
        }
        let (session, slot) = managed.counters.counted(admit(&managed))?;
        managed.counters.commands.fetch_add(1, Ordering::Relaxed);
        let name = name.to_owned();
        let run = self.begin_now(async move {
            let _slot = slot;
            let outcome = match session.running.get() {
                Some(running) => running.action(name, text, deadline).await,
                None => ActionOutcome::Error(CommandError::Unavailable),
            };
            session.flush();
            managed.counters.counted(match outcome {
                ActionOutcome::Ok(result) => serde_json::from_str(&result).map_err(|error| CommandFailure::Failed {
                    code: String::from("not-json"),
                    text: format!("the provider answered something that is not JSON: {error}"),
                }),
                ActionOutcome::Error(error) => Err(failure(error, &session)),
                ActionOutcome::Timeout => Err(CommandFailure::Timeout),
                ActionOutcome::Interrupted => Err(CommandFailure::Interrupted),
            })
        });
        run.await
    }
}

/// Something delivered that has not ended. Where whoever awaits it goes away, it gets a task of its own and goes on.
struct Underway<T: Send + 'static> {
    done: Option<T>,
    rest: Option<BoxFuture<'static, T>>,
    runtime: tokio::runtime::Handle,
}

// Nothing in it is pinned but what is boxed.
impl<T: Send> Unpin for Underway<T> {}

impl<T: Send> Future for Underway<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        if let Some(done) = self.done.take() {
            return Poll::Ready(done);
        }
        let Some(rest) = &mut self.rest else { return Poll::Pending };
        let done = std::task::ready!(rest.as_mut().poll(context));
        self.rest = None;
        Poll::Ready(done)
    }
}

impl<T: Send> Drop for Underway<T> {
    fn drop(&mut self) {
        if let Some(rest) = self.rest.take() {
            self.runtime.spawn(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use igloo_model::DeviceId;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_same_request_has_the_same_fingerprint() {
        let request = |value: Json, deadline| CommandRequest {
            device: DeviceId(1),
            entity: String::from("bulb"),
            changes: vec![(String::from("switch"), value)],
            transition: None,
            deadline: Duration::from_secs(deadline),
            idempotency_key: Some(String::from("k")),
        };
        assert_eq!(fingerprint(&request(json!(true), 1)), fingerprint(&request(json!(true), 2)));
        assert_ne!(fingerprint(&request(json!(true), 1)), fingerprint(&request(json!(false), 1)));
    }

    #[test]
    fn numbers_are_not_used_again() {
        let directory = tempfile::tempdir().unwrap();
        let connection = crate::storage::open(&directory.path().join("igloo.db")).unwrap();
        let first = Commands::open(&connection).unwrap().next.into_inner();
        let second = Commands::open(&connection).unwrap().next.into_inner();
        assert_eq!((first, second - first), (1, PER_START));
    }

    #[test]
    fn changes_are_read_by_kind() {
        let read = |kind: &str, value: Json| read_changes(&[(kind.to_owned(), value)]);
        assert_eq!(read("switch", json!(true)), Ok(vec![(String::from("switch"), Value::Boolean(true))]));
        assert!(matches!(read("switch", json!("on")), Err(CommandFailure::Invalid(_))));
        assert_eq!(read("of-tomorrow", json!(7)), Ok(vec![(String::from("of-tomorrow"), Value::Integer(7))]));
    }
}
