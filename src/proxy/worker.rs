//! One thread of the data plane: its runtime, its connections, its pools, its view of the live state.
//!
//! Workers share nothing that a request writes to. A request takes the state at its start and keeps it to its end.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::future::poll_fn;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::admission::{Admission, Admitted};
use super::clock::{InTurns, now};
use super::drain::{Drain, DrainSignal, Phase};
use super::exchange::Recorder;
use super::handover::{Inbox, Post, Seat, Way};
use super::handshake::{Pending, TlsAcceptor};
use super::listener::{Acceptor, take_over};
use super::overload::{Memory, Pressure, Stage, Standing};
use super::upstream::{Connector, Registry, Upstream};
use crate::ir::{Limit, ListenerPolicy, Route};
use crate::live::{Reader, State, View};
use crate::telemetry::{Count, Level, RouteCounters};

/// How often a worker hands over log lines and looks after its pools.
const TICK: Duration = Duration::from_millis(100);

/// Pools are swept every so many ticks.
const SWEEP_EVERY: u32 = 10;

/// What hits of the bound on memory are counted under: the flag.
const MEMORY_LIMIT: &str = "memory-limit";

/// A worker's own things, shared by its tasks.
pub(crate) struct Worker {
    view: RefCell<View>,
    pinned: RefCell<Rc<Pinned>>,
    /// By the address of the route.
    routes: RefCell<HashMap<usize, Rc<RouteView>>>,
    registry: RefCell<Registry>,
    recorder: Rc<Recorder>,
    drain: Rc<DrainSignal>,
    date: RefCell<DateCache>,
    pub(crate) tls: TlsAcceptor,
    pub(crate) handshakes: Pending,
    post: Post,
    admission: Arc<Admission>,
    memory: Arc<Memory>,
    pressure: Cell<Pressure>,
    pub(crate) connector: Connector,
    connections: RefCell<JoinSet<()>>,
    /// Tasks that connections depend on and that end by themselves: drivers of shared upstream connections.
    drivers: RefCell<JoinSet<()>>,
}

/// The state of one generation, held by the requests that it serves.
pub(crate) struct Pinned {
    pub(crate) state: Arc<State>,
}

/// What a worker keeps for a route, for as long as there is a state that has it.
pub(crate) struct RouteView {
    /// Keeps the address from being another route's.
    route: Weak<Route>,
    pub(crate) upstream: Option<Rc<Upstream>>,
    pub(crate) counters: Arc<RouteCounters>,
    /// The generation that the upstream's endpoints were last compared with.
    seen: Cell<u64>,
}

impl Pinned {
    pub(crate) fn listener(&self) -> &ListenerPolicy {
        &self.state.config.listener
    }
}

impl Worker {
    pub(crate) fn new(
        reader: &Reader,
        recorder: Rc<Recorder>,
        tls: TlsAcceptor,
        post: Post,
        admission: Arc<Admission>,
        memory: Arc<Memory>,
    ) -> Rc<Self> {
        let mut view = reader.view();
        let pinned = Rc::new(Pinned { state: Arc::clone(view.current()) });
        Rc::new(Self {
            view: RefCell::new(view),
            pinned: RefCell::new(pinned),
            routes: RefCell::default(),
            registry: RefCell::default(),
            recorder,
            drain: Rc::default(),
            date: RefCell::default(),
            tls,
            handshakes: Pending::default(),
            post,
            admission,
            memory,
            pressure: Cell::default(),
            connector: Connector::new(),
            connections: RefCell::default(),
            drivers: RefCell::default(),
        })
    }

    /// The state now. One atomic load while it is unchanged.
    pub(crate) fn pin(&self) -> Rc<Pinned> {
        let mut view = self.view.borrow_mut();
        let current = view.current();
        let mut pinned = self.pinned.borrow_mut();
        if !Arc::ptr_eq(current, &pinned.state) {
            *pinned = Rc::new(Pinned { state: Arc::clone(current) });
        }
        Rc::clone(&pinned)
    }

