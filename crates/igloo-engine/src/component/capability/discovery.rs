//! `igloo:discovery`: what the hub's broker finds, as a stream.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use wasmtime::{
    StoreContextMut,
    component::{Accessor, Destination, StreamProducer, StreamReader, StreamResult, VecBuffer},
};

use crate::{
    component::{
        bindings::igloo::discovery::{
            browser::{Host, HostWithStore},
            types::{self, ErrorCode, Finding, Service, SsdpDevice},
        },
        state::{Everything, State},
    },
    discovery::{self, DiscoveryError},
    outside::{Finder, Sought},
};

/// Findings that are handed over at a time.
const AT_A_TIME: usize = 16;

impl types::Host for State {}
impl Host for State {}

impl<T: Send + 'static> HostWithStore<T> for Everything {
    async fn browse(
        store: &Accessor<T, Self>,
        service_type: String,
    ) -> wasmtime::Result<Result<StreamReader<Finding>, ErrorCode>> {
        look(store, Sought::Services(service_type)).await
    }

    async fn search(
        store: &Accessor<T, Self>,
        target: String,
    ) -> wasmtime::Result<Result<StreamReader<Finding>, ErrorCode>> {
        look(store, Sought::Devices(target)).await
    }
}

async fn look<T: Send + 'static>(
    store: &Accessor<T, Everything>,
    sought: Sought,
) -> wasmtime::Result<Result<StreamReader<Finding>, ErrorCode>> {
    let finder = store.with(|mut access| access.get().outside.look(sought));
    match finder.await {
        Ok(finder) => Ok(Ok(store.with(|mut access| StreamReader::new(&mut access, Findings(finder)))?)),
        Err(error) => Ok(Err(error.into())),
    }
}

/// Findings on their way to a provider.
struct Findings(Box<dyn Finder>);

impl<D> StreamProducer<D> for Findings {
    type Item = Finding;
    type Buffer = VecBuffer<Finding>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut store: StoreContextMut<'a, D>,
        mut destination: Destination<'a, Self::Item, Self::Buffer>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let most = destination.remaining(&mut store).unwrap_or(AT_A_TIME).min(AT_A_TIME);
        if most == 0 {
            // A question whether there is something: the next real read waits for it.
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        match self.0.poll_next(context, most) {
            Poll::Ready(findings) => {
                destination.set_buffer(findings.into_iter().map(Finding::from).collect::<Vec<_>>().into());
                Poll::Ready(Ok(StreamResult::Completed))
            }
            Poll::Pending if finish => Poll::Ready(Ok(StreamResult::Cancelled)),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl From<discovery::Finding> for Finding {
    fn from(finding: discovery::Finding) -> Self {
        match finding {
            discovery::Finding::ServiceFound(service) => Self::ServiceFound(Service {
                kind: service.kind,
                name: service.name,
                host: service.host,
                port: service.port,
                addresses: service.addresses,
                properties: service.properties,
            }),
            discovery::Finding::ServiceLost { kind, name } => Self::ServiceLost((kind, name)),
            discovery::Finding::SsdpFound(device) => Self::SsdpFound(SsdpDevice {
                target: device.target,
                usn: device.usn,
                location: device.location,
                headers: device.headers,
            }),
            discovery::Finding::SsdpLost(usn) => Self::SsdpLost(usn),
        }
    }
}

impl From<DiscoveryError> for ErrorCode {
    fn from(error: DiscoveryError) -> Self {
        match error {
            DiscoveryError::Denied => Self::AccessDenied,
            DiscoveryError::Invalid => Self::InvalidArgument,
            DiscoveryError::TooMany => Self::Other((String::from("too-many"), error.to_string())),
            DiscoveryError::Unavailable => Self::Unavailable,
        }
    }
}
