//! Root certificates that the owner trusts beside the system's.

use std::path::Path;

use anyhow::Context as _;
use igloo_api::wire::{NewRoot, Root};
use igloo_engine::roots::{CertificateDer, write_pem};
use reqwest::Method;

use super::Context;
use crate::{
    cli::Roots,
    failure::Failure,
    output::{Text, Tone},
};

/// Bytes of a file that is read: a certificate has a few thousand.
const FILE_BYTES: u64 = 128 << 10;

/// `igloo roots …`.
pub(super) async fn roots(context: &Context, command: Option<Roots>) -> anyhow::Result<()> {
    match command.unwrap_or(Roots::List) {
        Roots::List => list(context).await,
        Roots::Add { file, name } => {
            let new = NewRoot { name, certificate: read(&file)? };
            let root: Root = context.client.call(Method::POST, &["roots"], &new).await?;
            if root.expired {
                context.output.warn(format!(
                    "'{}' expired at {}: nothing that it signed is trusted. Ask its authority for a new one.",
                    root.name, root.expires
                ));
            }
            if context.output.json {
                return context.output.json(&root);
            }
            context.output.line(format!("{}  {}  until {}", root.name, root.subject, root.expires));
            context.output.line(format!("SHA-256 {}", fingerprint(&root.sha256)));
            Ok(())
        }
        Roots::Remove { name } => {
            let root = find(context, &name).await?;
            context.client.delete(&["roots", &root.name]).await?;
            context.output.note(format!("'{}' is trusted no more. Connections that are open stay open.", root.name));
            Ok(())
        }
    }
}

async fn list(context: &Context) -> anyhow::Result<()> {
    let roots: Vec<Root> = context.client.get(&["roots"], &[]).await?;
    if context.output.json {
        return context.output.json(&roots);
    }
    if roots.is_empty() {
        context.output.note("Only the system's roots are trusted. `igloo roots add FILE` adds one of your own.");
        return Ok(());
    }
    let rows = roots.iter().map(|root| {
        let expires = if root.expired {
            Text::new(format!("{} (expired)", root.expires), Tone::Bad)
        } else {
            Text::from(&root.expires)
        };
        [Text::new(&root.name, Tone::Strong), Text::from(&root.subject), expires, Text::from(fingerprint(&root.sha256))]
    });
    context.output.table(["ROOT", "SUBJECT", "EXPIRES", "SHA-256"], rows);
    Ok(())
}

/// The file's certificate as PEM: the API takes text.
fn read(file: &Path) -> anyhow::Result<String> {
    let size = std::fs::metadata(file).with_context(|| file.display().to_string())?.len();
    if size > FILE_BYTES {
        anyhow::bail!("{}: too large for a certificate ({size} bytes)", file.display());
    }
    let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
    // DER is a SEQUENCE; no text begins with its two bytes.
    if bytes.starts_with(&[0x30, 0x82]) || bytes.starts_with(&[0x30, 0x81]) {
        return Ok(write_pem([&CertificateDer::from(bytes)]));
    }
    String::from_utf8(bytes).map_err(|_| anyhow::anyhow!("{}: neither PEM nor DER", file.display()))
}

/// In pairs, as other tools show it.
fn fingerprint(sha256: &str) -> String {
    let pairs: Vec<String> =
        sha256.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).to_uppercase()).collect();
    pairs.join(":")
}

/// The root of this name or fingerprint.
async fn find(context: &Context, name: &str) -> anyhow::Result<Root> {
    let roots: Vec<Root> = context.client.get(&["roots"], &[]).await?;
    let digits = name.replace(':', "").to_lowercase();
    roots
        .into_iter()
        .find(|root| root.name == name || root.sha256 == digits)
        .ok_or_else(|| Failure::NotFound(format!("there is no root '{name}' (`igloo roots list`)")).into())
}
