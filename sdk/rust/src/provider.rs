//! The one trait that an author implements, and how the contract's exports reach it.

use crate::{
    bindings::{exports::igloo::provider::driver::Guest, igloo::provider::types as t},
    command::Command,
    error::{CommandError, Error, Result},
    home::Home,
    host, runtime,
};
use serde::de::DeserializeOwned;
use std::{any::Any, cell::RefCell, collections::HashMap, future::Future, marker::PhantomData, rc::Rc};
use tokio::sync::Mutex;

/// A device driver.
///
/// `run` and commands interleave on one thread, so everything takes `&self`, nothing needs to be `Send`, and state that
/// both touch lives in a `Cell` or `RefCell` (never borrowed across an `.await`).
///
/// ```no_run
/// use igloo::prelude::*;
///
/// #[derive(serde::Deserialize)]
/// struct Config { address: std::net::SocketAddr }
///
/// struct Lamp { switch: Component<kinds::Switch>, address: std::net::SocketAddr }
///
/// impl Provider for Lamp {
///     type Config = Config;
///
///     async fn new(home: Home, config: Config) -> igloo::Result<Self> {
///         let mut lamp = Device::new("lamp-1", "Living lamp").manufacturer("Acme");
///         let switch = lamp.entity("bulb", "Bulb").light().switch().writable();
///         home.describe(lamp)?;
///         Ok(Lamp { switch, address: config.address })
///     }
///
///     async fn run(&self) -> igloo::Result<()> {
///         loop {
///             tokio::time::sleep(std::time::Duration::from_secs(60)).await;
///         }
///     }
///
///     async fn command(&self, command: Command) -> Result<(), CommandError> {
///         if let Some(on) = command.asks(&self.switch) {
///             // … tell the lamp …
///             self.switch.write(on)?;
///         }
///         Ok(())
///     }
/// }
///
/// igloo::provider!(Lamp);
/// ```
pub trait Provider: Sized + 'static {
    /// The configuration, as the manifest's schema describes it; `()` for none.
    type Config: DeserializeOwned + 'static;

    /// When the hub may deliver commands, and who says that every device is described.
    const READY: Ready = Ready::AfterNew;

    /// Whether commands to one entity wait for each other.
    const COMMANDS: Commands = Commands::OneByOne;

    /// Makes the provider. Usually describes its devices.
    fn new(home: Home, config: Self::Config) -> impl Future<Output = Result<Self>>;

    /// The provider's whole life. Returning is finishing; an error is a failure with its reason, and is restarted.
    fn run(&self) -> impl Future<Output = Result<()>>;

    /// Carries out a command, while `run` goes on. `Ok` means that the device accepted it; write the new values before.
    /// To be left out where nothing is writable.
    fn command(&self, command: Command) -> impl Future<Output = Result<(), CommandError>> {
        let error = CommandError::rejected(format_args!("`{}` takes no commands", command.entity));
        async { Err(error) }
    }

    /// An operation of the provider's own that its manifest names, such as `pair`.
    fn action(
        &self,
        name: &str,
        parameters: serde_json::Value,
    ) -> impl Future<Output = Result<serde_json::Value, CommandError>> {
        let _ = parameters;
        let error = CommandError::rejected(format_args!("there is no action `{name}`"));
        async { Err(error) }
    }

    /// A chance to say goodbye before the instance is dropped, within 5 seconds.
    fn stop(&self) -> impl Future<Output = ()> {
        async {}
    }
}

/// When the hub may deliver commands. See [`Provider::READY`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ready {
    /// [`Provider::new`] describes every device: the SDK says `complete` and `ready` after it.
    AfterNew,
    /// The provider finds its devices later: it calls [`Home::complete`] and [`Home::ready`] itself.
    Manual,
}

/// Whether commands to one entity wait for each other. See [`Provider::COMMANDS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commands {
    /// Commands to one entity are carried out one after the other, in order; entities do not wait for each other.
    OneByOne,
    /// All commands at the same time: the provider orders them itself.
    AtOnce,
}

/// Makes a type that implements [`Provider`](crate::Provider) this crate's provider. To be invoked once, in the crate's
/// root.
#[macro_export]
macro_rules! provider {
    ($provider:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            type Component = $crate::__private::Component<$provider>;
    $crate::__private::export_driver!(Component with_types_in $crate::__private::bindings);
        };
        // What the same crate is compiled to as an executable begins here. A library has no use for it.
        #[cfg(not(target_family = "wasm"))]
        #[doc(hidden)]
        #[allow(dead_code, unreachable_pub)]
        pub fn main() -> ::std::process::ExitCode {
            $crate::__private::main::<$crate::__private::Component<$provider>>()
        }
    };
}

/// The contract's exports for the provider `P`.
#[doc(hidden)]
#[derive(Debug)]
pub struct Component<P>(PhantomData<P>);

/// A device's and an entity's identifier.
type EntityKey = (String, String);

/// What lives as long as `run` is pending.
struct Session<P> {
    provider: P,
    /// One lock for each entity that has commands under way.
    entities: RefCell<HashMap<EntityKey, Rc<Mutex<()>>>>,
}

thread_local! {
    /// The `Session<P>`, while there is one. A component has one provider.
    static SESSION: RefCell<Option<Rc<dyn Any>>> = const { RefCell::new(None) };
}

fn session<P: Provider>() -> Option<Rc<Session<P>>> {
    SESSION.with_borrow(Clone::clone)?.downcast().ok()
}

