//! Hostile providers beside a good one: what every case shares.
//!
//! A case is a row: its name, the ways that it runs, what the provider does, and what must be visible of it. Whatever it
//! does, the hub stays up, and every command to a good neighbour in the hub is answered within [`UNNOTICED`] all the
//! while. The providers are under `guests/`: `hostile` on the SDK, as a component and a process; `breaker` in plain
//! Python, which breaks the protocol and tries what a sandbox must refuse.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's way to say that it failed")]

mod arena;
mod case;
mod machine;
mod neighbour;
mod pourer;
mod tables;

pub use arena::{Arena, igloo, workspace};
pub use case::{
    Case, Seen, answered, attempts, breaks, commands, counts, denied, ended, grows_tables, life, logged, outcome,
    stalls, tries,
};
pub use machine::{descriptors, processes_with};

/// How long anything may take: many times what it does.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
/// The longest that a neighbour's command may take.
pub const UNNOTICED: std::time::Duration = std::time::Duration::from_millis(250);

/// Makes tests of rows: `name: way … => case;` becomes `name::way` for each way. A row that takes longer than ten
/// seconds begins with `#[ignore = "why"]`.
#[macro_export]
macro_rules! cases {
    ($($(#[$meta:meta])* $name:ident: $($way:ident)+ => $case:expr;)+) => {
        $(
            mod $name {
                #[allow(unused_imports, reason = "each row needs some of it")]
                use $crate::{
                    answered, attempts, breaks, commands, counts, denied, ended, grows_tables, life, logged, outcome, stalls,
                    tries,
                };
                #[allow(unused_imports, reason = "each row needs some of it")]
                use $crate::Seen;
                $crate::cases!(@ways [$(#[$meta])*] $case, $($way)+);
            }
        )+
    };
    // An attribute cannot be repeated by two variables, so it is one token.
    (@ways $attributes:tt $case:expr, $($way:ident)+) => {
        $($crate::cases!(@test $attributes $case, $way);)+
    };
    (@test [$($attribute:tt)*] $case:expr, $way:ident) => {
        $($attribute)*
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $way() {
            $case.run($crate::cases!(@run_as $way)).await;
        }
    };
    (@run_as in_hub) => { igloo_protocol::RunAs::InHub };
    (@run_as isolated) => { igloo_protocol::RunAs::Isolated };
    (@run_as process) => { igloo_protocol::RunAs::Process };
}
