//! The one connection of this process, from its hello to its end.

use super::{
    connection::{Answer, Asked, Attached, Connection, Lost},
    known::Known,
    socket::Socket,
};
use crate::bindings::exports::igloo::provider::driver::Guest;
use igloo_wire::{
    FromProvider,
    message::{Order, Reply, Request, RequestError},
    types::LogLevel,
};
use std::{
    process::ExitCode,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};
use tokio::runtime::{Builder, LocalOptions};

/// There is nothing to serve: this is no mistake.
const FINISHED: u8 = 0;
/// `run` failed.
const FAILED: u8 = 1;
/// Started by hand.
const USAGE: u8 = 2;
/// A panic, as Rust's own runtime has it.
const PANICKED: i32 = 101;

static CURRENT: OnceLock<Current> = OnceLock::new();

#[derive(Debug)]
pub(crate) struct Current {
    pub(crate) connection: Connection,
    config: String,
    known: Mutex<Known>,
}

/// The hub, unless this is a unit test.
pub(crate) fn current() -> Option<&'static Current> {
    CURRENT.get()
}

impl Current {
    pub(crate) fn config(&self) -> &str {
        &self.config
    }

    pub(crate) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the hub and waits for it, the whole process with it.
pub(crate) fn ask_blocking(request: Request) -> Result<Reply, RequestError> {
    let Some(current) = current() else { return Err(no_hub()) };
    match current.connection.call_blocking(request) {
        Ok(result) => result,
        Err(lost) => leave(&lost),
    }
}

/// Asks the hub.
pub(crate) async fn ask(request: Request) -> Result<Reply, RequestError> {
    ask_for(request).await.result
}

/// Asks the hub for something that may come with a descriptor.
pub(crate) async fn ask_for(request: Request) -> Answer {
    match current() {
        Some(current) => current.connection.call(request).await,
        None => Answer { result: Err(no_hub()), attached: Attached::Nothing },
    }
}

pub(crate) fn no_hub() -> RequestError {
    RequestError::Malformed("there is no hub: this provider was not started by one".to_owned())
}

/// The end of a process whose hub is gone. Nothing can be told to anybody.
fn leave(lost: &Lost) -> ! {
    let code = match lost {
        Lost::Closed => FINISHED,
        Lost::Failed(_) => FAILED,
    };
    say(&lost.to_string());
    std::process::exit(code.into());
}

/// The end of a process that panicked: the message is told before.
pub(crate) fn end_after_panic(message: &str) -> ! {
    if !current().is_some_and(|current| current.connection.last_words(message)) {
        say(message);
    }
    std::process::exit(PANICKED);
}

#[allow(clippy::print_stderr, reason = "there is no hub to tell")]
fn say(text: &str) {
    eprintln!("{text}");
}

/// A provider's `main`.
pub fn main<G: Guest + 'static>() -> ExitCode {
    let Some(socket) = Socket::inherited() else {
        say("This is an Igloo provider. It does nothing by itself: a hub starts it, with a socket as descriptor 3.\n\
             Put it into a package, beside its igloo.toml, and run\n\n    igloo install FOLDER\n\n\
             `igloo build --engine process` makes such a folder from the provider's source.");
        return ExitCode::from(USAGE);
    };
    let connection = Connection::new(socket);
    let config = match connection.greet() {
        Ok((_, config)) => config,
        Err(lost) => leave(&lost),
    };
    let current = CURRENT.get_or_init(|| Current { connection, config, known: Mutex::default() });
    let runtime = match Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
        Ok(runtime) => runtime,
        Err(error) => return finish(current, Some(format!("tokio's runtime does not start: {error}"))),
    };
    let ended = runtime.block_on(async {
        let life = tokio::task::spawn_local(G::run());
        tokio::select! {
            biased;
            lost = current.connection.drive(|asked| begin::<G>(current, asked)) => Err(lost),
            result = life => Ok(result),
        }
    });
    let code = match ended {
        Ok(Ok(result)) => finish(current, result.err()),
        // A panic ends the process where it happens.
        Ok(Err(error)) => finish(current, Some(error.to_string())),
        Err(lost) => leave(&lost),
    };
    // Threads of `spawn_blocking` are not waited for.
    runtime.shutdown_background();
    code
}

fn finish(current: &Current, error: Option<String>) -> ExitCode {
    let code = if error.is_none() { FINISHED } else { FAILED };
    // What does not fit into a frame is no reason that anybody reads.
    let error = error.map(|text| text[..text.floor_char_boundary(64 * 1024)].to_owned());
    let _ = current.connection.say(&FromProvider::Finished { error });
    let _ = current.connection.flush_all();
    ExitCode::from(code)
}

/// Begins what the hub asks, in the order of its asking.
fn begin<G: Guest + 'static>(current: &'static Current, asked: Asked) {
    let connection = &current.connection;
    match asked {
        Asked::Order { call, order: Order::Command(command) } => {
            tokio::task::spawn_local(async move {
                connection.answer(call, G::command(command).await.map(|()| None));
            });
        }
        Asked::Order { call, order: Order::Action { name, parameters } } => {
            tokio::task::spawn_local(async move {
                connection.answer(call, G::action(name, parameters).await.map(Some));
            });
        }
        Asked::Order { call, order: Order::Stop {} } => {
            tokio::task::spawn_local(async move {
                G::stop().await;
                connection.answer(call, Ok(None));
            });
        }
        Asked::Refused(updates) => {
            for update in updates {
                let text = format!("the hub refused update {} of a write: {:?}", update.index, update.error);
                connection.log(LogLevel::Warn, &text);
            }
        }
    }
}
