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
    },
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let (method, path, body) = request(&args.what)?;
    let path = match &args.provider {
        Some(provider) => format!("{path}?provider={provider}"),
        None => path.to_owned(),
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
    mount.map(|mount| mount.credentials(&args.key)).ok_or_else(|| {
        let names: Vec<&str> = mounts.iter().map(|mount| mount.name()).collect();
        misused(format!(
            "there is no provider {:?}; there are {}",
            args.provider.as_deref().unwrap_or(""),
            names.join(", ")
        ))
    })
}

fn request(what: &What) -> Result<(&'static str, &'static str, Option<Value>), Failure> {
    Ok(match what {
        What::Show => ("GET", "/_leapday/clock", None),
        What::Set { instant } => ("POST", "/_leapday/clock", Some(json!({ "now": parse_instant(instant)? }))),
        What::Flow => ("POST", "/_leapday/clock", Some(json!({ "flow": true }))),
        What::Advance { target, clock } => {
            let mut body = match Cadence::parse(target) {
                Ok(by) => json!({ "by": by }),
                Err(_) => json!({ "to": parse_instant(target)? }),
            };
            if let Some(clock) = clock {
                body["clock"] = json!(clock);
            }
            ("POST", "/_leapday/clock/advance", Some(body))
        }
    })
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
    let Some(count) = answer["eventCount"].as_u64() else {
        return format!("{} ({})", text("now"), text("mode"));
    };
    let mut lines = vec![format!("{} -> {}: {count} events", text("from"), text("now"))];
    for event in answer["events"].as_array().into_iter().flatten() {
        // Each vendor has names of its own for these.
        let word = |names: &[&str]| names.iter().find_map(|name| event.pointer(name)?.as_str()).unwrap_or("");
        let at = word(&["/timestamp", "/occurred_at"]);
        let what = word(&["/eventType", "/type", "/event", "/status"]);
        let subject = word(&["/data/id", "/data/paymentId", "/subscriptionId", "/id"]);
        lines.push(format!("  {at}  {what:<34} {subject}"));
    }
    if let Some(reason) = answer["stopped"]["reason"].as_str() {
        lines.push(format!("stopped before {}: {reason}", answer["stopped"]["before"].as_str().unwrap_or("?")));
    }
    lines.join("\n")
}
