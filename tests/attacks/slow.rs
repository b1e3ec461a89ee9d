//! Clients that hold on to what they have: bombs behind closed windows, and everything that is slow.

use landfall::testing::attack::{self, Attack};

use crate::GROWTH;
use crate::scene::under_attack;

/// How much the server may grow for a connection whose every stream is a request that waits, in octets.
const STREAMS_GROWTH: u64 = 4 * 1024 * 1024;

/// Holds of each that the server ends every connection.
async fn had_enough(attacks: Vec<Attack>, growth: impl Fn(&Attack) -> u64) {
    for attack in attacks {
        let made = under_attack(&attack, growth(&attack)).await;
        assert_eq!(made.closed, attack.connections as u64, "{}: not every connection was closed", attack.title);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_grow_behind_a_closed_window() {
    // Heads within their limit, as often as there may be streams: each is a request, which takes its own memory.
    let growth = |attack: &Attack| if attack.name == "heads-compressed" { STREAMS_GROWTH } else { GROWTH };
    had_enough(attack::swelling_heads(), growth).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_reads() {
    had_enough(attack::unread_answers(), |_| GROWTH).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slowloris() {
    had_enough(attack::slow_heads(), |_| GROWTH).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_do_not_come() {
    had_enough(attack::slow_bodies(), |_| GROWTH).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_that_do_not_go_on() {
    had_enough(attack::idle_handshakes(), |_| GROWTH).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_idle_connections() {
    for attack in attack::idle_connections() {
        let made = under_attack(&attack, GROWTH).await;
        assert_eq!((made.connections, made.closed), (10_000, 0), "{}: not all are served", attack.title);
    }
}
