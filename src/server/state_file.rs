//! All worlds of a sandbox in one file: read at the start, written at the stop and from time to time.
//!
//! Whoever reads the file sees the whole of one save or of the one before: it is written beside its place, forced to the
//! disk and moved there. It holds keys and the secrets of webhooks, so it is its owner's alone.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::{Mount, teaching_line};

/// One save at a time, so that an earlier one is never moved over a later one.
static SAVING: Mutex<()> = Mutex::new(());

/// Opens the worlds that a file holds; how many there are. A file that is not there yet holds none.
///
/// # Errors
/// If it cannot be read, or what is wrong with it; or if none could be written in its place.
pub fn load(path: &Path, mounts: &[Arc<dyn Mount>]) -> Result<usize, String> {
    tidy(path);
    // Found out now rather than at the stop, when it is too late.
    let beside = beside(path);
    let probed = create(&beside).and_then(|_| std::fs::remove_file(&beside));
    probed.map_err(|error| format!("cannot be written: {} {error}", beside.display()))?;
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error.to_string()),
    };
    let state: Value =
        serde_json::from_reader(BufReader::new(file)).map_err(|error| format!("not JSON, or not whole: {error}"))?;
    let worlds = state["worlds"].as_array().ok_or("no state of Leapday: it has no list of worlds")?;
    for kept in worlds {
        let (provider, key) = (&kept["provider"], &kept["key"]);
        let keeper = mounts.iter().find(|mount| *provider == mount.name()).and_then(|mount| mount.keeper());
        let keeper = keeper.ok_or_else(|| format!("{provider} is no provider"))?;
        keeper.recall(kept).map_err(|fault| match fault.violations.as_slice() {
            [] => format!("the world {key} of {provider}: {}", fault.message),
            violations => format!("the world {key} of {provider}: {}", teaching_line(violations)),
        })?;
    }
    Ok(worlds.len())
}

/// Writes all worlds down; how many there are.
///
/// # Errors
/// If the file cannot be written. The one that was there before is still whole.
pub fn save(path: &Path, mounts: &[Arc<dyn Mount>]) -> Result<usize, String> {
    // It guards no data: a save that panicked left a file that the next one replaces.
    let _only = SAVING.lock().unwrap_or_else(PoisonError::into_inner);
    let beside = beside(path);
    let saved = write(&beside, mounts).and_then(|count| std::fs::rename(&beside, path).map(|()| count));
    if saved.is_err() {
        // What is half written is of no use to anybody.
        let _ = std::fs::remove_file(&beside);
    } else if let Ok(folder) = File::open(folder(path)) {
        // The move itself is in the folder, which has to reach the disk too where there is such a thing.
        let _ = folder.sync_all();
    }
    saved.map_err(|error| error.to_string())
}

/// Saves from time to time what has changed, so that a process that is killed loses little.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saver {
    pub path: PathBuf,
    pub every: Duration,
}

impl Saver {
    /// Goes on until it is aborted. A save that fails is tried again.
    pub(super) async fn run(self, mounts: Vec<Arc<dyn Mount>>) {
        let mut saved = pulse(&mounts);
        loop {
            tokio::time::sleep(self.every).await;
            // Looked at before: what changes during the save is saved the next time.
            let now = pulse(&mounts);
            if now == saved {
                continue;
            }
            let (path, mounts) = (self.path.clone(), mounts.clone());
            match tokio::task::spawn_blocking(move || save(&path, &mounts)).await {
                Ok(Ok(worlds)) => {
                    tracing::debug!(worlds, file = %self.path.display(), "state saved");
                    saved = now;
                }
                Ok(Err(error)) => tracing::error!(error, file = %self.path.display(), "state not saved"),
                Err(error) => tracing::error!(%error, file = %self.path.display(), "state not saved"),
            }
        }
    }
}

/// A number that is another one when a world has changed.
fn pulse(mounts: &[Arc<dyn Mount>]) -> u64 {
    mounts.iter().filter_map(|mount| mount.keeper()).fold(0, |pulse, keeper| keeper.pulse(pulse))
}

fn write(path: &Path, mounts: &[Arc<dyn Mount>]) -> io::Result<usize> {
    let mut file = BufWriter::new(create(path)?);
    let mut worlds = 0;
    write!(file, "{{\"leapday\":{},\"worlds\":[", json!(env!("CARGO_PKG_VERSION")))?;
    for keeper in mounts.iter().filter_map(|mount| mount.keeper()) {
        worlds += keeper.keep(&mut file, worlds)?;
    }
    file.write_all(b"\n]}\n")?;
    file.into_inner()?.sync_all()?;
    Ok(worlds)
}

/// A new file in place of whatever has its name.
fn create(path: &Path) -> io::Result<File> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Where a save is written before it is whole: `worlds.json.123.tmp`, with the number of the process.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

/// Removes what processes have left that were killed while they saved.
fn tidy(path: &Path) {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return };
    for entry in std::fs::read_dir(folder(path)).into_iter().flatten().flatten() {
        let is_left = |other: &str| {
            let process = other.strip_prefix(name)?.strip_prefix('.')?.strip_suffix(".tmp")?;
            Some(!process.is_empty() && process.bytes().all(|byte| byte.is_ascii_digit()))
        };
        if entry.file_name().to_str().and_then(is_left) == Some(true) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}
