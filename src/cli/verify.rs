//! `leapday verify`: whether the app has asked what it should have. Exit code 1 with near misses if not.

use serde::Deserialize as _;
use serde_json::json;

use super::whose::Whose;
use super::{Failure, failed, say};
use crate::client::Verdict;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Operation id, or the beginning of one before `*`
    operation: Option<String>,
    /// GET, POST, PUT, PATCH or DELETE
    #[arg(long)]
    method: Option<String>,
    /// Path below the mount, or the beginning of one before `*`
    #[arg(long)]
    path: Option<String>,
    /// The status that was answered
    #[arg(long)]
    status: Option<u16>,
    /// What the body contains; may be given several times
    #[arg(long, value_name = "TEXT")]
    contains: Vec<String>,
    /// How many such requests there are, exactly
    #[arg(long)]
    count: Option<u32>,
    /// How many there are at the least; one, if nothing else is said
    #[arg(long)]
    at_least: Option<u32>,
    /// How many there are at the most
    #[arg(long)]
    at_most: Option<u32>,
    /// How long to wait for them: 5s
    #[arg(long)]
    wait: Option<String>,
    #[command(flatten)]
    whose: Whose,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let mut wanted = json!({
        "operation": args.operation, "method": args.method, "path": args.path, "status": args.status,
        "count": args.count, "at_least": args.at_least, "at_most": args.at_most, "wait": args.wait,
    });
    if let Some(fields) = wanted.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    wanted["body_contains"] = json!(args.contains);
    let found = args.whose.ask("POST", "/journal/verify", Some(&wanted))?;
    let verdict = Verdict::deserialize(&found).map_err(|error| failed(error.to_string()))?;
    if args.whose.json {
        say(&format!("{found:#}"));
    }
    if !verdict.verified {
        return Err(failed(verdict.to_string()));
    }
    if !args.whose.json {
        say(&verdict.to_string());
    }
    Ok(())
}
