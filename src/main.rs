//! Hands the command line to [`leapday::cli`] and turns its outcome into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    leapday::cli::main()
}
