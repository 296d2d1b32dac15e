//! The command line: one file a command. `leapday` alone is `leapday serve`.

mod ca;
mod check;
mod client;
mod clock;
mod deliveries;
mod events;
mod health;
mod operations;
mod serve;
mod story;
mod verify;
mod whose;
mod world;

use std::io::Write;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

/// A command that did not do what it was asked: one line that says why, and the exit code.
pub(crate) struct Failure {
    message: String,
    code: u8,
}

/// What was asked cannot be done (1): the probe failed, the check found something.
pub(crate) fn failed(message: impl Into<String>) -> Failure {
    Failure { message: message.into(), code: 1 }
}

/// What was asked makes no sense (2): a wrong flag or value.
pub(crate) fn misused(message: impl Into<String>) -> Failure {
    Failure { message: message.into(), code: 2 }
}

/// A local sandbox for subscription-billing APIs whose clock you can turn.
#[derive(Parser)]
#[command(name = "leapday", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::Args,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the sandbox (the default)
    Serve(serve::Args),
    /// Probe a running sandbox: exit code 0 if it is well, 1 if not
    Health(health::Args),
    /// Show or turn the clock of a key's world
    Clock(clock::Args),
    /// List, keep, fork, export and import worlds
    World(world::Args),
    /// Show what has happened in a world, or follow it
    Events(events::Args),
    /// Show the webhooks of a world
    Deliveries(deliveries::Args),
    /// Check what the app has asked
    Verify(verify::Args),
    /// Tell billing stories and check them
    Story(story::Args),
    /// List every operation and whether it has behaviour
    Operations(operations::Args),
    /// Print the certificate to trust for calls to the vendors' own host names
    Ca(ca::Args),
    /// Check that operations, schemas and fixtures agree
    Check,
    /// Print a completion script
    Completions { shell: clap_complete::Shell },
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return explain(&error),
    };
    let done = match cli.command {
        None => serve::run(cli.serve),
        Some(Command::Serve(args)) => serve::run(args),
        Some(Command::Health(args)) => health::run(&args),
        Some(Command::Clock(args)) => clock::run(&args),
        Some(Command::World(args)) => world::run(args),
        Some(Command::Events(args)) => events::run(&args),
        Some(Command::Deliveries(args)) => deliveries::run(&args),
        Some(Command::Verify(args)) => verify::run(&args),
        Some(Command::Story(args)) => story::run(args),
        Some(Command::Operations(args)) => operations::run(&args),
        Some(Command::Ca(args)) => ca::run(args),
        Some(Command::Check) => check::run(),
        Some(Command::Completions { shell }) => {
            clap_complete::generate(shell, &mut Cli::command(), "leapday", &mut std::io::stdout());
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { message, code }) => {
            complain(&message);
            ExitCode::from(code)
        }
    }
}

/// Help and version as they are; anything else on one line.
fn explain(error: &clap::Error) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"))
        .filter(|line| !line.is_empty())
        .collect();
    complain(lines.join(" ").trim_start_matches("error: "));
    ExitCode::from(2)
}

fn complain(message: &str) {
    let _ = writeln!(std::io::stderr(), "leapday: {message}");
}

/// Writes to standard output; a reader that has gone away ends the command quietly.
pub(crate) fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
