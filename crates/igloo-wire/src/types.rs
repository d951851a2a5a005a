//! The records and variants of `wit/`, with their names.
//!
//! On the stream a record is a map from field to value, a variant's case with a payload a map of one entry, a case
//! without one (and an enum's) its name, an option its value or nil, a tuple a list.

#![allow(missing_docs, reason = "wit/ has the words; names and shapes here are the same")]

use serde::{Deserialize, Serialize};

macro_rules! records {
    ($($(#[$meta:meta])* $kind:ident $name:ident { $($body:tt)* })*) => {$(
        #[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        $(#[$meta])*
        pub $kind $name { $($body)* }
    )*};
}

// igloo:provider/types
records! {
    #[derive(Copy)]
    struct Color { pub red: f64, pub green: f64, pub blue: f64 }

    #[derive(Copy)]
    struct Date { pub year: i32, pub month: u8, pub day: u8 }

    #[derive(Copy)]
    struct TimeOfDay { pub hour: u8, pub minute: u8, pub second: u8, pub nanosecond: u32 }

    enum Value {
        Unknown,
        Boolean(bool),
        Integer(i64),
        Real(f64),
        Text(String),
        Choice(u32),
        Color(Color),
        Date(Date),
        TimeOfDay(TimeOfDay),
        Timestamp(i64),
        Duration(i64),
        Booleans(Vec<bool>),
        Integers(Vec<i64>),
        Reals(Vec<f64>),
        Texts(Vec<String>),
        Colors(Vec<Color>),
        Dates(Vec<Date>),
        TimesOfDay(Vec<TimeOfDay>),
    }

    struct Attribute { pub key: String, pub value: Value }

    #[derive(Copy, Eq)]
    enum Access { Read, ReadWrite, Command, Event }

    struct ComponentDescription { pub kind: String, pub access: Access, #[serde(default)] pub attributes: Vec<Attribute> }

    struct EntityDescription {
        pub id: String,
        pub name: String,
        #[serde(default)]
        pub attributes: Vec<Attribute>,
        pub components: Vec<ComponentDescription>,
    }

    struct DeviceDescription {
        pub id: String,
        pub name: String,
        #[serde(default)]
        pub attributes: Vec<Attribute>,
        pub entities: Vec<EntityDescription>,
    }

    #[derive(Eq)]
    enum DescribeError { Limit(String), Invalid(String), Other((String, String)) }

    struct Update {
        pub component: u32,
        pub value: Value,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub time: Option<i64>,
    }

    #[derive(Eq)]
    enum UpdateError { UnknownComponent, WrongType, Limit, NotWritable, Other((String, String)) }

    #[derive(Eq)]
    struct BadUpdate { pub index: u32, pub error: UpdateError }

    #[derive(Eq)]
    enum EmitError { UnknownComponent, NotAnEvent, Overflow(u64), Limit, Other((String, String)) }

    #[derive(Eq)]
    enum CommandError { Rejected(String), Busy, Unavailable, Other((String, String)) }

    struct Change { pub kind: String, pub value: Value }

    struct Command {
        pub id: u64,
        pub device: String,
        pub entity: String,
        pub changes: Vec<Change>,
        #[serde(default)]
        pub transition_ms: Option<u32>,
        pub deadline_ms: u32,
    }

    #[derive(Copy, Eq)]
    enum LogLevel { Trace, Debug, Info, Warn, Error }
}

/// `igloo:provider/store`.
pub mod store {
    use super::{Deserialize, Serialize};

    records! {
        #[derive(Eq)]
        enum ErrorCode { Quota, Unavailable(String), Other((String, String)) }
    }
}

/// `igloo:serial/types`.
pub mod serial {
    use super::{Deserialize, Serialize};

    records! {
        #[derive(Copy, Eq)]
        enum Parity { None, Odd, Even }

        #[derive(Copy, Eq)]
        enum FlowControl { None, Software, Hardware }

        #[derive(Copy, Eq)]
        struct Settings {
            pub baud_rate: u32,
            pub data_bits: u8,
            pub parity: Parity,
            pub stop_bits: u8,
            pub flow_control: FlowControl,
        }

        #[derive(Copy, Eq)]
        struct ModemLines {
            pub clear_to_send: bool,
            pub data_set_ready: bool,
            pub ring_indicator: bool,
            pub carrier_detect: bool,
        }

        #[derive(Copy, Eq)]
        struct ControlLines { pub data_terminal_ready: Option<bool>, pub request_to_send: Option<bool> }

        #[derive(Copy, Eq)]
        enum Buffers { Input, Output, Both }

        #[derive(Eq)]
        enum ErrorCode {
            AccessDenied,
            NotFound,
            Busy,
            InvalidSettings(String),
            Unsupported,
            Disconnected,
            Timeout,
            Other((String, String)),
        }

        #[derive(Eq)]
        struct Slot { pub name: String, pub bound: bool }
    }
}

/// `igloo:discovery/types`.
pub mod discovery {
    use super::{Deserialize, Serialize};

    records! {
        #[derive(Eq)]
        struct Service {
            pub kind: String,
            pub name: String,
            pub host: String,
            pub port: u16,
            pub addresses: Vec<String>,
            pub properties: Vec<(String, Vec<u8>)>,
        }

        #[derive(Eq)]
        struct SsdpDevice {
            pub target: String,
            pub usn: String,
            pub location: String,
            pub headers: Vec<(String, String)>,
        }

        #[derive(Eq)]
        enum Finding {
            ServiceFound(Service),
            ServiceLost((String, String)),
            SsdpFound(SsdpDevice),
            SsdpLost(String),
        }

        #[derive(Eq)]
        enum ErrorCode { AccessDenied, Unavailable, InvalidArgument, Other((String, String)) }
    }
}

/// The part of `wasi:sockets/ip-name-lookup` and of `wasi:http` that the hub does for a process.
pub mod net {
    use super::{Deserialize, Serialize};

    records! {
        #[derive(Eq)]
        enum ResolveError { AccessDenied, NotFound, Timeout, Invalid }

        #[derive(Eq)]
        struct HttpRequest {
            pub method: String,
            /// `http://host[:port]/path?query` or `https://…`.
            pub url: String,
            #[serde(default)]
            pub headers: Vec<(String, serde_bytes::ByteBuf)>,
            #[serde(default)]
            pub body: serde_bytes::ByteBuf,
            /// Milliseconds for connecting, for the answer's first byte, and between two of its bytes.
            #[serde(default)]
            pub timeout_ms: Option<u32>,
        }

        #[derive(Eq)]
        struct HttpResponse { pub status: u16, pub headers: Vec<(String, serde_bytes::ByteBuf)> }

        #[derive(Eq)]
        enum HttpError {
            Denied,
            InvalidRequest(String),
            NameUnresolvable,
            Timeout,
            Refused,
            Unreachable,
            Closed,
            Certificate,
            Tls,
            Other(String),
        }
    }
}
