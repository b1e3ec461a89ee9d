//! Which worker serves a new connection: the one that accepted it, unless another has clearly fewer.
//!
//! The kernel chooses the accepting worker by a hash of the addresses. That is even over thousands of connections, and
//! uneven over eight that carry all the load. A connection is handed over at most once, before anything is read from
//! it, and nothing is lost on the way: a worker that takes no more leaves it with the one that accepted it.
//!
//! The counts are shared. They are touched when a connection begins and when it ends, never by a request. All
//! connections count alike, whatever happens on them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use tokio::sync::mpsc;

use super::drain::Drain;
use crate::telemetry::Listener;

/// Connections on the way to one worker. Where there are as many, further ones stay where they were accepted.
const ON_THE_WAY: usize = 256;

/// A worker keeps what it accepts while it has at most this part more than the least loaded one: few connections are
/// shared out exactly, and while thousands come and go almost none is handed over.
const TOLERATED: usize = 8;

/// One worker's place among all.
#[derive(Debug)]
pub(crate) struct Post {
    own: Arc<Desk>,
    others: Vec<Arc<Desk>>,
}

/// What all know of a worker. Lines of the cache come in pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Desk {
    connections: AtomicUsize,
    inbox: mpsc::Sender<Handed>,
}

/// What other workers hand over to this one.
#[derive(Debug)]
pub(crate) struct Inbox(mpsc::Receiver<Handed>);

/// A connection as it is accepted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) address: SocketAddr,
    pub(crate) local: SocketAddr,
    pub(crate) role: Listener,
}

/// A connection on its way to another worker, where it counts already.
#[derive(Debug)]
pub(crate) struct Handed {
    pub(crate) stream: std::net::TcpStream,
    pub(crate) arrival: Arrival,
    pub(crate) seat: Seat,
}

/// A connection's place in the count of the worker that is to serve it. Dropping it makes room.
#[derive(Debug)]
pub(crate) struct Seat(Arc<Desk>);

/// A place on the way to another worker, which will take what is sent.
#[derive(Debug)]
pub(crate) struct Way<'a> {
    permit: mpsc::Permit<'a, Handed>,
    seat: Seat,
}

/// Posts for so many workers.
pub(crate) fn posts(workers: usize) -> Vec<(Post, Inbox)> {
    let desk = |_| {
        let (inbox, receiver) = mpsc::channel(ON_THE_WAY);
        (Arc::new(Desk { connections: AtomicUsize::new(0), inbox }), Inbox(receiver))
    };
    let (desks, inboxes): (Vec<_>, Vec<_>) = (0..workers).map(desk).unzip();
    let post = |own: &Arc<Desk>| {
        let others = desks.iter().filter(|desk| !Arc::ptr_eq(desk, own)).cloned().collect();
        Post { own: Arc::clone(own), others }
    };
    desks.iter().map(post).zip(inboxes).collect()
}

impl Post {
    /// A place for a connection at this worker.
    pub(crate) fn seat(&self) -> Seat {
        Seat::take(&self.own)
    }

    /// The way to the worker that is to serve a new connection, if that is not this one. No worker is to have more than
    /// `most`.
    pub(crate) fn elsewhere(&self, most: usize) -> Option<Way<'_>> {
        let open = self.others.iter().filter(|desk| !desk.inbox.is_closed());
        let (least, desk) = open.map(|desk| (desk.load(), desk)).min_by_key(|(load, _)| *load)?;
        if !has_clearly_more(self.own.load(), least, most) {
            return None;
        }
        let permit = desk.inbox.try_reserve().ok()?;
        Some(Way { permit, seat: Seat::take(desk) })
    }
}

/// Whether a worker that has `mine` keeps nothing that the one with the least could take. One that has as many as it may
/// have is content with any difference.
fn has_clearly_more(mine: usize, least: usize, most: usize) -> bool {
    let tolerated = if mine < most { least / TOLERATED } else { 0 };
    mine > least + tolerated
}

impl Desk {
    fn load(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Way<'_> {
    /// Hands a connection over.
    pub(crate) fn send(self, stream: std::net::TcpStream, arrival: Arrival) {
        self.permit.send(Handed { stream, arrival, seat: self.seat });
    }
}

impl Inbox {
    /// The next connection that another worker hands over. None once draining has begun and nothing is on the way any
    /// more: nothing comes after that. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self, drain: &mut Drain) -> Option<Handed> {
        std::future::poll_fn(|cx| self.poll_next(cx, drain)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, drain: &mut Drain) -> Poll<Option<Handed>> {
        if let Poll::Ready(handed) = self.0.poll_recv(cx) {
            return Poll::Ready(handed);
        }
        ready!(drain.poll_draining(cx));
        // Who has a place on the way already may still use it.
        self.0.close();
        self.0.poll_recv(cx)
    }
}

impl Seat {
    fn take(desk: &Arc<Desk>) -> Self {
        desk.connections.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(desk))
    }

