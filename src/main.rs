//! The binary: the allocator, the crypto provider, and the command line.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// What is freed last is used first, records of TLS among it, so that what is written next is in the processor's cache:
/// large bodies over TLS cost half of what they do with mimalloc, whose pages are gone through from end to end.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .expect("nothing has installed another provider before the first statement");
    landfall::cli::run(std::env::args_os())
}
