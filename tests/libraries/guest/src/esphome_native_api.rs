//! A device that speaks ESPHome's API, encrypted: a switch that its one client sets.

use crate::{Outcome, Parameters};
use esphome_native_api::{
    Error,
    esphomeapi::EspHomeApi,
    parser::ProtoMessage,
    proto::{ListEntitiesDoneResponse, ListEntitiesSwitchResponse, SwitchStateResponse},
};
use igloo::json;
use tokio::{net::TcpListener, sync::broadcast::error::RecvError};

const KEY: u32 = 11;

pub(crate) async fn exchange(p: &Parameters) -> Outcome {
    let api = EspHomeApi::builder()
        .name("porch".to_owned())
        .mac("AA:BB:CC:DD:EE:FF".to_owned())
        .model("component".to_owned())
        .encryption_key(p.text.clone())
        .build()?;
    let (stream, _) = TcpListener::bind(p.address).await?.accept().await?;
    let connection = api.start(stream).await?;
    let (sender, mut receiver) = (connection.sender(), connection.receiver());
    let mut states = vec![false];
    loop {
        let answers = match receiver.recv().await {
            Ok(ProtoMessage::ListEntitiesRequest(_)) => {
                let switch = ListEntitiesSwitchResponse {
                    key: KEY,
                    object_id: "relay".to_owned(),
                    name: "Relay".to_owned(),
                    ..ListEntitiesSwitchResponse::default()
                };
                let done = ProtoMessage::ListEntitiesDoneResponse(ListEntitiesDoneResponse {});
                vec![ProtoMessage::ListEntitiesSwitchResponse(switch), done]
            }
            Ok(ProtoMessage::SubscribeStatesRequest(_)) => vec![state(&states)],
            Ok(ProtoMessage::SwitchCommandRequest(command)) if command.key == KEY => {
                states.push(command.state);
                vec![state(&states)]
            }
            Ok(_) => continue,
            Err(RecvError::Closed) => break,
            Err(error) => return Err(error.into()),
        };
        for answer in answers {
            sender.send(answer).await?;
        }
    }
    match connection.wait().await {
        Ok(()) | Err(Error::Disconnected(_)) => Ok(json!({ "states": states })),
        Err(error) => Err(error.into()),
    }
}

fn state(states: &[bool]) -> ProtoMessage {
    let state = states.last().copied().unwrap_or_default();
    ProtoMessage::SwitchStateResponse(SwitchStateResponse { key: KEY, state, ..SwitchStateResponse::default() })
}