    /// Whether the worker has more connections than so many, this one and those on their way to it among them.
    pub(crate) fn is_beyond(&self, most: usize) -> bool {
        self.0.load() > most
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::rc::Rc;

    use super::super::drain::DrainSignal;
    use super::*;

    const MANY: usize = usize::MAX;

    fn stream() -> TcpStream {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        TcpStream::connect(listener.local_addr().unwrap()).unwrap()
    }

    fn arrival() -> Arrival {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        Arrival { address, local: address, role: Listener::Http }
    }

    /// Accepts at workers chosen by `accepting`, and says how many each has and how many were handed over.
    fn share_out(workers: usize, connections: usize, mut accepting: impl FnMut() -> usize) -> (Vec<usize>, usize) {
        let mut loads = vec![0; workers];
        let mut handed = 0;
        for _ in 0..connections {
            let here = accepting();
            let others = (0..workers).filter(|number| *number != here);
            let least = others.min_by_key(|number| loads[*number]).unwrap();
            let is_handed = has_clearly_more(loads[here], loads[least], MANY);
            handed += usize::from(is_handed);
            loads[if is_handed { least } else { here }] += 1;
        }
        (loads, handed)
    }

    #[test]
    fn a_worker_alone_keeps_everything() {
        let (post, _inbox) = posts(1).pop().unwrap();
        let _seats = [post.seat(), post.seat()];
        assert!(post.elsewhere(1).is_none());
    }

    #[test]
    fn the_least_loaded_gets_what_comes_to_one_that_has_more() {
        let [(first, mut one), (second, mut two), (third, _three)] = posts(3).try_into().unwrap();
        let _seats = [first.seat(), first.seat(), second.seat()];
        first.elsewhere(MANY).unwrap().send(stream(), arrival());
        assert!(third.elsewhere(MANY).is_none() && second.elsewhere(MANY).is_none());
        assert!(one.0.try_recv().is_err() && two.0.try_recv().is_err());
    }

    #[test]
    fn an_eighth_more_is_tolerated() {
        assert!(!has_clearly_more(1125, 1000, MANY));
        assert!(has_clearly_more(1126, 1000, MANY));
    }

    #[test]
    fn a_full_worker_keeps_nothing_that_another_has_room_for() {
        assert!(has_clearly_more(1100, 1099, 1100));
        assert!(!has_clearly_more(1100, 1100, 1100));
    }

    #[test]
    fn a_connection_on_its_way_counts_against_the_limit_of_where_it_goes() {
        let [(first, _one), (second, _two)] = posts(2).try_into().unwrap();
        let (_kept, way) = (first.seat(), first.elsewhere(MANY));
        assert!(!second.seat().is_beyond(2));
        assert!(second.seat().is_beyond(1));
        drop(way);
        assert!(!second.seat().is_beyond(1));
    }

    #[test]
    fn few_connections_are_shared_out_exactly_whoever_accepts_them() {
        assert_eq!(share_out(2, 8, || 0), (vec![4, 4], 4));
        assert_eq!(share_out(4, 8, || 3).0, [2, 2, 2, 2]);
    }

    #[test]
    fn of_many_connections_that_come_evenly_almost_none_is_handed_over() {
        let mut random = fastrand::Rng::with_seed(1);
        let (loads, handed) = share_out(4, 20_000, || random.usize(..4));
        assert!(handed < 400, "{handed} of 20,000 were handed over: {loads:?}");
    }

    #[tokio::test]
    async fn what_is_handed_over_counts_where_it_goes_from_the_beginning() {
        let [(first, _one), (second, mut inbox)] = posts(2).try_into().unwrap();
        let _kept = first.seat();
        first.elsewhere(MANY).unwrap().send(stream(), arrival());
        assert!(first.elsewhere(MANY).is_none(), "both have one");
        let handed = inbox.next(&mut Drain::new(Rc::default())).await.unwrap();
        drop(handed);
        assert!(first.elsewhere(MANY).is_some() && second.elsewhere(MANY).is_none());
    }

    #[tokio::test]
    async fn a_draining_worker_takes_what_is_on_the_way_and_no_more() {
        let [(first, _one), (_second, mut inbox)] = posts(2).try_into().unwrap();
        let _kept = [first.seat(), first.seat(), first.seat()];
        let signal = Rc::<DrainSignal>::default();
        let mut drain = Drain::new(Rc::clone(&signal));
        first.elsewhere(MANY).unwrap().send(stream(), arrival());
        let reserved = first.elsewhere(MANY).unwrap();
        signal.begin();
        let taking = async {
            let mut taken = 0;
            while inbox.next(&mut drain).await.is_some() {
                taken += 1;
            }
            taken
        };
        let sending = async {
            while first.elsewhere(MANY).is_some() {
                tokio::task::yield_now().await;
            }
            reserved.send(stream(), arrival());
        };
        assert_eq!(tokio::join!(taking, sending).0, 2);
    }
}
