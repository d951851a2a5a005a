//! What each side may say. Every message is a map of one entry: its name, and a map of its fields.
//!
//! A *call* has an id that its sender chose, and gets exactly one *answer* with that id, in any order. The two
//! directions number their calls independently.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::types::{
    self, BadUpdate, Command, CommandError, DescribeError, DeviceDescription, EmitError, LogLevel, Update, Value,
    discovery, net, serial, store,
};

/// How a call ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome<T, E> {
    /// It was done.
    Ok(T),
    /// It was not.
    Error(E),
}

impl<T, E> From<Result<T, E>> for Outcome<T, E> {
    fn from(result: Result<T, E>) -> Self {
        match result {
            Ok(value) => Self::Ok(value),
            Err(error) => Self::Error(error),
        }
    }
}

impl<T, E> From<Outcome<T, E>> for Result<T, E> {
    fn from(outcome: Outcome<T, E>) -> Self {
        match outcome {
            Outcome::Ok(value) => Ok(value),
            Outcome::Error(error) => Err(error),
        }
    }
}

/// From a provider to its hub.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum FromProvider {
    /// The first message, answered with [`ToProvider::Welcome`].
    Hello {
        /// The contract version, [`crate::VERSION`].
        version: String,
        /// What the provider can do beyond it: nothing yet.
        #[serde(default)]
        features: Vec<String>,
        /// What it is written with, for the log.
        #[serde(default)]
        sdk: Option<String>,
    },
    /// `home.complete`.
    Complete {},
    /// `home.ready`.
    Ready {},
    /// `home.write`: not answered; what is refused is told by [`ToProvider::Refused`].
    Write {
        /// At most 4096.
        updates: Vec<Update>,
    },
    /// `home.log`.
    Log {
        /// How much it matters.
        level: LogLevel,
        /// The line.
        message: String,
    },
    /// Asks for something.
    Call {
        /// Chosen by the provider; unique among its calls that are not answered yet.
        id: u64,
        /// What.
        request: Request,
    },
    /// Answers a [`ToProvider::Call`].
    Answer {
        /// The call's.
        id: u64,
        /// The text is an action's result; nil for commands and for `stop`.
        result: Outcome<Option<String>, CommandError>,
    },
    /// `driver.run` ended. The last message.
    Finished {
        /// Why it failed, if it did.
        #[serde(default)]
        error: Option<String>,
    },
}

/// What a provider may ask for.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Request {
    /// `home.describe` → [`Reply::Handles`] or [`RequestError::Describe`].
    Describe {
        /// The device.
        device: DeviceDescription,
    },
    /// `home.remove` → [`Reply::Boolean`].
    Remove {
        /// The device's identifier.
        device: String,
    },
    /// `home.write` with an answer → [`Reply::Refused`].
    Write {
        /// At most 4096.
        updates: Vec<Update>,
    },
    /// `home.emit` → [`Reply::Done`] or [`RequestError::Emit`].
    Emit {
        /// The component's handle.
        component: u32,
        /// One of its options.
        event: String,
        /// More about it.
        #[serde(default)]
        data: Option<Value>,
    },
    /// `home.set-available` → [`Reply::Boolean`].
    SetAvailable {
        /// The device's identifier.
        device: String,
        /// Whether it can be reached.
        available: bool,
    },
    /// `store.get` → [`Reply::Bytes`] or [`RequestError::Store`].
    StoreGet {
        /// The key.
        key: String,
    },
    /// `store.set` → [`Reply::Done`] or [`RequestError::Store`].
    StoreSet {
        /// The key.
        key: String,
        /// The value.
        value: ByteBuf,
    },
    /// `store.delete` → [`Reply::Done`] or [`RequestError::Store`].
    StoreDelete {
        /// The key.
        key: String,
    },
    /// `store.keys` → [`Reply::Keys`] or [`RequestError::Store`].
    StoreKeys {
        /// What they begin with.
        prefix: String,
    },
    /// `ip-name-lookup.resolve-addresses` → [`Reply::Addresses`] or [`RequestError::Resolve`].
    Resolve {
        /// The name.
        name: String,
    },
    /// `wasi:http` → [`Reply::Response`], with a descriptor to read the body from, or [`RequestError::Http`].
    Http {
        /// The whole request.
        request: net::HttpRequest,
    },
    /// `ports.slots` → [`Reply::Slots`].
    SerialSlots {},
    /// `ports.wait-present` → [`Reply::Done`] or [`RequestError::Serial`].
    SerialWaitPresent {
        /// The slot.
        slot: String,
    },
    /// `port.open` → [`Reply::Port`], with a descriptor that carries the port's bytes both ways, or
    /// [`RequestError::Serial`].
    SerialOpen {
        /// The slot.
        slot: String,
        /// How characters travel.
        settings: serial::Settings,
    },
    /// Something with an open port.
    SerialControl {
        /// From [`Reply::Port`].
        port: u64,
        /// What.
        control: SerialControl,
    },
    /// `browser.browse` → [`Reply::Done`], then [`ToProvider::Finding`]s with this call's id, or
    /// [`RequestError::Discovery`].
    Browse {
        /// Such as `_hap._tcp`.
        service_type: String,
    },
    /// `browser.search`, as [`Request::Browse`].
    Search {
        /// Such as `roku:ecp`.
        target: String,
    },
    /// Ends a browse or a search → [`Reply::Boolean`]: whether there was one.
    StopBrowse {
        /// The id of the call that began it.
        browse: u64,
    },
}

