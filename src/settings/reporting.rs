//! What the cluster is told: statuses, Events, and which process of several tells it.

use std::net::IpAddr;
use std::time::Duration;

use clap::Args;

use crate::ir::ObjectRef;

/// The flags as typed, and the environment as found. Names and defaults are ingress-nginx's.
#[derive(Debug, Clone, Args)]
pub struct ReportingFlags {
    /// Write where Ingresses are served into their status.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true")]
    pub update_status: String,
    /// Clear the statuses when the last process ends.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true")]
    pub update_status_on_shutdown: String,
    /// Seconds from one look at the addresses for the status to the next, 5 at least.
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    pub status_update_interval: String,
    /// The addresses or names for the status, separated by commas.
    #[arg(long, value_name = "ADDRESSES", default_value = "", hide_default_value = true)]
    pub publish_status_address: String,
    /// The Service whose addresses are those for the status; without it, the nodes with ready processes are.
    #[arg(long, value_name = "NAMESPACE/NAME", default_value = "", hide_default_value = true)]
    pub publish_service: String,
    /// Use internal addresses of nodes for the status; without it, only where a node has no external one.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    pub report_node_internal_ip_address: String,
    /// The Lease whose holder is the one process that writes statuses and Events.
    #[arg(long, value_name = "NAME", default_value = "ingress-controller-leader")]
    pub election_id: String,
    /// How long the Lease holds unless it is renewed.
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    pub election_ttl: String,
    /// Hold no election: no process writes statuses, and every one writes Events.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    pub disable_leader_election: String,
    /// Write no Events.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    pub disable_sync_events: String,
    /// Which pod this process is.
    #[arg(skip)]
    pub pod: Pod,
}

/// Which pod this process is, as the environment says; nothing of it where the process runs outside of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pod {
    /// `POD_NAME`.
    pub name: Option<String>,
    /// `POD_NAMESPACE`.
    pub namespace: Option<String>,
}

/// What the cluster is told, as meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reporting {
    /// `None` with `--update-status=false`.
    pub statuses: Option<StatusUpdates>,
    /// `None` with `--disable-leader-election`.
    pub election: Option<Election>,
    /// Off with `--disable-sync-events`, which silences every Event about an Ingress in ingress-nginx too.
    pub events: bool,
    pub pod: Pod,
}

/// How statuses are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusUpdates {
    pub source: AddressSource,
    /// `--update-status-on-shutdown`: the last process clears them.
    pub clear_on_shutdown: bool,
    /// `--status-update-interval`, at least [`StatusUpdates::SHORTEST_INTERVAL`].
    pub interval: Duration,
}

impl StatusUpdates {
    /// ingress-nginx goes no lower either.
    pub const SHORTEST_INTERVAL: Duration = Duration::from_secs(5);
}

/// Where the addresses for the status come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressSource {
    /// `--publish-status-address`; not empty.
    Given(Vec<StatusAddress>),
    /// `--publish-service`.
    Service(ObjectRef),
    /// The nodes that run ready pods like this process's.
    Nodes(NodeAddresses),
}

/// An address for the status.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum StatusAddress {
    /// Not an IPv4 address written as IPv6.
    Ip(IpAddr),
    /// A DNS name in lower case (RFC 1123 subdomain), which the API server insists on.
    Hostname(String),
}

/// Which addresses of a node count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeAddresses {
    /// The external ones; the internal ones of a node that has none.
    External,
    /// The internal ones (`--report-node-internal-ip-address`).
    Internal,
}

/// The election of the one process that reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Election {
    /// `--election-id`: the name of the Lease.
    pub lease: String,
    /// `--election-ttl`, at least [`Election::SHORTEST_TTL`].
    pub ttl: Duration,
}

impl Election {
    /// A Lease counts in whole seconds.
    pub const SHORTEST_TTL: Duration = Duration::from_secs(1);
    /// What a `--election-ttl` of zero or less stands for in ingress-nginx.
    pub const DEFAULT_TTL: Duration = Duration::from_secs(30);
}