    /// What this worker keeps for a route of `pinned`'s table; made when the route is first used.
    pub(crate) fn route(&self, pinned: &Pinned, route: &Arc<Route>) -> Rc<RouteView> {
        let identity = Arc::as_ptr(route).addr();
        let known = self.routes.borrow().get(&identity).map(Rc::clone);
        let view = known.unwrap_or_else(|| {
            let view = Rc::new(self.view_of(pinned, route));
            self.routes.borrow_mut().insert(identity, Rc::clone(&view));
            view
        });
        if view.seen.get() < pinned.state.generation {
            view.seen.set(pinned.state.generation);
            if let Some(upstream) = &view.upstream {
                upstream.refresh(&pinned.state);
            }
        }
        view
    }

    fn view_of(&self, pinned: &Pinned, route: &Arc<Route>) -> RouteView {
        let upstream = match &route.action {
            crate::ir::Action::Forward(forward) => {
                Some(self.registry.borrow_mut().upstream(&forward.backend, &pinned.state))
            }
            crate::ir::Action::Redirect(_) | crate::ir::Action::Refuse(_) => None,
        };
        let counters = self.recorder.metrics().route(&route.labels);
        let seen = Cell::new(pinned.state.generation);
        RouteView { route: Arc::downgrade(route), upstream, counters, seen }
    }

    pub(crate) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    pub(crate) fn count(&self, event: Count) {
        self.recorder.metrics().count(event);
    }

    /// Counts one hit of a limit.
    pub(crate) fn limited(&self, limit: &Limit) {
        self.recorder.metrics().limited(limit.key);
    }

    /// A place for a connection that this worker is to serve.
    pub(crate) fn seat(&self) -> Seat {
        self.post.seat()
    }

