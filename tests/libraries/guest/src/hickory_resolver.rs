//! A name server asked directly, over UDP.

use crate::{Outcome, Parameters};
use hickory_resolver::{
    Resolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig},
    net::runtime::TokioRuntimeProvider,
    proto::rr::RecordType,
};
use igloo::json;

pub(crate) async fn exchange(p: &Parameters) -> Outcome {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = p.address.port();
        connection
    });
    let server = NameServerConfig::new(p.address.ip(), true, connections.into());
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
    let resolver = Resolver::builder_with_config(config, TokioRuntimeProvider::default()).build()?;
    let addresses = resolver.lookup_ip("lamp.home.test.").await?;
    let service = resolver.lookup("_mqtt._tcp.home.test.", RecordType::SRV).await?;
    let missing = resolver.lookup_ip("nothing.home.test.").await;
    Ok(json!({
        "addresses": addresses.iter().map(|address| address.to_string()).collect::<Vec<_>>(),
        "service": service.answers().iter().map(|record| record.data.to_string()).collect::<Vec<_>>(),
        "missing": missing.is_err_and(|error| error.is_no_records_found()),
    }))
}
