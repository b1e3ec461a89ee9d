//! Placeholder.

pub mod certificates;
pub mod scan;
