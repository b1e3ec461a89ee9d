//! Clients that connect, send one request each, and then hold their connections.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::http1::Client;
use super::{Exchange, Hosts, Target};
use crate::order::{ANSWER, Action, Scheme};

/// Connections that are made at the same time, few enough that no proxy keeps more to the origin.
const AT_ONCE: usize = 32;

/// How long all may take.
const PATIENCE: Duration = Duration::from_secs(120);

const SMALL: Exchange = Exchange { action: Action::Get, size: ANSWER };

/// Open connections.
pub(crate) struct Held(Rc<RefCell<Vec<Client>>>);

impl Held {
    /// Opens so many connections over TLS, and uses each once.
    pub(crate) async fn open(target: &Rc<Target>, connections: usize) -> Result<Self> {
        let held = Self(Rc::default());
        let mut opening = JoinSet::new();
        for first in 0..AT_ONCE {
            let (target, clients) = (Rc::clone(target), Rc::clone(&held.0));
            let share = (first..connections).step_by(AT_ONCE).len();
            opening.spawn_local(async move {
                for _ in 0..share {
                    let (host, _) = target.aim(Hosts::One);
                    let mut client = Client::connect(&target, Scheme::Https, host, SMALL).await?;
                    use_once(&target, &mut client).await?;
                    clients.borrow_mut().push(client);
                }
                anyhow::Ok(())
            });
        }
        let all = async {
            while let Some(ended) = opening.join_next().await {
                ended??;
            }
            anyhow::Ok(())
        };
        timeout(PATIENCE, all).await.context("connections are still being made after two minutes")??;
        Ok(held)
    }

    /// Uses each connection once more: none was closed for being idle.
    pub(crate) async fn prove(&self, target: &Target) -> Result<()> {
        let clients = std::mem::take(&mut *self.0.borrow_mut());
        for mut client in clients {
            use_once(target, &mut client).await.context("a connection was idle and does not serve again")?;
        }
        Ok(())
    }
}

async fn use_once(target: &Target, client: &mut Client) -> Result<()> {
    let (host, place) = target.aim(Hosts::One);
    client.exchange(&target.order(SMALL, Scheme::Https, place), host).await
}
