//! `igloo build`: from a crate, or a project in Python, to a package. cargo shows its own progress; ours goes to the error
//! stream, as cargo's does.

use std::{collections::BTreeMap, fs, path::Path, time::Instant};

use anyhow::Context as _;
use igloo_build::{
    Error,
    package::{Built, Engine, Source},
    python::Told,
};
use igloo_protocol::Manifest;
use serde_json::json;

use crate::{
    cli::{Build, BuildEngine},
    failure::Failure,
    output::{Output, Text, Tone},
    show,
};

pub(super) fn build(arguments: &Build, output: Output) -> anyhow::Result<()> {
    let began = Instant::now();
    let folder = arguments.folder.as_path();
    let source = Source::read(folder).map_err(|error| {
        Failure::usage(
            error.to_string(),
            "name the folder of a provider: it has igloo.toml, and Cargo.toml (Rust) or pyproject.toml (Python)",
        )
    })?;
    // What the hub would refuse is told before minutes of compiling.
    let manifest = fs::read_to_string(folder.join("igloo.toml"))?;
    Manifest::parse(&manifest).with_context(|| folder.join("igloo.toml").display().to_string())?;
    let engines = match arguments.engine {
        Some(BuildEngine::Component) => vec![Engine::Component],
        Some(BuildEngine::Process) => vec![Engine::Process],
        Some(BuildEngine::Both) => vec![Engine::Component, Engine::Process],
        None => source.engines(),
    };
    let mut place = source.place(arguments.out.as_deref().unwrap_or(Path::new(".")));
    let mut sizes = BTreeMap::new();
    let step = |text: &str| output.note(text);
    let note = |text: &str| {
        if arguments.verbose {
            output.note(format!("  {text}"));
        }
    };
    for engine in engines {
        let built = source.build(engine, &Told { step: &step, note: &note }, arguments.upgrade);
        let built = built.map_err(|error| explain(&source, error))?;
        let packages = match (&arguments.out, source.packages()) {
            (Some(out), _) => out.clone(),
            (None, Some(packages)) => packages,
            (None, None) => target_folder(&built.file).join("igloo"),
        };
        source.assemble(engine, &built, &packages)?;
        place = source.place(&packages);
        let what = match engine {
            Engine::Component => "component",
            Engine::Process => "executable",
        };
        sizes.insert(what, size(&built)?);
    }
    if output.json {
        return output.json(&json!({
            "package": source.package,
            "folder": place,
            "component_bytes": sizes.get("component"),
            "executable_bytes": sizes.get("executable"),
            "seconds": began.elapsed().as_secs_f64(),
        }));
    }
    let sizes: Vec<String> = sizes.iter().map(|(what, size)| format!("{what} {}", show::bytes(*size))).collect();
    let about = format!("  {}, {:.1} s", sizes.join(", "), began.elapsed().as_secs_f64());
    output.pieces(&[Text::new(&source.package, Tone::Strong), Text::new(about, Tone::Faint)]);
    output.line(format!("igloo install {}", place.display()));
    Ok(())
}

/// cargo has said why itself; everything else says what to do.
fn explain(source: &Source, error: Error) -> anyhow::Error {
    if source.is_python() {
        return error.into();
    }
    Failure::usage(
        error.to_string(),
        "see what cargo says above; if it misses the target: rustup target add wasm32-wasip2",
    )
}

/// Bytes of what an engine runs, and of what it needs beside it.
fn size(built: &Built) -> std::io::Result<u64> {
    let of = |path: &Path| fs::metadata(path).map(|file| file.len());
    Ok(of(&built.file)? + built.files.as_deref().map_or(Ok(0), of)?)
}

/// cargo's target folder, from `TARGET/TRIPLE/release/NAME`.
fn target_folder(built: &Path) -> &Path {
    built.ancestors().nth(3).unwrap_or(Path::new("target"))
}
