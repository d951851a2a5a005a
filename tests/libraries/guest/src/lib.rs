//! Libraries that drivers use, unchanged, in a component: one module for each, one action for each.
//!
//! An action speaks with a real counterpart and answers with what was said, which the host checks. Nothing here knows
//! what is right.

mod ashv2;
mod axum;
mod coap;
mod dsmr5;
mod embedded_io_async;
mod esphome_client;
mod esphome_native_api;
mod gpsd_proto;
mod hickory_resolver;
mod hyper;
mod lifx_core;
mod nmea;
mod prost;
mod reqwest;
mod rumqttc;
mod rups;
mod rust_mqtt;
mod serialport;
mod snmp2;
mod snow;
mod tokio_modbus;
mod tokio_rustls;
mod tokio_serial;
mod tokio_tungstenite;
mod ureq;

use igloo::prelude::*;
use std::{future::pending, net::SocketAddr};

/// What an action is told: where its counterpart is, and what to say to it.
#[derive(serde::Deserialize)]
#[serde(default)]
pub(crate) struct Parameters {
    /// The counterpart, or where to listen for it.
    pub(crate) address: SocketAddr,
    /// Something to say that was not known before.
    pub(crate) text: String,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { address: ([127, 0, 0, 1], 0).into(), text: String::new() }
    }
}

/// The slot of a serial port.
pub(crate) const SLOT: &str = "port";

/// What an action answers: what was said.
pub(crate) type Outcome = igloo::Result<Json>;

struct Libraries;

impl Provider for Libraries {
    type Config = ();

    async fn new(_: Home, (): ()) -> igloo::Result<Self> {
        Ok(Self)
    }

    async fn run(&self) -> igloo::Result<()> {
        pending().await
    }

    async fn command(&self, _: Command) -> Result<(), CommandError> {
        Err(CommandError::rejected("there are no devices"))
    }

    async fn action(&self, name: &str, parameters: Json) -> Result<Json, CommandError> {
        let p: Parameters = igloo::serde_json::from_value(parameters)?;
        let outcome = match name {
            "ashv2" => ashv2::exchange(&p).await,
            "axum" => axum::exchange(&p).await,
            "coap" => coap::exchange(&p).await,
            "dsmr5" => dsmr5::exchange().await,
            "embedded-io-async" => embedded_io_async::exchange(&p).await,
            "esphome-client" => esphome_client::exchange(&p).await,
            "esphome-native-api" => esphome_native_api::exchange(&p).await,
            "gpsd_proto" => gpsd_proto::exchange(&p).await,
            "hickory-resolver" => hickory_resolver::exchange(&p).await,
            "hyper" => hyper::exchange(&p).await,
            "lifx-core" => lifx_core::exchange(&p).await,
            "nmea" => nmea::exchange().await,
            "prost" => prost::exchange(&p).await,
            "reqwest" => reqwest::exchange(&p, "http").await,
            "reqwest-https" => reqwest::exchange(&p, "https").await,
            "rumqttc" => rumqttc::plain(&p).await,
            "rumqttc-tls" => rumqttc::encrypted(&p).await,
            "rups" => rups::exchange(&p).await,
            "rust-mqtt" => rust_mqtt::exchange(&p).await,
            "snmp2" => snmp2::exchange(&p).await,
            "snow" => snow::exchange(&p).await,
            "serialport" => serialport::exchange(&p).await,
            "tokio-serial" => tokio_serial::exchange().await,
            "tokio-modbus-rtu" => tokio_modbus::over_serial().await,
            "tokio-modbus-tcp" => tokio_modbus::over_tcp(&p).await,
            "tokio-rustls" => tokio_rustls::exchange(&p).await,
            "tokio-tungstenite" => tokio_tungstenite::exchange(&p, "ws").await,
            "tokio-tungstenite-wss" => tokio_tungstenite::exchange(&p, "wss").await,
            "ureq" => ureq::exchange(&p),
            _ => return Err(CommandError::rejected("no such library")),
        };
        Ok(outcome?)
    }
}

igloo::provider!(Libraries);
