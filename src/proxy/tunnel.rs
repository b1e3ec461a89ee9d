//! A connection that changed its protocol: octets both ways, each direction ending on its own.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use super::body::{Deadlines, Pump, Sink, Source};
use super::timer::{IdleTimer, Timers};

/// Relays until both directions have ended, one breaks, or nothing has moved either way for `idle`. The result is the
/// number of octets that came from the upstream.
pub(crate) async fn run(
    client: &mut impl Source,
    upload: &mut impl Sink,
    upstream: &mut impl Source,
    reply: &mut impl Sink,
    timers: &mut Timers,
    idle: Duration,
) -> u64 {
    // Watched as a whole, not by direction.
    let (mut up, mut down) = (Pump::new(Deadlines::NONE), Pump::new(Deadlines::NONE));
    let mut watch = Watch { idle, timer: IdleTimer::default(), moved: 0 };
    watch.timer.begin(idle);
    poll_fn(|cx| {
        let ended =
            [up.poll(cx, client, upload, &mut timers.upload), down.poll(cx, upstream, reply, &mut timers.download)];
        let broken = ended.iter().any(|end| matches!(end, Poll::Ready(Err(_))));
        if broken || (up.is_done() && down.is_done()) {
            return Poll::Ready(());
        }
        watch.poll(cx, up.moved() + down.moved())
    })
    .await;
    down.moved()
}

/// Notices when a tunnel stands still.
struct Watch {
    idle: Duration,
    timer: IdleTimer,
    moved: u64,
}

impl Watch {
    fn poll(&mut self, cx: &mut Context<'_>, moved: u64) -> Poll<()> {
        if moved != self.moved {
            self.moved = moved;
            self.timer.begin(self.idle);
        }
        self.timer.poll_expired(cx)
    }
}
