//! A hub that is killed: it starts one sandbox, lends it its output, and waits for ever.

use std::ffi::OsString;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::ExitCode;

use igloo_sandbox::{Protection, start};

use super::home::{Home, launcher};

pub(crate) fn main(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let without = args.next().unwrap() == "without";
    let (directory, script) = (PathBuf::from(args.next().unwrap()), PathBuf::from(args.next().unwrap()));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut spec = Home::spec_in(&directory, script, &[]);
        if without {
            spec.without.insert(Protection::PidNamespace);
        }
        // Its own output, which whoever of the tree is left holds open.
        spec.extra_fds.push(std::io::stdout().as_fd().try_clone_to_owned().unwrap());
        let _running = start(&launcher(), spec).await.unwrap();
        std::future::pending::<()>().await;
    });
    ExitCode::FAILURE
}
