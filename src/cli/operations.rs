//! `leapday operations`: the whole table, and how much of it has behaviour.

use serde_json::{Map, Value, json};

use super::{Failure, misused, say};
use crate::sandbox::{NOWHERE, Options, mounts};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Print the table as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let mounts = mounts(&Options::default(), NOWHERE).map_err(|error| misused(error.0))?;
    if args.json {
        let table: Map<String, Value> =
            mounts.iter().map(|mount| (mount.name().to_owned(), json!(mount.operations()))).collect();
        say(&format!("{:#}", Value::Object(table)));
        return Ok(());
    }
    for mount in &mounts {
        let operations = mount.operations();
        for operation in &operations {
            let state = if operation.built { "built" } else { "501" };
            say(&format!(
                "{:<5} {:<32} {:<6} /{}{}",
                state,
                operation.id,
                operation.method,
                mount.name(),
                operation.path
            ));
        }
        let built = operations.iter().filter(|operation| operation.built).count();
        let missing = operations.len() - built;
        say(&format!("{}: {} operations, {built} built, {missing} answer 501", mount.name(), operations.len()));
    }
    Ok(())
}
