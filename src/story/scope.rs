//! What a story has captured, and texts that name it: `${invoice}`, `${plan/prices/0/id}`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use crate::contract::near;

#[expect(clippy::unwrap_used, reason = "the pattern is a constant that a test compiles")]
static NAMED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\$\{([A-Za-z_][A-Za-z0-9_]*)((?:/[^}]*)?)\}").unwrap());

/// Values by name.
#[derive(Debug, Clone, Default)]
pub struct Scope(BTreeMap<String, Value>);

impl Scope {
    pub fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    /// A value with the names in it replaced. A text that is nothing but a name becomes what the name stands for,
    /// whatever that is.
    ///
    /// # Errors
    /// The name that nothing stands for.
    pub fn fill(&self, value: &Value) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => match NAMED.captures(text) {
                Some(named) if named.get(0).is_some_and(|whole| whole.as_str() == text) => {
                    self.get(&named[1], &named[2])?.clone()
                }
                _ => Value::String(self.text(text)?),
            },
            Value::Array(items) => Value::Array(items.iter().map(|item| self.fill(item)).collect::<Result<_, _>>()?),
            Value::Object(fields) => {
                let filled = fields.iter().map(|(name, value)| Ok((self.text(name)?, self.fill(value)?)));
                Value::Object(filled.collect::<Result<Map<_, _>, String>>()?)
            }
            other => other.clone(),
        })
    }

    /// The same for a text that stays one.
    ///
    /// # Errors
    /// As for [`Scope::fill`].
    pub fn text(&self, text: &str) -> Result<String, String> {
        let mut filled = String::with_capacity(text.len());
        let mut from = 0;
        for named in NAMED.captures_iter(text) {
            let Some(whole) = named.get(0) else { continue };
            filled.push_str(&text[from..whole.start()]);
            match self.get(&named[1], &named[2])? {
                Value::String(value) => filled.push_str(value),
                other => filled.push_str(&other.to_string()),
            }
            from = whole.end();
        }
        filled.push_str(&text[from..]);
        Ok(filled)
    }

    fn get(&self, name: &str, pointer: &str) -> Result<&Value, String> {
        let value = self.0.get(name).ok_or_else(|| {
            let meant = near(name, self.0.keys().map(String::as_str));
            let meant = meant.map(|meant| format!("; did you mean ${{{meant}}}?")).unwrap_or_default();
            format!("nothing was captured as ${{{name}}}{meant}")
        })?;
        value.pointer(pointer).ok_or_else(|| format!("${{{name}}} has nothing at {pointer}: it is {value}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_become_what_they_stand_for() {
        let mut scope = Scope::default();
        scope.set("n", json!(3));
        scope.set("plan", json!({ "prices": [{ "id": "p_1" }] }));
        let filled = scope.fill(&json!({ "a": "${n}", "b": ["x-${n}-${plan/prices/0/id}"], "${n}": "$n", "c": true }));
        assert_eq!(filled, Ok(json!({ "a": 3, "b": ["x-3-p_1"], "3": "$n", "c": true })));
        assert!(scope.fill(&json!("${plam}")).unwrap_err().contains("${plan}"));
        assert!(scope.fill(&json!("${plan/none}")).is_err());
    }
}
