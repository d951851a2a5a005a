//! HTTP by the standard library's sockets, which block: there is one thread.

use crate::{Outcome, Parameters};
use igloo::json;

pub(crate) fn exchange(p: &Parameters) -> Outcome {
    let body = ureq::get(format!("http://{}/chunks", p.address)).call()?.into_body().read_to_string()?;
    Ok(json!({ "body": body }))
}
