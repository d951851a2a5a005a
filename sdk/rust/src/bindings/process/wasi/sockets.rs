//! The part of `wasi:sockets` that the SDK itself uses. Sockets are the system's.

pub mod types {
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum IpAddress {
        Ipv4((u8, u8, u8, u8)),
        Ipv6((u16, u16, u16, u16, u16, u16, u16, u16)),
    }
}

pub mod ip_name_lookup {
    use super::types::IpAddress;
    use crate::{bindings::igloo::provider::home::unexpected, process::current::ask};
    use igloo_wire::{
        message::{Reply, Request, RequestError},
        types::net::ResolveError,
    };
    use std::net::IpAddr;

    #[derive(Clone, PartialEq, Eq, Debug)]
    #[allow(dead_code, reason = "a component's host says more")]
    pub enum ErrorCode {
        AccessDenied,
        InvalidArgument,
        NameUnresolvable,
        TemporaryResolverFailure,
        PermanentResolverFailure,
        Other(Option<String>),
    }

    pub async fn resolve_addresses(name: String) -> Result<Vec<IpAddress>, ErrorCode> {
        match ask(Request::Resolve { name }).await {
            Ok(Reply::Addresses(addresses)) => {
                let address = |text: &String| text.parse().map(address).map_err(|_| text.clone());
                let all = addresses.iter().map(address).collect::<Result<_, _>>();
                all.map_err(|text| ErrorCode::Other(Some(format!("the hub answered `{text}`"))))
            }
            Err(RequestError::Resolve(error)) => Err(match error {
                ResolveError::AccessDenied => ErrorCode::AccessDenied,
                ResolveError::NotFound => ErrorCode::NameUnresolvable,
                ResolveError::Timeout => ErrorCode::TemporaryResolverFailure,
                ResolveError::Invalid => ErrorCode::InvalidArgument,
            }),
            other => Err(ErrorCode::Other(Some(unexpected(other).1))),
        }
    }

    fn address(address: IpAddr) -> IpAddress {
        match address {
            IpAddr::V4(v4) => {
                let [a, b, c, d] = v4.octets();
                IpAddress::Ipv4((a, b, c, d))
            }
            IpAddr::V6(v6) => {
                let [a, b, c, d, e, f, g, h] = v6.segments();
                IpAddress::Ipv6((a, b, c, d, e, f, g, h))
            }
        }
    }
}
