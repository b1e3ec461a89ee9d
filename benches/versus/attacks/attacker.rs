//! The attacker, and the origin that its requests reach: a thread of its own, on the core of the load.
//!
//! It gives way to the honest clients and their origin, so that what these wait for is the proxy, not the attacker.

use std::net::SocketAddr;
use std::thread;

use anyhow::{Context as _, Result};
use landfall::testing::Origin;
use landfall::testing::attack::{Attack, Made, Pace, Ports};
use rustix::process::{getpriority_process, setpriority_process};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Duration;

/// How much nicer the thread is than the honest, as `nice` counts.
const NICER: i32 = 10;

/// Orders that may wait. Each is for one measurement, which waits for it.
const WAITING: usize = 1;

/// The running thread. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Attacker {
    /// Where requests of attackers end: an origin that takes whatever comes.
    pub origin: SocketAddr,
    orders: mpsc::Sender<Order>,
}

/// One run of a program.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub attack: Attack,
    pub ports: Ports,
    pub pace: Pace,
    pub patience: Duration,
}

struct Order {
    run: Run,
    made: oneshot::Sender<Made>,
}

impl Attacker {
    pub(super) async fn start() -> Result<Self> {
        let (orders, waiting) = mpsc::channel(WAITING);
        let (told, address) = oneshot::channel();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new().name("attacker".to_owned()).spawn(move || runtime.block_on(serve(told, waiting)))?;
        let origin = address.await.context("the attacker does not start")??;
        Ok(Self { origin, orders })
    }

    /// Makes an attack once.
    pub(super) async fn make(&self, run: Run) -> Result<Made> {
        let (made, outcome) = oneshot::channel();
        self.orders.send(Order { run, made }).await.ok().context("the attacker has ended")?;
        outcome.await.context("the attacker has ended")
    }
}

/// Attacks on order. An order whose outcome nobody waits for any more is made to its end, which is bounded.
async fn serve(told: oneshot::Sender<Result<SocketAddr>>, mut orders: mpsc::Receiver<Order>) {
    let origin = Origin::start("attacked").await;
    let _waited_for = told.send(give_way().map(|()| origin.address()));
    while let Some(Order { run, made }) = orders.recv().await {
        let Run { attack, ports, pace, patience } = run;
        let _waited_for = made.send(attack.make(ports, pace, patience).await);
    }
}

/// Makes this thread, alone, one that gives way. `None` is the calling thread (setpriority(2), "C library/kernel
/// differences").
fn give_way() -> Result<()> {
    let now = getpriority_process(None)?;
    setpriority_process(None, (now + NICER).min(19)).context("cannot give way")
}
