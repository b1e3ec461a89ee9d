//! The binary: the allocator, the crypto provider, and the command line.

use std::process::ExitCode;

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .expect("nothing has installed another provider before the first statement");
    landfall::cli::run(std::env::args_os())
}
