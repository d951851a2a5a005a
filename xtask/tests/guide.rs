//! The code in docs/writing-a-provider.md is that of tests/guests/guide-lamp, which is built with the other guests.

#![allow(clippy::expect_used, clippy::panic)]

use std::{fs, path::Path};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_guide_shows_code_that_is_built() {
    let guide = read("docs/writing-a-provider.md");
    for (language, file) in [("rust", "src/lib.rs"), ("toml", "igloo.toml")] {
        let code = read(&format!("tests/guests/guide-lamp/{file}"));
        assert!(
            guide.contains(&format!("```{language}\n{code}```")),
            "the guide's code is not tests/guests/guide-lamp/{file}: change both"
        );
    }
}
