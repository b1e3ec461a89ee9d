//! The routing table: an [`ir::Config`](crate::ir::Config) indexed for matching.
//!
//! Looking a request up takes no lock, allocates nothing and writes nothing shared; its cost does not depend on the
//! number of hosts and grows with the logarithm of a host's paths (regular expressions are tried in order). The table
//! is immutable; a new configuration gets a new one, which shares with the old one what is the same, and costs what is not.

mod explain;
mod host;
mod lookup;
mod names;
mod path;
mod scratch;

#[cfg(test)]
mod properties;

pub use explain::{Candidate, ConsideredHost, Explanation, HostVerdict, RouteVerdict, explain};
pub use host::CanonicalHost;
pub use lookup::{Found, Table};
pub use scratch::{Captures, RegexScratch};
