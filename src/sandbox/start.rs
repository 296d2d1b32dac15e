//! What every new world starts from: a bundled world, or a file of the user's.

use serde_json::Value;

use super::StartupError;
use crate::contract::near;
use crate::fixtures;

pub(super) fn world(name: &str) -> Result<Value, StartupError> {
    if let Some(world) = fixtures::world(name) {
        return Ok(world);
    }
    let text = std::fs::read_to_string(name).map_err(|error| {
        let names = fixtures::names();
        let meant = near(name, names.iter().copied()).map(|name| format!("; did you mean {name}?")).unwrap_or_default();
        let bundled = names.join(", ");
        StartupError(format!(
            "--world {name}: neither a bundled world ({bundled}) nor a readable file ({error}){meant}"
        ))
    })?;
    serde_json::from_str(&text).map_err(|error| StartupError(format!("--world {name}: not JSON: {error}")))
}

/// A misspelt provider would make an empty world without a word.
pub(super) fn check_shape(world: &Value, providers: &[&str]) -> Result<(), String> {
    let example = r#"such as {"paygentic": [{"call": "createProduct", "id": "prod_mine", "body": {}}]}"#;
    let Value::Object(parts) = world else { return Err(format!("is no JSON object {example}")) };
    for (name, steps) in parts.iter().filter(|(name, _)| *name != "description") {
        if !providers.contains(&name.as_str()) {
            let known = providers.join(", ");
            return Err(format!("{name:?} is no provider: there are {known}, and \"description\""));
        }
        if !steps.is_array() {
            return Err(format!("{name:?} is no list of calls {example}"));
        }
    }
    Ok(())
}
