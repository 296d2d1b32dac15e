//! Stories: billing scenarios in YAML, told against a sandbox and checked on the way.
//!
//! A story is calls, turns of the clock, and what is expected. Each is told in a world of its own, which starts at the
//! same instant and with the same seed every time, so that its transcript is the same every time, whatever else runs
//! beside it. `format` and `steps` read a file, `teller` does its steps, `matching` compares, `report` and `junit` tell.

mod format;
mod junit;
mod matching;
mod report;
mod scope;
mod steps;
mod teller;
mod yaml;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

pub use self::format::{Problem, Story, schema};
pub use self::junit::junit;
pub use self::report::{Failure, Told, edited};
use self::teller::Teller;
use crate::api::Mount;
use crate::client::Wire;
use crate::contract::near;
use crate::time::Stopwatch;

/// How one story went.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub file: PathBuf,
    pub title: String,
    /// What is wrong with the file; then nothing was told.
    pub problems: Vec<Problem>,
    pub told: Told,
    pub duration: Duration,
    /// The file as `--update` wants it, and how many values that changes.
    pub update: Option<(String, usize)>,
}

impl Outcome {
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.problems.is_empty() && self.told.failures.is_empty()
    }

    /// What went wrong, with file, line and column.
    #[must_use]
    pub fn complaint(&self) -> String {
        let file = self.file.display().to_string();
        let problems = self.problems.iter().map(|problem| format!("{file}:{problem}"));
        let failures = self.told.failures.iter().map(|failure| failure.text(&file));
        problems.chain(failures).collect::<Vec<_>>().join("\n")
    }

    /// The folder that it stands in.
    fn folder(&self) -> String {
        let folder = self.file.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        folder.unwrap_or("stories").to_owned()
    }
}

/// Where stories are told, and how.
#[derive(Debug, Clone)]
pub struct Plan {
    /// URL of a sandbox.
    pub url: String,
    /// Of a sandbox that asks for one.
    pub admin_token: Option<String>,
    /// How many at a time.
    pub at_once: usize,
    /// Takes what comes for what is expected, and says how the files would be then.
    pub update: bool,
}

/// Tells all stories; the outcomes are in the order of the files.
///
/// # Errors
/// If no sandbox answers.
pub async fn tell(files: Vec<PathBuf>, mounts: &[Arc<dyn Mount>], plan: &Plan) -> Result<Vec<Outcome>, String> {
    let wire = Wire::new(&plan.url).map_err(|error| error.to_string())?.admin(plan.admin_token.as_deref());
    let operations = wire.send("GET", "/_leapday/operations", &[], None).await;
    let operations = operations.map_err(|error| error.to_string())?;
    let operations = Arc::new(Operations(operations.body));
    let whom: Arc<[Whom]> = mounts.iter().filter_map(Whom::of).collect();
    let (turns, mut running) = (Arc::new(Semaphore::new(plan.at_once.max(1))), JoinSet::new());
    for (number, file) in files.into_iter().enumerate() {
        let (turns, whom, operations) = (Arc::clone(&turns), Arc::clone(&whom), Arc::clone(&operations));
        let (wire, update) = (wire.clone(), plan.update);
        running.spawn(async move {
            let _turn = turns.acquire_owned().await;
            (number, tell_one(file, &wire, &whom, &operations, update).await)
        });
    }
    let mut outcomes = running.join_all().await;
    outcomes.sort_by_key(|(number, _)| *number);
    Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
}

async fn tell_one(file: PathBuf, wire: &Wire, whom: &[Whom], operations: &Operations, update: bool) -> Outcome {
    let watch = Stopwatch::start();
    let mut outcome = Outcome {
        title: file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned(),
        file,
        problems: Vec::new(),
        told: Told::default(),
        duration: Duration::ZERO,
        update: None,
    };
    let text = std::fs::read_to_string(&outcome.file);
    let text = text.map_err(|error| vec![Problem { place: yaml::Place::default(), message: error.to_string() }]);
    let read = text.and_then(|text| Ok((Story::read(&text)?, text)));
    match read {
        Err(problems) => outcome.problems = problems,
        Ok((story, text)) => {
            outcome.title.clone_from(&story.title);
            match whom.iter().find(|one| one.provider == story.provider) {
                None => {
                    let names: Vec<&str> = whom.iter().map(|one| one.provider).collect();
                    let message = format!("{:?} is no provider: there are {}", story.provider, names.join(", "));
                    outcome.problems = vec![Problem { place: story.document.place("/provider"), message }];
                }
                Some(whom) => {
                    let name = slug(&outcome.file);
                    outcome.told = Teller::new(wire, whom, operations, name, update).tell(&story).await;
                    if update && !outcome.told.edits.is_empty() {
                        outcome.update = Some(edited(&text, &story.document, &outcome.told.edits));
                    }
                }
            }
        }
    }
    outcome.duration = watch.elapsed();
    outcome
}

/// A name for the world of a file: the last two parts of its path, so that files of one name in two folders differ.
fn slug(file: &Path) -> String {
    let parts: Vec<String> = file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let last = parts[parts.len().saturating_sub(2)..].join("_");
    let letters =
        last.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '_' });
    format!("story_{}", letters.collect::<String>())
}

/// Whose API a story speaks to.
struct Whom {
    provider: &'static str,
    mount: Arc<dyn Mount>,
}

impl Whom {
    fn of(mount: &Arc<dyn Mount>) -> Option<Self> {
        mount.keeper().map(|_| Self { provider: mount.name(), mount: Arc::clone(mount) })
    }

    /// The key of a story's world.
    fn key(&self, name: &str) -> String {
        self.mount.keeper().map(|keeper| keeper.key_for(name)).unwrap_or_default()
    }

    fn credentials(&self, key: &str) -> Vec<(String, String)> {
        let headers = self.mount.keeper().map(|keeper| keeper.credentials(key)).unwrap_or_default();
        headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// Headers as a story compares them.
fn named(headers: &HeaderMap) -> Value {
    let text = |value: &HeaderValue| json!(value.to_str().unwrap_or_default());
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

/// The operations of all providers, as the sandbox lists them.
struct Operations(Value);

impl Operations {
    /// Method and path of an operation.
    fn find(&self, provider: &str, id: &str) -> Result<(&str, &str), String> {
        let known = || self.0[provider].as_array().into_iter().flatten();
        let found = known().find(|row| row["id"] == id);
        let text = |row: &'_ Value, field: &str| row[field].as_str().unwrap_or_default().to_owned();
        found
            .map(|row| (row["method"].as_str().unwrap_or_default(), row["path"].as_str().unwrap_or_default()))
            .ok_or_else(|| {
                let ids: Vec<String> = known().map(|row| text(row, "id")).collect();
                let meant = near(id, ids.iter().map(String::as_str));
                let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
                format!("{id:?} is no operation of {provider}{meant}")
            })
    }
}
