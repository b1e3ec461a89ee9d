//! Tenants: what one namespace writes never reaches what is another's, however it is written.
//!
//! `graphs` holds random estates against an oracle, `values` random annotations, hosts and paths against the tenants
//! beside them.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "variables say how long to look, and from where")]

mod canary;
mod estate;
mod graphs;
mod oracle;
mod text;
mod values;

/// A number that the environment may set.
fn variable(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().map_or(otherwise, |text| text.parse().expect("the variable is a number"))
}
