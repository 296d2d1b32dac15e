//! Whose world a command is about, and how it is asked.

use comfy_table::{Table, presets};
use serde_json::Value;

use super::client::{At, block_on};
use super::{Failure, say};
use crate::client::World;

#[derive(clap::Args)]
pub(super) struct Whose {
    #[command(flatten)]
    at: At,
    /// The key whose world is meant; a pair as KEY:SECRET, with --provider
    #[arg(long, env = "LEAPDAY_KEY", global = true, default_value = "sk_test_demo")]
    pub(super) key: String,
    /// The provider, where the key has worlds at several
    #[arg(long, env = "LEAPDAY_PROVIDER", global = true)]
    pub(super) provider: Option<String>,
    /// Print the answer as JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
}

impl Whose {
    /// What the control API answers to one request.
    ///
    /// # Errors
    /// If nobody answers, or what was refused.
    pub(super) fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let world = self.world()?;
        block_on(async { Ok(world.control(method, path, body.cloned().unwrap_or_default()).await?) })
    }

    /// The world, for a command that asks several times.
    ///
    /// # Errors
    /// If there is no such provider, or no such URL.
    pub(super) fn world(&self) -> Result<World, Failure> {
        let client = self.at.client()?;
        match &self.provider {
            Some(provider) => Ok(client.world(provider, &self.key)?),
            None => Ok(World::of_key(&client, &self.key)),
        }
    }

    /// Prints an answer: as JSON, or as the rows of a table.
    pub(super) fn show(&self, answer: &Value, list: &str, columns: &[(&str, &str)]) {
        if self.json {
            return say(&format!("{answer:#}"));
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(columns.iter().map(|(title, _)| *title));
        for row in answer[list].as_array().into_iter().flatten() {
            table.add_row(columns.iter().map(|(_, pointer)| {
                match row.pointer(pointer) {
                    Some(Value::String(text)) => text.clone(),
                    Some(Value::Array(items)) => items
                        .iter()
                        .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
                        .collect::<Vec<_>>()
                        .join(", "),
                    Some(Value::Null) | None => String::new(),
                    Some(other) => other.to_string(),
                }
            }));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        say(&table.trim_fmt());
    }
}
