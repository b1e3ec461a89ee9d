//! A cluster as the source: follows its objects, and publishes what they say.
//!
//! Nothing is published before every watch has told everything once. After that, whatever happens to the API server,
//! what is known goes on being served, and what was missed arrives when it is back.

#![expect(clippy::disallowed_methods, reason = "the control plane measures real time")]

mod backoff;
mod client;
mod delivery;
pub(super) mod fault;
mod fetch;
mod follow;
mod line;
mod page;
mod plan;
mod reflector;
mod scope;
mod store;
mod trim;
mod watches;

use std::future::pending;

use tokio::sync::{oneshot, watch as cell};
use tokio::time::{Instant, sleep_until};

pub use client::ConnectError;
pub(super) use client::connect;
pub(super) use follow::Following;

use follow::News;

use super::holdoff::HoldOff;
use super::rebuild::Rebuild;

/// The control plane over a cluster.
pub(super) struct Running {
    pub(super) following: Following,
    pub(super) stopped: oneshot::Receiver<()>,
    pub(super) announce: cell::Sender<bool>,
    pub(super) rebuild: Rebuild,
}

impl Running {
    /// Publishes the first state once everything is known, then every change, until told to stop.
    pub(super) async fn run(mut self) {
        let mut hold_off = HoldOff::default();
        loop {
            let (due, untold) = (self.following.due(&hold_off), self.rebuild.untold());
            tokio::select! {
                _ = &mut self.stopped => return,
                news = self.following.news() => match news {
                    News::Changed => hold_off.note(Instant::now()),
                    News::Settled => {}
                },
                () = until(due) => {
                    if self.following.is_settled() {
                        self.publish(&mut hold_off).await;
                    }
                }
                () = self.rebuild.names_changed() => self.rebuild.publish_names(),
                () = until(untold) => self.rebuild.log_due(),
            }
        }
    }

    async fn publish(&mut self, hold_off: &mut HoldOff) {
        let since = hold_off.begin(Instant::now());
        self.rebuild.run(self.following.snapshot(), self.following.diagnostics(), since).await;
        self.announce.send_replace(true);
        hold_off.end(Instant::now());
    }
}

/// Returns at once when the moment has come: timers round up to the next millisecond.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) if moment <= Instant::now() => {}
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}
