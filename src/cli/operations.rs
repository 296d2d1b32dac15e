//! `leapday operations`: the whole table, and how much of it has behaviour.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Failure, misused, say};
use crate::api::{FIDELITY, Listed, Mount};
use crate::contract::Source;
use crate::sandbox::{NOWHERE, Options, mounts};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Print the table as JSON
    #[arg(long)]
    json: bool,
    /// Print the providers' tables as docs/fidelity.md holds them
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let mounts = mounts(&Options::default(), NOWHERE).map_err(|error| misused(error.0))?;
    if args.json {
        let table: Map<String, Value> =
            mounts.iter().map(|mount| (mount.name().to_owned(), json!(mount.table()))).collect();
        say(&format!("{:#}", Value::Object(table)));
        return Ok(());
    }
    if args.markdown {
        let tables: Vec<String> = mounts.iter().filter(|mount| mount.keeper().is_some()).map(markdown).collect();
        say(&tables.join("\n\n"));
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

/// What a provider emulates: its rows noun by noun. Links stay within the page.
fn markdown(mount: &Arc<dyn Mount>) -> String {
    let table = mount.table();
    let emulated = table.iter().filter(|row| row.info.built).count();
    let from = |source: Source| table.iter().filter(|row| row.contract == Some(source)).count();
    let from = [Source::Client, Source::Guides, Source::Ours].map(|source| format!("{} {source}", from(source)));
    let head = [
        format!("## {}", mount.name()),
        String::new(),
        format!("{} operations, {emulated} emulated. Contract: {}.", table.len(), from.join(", ")),
        String::new(),
        "| operation | method and path | contract | behaviour | decisions |".to_owned(),
        "|---|---|---|---|---|".to_owned(),
    ];
    head.into_iter().chain(table.iter().map(row)).collect::<Vec<_>>().join("\n")
}

fn row(Listed { info, contract, decisions }: &Listed) -> String {
    let contract = contract.map(|source| source.to_string()).unwrap_or_default();
    let behaviour = if info.built { "emulated" } else { "501" };
    let link = decisions.as_deref().and_then(|place| place.strip_prefix(FIDELITY)).unwrap_or_default();
    let noun = info.noun.replace('_', " ");
    format!("| `{}` | `{} {}` | {contract} | {behaviour} | [{noun}]({link}) |", info.id, info.method, info.path)
}
