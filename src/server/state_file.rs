//! All worlds of a sandbox in one file: read at the start, written at the stop.
//!
//! Whoever reads the file sees the whole of one save or of the one before: it is written beside its place, forced to the
//! disk and moved there.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::{Mount, teaching_line};
use crate::time::wall;

/// Opens the worlds that a file holds; how many there are. A file that is not there yet holds none.
///
/// # Errors
/// If it cannot be read, or what is wrong with it.
pub fn load(path: &Path, mounts: &[Arc<dyn Mount>]) -> Result<usize, String> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error.to_string()),
    };
    let state: Value =
        serde_json::from_reader(BufReader::new(file)).map_err(|error| format!("not JSON, or not whole: {error}"))?;
    let worlds = state["worlds"].as_array().ok_or("no state of Leapday: it has no list of worlds")?;
    for kept in worlds {
        let (provider, key) = (&kept["provider"], &kept["key"]);
        let keeper = mounts.iter().find(|mount| *provider == mount.name()).and_then(|mount| mount.keeper());
        let keeper = keeper.ok_or_else(|| format!("{provider} is no provider"))?;
        keeper.recall(kept, wall()).map_err(|fault| match fault.violations.as_slice() {
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
    let mut worlds = Vec::new();
    for keeper in mounts.iter().filter_map(|mount| mount.keeper()) {
        worlds.extend(keeper.kept(wall()).map_err(|fault| fault.message)?);
    }
    let count = worlds.len();
    let state = json!({ "leapday": env!("CARGO_PKG_VERSION"), "worlds": worlds });
    write_beside(path, &state).map_err(|error| error.to_string())?;
    Ok(count)
}

fn write_beside(path: &Path, state: &Value) -> std::io::Result<()> {
    let beside = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = write(&beside, state).and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        // What is half written is of no use to anybody.
        let _ = std::fs::remove_file(&beside);
        return written;
    }
    // The move itself is in the folder, which has to reach the disk too where there is such a thing.
    if let Some(folder) = path.parent() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        if let Ok(folder) = File::open(folder) {
            let _ = folder.sync_all();
        }
    }
    Ok(())
}

fn write(path: &Path, state: &Value) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    serde_json::to_writer(&mut file, state)?;
    file.write_all(b"\n")?;
    file.into_inner()?.sync_all()
}
