//! An ESPHome device, encrypted: what it has, its states, and a switch.

use crate::{Outcome, Parameters};
use esphome_client::{
    EspHomeClient,
    types::{DeviceInfoRequest, EspHomeMessage, ListEntitiesRequest, SubscribeStatesRequest, SwitchCommandRequest},
};
use igloo::{Context as _, json};

pub(crate) async fn exchange(p: &Parameters) -> Outcome {
    let mut device = EspHomeClient::builder().address(&p.address.to_string()).key(&p.text).connect().await?;
    device.try_write(DeviceInfoRequest {}).await?;
    device.try_write(ListEntitiesRequest {}).await?;
    let (mut about, mut switch, mut sensor) = (None, None, None);
    loop {
        match device.try_read().await? {
            EspHomeMessage::DeviceInfoResponse(info) => about = Some((info.name, info.mac_address)),
            EspHomeMessage::ListEntitiesSwitchResponse(entity) => switch = Some((entity.key, entity.name)),
            EspHomeMessage::ListEntitiesSensorResponse(entity) => {
                sensor = Some((entity.key, entity.unit_of_measurement));
            }
            EspHomeMessage::ListEntitiesDoneResponse(_) => break,
            _ => {}
        }
    }
    let (key, name) = switch.context("a switch")?;
    let (sensor, unit) = sensor.context("a sensor")?;
    device.try_write(SubscribeStatesRequest {}).await?;
    let (mut states, mut outside) = (Vec::new(), None);
    while states.last() != Some(&true) {
        match device.try_read().await? {
            EspHomeMessage::SensorStateResponse(state) if state.key == sensor => outside = Some(state.state),
            EspHomeMessage::SwitchStateResponse(state) if state.key == key => {
                states.push(state.state);
                if !state.state {
                    let command = SwitchCommandRequest { key, state: true, ..SwitchCommandRequest::default() };
                    device.try_write(command).await?;
                }
            }
            _ => {}
        }
    }
    device.close().await?;
    Ok(json!({ "device": about, "switch": name, "unit": unit, "outside": outside, "states": states }))
}
