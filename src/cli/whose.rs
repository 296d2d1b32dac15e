//! Whose world a command is about, and how it is asked.

use comfy_table::{Table, presets};
use serde_json::Value;

use super::client::{At, block_on, call};
use super::{Failure, failed, misused, say};
use crate::sandbox::{NOWHERE, Options, mounts};

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
        let credentials = self.credentials()?;
        block_on(self.send(&credentials, method, path, body))
    }

    /// The same for a command that asks several times.
    ///
    /// # Errors
    /// As for [`Whose::ask`].
    pub(super) async fn send(
        &self,
        credentials: &[(&'static str, String)],
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let path = match &self.provider {
            Some(provider) => format!("{path}{}provider={provider}", if path.contains('?') { '&' } else { '?' }),
            None => path.to_owned(),
        };
        let (status, answer) =
            call(&self.at.base_url()?, method, &format!("/_leapday{path}"), credentials, body).await?;
        if status < 300 { Ok(answer) } else { Err(failed(refusal(&answer))) }
    }

    /// How the key is sent: as the provider takes it, or as most do.
    ///
    /// # Errors
    /// If there is no such provider.
    pub(super) fn credentials(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        let mut mounts = mounts(&Options::default(), NOWHERE).map_err(|error| misused(error.0))?;
        mounts.retain(|mount| !mount.name().starts_with('_'));
        let named = self.provider.as_deref().map(|name| mounts.iter().find(|mount| mount.name() == name));
        let mount = named.unwrap_or_else(|| mounts.first());
        mount.and_then(|mount| mount.keeper()).map(|keeper| keeper.credentials(&self.key)).ok_or_else(|| {
            let names: Vec<&str> = mounts.iter().map(|mount| mount.name()).collect();
            misused(format!(
                "there is no provider {:?}; there are {}",
                self.provider.as_deref().unwrap_or(""),
                names.join(", ")
            ))
        })
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

/// A query of the values that are given.
pub(super) fn query(pairs: &[(&str, Option<&str>)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    let query = query.finish();
    if query.is_empty() { query } else { format!("?{query}") }
}

/// A part of a path.
pub(super) fn segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn refusal(answer: &Value) -> String {
    let violations = answer["violations"].as_array().into_iter().flatten();
    let details: Vec<&str> = violations.filter_map(|violation| violation["message"].as_str()).collect();
    let message = answer["message"].as_str().unwrap_or("the sandbox refused");
    if details.is_empty() { message.to_owned() } else { format!("{message}: {}", details.join("; ")) }
}
