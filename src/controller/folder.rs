//! A folder of manifests as the source: looks when something happened, and from time to time anyway.

#![expect(clippy::disallowed_methods, reason = "the control plane measures real time")]

use std::future::pending;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tokio::sync::{oneshot, watch as cell};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::holdoff::HoldOff;
use super::rebuild::Rebuild;
use super::watch::Watcher;
use crate::snapshot::manifest::{Change, Folder, Moment, QUIET, Rest};

/// How often the folder is looked at without an event: what the kernel does not report is live within this.
const LOOK: Duration = Duration::from_millis(500);

/// The control plane over a folder.
pub(super) struct Running {
    pub(super) path: PathBuf,
    pub(super) objects: Folder,
    pub(super) stopped: oneshot::Receiver<()>,
    pub(super) announce: cell::Sender<bool>,
    pub(super) rebuild: Rebuild,
}

impl Running {
    /// Publishes the first state, then every change, until told to stop.
    pub(super) async fn run(mut self) {
        let mut watcher = Watcher::start(&self.path);
        let mut hold_off = HoldOff::default();
        let begun = hold_off.begin(Instant::now());
        self.publish(begun).await;
        self.announce.send_replace(true);
        hold_off.end(Instant::now());
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut moving = None;
        loop {
            let untold = self.rebuild.untold();
            tokio::select! {
                _ = &mut self.stopped => return,
                () = watcher.changed() => hold_off.note(Instant::now()),
                () = until(hold_off.due()) => {
                    let since = hold_off.begin(Instant::now());
                    moving = self.look(&watcher, since).await;
                    hold_off.end(Instant::now());
                }
                () = until(moving) => moving = self.look(&watcher, Instant::now()).await,
                _ = looks.tick() => {
                    watcher.follow();
                    moving = self.look(&watcher, Instant::now()).await;
                }
                () = self.rebuild.names_changed() => self.rebuild.publish_names(),
                () = until(untold) => self.rebuild.log_due(),
            }
        }
    }

    /// Reads what has changed and publishes it. Returns when to look again at files that are still being written.
    async fn look(&mut self, watcher: &Watcher, since: Instant) -> Option<Instant> {
        let moment = Moment { now: SystemTime::now(), writing: &watcher.writing() };
        let refreshed = self.objects.refresh(moment);
        match refreshed.change {
            Change::Some => self.publish(since).await,
            Change::None => {}
        }
        match refreshed.rest {
            Rest::Settled => None,
            Rest::Moving => Some(Instant::now() + QUIET),
        }
    }

    async fn publish(&mut self, since: Instant) {
        self.rebuild.run(self.objects.snapshot(), self.objects.diagnostics(), since).await;
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
