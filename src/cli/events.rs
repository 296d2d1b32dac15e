//! `leapday events`: what has happened in a world, and what happens while one waits.

use serde::Deserialize as _;
use serde_json::Value;

use super::client::block_on;
use super::whose::Whose;
use super::{Failure, say};
use crate::client::{Event, query};

/// How long one request waits for the next event, as the control API reads it.
const WAIT: &str = "30s";

#[derive(clap::Args)]
pub(super) struct Args {
    /// An event type, or the beginning of one before `*`
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    /// How many at most
    #[arg(long, default_value_t = 1000)]
    limit: u16,
    /// Go on with what happens from now on, until interrupted
    #[arg(short, long)]
    follow: bool,
    #[command(flatten)]
    whose: Whose,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let world = args.whose.world()?;
    block_on(async {
        let mut offset = 0;
        loop {
            let (from, limit) = (offset.to_string(), args.limit.to_string());
            let path = query(&[
                ("offset", Some(&from)),
                ("limit", Some(&limit)),
                ("type", args.event_type.as_deref()),
                ("wait", args.follow.then_some(WAIT)),
            ]);
            let found = world.control("GET", &format!("/events{path}"), Value::Null).await?;
            for event in found["events"].as_array().into_iter().flatten() {
                say(&if args.whose.json { event.to_string() } else { line(event) });
            }
            offset = found["next"].as_u64().unwrap_or_default();
            if !args.follow {
                return Ok(());
            }
        }
    })
}

/// What an event was, when, what about and how much.
pub(super) fn line(event: &Value) -> String {
    Event::deserialize(event).map_or_else(|_| event.to_string(), |event| event.to_string())
}