    /// The way to another worker, if that is to serve the next connection.
    pub(crate) fn elsewhere(&self) -> Option<Way<'_>> {
        let most = match self.pin().listener().limits.worker_connections {
            0 => usize::MAX,
            most => most as usize,
        };
        self.post.elsewhere(most)
    }

    /// Takes a client's connection on, or says which limit it is beyond, by its name.
    pub(crate) fn admit(&self, address: IpAddr, seat: &Seat) -> Result<Admitted, &'static str> {
        if self.pressure.get().memory == Stage::Refusing {
            return Err(MEMORY_LIMIT);
        }
        let pinned = self.pin();
        let limits = &pinned.listener().limits;
        if limits.worker_connections > 0 && seat.is_beyond(limits.worker_connections as usize) {
            return Err(Limit::WORKER_CONNECTIONS.key);
        }
        self.admission.admit(address, limits).map_err(|limit| limit.key)
    }

    /// The name of the limit for whose sake a new request is not served, if there is one.
    pub(crate) fn sheds(&self, standing: Standing) -> Option<&'static str> {
        if self.pressure.get().memory >= Stage::Shedding {
            return Some(MEMORY_LIMIT);
        }
        match standing {
            Standing::Welcome => None,
            Standing::Surplus => Some(Limit::CONNECTIONS.key),
        }
    }

    /// Counts one hit of what is named so.
    pub(crate) fn limited_by(&self, name: &'static str) {
        self.recorder.metrics().limited(name);
    }

    /// Whether connections are to end with what is being served on them.
    pub(crate) fn is_leaving(&self) -> bool {
        self.drain.is_leaving()
    }

    /// Looks how much there is of everything.
    fn weigh(&self) {
        let most = self.pin().listener().limits.connections;
        let connections = Stage::of_connections(self.admission.connections(), most);
        let pressure = Pressure { memory: self.memory.stage(), connections };
        let before = self.pressure.replace(pressure);
        if before != pressure {
            self.drain.leave(pressure.is_leaving());
            tracing::warn!(memory = ?pressure.memory, connections = ?pressure.connections, "overload");
        }
    }

    /// A watch of the drain signal for one task.
    pub(crate) fn drain(&self) -> Drain {
        Drain::new(Rc::clone(&self.drain))
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.drain.is_draining()
    }

    /// The current `Date` (RFC 9110 §6.6.1).
    pub(crate) fn date(&self) -> Rc<str> {
        self.date.borrow_mut().at(now())
    }

    /// Runs a connection as a task of its own, which a panic ends alone.
    pub(crate) fn spawn_connection(&self, connection: impl Future<Output = ()> + 'static) {
        // Boxed: a task moves what it runs several times.
        self.connections.borrow_mut().spawn_local(InTurns::new(Box::pin(connection)));
    }

    /// Runs what a shared upstream connection needs.
    pub(crate) fn spawn_driver(&self, driver: impl Future<Output = ()> + 'static) {
        self.drivers.borrow_mut().spawn_local(InTurns::new(driver));
    }

    /// Takes over the listeners and what other workers hand over, and serves until told to drain, then until the
    /// connections have ended. Dropping the future ends every connection at once.
    pub(crate) async fn run(self: Rc<Self>, acceptors: Vec<Acceptor>, inbox: Inbox, mut phase: watch::Receiver<Phase>) {
        let mut accepting = JoinSet::new();
        for acceptor in acceptors {
            accepting.spawn_local(acceptor.run(Rc::clone(&self)));
        }
        accepting.spawn_local(take_over(inbox, Rc::clone(&self)));
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ticked = 0_u32;
        while !(accepting.is_empty() && self.connections.borrow().is_empty()) {
            tokio::select! {
                _ = ticks.tick() => {
                    ticked = ticked.wrapping_add(1);
                    self.tick(ticked).await;
                }
                changed = phase.changed(), if !self.is_draining() => {
                    if changed.is_err() || *phase.borrow() == Phase::Draining {
                        self.drain.begin();
                    }
                }
                () = self.reap() => {}
                Some(_ended) = accepting.join_next() => {}
            }
        }
    }

    /// Ends what still runs, at once, and hands over what was recorded.
    pub(crate) async fn end(&self) {
        for tasks in [&self.connections, &self.drivers] {
            let mut tasks = tasks.take();
            tasks.shutdown().await;
        }
        self.recorder.flush();
    }

    async fn tick(&self, ticked: u32) {
        self.recorder.tick();
        self.weigh();
        if ticked.is_multiple_of(SWEEP_EVERY) {
            let pinned = self.pin();
            // Upstreams that no view uses any more are forgotten below.
            self.routes.borrow_mut().retain(|_, view| view.route.strong_count() > 0);
            poll_fn(|cx| {
                self.registry.borrow_mut().sweep(&pinned.state, cx, now());
                Poll::Ready(())
            })
            .await;
        }
    }

    /// Waits for a task to end, and counts panics.
    async fn reap(&self) {
        let ended = poll_fn(|cx| {
            if let Poll::Ready(Some(ended)) = self.connections.borrow_mut().poll_join_next(cx) {
                return Poll::Ready(ended);
            }
            if let Poll::Ready(Some(ended)) = self.drivers.borrow_mut().poll_join_next(cx) {
                return Poll::Ready(ended);
            }
            Poll::Pending
        })
        .await;
        if ended.is_err_and(|error| error.is_panic()) {
            self.count_panic();
        }
    }

    /// A request panicked; the others go on.
    pub(crate) fn count_panic(&self) {
        self.count(Count::Panicked);
        tracing::error!("serving a request panicked; its connection or stream was ended");
    }

    /// Counts something that exists, for as long as the result is kept.
    pub(crate) fn hold(&self, level: Level) -> Held {
        self.recorder.metrics().raise(level);
        Held { recorder: Rc::clone(&self.recorder), level }
    }
}

/// One of what a [`Level`] counts. Dropping it lowers the level.
#[derive(Debug)]
pub(crate) struct Held {
    recorder: Rc<Recorder>,
    level: Level,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.recorder.metrics().lower(self.level);
    }
}

/// The `Date` of the current second.
struct DateCache {
    /// When the second is over.
    until: Option<Instant>,
    text: Rc<str>,
}

impl Default for DateCache {
    fn default() -> Self {
        Self { until: None, text: Rc::from("") }
    }
}

impl DateCache {
    #[expect(clippy::disallowed_methods, reason = "the Date field is the time of day")]
    fn at(&mut self, now: Instant) -> Rc<str> {
        if self.until.is_none_or(|until| until <= now) {
            let time = SystemTime::now();
            let passed = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().subsec_nanos();
            self.until = Some(now + Duration::from_secs(1).saturating_sub(Duration::from_nanos(passed.into())));
            self.text = httpdate::fmt_http_date(time).into();
        }
        Rc::clone(&self.text)
    }
}
