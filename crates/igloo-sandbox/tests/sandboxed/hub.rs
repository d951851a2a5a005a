//! A hub that is killed.

use std::ffi::OsString;
use std::process::ExitCode;

pub(crate) fn main(_args: impl Iterator<Item = OsString>) -> ExitCode {
    ExitCode::FAILURE
}