impl<P: Provider> Guest for Component<P> {
    async fn run() -> Result<(), String> {
        log_panics();
        #[cfg(feature = "tls")]
        crate::tls::install();
        let result = runtime::run(live::<P>()).await;
        SESSION.take();
        result.map_err(|error| error.to_string())
    }

    async fn command(command: t::Command) -> Result<(), t::CommandError> {
        let Some(session) = session::<P>() else { return Err(t::CommandError::Unavailable) };
        let command = host::command(command);
        let outcome = runtime::call(async move {
            match P::COMMANDS {
                Commands::OneByOne => session.in_turn(command).await,
                Commands::AtOnce => session.provider.command(command).await,
            }
        });
        outcome.await.unwrap_or(Err(CommandError::Unavailable)).map_err(host::command_error)
    }

    async fn action(name: String, parameters: String) -> Result<String, t::CommandError> {
        let Some(session) = session::<P>() else { return Err(t::CommandError::Unavailable) };
        let outcome = runtime::call(async move {
            let parameters = serde_json::from_str(&parameters).map_err(CommandError::rejected)?;
            // Boxed here and in `live`: with several libraries in it such a future can be hundreds of kilobytes, and to
            // move it through the calls that follow would overflow the stack of 1 MiB. A command is the hot path.
            Box::pin(session.provider.action(&name, parameters)).await.map(|answer| answer.to_string())
        });
        outcome.await.unwrap_or(Err(CommandError::Unavailable)).map_err(host::command_error)
    }

    async fn stop() {
        if let Some(session) = session::<P>() {
            runtime::call(async move { session.provider.stop().await }).await;
        }
    }
}

async fn live<P: Provider>() -> Result<()> {
    let config = parse_config(&host::config()).map_err(|error| error.context("the configuration does not fit"))?;
    let provider = Box::pin(P::new(Home::new(), config)).await?;
    let session = Rc::new(Session { provider, entities: RefCell::default() });
    SESSION.set(Some(session.clone()));
    if P::READY == Ready::AfterNew {
        host::complete();
        host::ready();
    }
    Box::pin(session.provider.run()).await
}

/// `()` stands for "no configuration", which the hub sends as an empty object.
fn parse_config<C: DeserializeOwned + 'static>(json: &str) -> Result<C> {
    serde_json::from_str(json).or_else(|error| serde_json::from_str("null").map_err(|_| error)).map_err(Error::from)
}

impl<P: Provider> Session<P> {
    /// Carries out a command after the earlier ones to the same entity.
    async fn in_turn(&self, command: Command) -> Result<(), CommandError> {
        let key = (command.device.clone(), command.entity.clone());
        let lock = self.entities.borrow_mut().entry(key.clone()).or_default().clone();
        let guard = lock.lock().await;
        let outcome = self.provider.command(command).await;
        drop(guard);
        // The map's own and this one: nobody waits.
        if Rc::strong_count(&lock) == 2 {
            self.entities.borrow_mut().remove(&key);
        }
        outcome
    }
}

/// A panic ends the instance; its owner should read why.
fn log_panics() {
    std::panic::set_hook(Box::new(|info| {
        let message = info.payload_as_str().unwrap_or("(no message)");
        let place = info.location().map_or_else(String::new, |at| format!(", at {at}"));
        let line = format!("panic: {message}{place}{}", runtime::explain_panic(message));
        #[cfg(target_family = "wasm")]
        host::log(crate::log::Level::Error, &line);
        #[cfg(not(target_family = "wasm"))]
        crate::process::current::end_after_panic(&line);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    struct Slow(Cell<u32>, Cell<u32>);

    impl Provider for Slow {
        type Config = ();

        async fn new(_: Home, (): ()) -> Result<Self> {
            Ok(Self(Cell::new(0), Cell::new(0)))
        }

        async fn run(&self) -> Result<()> {
            Ok(())
        }

        async fn command(&self, _: Command) -> Result<(), CommandError> {
            self.0.set(self.0.get() + 1);
            self.1.set(self.1.get().max(self.0.get()));
            tokio::task::yield_now().await;
            self.0.set(self.0.get() - 1);
            Ok(())
        }
    }

    fn command(entity: &str) -> Command {
        Command {
            id: 1,
            device: "device".to_owned(),
            entity: entity.to_owned(),
            changes: Vec::new(),
            transition: None,
            deadline: std::time::Duration::from_secs(1),
        }
    }

    #[tokio::test]
    async fn commands_to_one_entity_wait_for_each_other_and_leave_nothing() {
        let session = Session { provider: Slow::new(Home::new(), ()).await.unwrap(), entities: RefCell::default() };
        let turns = || (session.in_turn(command("a")), session.in_turn(command("a")), session.in_turn(command("a")));
        let (a, b, c) = turns();
        let _ = tokio::join!(a, b, c);
        assert_eq!(session.provider.1.get(), 1);
        let _ = tokio::join!(session.in_turn(command("a")), session.in_turn(command("b")));
        assert_eq!(session.provider.1.get(), 2);
        assert!(session.entities.borrow().is_empty());
    }

    #[derive(Debug, serde::Deserialize, PartialEq)]
    struct Config {
        #[serde(default)]
        port: u16,
    }

    #[test]
    fn configurations_are_typed_and_may_be_nothing() {
        assert_eq!(parse_config::<Config>(r#"{"port": 3}"#).unwrap(), Config { port: 3 });
        assert_eq!(parse_config::<Config>("{}").unwrap(), Config { port: 0 });
        parse_config::<()>("{}").unwrap();
        let error = parse_config::<Config>(r#"{"port": "x"}"#).unwrap_err();
        assert!(error.to_string().contains("invalid type"), "{error}");
    }
}
