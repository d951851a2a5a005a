//! A client of Network UPS Tools.

use crate::{Outcome, Parameters};
use igloo::json;
use rups::{Auth, ConfigBuilder, Host, tokio::Connection};

pub(crate) async fn exchange(p: &Parameters) -> Outcome {
    let config = ConfigBuilder::new()
        .with_host(Host::from(p.address))
        .with_auth(Some(Auth::new("igloo".to_owned(), Some("secret".to_owned()))))
        .build();
    let mut connection = Connection::new(&config).await?;
    let devices = connection.list_ups().await?;
    let charge = connection.get_var("cellar", "battery.charge").await?;
    let variables = connection.list_vars("cellar").await?;
    let missing = connection.get_var("cellar", "no.such").await;
    connection.close().await?;
    Ok(json!({
        "devices": devices,
        "charge": charge.value(),
        "variables": variables.iter().map(|variable| (variable.name(), variable.value())).collect::<Vec<_>>(),
        "missing": missing.err().map(|error| error.to_string()),
    }))
}
