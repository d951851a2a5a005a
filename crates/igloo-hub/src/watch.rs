//! Following a part of the home.

use std::sync::Arc;

use igloo_model::{
    Query,
    tree::{Change, WatchId},
};
use tokio::sync::Notify;

use crate::shared_tree::SharedTree;

/// A watch over what a query matches. Dropping it ends it.
#[derive(Debug)]
pub struct Watch {
    tree: Arc<SharedTree>,
    id: WatchId,
    notify: Arc<Notify>,
    begun: bool,
}

impl Watch {
    pub(crate) fn new(tree: Arc<SharedTree>, query: Query) -> Self {
        let (id, notify) = tree.watch(query);
        Self { tree, id, notify, begun: false }
    }

    /// What changed since the last call; waits until something has. The first call answers the current state of
    /// everything the query matches, at once, even if that is nothing. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Vec<Change> {
        loop {
            let changes = self.tree.change(|tree| tree.changes(self.id));
            if !changes.is_empty() || !self.begun {
                self.begun = true;
                return changes;
            }
            self.notify.notified().await;
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.tree.unwatch(self.id);
    }
}
