//! `leapday world`: worlds as values on the command line.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::{Value, json};

use super::whose::Whose;
use super::{Failure, failed, misused, say};
use crate::client::encoded;
use crate::time::Timestamp;

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    whose: Whose,
}

#[derive(Subcommand)]
enum What {
    /// List all worlds
    List,
    /// Show the world of the key
    Show,
    /// Open a world for a new key
    Create {
        /// One that has no world yet
        new_key: String,
        #[command(flatten)]
        start: Start,
    },
    /// Start the world anew
    Reset(Start),
    /// Forget the world of a key
    Delete {
        /// Whose world it is
        old_key: String,
    },
    /// Keep the world as it is under a name
    Snapshot {
        /// Letters, digits, dots, dashes and _; one that has it already is replaced
        name: String,
    },
    /// List what is kept of the world
    Snapshots,
    /// Go back to a snapshot
    Restore {
        /// The name under which it is kept
        name: String,
    },
    /// Forget a snapshot
    Drop {
        /// The name under which it is kept
        name: String,
    },
    /// Give another key a world like this one
    Fork {
        /// Whose the copy is
        other_key: String,
        /// Put it in the place of the one that the key has
        #[arg(long)]
        replace: bool,
    },
    /// Write the world down, to a file or to standard output
    Export {
        /// Standard output without one
        file: Option<PathBuf>,
    },
    /// Put a world that was written down in the place of this one
    Import {
        /// What `export` has written
        file: PathBuf,
    },
}

/// What a world begins with.
#[derive(clap::Args)]
struct Start {
    /// Name of a bundled world
    #[arg(long, value_name = "WORLD")]
    from: Option<String>,
    /// Freeze the clock at this instant first: 2028-01-31T00:00:00Z
    #[arg(long, value_name = "INSTANT")]
    now: Option<Timestamp>,
}

impl Start {
    fn body(&self) -> Value {
        let mut body = json!({ "world": self.from, "now": self.now });
        body.as_object_mut().into_iter().for_each(|fields| fields.retain(|_, value| !value.is_null()));
        body
    }
}

const WORLDS: [(&str, &str); 7] = [
    ("KEY", "/key"),
    ("PROVIDER", "/provider"),
    ("NOW", "/now"),
    ("CLOCK", "/mode"),
    ("EVENTS", "/eventCount"),
    ("ROWS", "/rowCount"),
    ("SNAPSHOTS", "/snapshots"),
];
const SNAPSHOTS: [(&str, &str); 3] = [("NAME", "/name"), ("NOW", "/now"), ("EVENTS", "/eventCount")];

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let Args { what, whose } = args;
    match &what {
        What::List => {
            whose.show(&whose.ask("GET", "/worlds", None)?, "worlds", &WORLDS);
            return Ok(());
        }
        What::Snapshots => {
            whose.show(&whose.ask("GET", "/world/snapshots", None)?, "snapshots", &SNAPSHOTS);
            return Ok(());
        }
        What::Export { file } => return export(&whose, file.as_deref()),
        _ => {}
    }
    let (method, path, body, done) = match what {
        What::Show => ("GET", "/world".to_owned(), None, String::new()),
        What::Create { new_key, start } => {
            let mut body = start.body();
            body["key"] = json!(new_key);
            ("POST", "/worlds".to_owned(), Some(body), format!("{new_key} has a world"))
        }
        What::Reset(start) => ("POST", "/world/reset".to_owned(), Some(start.body()), "the world is as new".to_owned()),
        What::Delete { old_key } => {
            ("DELETE", format!("/worlds/{}", encoded(&old_key)), None, format!("the world of {old_key} is forgotten"))
        }
        What::Snapshot { name } => {
            ("POST", "/world/snapshots".to_owned(), Some(json!({ "name": name })), format!("kept as {name}"))
        }
        What::Restore { name } => {
            ("POST", format!("/world/snapshots/{}/restore", encoded(&name)), None, format!("back at {name}"))
        }
        What::Drop { name } => {
            ("DELETE", format!("/world/snapshots/{}", encoded(&name)), None, format!("{name} is forgotten"))
        }
        What::Fork { other_key, replace } => {
            let body = json!({ "key": other_key, "replace": replace });
            ("POST", "/world/fork".to_owned(), Some(body), format!("{other_key} has a world like this one"))
        }
        What::Import { file } => {
            ("POST", "/world/import".to_owned(), Some(read(&file)?), format!("the world is that of {}", file.display()))
        }
        What::List | What::Snapshots | What::Export { .. } => return Ok(()),
    };
    let answer = whose.ask(method, &path, body.as_ref())?;
    say(&match (whose.json, done.is_empty()) {
        (true, _) => format!("{answer:#}"),
        (false, false) => done,
        (false, true) => ["key", "provider", "now", "mode", "eventCount", "rowCount", "digest"]
            .map(|field| {
                format!(
                    "{field:<12}{}",
                    answer[field].as_str().map_or_else(|| answer[field].to_string(), str::to_owned)
                )
            })
            .join("\n"),
    });
    Ok(())
}

fn export(whose: &Whose, file: Option<&Path>) -> Result<(), Failure> {
    let world = whose.ask("GET", "/world/export", None)?;
    let Some(file) = file else {
        say(&world.to_string());
        return Ok(());
    };
    std::fs::write(file, format!("{world}\n")).map_err(|error| failed(format!("{}: {error}", file.display())))?;
    say(&format!("written to {}", file.display()));
    Ok(())
}

fn read(file: &Path) -> Result<Value, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| failed(format!("{}: {error}", file.display())))?;
    serde_json::from_str(&text).map_err(|error| misused(format!("{}: not JSON: {error}", file.display())))
}
