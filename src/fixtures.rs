//! The bundled worlds: lists of calls that a new world is started with.

use include_dir::{Dir, include_dir};
use serde_json::Value;

static WORLDS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/fixtures/worlds");

/// What new worlds start from unless somebody says otherwise.
pub const DEFAULT_WORLD: &str = "starter";

/// The names of the bundled worlds.
#[must_use]
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> =
        WORLDS.files().filter_map(|file| file.path().file_stem().and_then(|stem| stem.to_str())).collect();
    names.sort_unstable();
    names
}

/// A bundled world by name.
#[must_use]
pub fn world(name: &str) -> Option<Value> {
    let file = WORLDS.get_file(format!("{name}.json"))?;
    serde_json::from_slice(file.contents()).ok()
}
