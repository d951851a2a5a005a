//! docs/porting.md shows the difference between the two drivers of examples/porting, and it is a small one.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::{fs, path::Path, process::Command};

#[test]
fn the_guide_shows_the_whole_difference_and_it_is_under_twenty_lines() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = Command::new("diff")
        .args(["-U3", "examples/porting/before/src/main.rs", "examples/porting/after/src/lib.rs"])
        .current_dir(&root)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    // Without the names and times of the files.
    let difference: String = text.lines().skip(2).map(|line| format!("{line}\n")).collect();
    let changed = |sign| difference.lines().filter(|line| line.starts_with(sign)).count();
    assert!((1..20).contains(&changed('+')) && changed('-') < 20, "{difference}");
    let guide = fs::read_to_string(root.join("docs/porting.md")).unwrap();
    assert!(guide.contains(&format!("```diff\n{difference}```")), "docs/porting.md must show this:\n{difference}");
}
