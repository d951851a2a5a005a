//! A serial port as tokio's users open one: by its path, which is a slot here.

use crate::{Outcome, SLOT, tokio_modbus::speak};
use tokio_modbus::{Slave, client::rtu::attach_slave};
use tokio_serial::SerialStream;

pub(crate) async fn exchange() -> Outcome {
    speak(attach_slave(SerialStream::open(&tokio_serial::new(SLOT, 19_200))?, Slave(1))).await
}
