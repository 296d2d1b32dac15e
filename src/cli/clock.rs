//! `leapday clock`: show or turn the clock of a key's world.

use clap::Subcommand;
use serde_json::{Value, json};

use super::client::{At, block_on, call};
use super::{Failure, failed, misused, say};
use crate::sandbox::{NOWHERE, Options, mounts};
use crate::time::{Cadence, Timestamp};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    at: At,
    /// The key whose world is meant; a pair as KEY:SECRET, with --provider
    #[arg(long, env = "LEAPDAY_KEY", global = true, default_value = "sk_test_demo")]
    key: String,
    /// The provider, where the key has worlds at several
    #[arg(long, env = "LEAPDAY_PROVIDER", global = true)]
    provider: Option<String>,
    /// Print the answer as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum What {
    /// Show the clock
    Show,
    /// Freeze the clock at an instant: 2028-01-31T00:00:00Z
    Set { instant: String },
    /// Let the clock run on
    Flow,
    /// Advance by a duration (P1M, P7D, PT2H) or to an instant
    Advance {
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
        #[arg(long, default_value_t = 100)]
        limit: usize,
        /// A further clock of the world
        #[arg(long)]
        clock: Option<String>,
    },
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let (method, path, body) = request(&args.what)?;
    let path = match &args.provider {
        Some(provider) => format!("{path}{}provider={provider}", if path.contains('?') { '&' } else { '?' }),
        None => path,
    };
    let url = args.at.base_url();
    let credentials = credentials(&args)?;
    let (status, answer) = block_on(call(&url, method, &path, &credentials, body.as_ref()))?;
    if status != 200 {
        return Err(failed(refusal(&answer)));
    }
    say(&if args.json { format!("{answer:#}") } else { summary(&answer) });
    Ok(())
}

/// How the key is sent: as the provider takes it, or as most do.
fn credentials(args: &Args) -> Result<Vec<(&'static str, String)>, Failure> {
    let mut mounts = mounts(&Options::default(), NOWHERE).map_err(|error| misused(error.0))?;
    mounts.retain(|mount| !mount.name().starts_with('_'));
    let named = args.provider.as_deref().map(|name| mounts.iter().find(|mount| mount.name() == name));
    let mount = named.unwrap_or_else(|| mounts.first());
    mount.and_then(|mount| mount.keeper()).map(|keeper| keeper.credentials(&args.key)).ok_or_else(|| {
        let names: Vec<&str> = mounts.iter().map(|mount| mount.name()).collect();
        misused(format!(
            "there is no provider {:?}; there are {}",
            args.provider.as_deref().unwrap_or(""),
            names.join(", ")
        ))
    })
}

fn request(what: &What) -> Result<(&'static str, String, Option<Value>), Failure> {
    let (method, path, body) = match what {
        What::Show => ("GET", "", None),
        What::Set { instant } => ("POST", "", Some(json!({ "now": parse_instant(instant)? }))),
        What::Flow => ("POST", "", Some(json!({ "flow": true }))),
        What::Advance { target, clock, dry_run } => {
            let to = match Cadence::parse(target) {
                Ok(by) => json!({ "by": by }),
                Err(_) => json!({ "to": parse_instant(target)? }),
            };
            ("POST", "/advance", Some(turned(to, clock.as_deref(), *dry_run)))
        }
        What::Step { clock, dry_run } => ("POST", "/step", Some(turned(json!({}), clock.as_deref(), *dry_run))),
        What::Upcoming { within, limit, clock } => {
            let clock = clock.as_deref().map(|clock| format!("&clock={clock}")).unwrap_or_default();
            return Ok(("GET", format!("/_leapday/clock/upcoming?within={within}&limit={limit}{clock}"), None));
        }
    };
    Ok((method, format!("/_leapday/clock{path}"), body))
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

fn refusal(answer: &Value) -> String {
    let violations = answer["violations"].as_array().into_iter().flatten();
    let details: Vec<&str> = violations.filter_map(|violation| violation["message"].as_str()).collect();
    let message = answer["message"].as_str().unwrap_or("the sandbox refused");
    if details.is_empty() { message.to_owned() } else { format!("{message}: {}", details.join("; ")) }
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
    let mut lines = vec![format!("{} -> {}: {count} events{would}", text("from"), text("now"))];
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

/// What an event was, when, what about and how much.
fn line(event: &Value) -> String {
    let word = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or("");
    let (at, what, id) = (word("/at"), word("/type"), word("/about/id"));
    let line = format!("{at}  {what:<34} {id:<26} {} {}", word("/about/amount"), word("/about/currency"));
    line.trim_end().to_owned()
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
