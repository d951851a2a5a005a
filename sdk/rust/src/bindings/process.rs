//! The names of `wit/` for a process: types are the wire form's, functions send messages.
//!
//! Without a hub, under `cargo test`, a log line goes to standard error and everything else is refused.
#![allow(missing_docs, unreachable_pub, reason = "wit/ has the words; names and shapes here are the same")]

pub mod exports {
    pub mod igloo {
        pub mod provider {
            pub mod driver {
                use igloo_wire::types::{Command, CommandError};

                #[allow(async_fn_in_trait, reason = "as it is generated for a component")]
                pub trait Guest {
                    async fn run() -> Result<(), String>;
                    async fn command(command: Command) -> Result<(), CommandError>;
                    async fn action(name: String, parameters: String) -> Result<String, CommandError>;
                    async fn stop();
                }
            }
        }
    }
}

pub mod igloo {
    pub mod provider {
        pub use igloo_wire::types;
        pub mod home;
        pub mod store;
    }
    pub mod serial {
        pub use igloo_wire::types::serial as types;
        pub mod ports;
    }
    pub mod discovery {
        pub use igloo_wire::types::discovery as types;
        pub mod browser;
    }
}

pub mod wasi {
    pub mod sockets;
}
