//! `igloo build`: from a crate to a package. cargo shows its own progress.

use std::{fs, path::Path, time::Instant};

use anyhow::Context as _;
use igloo_build::package::Source;
use igloo_protocol::Manifest;
use serde_json::json;

use crate::{
    cli::Build,
    failure::Failure,
    output::{Output, Text, Tone},
    show,
};

pub(super) fn build(arguments: &Build, output: Output) -> anyhow::Result<()> {
    let began = Instant::now();
    let folder = arguments.folder.as_path();
    let source = Source::read(folder).map_err(|error| {
        Failure::usage(error.to_string(), "name the folder of a provider's crate: it has Cargo.toml and igloo.toml")
    })?;
    // What the hub would refuse is told before minutes of compiling.
    let manifest = fs::read_to_string(folder.join("igloo.toml"))?;
    Manifest::parse(&manifest).with_context(|| folder.join("igloo.toml").display().to_string())?;
    let built = source.build().map_err(|error| {
        Failure::usage(
            error.to_string(),
            "see what cargo says above; if it misses the target: rustup target add wasm32-wasip2",
        )
    })?;
    let packages = match &arguments.out {
        Some(out) => out.clone(),
        None => target_folder(&built.component).join("igloo"),
    };
    source.assemble(&built.component, &packages)?;
    let (place, size) = (source.place(&packages), fs::metadata(&built.component)?.len());
    if output.json {
        return output.json(&json!({
            "package": source.package,
            "folder": place,
            "component_bytes": size,
            "seconds": began.elapsed().as_secs_f64(),
        }));
    }
    let about = format!("  {}, {:.1} s", show::bytes(size), began.elapsed().as_secs_f64());
    output.pieces(&[Text::new(&source.package, Tone::Strong), Text::new(about, Tone::Faint)]);
    output.line(format!("igloo install {}", place.display()));
    Ok(())
}

/// cargo's target folder, from `TARGET/wasm32-wasip2/release/NAME.wasm`.
fn target_folder(component: &Path) -> &Path {
    component.ancestors().nth(3).unwrap_or(Path::new("target"))
}
