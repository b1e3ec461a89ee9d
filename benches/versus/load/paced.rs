//! An open loop: requests are due at random moments of a given rate, whether or not those before were answered.
//!
//! A latency counts from the moment at which the request was due, so that one slow answer shows in all that wait behind
//! it, as it does to users. The moments are the same for every proxy.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::sync::Notify;
use tokio::task::{JoinSet, yield_now};

use super::http1::Client;
use super::{Exchange, Hosts, Target};
use crate::order::{ANSWER, Action, Scheme};

const SMALL: Exchange = Exchange { action: Action::Get, size: ANSWER };

/// Requests that may wait for a connection; a proxy with more behind it cannot keep up with the rate.
const BACKLOG: usize = 100_000;

/// What is due, and has no connection yet.
#[derive(Default)]
struct Due {
    moments: RefCell<VecDeque<Instant>>,
    more: Notify,
}

/// Starts so many connections and the pace.
pub(crate) fn start(target: &Rc<Target>, scheme: Scheme, connections: usize, rate: f64) -> JoinSet<()> {
    let due = Rc::<Due>::default();
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let (target, due) = (Rc::clone(target), Rc::clone(&due));
        tasks.spawn_local(async move {
            if let Err(fault) = client(&target, scheme, &due).await {
                target.meter.fault(&fault);
            }
        });
    }
    let target = Rc::clone(target);
    tasks.spawn_local(async move {
        if let Err(fault) = pace(&target, connections, rate, &due).await {
            target.meter.fault(&fault);
        }
        due.more.notify_waiters();
    });
    tasks
}

async fn client(target: &Target, scheme: Scheme, due: &Due) -> Result<()> {
    let (host, place) = target.aim(Hosts::One);
    let mut client = Client::connect(target, scheme, host, SMALL).await?;
    client.exchange(&target.order(SMALL, scheme, place), host).await?;
    target.meter.client_ready();
    while !target.meter.is_stopped() {
        let next = due.moments.borrow_mut().pop_front();
        match next {
            Some(moment) => {
                client.exchange(&target.order(SMALL, scheme, place), host).await?;
                target.meter.latency(moment.elapsed().as_micros());
                target.meter.complete();
            }
            None => due.more.notified().await,
        }
    }
    Ok(())
}

/// Keeps time by looking at the clock all the while, as timers are coarser than what is measured. The core is the
/// load's own.
async fn pace(target: &Target, connections: usize, rate: f64, due: &Due) -> Result<()> {
    while target.meter.ready() < connections && !target.meter.is_stopped() {
        yield_now().await;
    }
    let mut random = fastrand::Rng::with_seed(1);
    let mut next = Instant::now();
    while !target.meter.is_stopped() {
        let now = Instant::now();
        while next <= now {
            due.moments.borrow_mut().push_back(next);
            due.more.notify_one();
            next += Duration::from_secs_f64(-(1.0 - random.f64()).ln() / rate);
        }
        ensure!(due.moments.borrow().len() < BACKLOG, "the proxy does not keep up with {rate:.0} requests per second");
        yield_now().await;
    }
    Ok(())
}
