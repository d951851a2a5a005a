//! An SNMP manager: version 2c, and version 3 with authentication and encryption.

use crate::{Outcome, Parameters};
use igloo::json;
use snmp2::{
    AsyncSession, Oid, Value,
    v3::{Auth, AuthProtocol, Cipher, Security},
};

const NAME: &[u64] = &[1, 3, 6, 1, 2, 1, 1, 5, 0];
const LOCATION: &[u64] = &[1, 3, 6, 1, 2, 1, 1, 6, 0];
const SYSTEM: &[u64] = &[1, 3, 6, 1, 2, 1, 1];

fn text(value: &Value<'_>) -> String {
    match value {
        Value::OctetString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => format!("{other:?}"),
    }
}

fn oid(numbers: &[u64]) -> igloo::Result<Oid<'static>> {
    Oid::from(numbers).map_err(|error| igloo::Error::new(format!("{error:?}")))
}

pub(crate) async fn exchange(p: &Parameters) -> Outcome {
    let mut plain = AsyncSession::new_v2c(p.address, b"public", 1).await?;
    let system = plain.getbulk(&[&oid(SYSTEM)?], 0, 7).await?;
    let walked: Vec<_> = system.varbinds.map(|(oid, value)| (oid.to_string(), text(&value))).collect();

    let security = Security::new(b"igloo", b"authentication")
        .with_auth_protocol(AuthProtocol::Sha256)
        .with_auth(Auth::AuthPriv { cipher: Cipher::Aes128, privacy_password: b"encryption".to_vec() });
    let mut secret = AsyncSession::new_v3(p.address, 1, security).await?;
    secret.init().await?;
    let location = Value::OctetString(p.text.as_bytes());
    let set = secret.set(&[(&oid(LOCATION)?, location)]).await?.error_status;
    let name = secret.get(&oid(NAME)?).await?.varbinds.map(|(_, value)| text(&value)).collect::<String>();
    Ok(json!({ "walked": walked, "set": set, "name": name }))
}
