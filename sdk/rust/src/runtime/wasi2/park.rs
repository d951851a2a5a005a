//! Where tokio would wait by blocking, its turn ends instead.
//!
//! tokio says when it is about to wait ([`Park::set_parking`]). If its poll then finds nothing ready, the poll answers
//! at once with nothing, wakes the turn's root future, and the root future ends the turn.

use std::{
    cell::{Cell, RefCell},
    task::Waker,
};

thread_local! {
    pub(crate) static PARK: Park = const { Park::new() };
}

/// How a turn of tokio ended.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Turn {
    /// There is nothing to do before this instant of the monotonic clock.
    Idle(u64),
    /// There is more to do now.
    Busy,
}

/// So many times tokio may look for events without waiting before its turn ends. Between two looks it polls 61 tasks.
const LOOKS: u32 = 8;

#[derive(Debug)]
pub(crate) struct Park {
    parking: Cell<bool>,
    looks: Cell<u32>,
    ended: Cell<Option<Turn>>,
    root: RefCell<Option<Waker>>,
}

impl Park {
    const fn new() -> Self {
        Self { parking: Cell::new(false), looks: Cell::new(0), ended: Cell::new(None), root: RefCell::new(None) }
    }

    /// A turn begins.
    pub(crate) fn begin(&self) {
        self.looks.set(0);
        self.ended.set(None);
    }

    /// Whether the turn is over.
    pub(crate) fn ended(&self) -> Option<Turn> {
        self.ended.get()
    }

    /// The root future of the turn, to be woken when the turn is over.
    pub(crate) fn set_root(&self, waker: &Waker) {
        let mut root = self.root.borrow_mut();
        if !root.as_ref().is_some_and(|old| old.will_wake(waker)) {
            *root = Some(waker.clone());
        }
    }

    /// tokio begins or ends waiting.
    pub(crate) fn set_parking(&self, parking: bool) {
        self.parking.set(parking);
    }

    /// Whether it is tokio that waits: anybody else who does would block the whole provider.
    pub(crate) fn is_parking(&self) -> bool {
        self.parking.get()
    }

    /// tokio found nothing to do before `deadline`.
    pub(crate) fn idle(&self, deadline: u64) {
        self.end(Turn::Idle(deadline));
    }

    /// tokio looked for events and goes on with its tasks. After enough of it the turn ends.
    pub(crate) fn look(&self) {
        let looks = self.looks.get() + 1;
        self.looks.set(looks);
        if looks >= LOOKS {
            self.end(Turn::Busy);
        }
    }

    fn end(&self, turn: Turn) {
        self.ended.set(Some(turn));
        if let Some(root) = &*self.root.borrow() {
            root.wake_by_ref();
        }
    }
}
