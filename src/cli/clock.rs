//! `leapday clock`: show or turn the clock of a key's world.

use std::io::IsTerminal as _;
use std::time::Duration;

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::client::block_on;
use super::events::line;
use super::whose::Whose;
use super::{Failure, misused, say};
use crate::client::{Error, World, query};
use crate::contract::counted;
use crate::time::{Cadence, Timestamp};

/// How often the bar looks at the clock.
const LOOK_EVERY: Duration = Duration::from_millis(150);

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    whose: Whose,
}

#[derive(Subcommand)]
enum What {
    /// Show the clock
    Show,
    /// Freeze the clock at an instant
    Set {
        /// 2028-01-31T00:00:00Z
        instant: String,
    },
    /// Let the clock run on
    Flow,
    /// Advance by a duration or to an instant
    Advance {
        /// How far (P1M, P7D, PT2H), or where to (2028-01-31T00:00:00Z)
        target: String,
        /// A further clock of the world, such as a Paygentic test clock
        #[arg(long)]
        clock: Option<String>,
        /// Only show what would happen
        #[arg(long)]
        dry_run: bool,
    },
    /// Do the next thing that is due, and no more
    Step {
        /// A further clock of the world
        #[arg(long)]
        clock: Option<String>,
        /// Only show what would happen
        #[arg(long)]
        dry_run: bool,
    },
    /// Show what falls due, with what it costs
    Upcoming {
        /// How far ahead: P1M, P1Y
        #[arg(long, default_value = "P1M")]
        within: String,
        /// How many at most
        #[arg(long, default_value_t = 100)]
        limit: usize,
        /// A further clock of the world
        #[arg(long)]
        clock: Option<String>,
    },
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let (method, path, body) = request(&args.what)?;
    let world = args.whose.world()?;
    let turns = matches!(args.what, What::Advance { dry_run: false, clock: None, .. });
    let answer = block_on(async {
        let asked = world.control(method, &path, body.clone());
        Ok(if turns && std::io::stderr().is_terminal() { with_bar(&world, &body, asked).await } else { asked.await }?)
    })?;
    say(&if args.whose.json { format!("{answer:#}") } else { summary(&answer) });
    Ok(())
}

/// Shows how far the clock has come while an advance runs. One that waits for nobody is one step, and too quick to see.
async fn with_bar(
    world: &World,
    wanted: &Value,
    asked: impl Future<Output = Result<Value, Error>>,
) -> Result<Value, Error> {
    let now = |clock: &Value| clock["now"].as_str().and_then(|now| now.parse::<Timestamp>().ok());
    let Some(from) = now(&world.control("GET", "/clock", Value::Null).await?) else { return asked.await };
    let to = match (wanted["by"].as_str().and_then(|by| Cadence::parse(by).ok()), wanted["to"].as_str()) {
        (Some(by), _) => by.after(from, 1),
        (None, Some(to)) => to.parse().ok(),
        (None, None) => None,
    };
    let length = to.and_then(|to| u64::try_from(to.millis_since(from)).ok()).unwrap_or(1);
    let bar = ProgressBar::new(length).with_style(
        ProgressStyle::with_template("{msg} {wide_bar} {percent} %").unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let look = async {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if let Ok(clock) = world.control("GET", "/clock", Value::Null).await
                && let Some(at) = now(&clock)
            {
                bar.set_message(at.to_string());
                bar.set_position(u64::try_from(at.millis_since(from)).unwrap_or_default());
            }
        }
    };
    let answer = tokio::select! {
        answer = asked => answer,
        () = look => Err(Error::Unmet("nobody looks for ever".to_owned())),
    };
    bar.finish_and_clear();
    answer
}

fn request(what: &What) -> Result<(&'static str, String, Value), Failure> {
    let (method, path, body) = match what {
        What::Show => ("GET", "", Value::Null),
        What::Set { instant } => ("POST", "", json!({ "now": parse_instant(instant)? })),
        What::Flow => ("POST", "", json!({ "flow": true })),
        What::Advance { target, clock, dry_run } => {
            let to = match Cadence::parse(target) {
                Ok(by) => json!({ "by": by }),
                Err(_) => json!({ "to": parse_instant(target)? }),
            };
            ("POST", "/advance", turned(to, clock.as_deref(), *dry_run))
        }
        What::Step { clock, dry_run } => ("POST", "/step", turned(json!({}), clock.as_deref(), *dry_run)),
        What::Upcoming { within, limit, clock } => {
            let limit = limit.to_string();
            let wanted = [("within", Some(within.as_str())), ("limit", Some(&limit)), ("clock", clock.as_deref())];
            return Ok(("GET", format!("/clock/upcoming{}", query(&wanted)), Value::Null));
        }
    };
    Ok((method, format!("/clock{path}"), body))
}

fn turned(mut body: Value, clock: Option<&str>, dry_run: bool) -> Value {
    if let Some(clock) = clock {
        body["clock"] = json!(clock);
    }
    body["dry_run"] = json!(dry_run);
    body
}

fn parse_instant(text: &str) -> Result<Timestamp, Failure> {
    let wrong = "is neither a duration (P1M, P7D, PT2H) nor an instant (2028-01-31T00:00:00Z)";
    text.parse().map_err(|_| misused(format!("{text:?} {wrong}")))
}

fn summary(answer: &Value) -> String {
    let text = |name: &str| answer[name].as_str().unwrap_or("?");
    if let Some(upcoming) = answer["upcoming"].as_array() {
        return agenda(answer, upcoming);
    }
    let Some(count) = answer["eventCount"].as_u64() else {
        return format!("{} ({})", text("now"), text("mode"));
    };
    let would = if answer["dryRun"] == true { " would happen" } else { "" };
    let mut lines = vec![format!("{} -> {}: {}{would}", text("from"), text("now"), counted(count, "event"))];
    if let Some(due) = answer["due"]["what"].as_str() {
        lines.push(format!("{due} {}", answer["due"]["about"]["id"].as_str().unwrap_or_default()));
    }
    for event in answer["events"].as_array().into_iter().flatten() {
        lines.push(format!("  {}", line(event)));
    }
    if let Some(reason) = answer["stopped"]["reason"].as_str() {
        lines.push(format!("stopped before {}: {reason}", answer["stopped"]["before"].as_str().unwrap_or("?")));
    }
    lines.join("\n")
}

fn agenda(answer: &Value, upcoming: &[Value]) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let mut lines = vec![format!("{} until {}: {} due", text(&answer["now"]), text(&answer["until"]), upcoming.len())];
    for entry in upcoming {
        lines.push(format!("  {}  {:<24} {}", text(&entry["at"]), text(&entry["what"]), text(&entry["about"]["id"])));
        for event in entry["events"].as_array().into_iter().flatten() {
            lines.push(format!("    {}", line(event)));
        }
    }
    if let Some(next) = answer["next"].as_str() {
        lines.push(format!("more from {next} on (--limit)"));
    }
    lines.join("\n")
}
