//! One request, without I/O: its head, its host and path in canonical form, and the plan of what is done with it.
//!
//! [`plan()`] is the whole decision; the modules below it are its steps. Each is a pure function of its arguments, and
//! none of them panics whatever the octets: [`path::canonicalize`], [`host::parse`], [`rewrite::apply`] and
//! [`edit`] are what fuzzers call.

pub mod client;
pub mod edit;
mod encode;
pub mod head;
pub mod host;
mod name;
pub mod path;
mod plan;
pub mod rewrite;

pub use crate::table::CanonicalHost;
pub use client::{Client, Peer, Scheme};
pub use head::{Field, FieldName, Fields, RequestHead, ResponseHead, Version};
pub use plan::{ForwardPlan, Outcome, Plan, Rejected, Scratch, Target, plan};
