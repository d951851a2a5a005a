//! A Modbus master, over TCP and on a serial line.

use crate::{Outcome, Parameters, SLOT};
use igloo::{
    json,
    serial::{self, Settings},
};
use tokio_modbus::{
    Slave,
    client::{Client as _, Context, Reader as _, Writer as _, rtu, tcp},
};

pub(crate) async fn over_tcp(p: &Parameters) -> Outcome {
    speak(tcp::connect_slave(p.address, Slave(1)).await?).await
}

pub(crate) async fn over_serial() -> Outcome {
    serial::wait_present(SLOT).await?;
    let port = serial::open(SLOT, Settings::new(19_200)).await?;
    speak(rtu::attach_slave(port, Slave(1))).await
}

/// Reads what the host has set, writes what the host looks for, and asks for what is not there.
pub(crate) async fn speak(mut unit: Context) -> Outcome {
    let inputs = unit.read_input_registers(0, 3).await??;
    unit.write_multiple_registers(16, &[215, 0xFFD8]).await??;
    unit.write_single_coil(3, true).await??;
    let coils = unit.read_coils(0, 4).await??;
    let missing = unit.read_holding_registers(500, 1).await?;
    unit.disconnect().await?;
    Ok(json!({
        "inputs": inputs,
        "coils": coils,
        "missing": missing.err().map(|exception| exception.to_string()),
    }))
}