/// What can be done with an open port, as the methods of `igloo:serial`'s `port`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum SerialControl {
    /// `configure` → [`Reply::Done`].
    Configure(serial::Settings),
    /// `set-lines` → [`Reply::Done`].
    SetLines(serial::ControlLines),
    /// `lines` → [`Reply::Lines`].
    Lines {},
    /// `send-break`, milliseconds → [`Reply::Done`].
    SendBreak(u32),
    /// `drain` → [`Reply::Done`].
    Drain {},
    /// `discard` → [`Reply::Done`].
    Discard(serial::Buffers),
    /// Closes it → [`Reply::Done`]. So does closing the descriptor, once the hub sees it.
    Close {},
}

/// What a hub answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Reply {
    /// It is done.
    Done {},
    /// One for each component, in the order of the description.
    Handles(Vec<u32>),
    /// Whether it was so.
    Boolean(bool),
    /// Updates that were not applied.
    Refused(Vec<BadUpdate>),
    /// A value of the store, nil if there is none.
    Bytes(Option<ByteBuf>),
    /// Keys of the store.
    Keys(Vec<String>),
    /// Addresses as text.
    Addresses(Vec<String>),
    /// The slots that the manifest names.
    Slots(Vec<serial::Slot>),
    /// An open port's number.
    Port(u64),
    /// A port's modem lines.
    Lines(serial::ModemLines),
    /// The head of an HTTP answer.
    Response(net::HttpResponse),
}

/// Why a hub did not do it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestError {
    /// From `describe`.
    Describe(DescribeError),
    /// From `emit`.
    Emit(EmitError),
    /// From the store.
    Store(store::ErrorCode),
    /// From `resolve`.
    Resolve(net::ResolveError),
    /// From `http`.
    Http(net::HttpError),
    /// From serial ports.
    Serial(serial::ErrorCode),
    /// From discovery.
    Discovery(discovery::ErrorCode),
    /// The hub does not know this request, or a field of it is wrong. The text says what.
    Malformed(String),
    /// Too many calls of this provider are not answered yet.
    Busy,
}

/// From a hub to its provider.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum ToProvider {
    /// Answers [`FromProvider::Hello`].
    Welcome {
        /// The contract version, [`crate::VERSION`].
        version: String,
        /// What the hub can do beyond it: nothing yet.
        #[serde(default)]
        features: Vec<String>,
        /// The instance's name, for messages.
        name: String,
        /// `home.config`: a JSON object.
        config: String,
    },
    /// Asks for something.
    Call {
        /// Chosen by the hub.
        id: u64,
        /// What.
        request: Order,
    },
    /// Answers a [`FromProvider::Call`].
    Answer {
        /// The call's.
        id: u64,
        /// How it ended.
        result: Outcome<Reply, RequestError>,
    },
    /// Updates of a [`FromProvider::Write`] that were not applied.
    Refused {
        /// Which and why; indices count within that message.
        updates: Vec<BadUpdate>,
    },
    /// An open port's end.
    PortEnded {
        /// From [`Reply::Port`].
        port: u64,
        /// Why, if it was not closed by the provider.
        #[serde(default)]
        error: Option<serial::ErrorCode>,
    },
    /// An HTTP body's end, where it did not end well.
    BodyFailed {
        /// The id of the request's call.
        call: u64,
        /// Why.
        error: net::HttpError,
    },
    /// Something was found, or is gone.
    Finding {
        /// The id of the call that began the browse.
        browse: u64,
        /// What.
        finding: discovery::Finding,
    },
}

/// What a hub may ask of a provider: the exports of `driver`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Order {
    /// `driver.command`.
    Command(Command),
    /// `driver.action`.
    Action {
        /// Which.
        name: String,
        /// A JSON text.
        parameters: String,
    },
    /// `driver.stop`.
    Stop {},
}

impl Reply {
    /// Whether a descriptor comes with it.
    #[must_use]
    pub fn has_descriptor(&self) -> bool {
        matches!(self, Self::Port(_) | Self::Response(_))
    }
}

impl From<types::DescribeError> for RequestError {
    fn from(error: types::DescribeError) -> Self {
        Self::Describe(error)
    }
}
