//! Floods over HTTP/2: each crosses a limit on counts, and is cut off.
//!
//! What is held of the server's growth is so that attackers leave little behind; while one floods, it has all the requests
//! that its streams allow.

use std::time::Duration;

use landfall::testing::attack::{self, Attack};

use crate::GROWTH;
use crate::scene::under_attack;

/// Within what an attacker that has crossed a limit is disconnected.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Holds of each that every connection is cut off.
async fn cut_off(floods: Vec<Attack>) {
    for flood in floods {
        let (made, name) = (under_attack(&flood, GROWTH).await, flood.title);
        assert_eq!(made.told, flood.connections as u64, "{name}: not every connection was told why");
        assert!(made.slowest <= AT_ONCE, "{name}: disconnected after {:?}", made.slowest);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rapid_reset() {
    cut_off(attack::resets()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn made_you_reset() {
    cut_off(attack::provoked_resets()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn continuation() {
    cut_off(attack::continuations()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn control_frames() {
    cut_off(attack::control_frames()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_frames() {
    cut_off(attack::empty_frames()).await;
}
