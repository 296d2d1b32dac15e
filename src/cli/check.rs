//! `leapday check`: operations, schemas, fixtures and bundled worlds agree.

use super::{Failure, failed, misused, say};
use crate::api::Keeper;
use crate::fixtures;
use crate::sandbox::{NOWHERE, Options, mounts};

pub(super) fn run() -> Result<(), Failure> {
    let mut problems = Vec::new();
    let mut operations = 0;
    for mount in mounts(&Options::default(), NOWHERE).map_err(|error| misused(error.0))? {
        operations += mount.operations().len();
        problems.extend(mount.check().into_iter().map(|problem| format!("{}: {problem}", mount.name())));
    }
    for world in fixtures::names() {
        let options = Options { world: world.to_owned(), ..Options::default() };
        for mount in mounts(&options, NOWHERE).map_err(|error| misused(error.0))? {
            if let Err(problem) = mount.keeper().map_or(Ok(()), Keeper::rehearse) {
                problems.push(format!("world {world}: {}: {problem}", mount.name()));
            }
        }
    }
    if problems.is_empty() {
        let worlds = fixtures::names().len();
        say(&format!("{operations} operations and {worlds} worlds: tables, schemas and fixtures agree"));
        return Ok(());
    }
    for problem in &problems {
        say(problem);
    }
    Err(failed(format!("{} problems", problems.len())))
}
