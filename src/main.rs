//! The binary: allocator, crypto provider, and the command line.

fn main() {}
