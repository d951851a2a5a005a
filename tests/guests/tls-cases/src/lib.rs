//! TLS in a component, through the crates that people use: each action is one case and answers with what happened.

#![recursion_limit = "256"]

mod clients;
mod hostile;
mod hub;
mod measure;
mod server;

use igloo::{
    prelude::*,
    tls::rustls::{
        ClientConfig, NamedGroup,
        crypto::CryptoProvider,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};
use std::{fs, io, net::SocketAddr, sync::Arc};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

/// What a case is told.
#[derive(serde::Deserialize, Default)]
#[serde(default)]
pub(crate) struct Parameters {
    pub(crate) port: u16,
    /// The server's name, for SNI and the check of its certificate.
    pub(crate) name: String,
    /// The only cipher suite to offer.
    pub(crate) suite: Option<String>,
    /// The only group to offer.
    pub(crate) group: Option<String>,
    /// This end's own certificate and key, as PEM.
    pub(crate) certificate: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) count: Option<usize>,
    pub(crate) path: String,
}

impl Parameters {
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    pub(crate) fn identity(&self) -> igloo::Result<Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>> {
        let (Some(certificate), Some(key)) = (&self.certificate, &self.key) else { return Ok(None) };
        let chain = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect::<Result<_, _>>()?;
        Ok(Some((chain, PrivateKeyDer::from_pem_slice(key.as_bytes())?)))
    }

    /// As `igloo::tls::client_config`, but only with what the parameters say.
    pub(crate) fn config(&self) -> igloo::Result<Arc<ClientConfig>> {
        let mut provider = CryptoProvider::clone(&igloo::tls::provider());
        if let Some(only) = &self.suite {
            provider.cipher_suites.retain(|suite| format!("{:?}", suite.suite()) == *only);
        }
        if let Some(only) = &self.group {
            provider.kx_groups.retain(|group| format!("{:?}", group.name()) == *only);
        }
        let config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(igloo::tls::roots()?);
        Ok(Arc::new(match self.identity()? {
            Some((chain, key)) => config.with_client_auth_cert(chain, key)?,
            None => config.with_no_client_auth(),
        }))
    }
}

/// What a case answers.
pub(crate) type Outcome = igloo::Result<Json>;

struct Cases;

impl Provider for Cases {
    type Config = ();

    async fn new(home: Home, (): ()) -> igloo::Result<Self> {
        home.describe(Device::new("cases", "Cases"))?;
        Ok(Self)
    }

    async fn run(&self) -> igloo::Result<()> {
        std::future::pending().await
    }

    async fn command(&self, _: Command) -> Result<(), CommandError> {
        Ok(())
    }

    async fn action(&self, name: &str, parameters: Json) -> Result<Json, CommandError> {
        if let Some(case) = name.strip_prefix("hub-tls-") {
            let p = igloo::serde_json::from_value(parameters)?;
            return Ok(match case {
                "connect" => hub::connect(&p).await?,
                "download" => hub::download(&p).await?,
                "serve" => hub::serve(&p).await?,
                "hostile" => hub::hostile()?,
                _ => return Err(CommandError::rejected("no such case")),
            });
        }
        let p: Parameters = igloo::serde_json::from_value(parameters)?;
        let outcome = match name {
            "connect" => connect(&p).await,
            "serve" => server::serve(&p).await,
            "handshakes" => handshakes(&p).await,
            "download" => download(&p).await,
            "reqwest" => clients::reqwest(&p).await,
            "websocket" => clients::websocket(&p).await,
            "hub-https" => clients::hub_https(&p).await,
            "roots" => roots(),
            "hostile" => hostile::hostile(),
            _ => return Err(CommandError::rejected("no such case")),
        };
        Ok(outcome?)
    }
}

/// A line, to a server that sends it back reversed; or why there was no connection.
async fn connect(p: &Parameters) -> Outcome {
    Ok(match reverse(p).await {
        Ok(answer) => answer,
        Err(error) => json!({ "error": error.to_string() }),
    })
}

async fn reverse(p: &Parameters) -> igloo::Result<Json> {
    let stream = measure::connect(&p.config()?, p.address(), &p.name).await?;
    let (version, suite, group) = {
        let connection = stream.get_ref().1;
        (
            connection.protocol_version().map(|version| format!("{version:?}")),
            connection.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite())),
            connection.negotiated_key_exchange_group().map(|group| name(group.name())),
        )
    };
    let mut stream = BufReader::new(stream);
    stream.write_all(b"drawer\n").await?;
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    stream.shutdown().await?;
    Ok(json!({ "answer": line.trim_end(), "version": version, "suite": suite, "group": group }))
}

/// How many there are, and what a hostile provider would like to do to them.
fn roots() -> Outcome {
    const FOLDER: &str = "/etc/ssl/certs";
    let kind = |result: io::Result<()>| result.map_or_else(|error| format!("{:?}", error.kind()), |()| "ok".to_owned());
    let file = format!("{FOLDER}/ca-certificates.crt");
    Ok(json!({
        "count": igloo::tls::roots()?.len(),
        "write": kind(fs::write(&file, "")),
        "replace": kind(fs::write("/data/mine", "").and_then(|()| fs::rename("/data/mine", &file))),
        "remove": kind(fs::remove_file(&file)),
        "key": kind(fs::write(format!("{FOLDER}/more.pem"), "")),
    }))
}

fn name(group: NamedGroup) -> String {
    format!("{group:?}")
}

async fn handshakes(p: &Parameters) -> Outcome {
    let config = fresh(p)?;
    Ok(json!({ "ns": measure::handshakes(&config, p.address(), &p.name, p.count.unwrap_or(100)).await? }))
}

/// A configuration that resumes no session: every handshake is a whole one.
fn fresh(p: &Parameters) -> igloo::Result<Arc<ClientConfig>> {
    let mut config = ClientConfig::clone(&*p.config()?);
    config.resumption = igloo::tls::rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

async fn download(p: &Parameters) -> Outcome {
    let (bytes, ns) = measure::download(&p.config()?, p.address(), &p.name, &p.path).await?;
    Ok(json!({ "bytes": bytes, "ns": ns }))
}

igloo::provider!(Cases);
