//! Runs the cases one after another, as whoever this is, and then as nobody if this is root.

use std::fs;
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, ExitCode};

use super::cases::CASES;

/// Traditionally (passwd(5) of every distribution).
const NOBODY: u32 = 65534;
const AS_NOBODY: &str = "IGLOO_TEST_AS_NOBODY";

pub(crate) fn main() -> ExitCode {
    let filters: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if std::env::args().any(|argument| argument == "--list") {
        CASES.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let nobody = std::env::var_os(AS_NOBODY).is_some();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (mut passed_count, mut failed, started_all) = (0, 0, std::time::Instant::now());
    // None of them takes minutes.
    let ignored_only = std::env::args().any(|argument| argument == "--ignored");
    for (name, case) in CASES {
        if ignored_only || !filters.is_empty() && !filters.iter().any(|filter| name.contains(filter.as_str())) {
            continue;
        }
        let started = std::time::Instant::now();
        let passed = catch_unwind(AssertUnwindSafe(|| runtime.block_on(case()))).is_ok();
        failed += u32::from(!passed);
        passed_count += u32::from(passed);
        let who = if nobody { " as nobody" } else { "" };
        println!("test {name}{who} ... {} ({:?})", if passed { "ok" } else { "FAILED" }, started.elapsed());
    }
    drop(runtime);
    // As the usual harness says it, for whoever counts.
    let (filtered, result) = (CASES.len() as u32 - passed_count - failed, if failed == 0 { "ok" } else { "FAILED" });
    println!(
        "test result: {result}. {passed_count} passed; {failed} failed; 0 ignored; 0 measured; {filtered} filtered out; \
         finished in {:.2}s",
        started_all.elapsed().as_secs_f64()
    );
    // SAFETY: always succeeds.
    if !ignored_only && unsafe { libc::geteuid() } == 0 && !as_nobody(&filters) {
        failed += 1;
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn as_nobody(filters: &[String]) -> bool {
    // The build's directory may be one that nobody may not enter.
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("tests");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    std::os::unix::fs::chown(directory.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    let mut command = Command::new(&program);
    command.args(filters).env(AS_NOBODY, "1").env("TMPDIR", directory.path()).current_dir("/").uid(NOBODY).gid(NOBODY);
    command.status().unwrap().success()
}
