//! What `leapday check` finds in fixtures.

use include_dir::Dir;
use serde_json::Value;

use crate::api::Desk;

/// Every example request must be one of an operation and pass its contract.
pub fn fixtures<A>(files: &Dir<'_>, desk: &Desk<A>) -> Vec<String> {
    let mut problems = Vec::new();
    for file in files.files() {
        let name = file.path().display();
        let examples: Value = match serde_json::from_slice(file.contents()) {
            Ok(examples) => examples,
            Err(error) => {
                problems.push(format!("fixtures {name}: {error}"));
                continue;
            }
        };
        for (operation, example) in examples.as_object().into_iter().flatten() {
            let Some((_, contract)) = desk.operation(operation) else {
                problems.push(format!("fixtures {name}: {operation} is no operation"));
                continue;
            };
            if let Err(violations) = contract.request(&mut example["request"].clone()) {
                problems
                    .extend(violations.iter().map(|violation| format!("fixtures {name}: {operation}: {violation}")));
            }
        }
    }
    problems
}
