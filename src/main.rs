//! Hands the command line to [`leapday::cli`] and turns its outcome into an exit code.

use std::process::ExitCode;

/// Many small allocations a request: measured faster than the system's allocator (benches/figures).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    leapday::cli::main()
}
