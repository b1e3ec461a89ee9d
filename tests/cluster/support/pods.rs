//! What endpoints lead to: origins that say their name, on addresses of the sandbox.

use std::net::SocketAddr;

use landfall::testing::Origin;

use super::cluster::Cluster;

/// The port that pods listen on.
pub(crate) const POD_PORT: u16 = 8080;

impl Cluster {
    /// Starts a pod on an IPv4 address of its own. It answers with its name (`testing::origin`).
    pub(crate) async fn pod(&self, name: &str) -> Origin {
        Origin::start_at(name, SocketAddr::new(self.plane().sandbox.pod_v4(), POD_PORT)).await
    }

    /// Starts a pod on an IPv6 address of its own.
    pub(crate) async fn pod_v6(&self, name: &str) -> Origin {
        Origin::start_at(name, SocketAddr::new(self.plane().sandbox.pod_v6(), POD_PORT)).await
    }
}
