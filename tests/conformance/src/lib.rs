//! What the tests of the contract share: a provider in a home, run one of the three ways.
//!
//! `tests/contract` is one set of tests. [`conformance!`] makes three of each, `in_hub::NAME`, `isolated::NAME` and
//! `process::NAME`: the same guest, the same grants, the same expectations. Where a way differs by its nature the test
//! says so in words.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's way to say that it failed")]

mod subject;

pub use subject::Subject;

/// Makes three tests of each of these async functions over a [`RunAs`](igloo_protocol::RunAs).
#[macro_export]
macro_rules! conformance {
    ($($name:ident),+ $(,)?) => {
        $crate::conformance!(@way in_hub InHub $($name)+);
        $crate::conformance!(@way isolated Isolated $($name)+);
        $crate::conformance!(@way process Process $($name)+);
    };
    (@way $way:ident $run_as:ident $($name:ident)+) => {
        mod $way {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name(igloo_protocol::RunAs::$run_as).await;
                }
            )+
        }
    };
}
