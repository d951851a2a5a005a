//! A process's sockets and names: decided by the policy, as a component's are.

use igloo_sandbox::Running;
use tokio::task::JoinSet;

use crate::outside::Local;

/// See the module.
pub(super) struct Net;

impl Net {
    pub(super) fn serve(_: &mut JoinSet<()>, _: &mut Running, _: &Local) {}
}
