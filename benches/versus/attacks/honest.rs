//! Honest clients beside an attack: requests are due at random moments of a fixed rate, whatever becomes of those before.
//!
//! They speak HTTP/1.1 in the clear, nine in ten requests over connections that are kept and one over a connection of its
//! own. A latency counts from the moment at which its request is due, whether or not there is a client for it. One that
//! fails, or takes too long, is counted and costs its client the connection; the others go on.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};

use crate::load::http1::Client;
use crate::load::{Exchange, Target};
use crate::order::{ANSWER, Action, Order, Place, Scheme};
use crate::site;

/// Requests per second: little beside what every proxy can do.
const RATE: f64 = 500.0;

/// How often it is looked whether requests are due.
const TICK: Duration = Duration::from_millis(1);

/// Clients that keep their connections, and those that make one for each request.
const KEEPING: usize = 32;
const CONNECTING: usize = 32;

/// One in so many requests is over a connection of its own.
const SINGLE: u64 = 10;

/// A connection is given up before a proxy ends it, as proxies do after a thousand requests.
const KEPT: u32 = 900;

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Requests that may wait for a client.
const BACKLOG: usize = 10_000;

const SMALL: Exchange = Exchange { action: Action::Get, size: ANSWER };

/// Clients at work.
pub(super) struct Honest {
    shared: Rc<Shared>,
    tasks: JoinSet<()>,
}

/// What became of requests.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// In microseconds, of those that failed as well.
    pub latencies: Vec<u32>,
    pub failed: u64,
    /// What was wrong with the first that failed.
    pub fault: Option<String>,
}

struct Shared {
    target: Rc<Target>,
    tally: RefCell<Tally>,
    ended: Cell<bool>,
    kept: Due,
    single: Due,
}

/// What is due, and has no client yet.
#[derive(Default)]
struct Due {
    moments: RefCell<VecDeque<Instant>>,
    more: Notify,
}

impl Honest {
    pub(super) fn start(target: Rc<Target>) -> Self {
        let shared = Rc::new(Shared {
            target,
            tally: RefCell::default(),
            ended: Cell::default(),
            kept: Due::default(),
            single: Due::default(),
        });
        let mut tasks = JoinSet::new();
        for number in 0..KEEPING + CONNECTING {
            let shared = Rc::clone(&shared);
            tasks.spawn_local(async move {
                if number < KEEPING {
                    shared.client(&shared.kept, KEPT).await;
                } else {
                    shared.client(&shared.single, 1).await;
                }
            });
        }
        let of_pace = Rc::clone(&shared);
        tasks.spawn_local(async move { of_pace.pace().await });
        Self { shared, tasks }
    }

    /// What became of the requests since this was last asked for.
    pub(super) fn take(&self) -> Tally {
        self.shared.tally.take()
    }

    /// Nothing more is due; waits for what is, and gives what became of it.
    pub(super) async fn stop(self) -> Tally {
        let Self { shared, mut tasks } = self;
        shared.ended.set(true);
        shared.kept.more.notify_waiters();
        shared.single.more.notify_waiters();
        let all = async { while tasks.join_next().await.is_some() {} };
        if timeout(2 * PATIENCE, all).await.is_err() {
            tasks.shutdown().await;
            for moment in shared.kept.drain().chain(shared.single.drain()) {
                shared.record(moment, Err(anyhow::anyhow!("no client became free")));
            }
        }
        shared.tally.take()
    }
}

impl Due {
    fn drain(&self) -> impl Iterator<Item = Instant> + use<> {
        self.moments.take().into_iter()
    }
}

impl Shared {
    /// Makes requests as they become due, so many over a connection.
    async fn client(&self, due: &Due, most: u32) {
        let (mut client, mut used) = (None, 0);
        loop {
            let next = due.moments.borrow_mut().pop_front();
            match next {
                Some(moment) => {
                    let asked = timeout(PATIENCE, self.ask(&mut client)).await;
                    let asked = asked.context("no answer in time").and_then(|asked| asked);
                    used += 1;
                    if asked.is_err() || used == most {
                        (client, used) = (None, 0);
                    }
                    self.record(moment, asked);
                }
                None if self.ended.get() => return,
                None => due.more.notified().await,
            }
        }
    }

    async fn ask(&self, client: &mut Option<Client>) -> Result<()> {
        let Exchange { action, size } = SMALL;
        let order = Order { place: Place::A, scheme: Scheme::Http, action, size, nonce: self.target.meter.nonce() };
        if client.is_none() {
            *client = Some(Client::connect(&self.target, Scheme::Http, site::MAIN, SMALL).await?);
        }
        match client {
            Some(client) => client.exchange(&order, site::MAIN).await,
            None => bail!("there is no connection"),
        }
    }

    fn record(&self, moment: Instant, asked: Result<()>) {
        let mut tally = self.tally.borrow_mut();
        tally.latencies.push(u32::try_from(moment.elapsed().as_micros()).unwrap_or(u32::MAX));
        if let Err(fault) = asked {
            tally.failed += 1;
            tally.fault.get_or_insert_with(|| format!("{fault:#}"));
        }
    }

    /// What became due within a tick is asked for at its end, when its latency begins. The load sleeps between ticks, as
    /// on a busy machine whoever never sleeps is made to wait. The moments are the same for every proxy.
    async fn pace(&self) {
        let mut random = fastrand::Rng::with_seed(1);
        let (mut next, mut number, mut ticks) = (Instant::now(), 0_u64, interval(TICK));
        while !self.ended.get() {
            let now = Instant::now();
            while next <= now {
                number += 1;
                self.due(now, if number.is_multiple_of(SINGLE) { &self.single } else { &self.kept });
                next += Duration::from_secs_f64(-(1.0 - random.f64()).ln() / RATE);
            }
            ticks.tick().await;
        }
    }

    fn due(&self, moment: Instant, due: &Due) {
        if due.moments.borrow().len() >= BACKLOG {
            self.record(moment, Err(anyhow::anyhow!("too many requests wait for a client")));
            return;
        }
        due.moments.borrow_mut().push_back(moment);
        due.more.notify_one();
    }
}
