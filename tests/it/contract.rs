//! Operations, schemas and fixtures agree (rule 3), and every operation refuses nonsense kindly.

use leapday::api::Keeper;
use leapday::sandbox::{NOWHERE, Options, mounts};

#[test]
fn tables_schemas_and_fixtures_agree() {
    let mounts = mounts(&Options::default(), NOWHERE).expect("mounts");
    let problems: Vec<String> = mounts.iter().flat_map(|mount| mount.check()).collect();
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn every_bundled_world_opens() {
    for name in leapday::fixtures::names() {
        let options = Options { world: name.to_owned(), ..Options::default() };
        for mount in mounts(&options, NOWHERE).expect("mounts") {
            assert_eq!(mount.keeper().map_or(Ok(()), Keeper::rehearse), Ok(()), "{name}");
        }
    }
}
