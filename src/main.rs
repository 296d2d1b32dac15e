//! Hands the command line to [`leapday::cli`] and turns its outcome into an exit code.

use std::process::ExitCode;

/// A world is many small allocations; and a static binary has the same speed on every libc.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    leapday::cli::main()
}
