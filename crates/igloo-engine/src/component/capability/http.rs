//! `wasi:http`: requests go to the [`Outside`]. Redirects are the provider's to follow, and each is asked for anew.

use std::sync::Arc;

use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::outside::{Outside, http::Sent};

/// Sends one instance's requests.
pub(crate) struct Http(pub(crate) Arc<dyn Outside>);

impl WasiHttpHooks for Http {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        Box::new(self.0.http(request, options))
    }
}
