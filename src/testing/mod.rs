//! Placeholder.

pub mod certificates;
