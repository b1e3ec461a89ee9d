//! What tests, benches and fuzz targets are made with: objects, certificates, connections, origins, a server.
//!
//! On only with the feature `testing`; nothing of the product uses it. It panics where a test would.

pub mod apiserver;
pub mod attack;
pub mod certificates;
pub mod dns;
pub mod frames;
pub mod hello;
pub mod http2;
pub mod leak;
mod message;
pub mod objects;
pub mod origin;
pub mod raw;
pub mod scan;
pub mod server;

pub use apiserver::ApiServer;
pub use dns::DnsServer;
pub use http2::Http2;
pub use message::Message;
pub use objects::Ingress;
pub use origin::Origin;
pub use raw::{Raw, RawOrigin, Refusing};
pub use server::TestServer;
