//! `leapday story`: tell stories and say how they went; `leapday story new`: begin one.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use super::{Failure, failed, misused, say};
use crate::blocking::Sandbox;
use crate::contract::counted;
use crate::sandbox::{NOWHERE, Options, mounts};
use crate::story::{self, Outcome, Plan};
use crate::time::Stopwatch;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Story files, or folders of such; `new FILE` begins one, `schema` prints the JSON Schema of the format
    #[arg(required = true, value_name = "FILE|FOLDER")]
    what: Vec<PathBuf>,
    /// Tell the stories to a sandbox that runs already, instead of a private one
    #[arg(long, env = "LEAPDAY_URL", value_name = "URL")]
    against: Option<String>,
    /// The token of that sandbox, if it asks for one: stories that fork their world need it
    #[arg(long, env = "LEAPDAY_ADMIN_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    admin_token: Option<String>,
    /// Write a report in the form of `JUnit`
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Accept what was seen: write it into the files
    #[arg(long)]
    update: bool,
    /// How many stories are told at a time, and how many threads a private sandbox has
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    threads: u8,
    /// Say only what failed
    #[arg(short, long)]
    quiet: bool,
    /// Provider of a new story
    #[arg(long, default_value = "paygentic")]
    provider: String,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let is = |word: &str| args.what.first().is_some_and(|first| first.as_os_str() == word && !first.exists());
    if is("schema") {
        say(story::schema().trim_end());
        return Ok(());
    }
    if is("new") {
        let [_, file] = args.what.as_slice() else { return Err(misused("leapday story new FILE.yaml")) };
        return begin(file, &args.provider);
    }
    let files = files(&args.what)?;
    let watch = Stopwatch::start();
    let threads = usize::from(args.threads);
    let private = || Sandbox::builder().strict(true).options(|options| options.threads = threads).start();
    let sandbox = args.against.is_none().then(private).transpose().map_err(|error| failed(error.0))?;
    let url = args.against.clone().or_else(|| sandbox.as_ref().map(|sandbox| sandbox.base_url().to_owned()));
    let admin_token = args.admin_token.clone().filter(|_| args.against.is_some());
    let plan = Plan { url: url.unwrap_or_default(), admin_token, at_once: threads, update: args.update };
    let mounts = mounts(&Options::default(), NOWHERE).map_err(|error| misused(error.0))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    let runtime = runtime.map_err(|error| failed(format!("no runtime: {error}")))?;
    let outcomes = runtime.block_on(story::tell(files, &mounts, &plan)).map_err(failed)?;
    for outcome in &outcomes {
        print(outcome, args.quiet);
        if let Some((text, _)) = &outcome.update {
            let written = std::fs::write(&outcome.file, text);
            written.map_err(|error| failed(format!("{}: {error}", outcome.file.display())))?;
        }
    }
    if let Some(file) = &args.junit {
        let written = std::fs::write(file, story::junit(&outcomes));
        written.map_err(|error| failed(format!("{}: {error}", file.display())))?;
    }
    let bad = outcomes.iter().filter(|outcome| !outcome.is_good()).count();
    let steps: usize = outcomes.iter().map(|outcome| outcome.told.steps).sum();
    // How long it took is no part of the transcript, which is the same every time.
    let stories = counted(outcomes.len(), "story");
    eprintln_if_terminal(&format!("{stories} in {:.2} s", watch.elapsed().as_secs_f64()));
    if bad > 0 {
        return Err(failed(format!("{bad} of {stories} failed")));
    }
    if !args.quiet {
        say(&format!("{stories}, {}: all as told", counted(steps, "step")));
    }
    Ok(())
}

fn eprintln_if_terminal(text: &str) {
    use std::io::Write as _;
    if std::io::stderr().is_terminal() {
        let _ = writeln!(std::io::stderr(), "{text}");
    }
}

fn print(outcome: &Outcome, quiet: bool) {
    let file = outcome.file.display();
    if !quiet {
        say(&format!("{file}  {}", outcome.title));
        for line in &outcome.told.lines {
            say(line);
        }
    }
    if !outcome.is_good() {
        say(&outcome.complaint());
    }
    if !quiet {
        if let Some((_, changed)) = outcome.update {
            say(&format!("{file}: {} updated", counted(changed, "value")));
        }
        say(if outcome.is_good() { "  ok\n" } else { "  FAILED\n" });
    }
}

/// The story files that are meant, in the order of their names.
fn files(what: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in what {
        if path.is_dir() {
            let before = files.len();
            walk(path, &mut files).map_err(|error| failed(format!("{}: {error}", path.display())))?;
            if files.len() == before {
                return Err(misused(format!("there is no .yaml file in {}", path.display())));
            }
        } else if path.exists() {
            files.push(path.clone());
        } else if path.to_string_lossy().contains('*') {
            // A shell that finds nothing leaves the pattern.
            return Err(misused(format!("no file is like {}; a folder is taken with all in it", path.display())));
        } else {
            return Err(misused(format!("there is no file {}", path.display())));
        }
    }
    files.sort();
    files.dedup();
    Ok(files)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            files.push(path);
        }
    }
    Ok(())
}

fn begin(file: &Path, provider: &str) -> Result<(), Failure> {
    if file.exists() {
        return Err(failed(format!("{} is there already", file.display())));
    }
    let calls = match provider {
        "paygentic" => include_str!("story/paygentic.yaml"),
        "paylera" => include_str!("story/paylera.yaml"),
        "paymennt" => include_str!("story/paymennt.yaml"),
        other => return Err(misused(format!("{other:?} is no provider: there are paygentic, paylera, paymennt"))),
    };
    std::fs::write(file, calls).map_err(|error| failed(format!("{}: {error}", file.display())))?;
    say(&format!("{} begun: leapday story {}", file.display(), file.display()));
    Ok(())
}
