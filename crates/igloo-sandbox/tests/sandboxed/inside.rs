//! What runs in the sandbox.

use std::ffi::OsString;
use std::process::ExitCode;

pub(crate) fn main(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    println!("{:?}", args.next());
    ExitCode::SUCCESS
}
