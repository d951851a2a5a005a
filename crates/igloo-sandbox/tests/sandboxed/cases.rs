//! The cases.

use std::pin::Pin;

use igloo_sandbox::Exit;

use super::home::{Home, run};

type Case = fn() -> Pin<Box<dyn Future<Output = ()>>>;

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        pub const CASES: &[(&str, Case)] = &[$((stringify!($name), || Box::pin($name()))),*];
    };
}

cases!(a_program_runs);

async fn a_program_runs() {
    let home = Home::new();
    let (exit, text) = run(home.inside(&["hello"])).await;
    assert_eq!((exit, text.as_str()), (Exit::Code(0), "Some(\"hello\")\n"));
}
