//! What is done with a request, as a value: the phases in their order, from the routing table alone.

use std::sync::Arc;

use super::client::{Client, Peer};
use super::head::RequestHead;
use super::host;
use crate::ir::{Action, Forward, Refusal, Route, VirtualHost};
use crate::table::{CanonicalHost, RegexScratch, Table};

/// The memory that planning reuses from request to request; one per worker or connection.
#[derive(Debug, Default)]
pub struct Scratch {
    path: Vec<u8>,
    regex: RegexScratch,
}

impl Scratch {
    /// The canonical path of the request that was planned last.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        &self.path
    }
}

/// Why a request is answered before it is matched: it is malformed, or its method is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejected {
    pub status: u16,
    /// For log and metric; stable, kebab-case.
    pub code: &'static str,
}

/// What is done with a request.
#[derive(Debug)]
pub struct Plan<'t> {
    pub client: Client,
    pub host: CanonicalHost,
    /// The virtual host that claims the host.
    pub vhost: Option<&'t Arc<VirtualHost>>,
    /// The route that claims the request, whose labels and policy hold for every outcome.
    pub route: Option<&'t Arc<Route>>,
    pub outcome: Outcome<'t>,
}

/// How a request is answered.
#[derive(Debug)]
pub enum Outcome<'t> {
    /// Nothing claims it: 404.
    NotFound,
    /// The route cannot be honoured as configured.
    Refuse(&'t Refusal),
    /// `location` is a legal field value.
    Redirect {
        status: u16,
        location: Vec<u8>,
    },
    Forward(ForwardPlan<'t>),
}

/// How a request is passed on.
#[derive(Debug)]
pub struct ForwardPlan<'t> {
    pub forward: &'t Forward,
    pub route: &'t Arc<Route>,
    pub target: Target,
    /// The value of `X-Forwarded-Prefix`, a legal field value.
    pub forwarded_prefix: Option<Vec<u8>>,
}

/// The request target that is sent upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The head's, as it was received.
    Raw,
    /// This one, in origin form.
    Replaced(Vec<u8>),
}

/// Decides what is done with a request.
///
/// # Errors
/// The answer to a request that is malformed, or whose method is not served.
pub fn plan<'t>(
    table: &'t Table,
    head: &RequestHead,
    peer: &Peer,
    scratch: &mut Scratch,
) -> Result<Plan<'t>, Rejected> {
    let client = Client::of(head, peer, &table.config().listener);
    let host = host::of(head)?;
    scratch.path.clear();
    scratch.path.extend_from_slice(head.target.split(|b| *b == b'?').next().unwrap_or_default());
    let found = table.lookup(&host, &scratch.path, &mut scratch.regex);
    let outcome = match found.route {
        None => Outcome::NotFound,
        Some(route) => match &route.action {
            Action::Refuse(refusal) => Outcome::Refuse(refusal),
            Action::Redirect(redirect) => {
                Outcome::Redirect { status: redirect.status, location: redirect.location.clone().into_bytes() }
            }
            Action::Forward(forward) => {
                Outcome::Forward(ForwardPlan { forward, route, target: Target::Raw, forwarded_prefix: None })
            }
        },
    };
    Ok(Plan { client, host, vhost: found.host, route: found.route, outcome })
}
