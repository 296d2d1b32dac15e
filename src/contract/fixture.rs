//! Two small folders of schema files for the tests of this room: one in order, one with every flaw.

use include_dir::{Dir, DirEntry, File};
use serde_json::{Value, json};

use super::check::Row;
use super::registry::Registry;

pub(super) static GOOD: Dir<'static> = Dir::new(
    "",
    &[
        DirEntry::File(File::new("plans.json", PLANS.as_bytes())),
        DirEntry::File(File::new("shared.json", SHARED.as_bytes())),
        DirEntry::File(File::new("subscriptions.json", SUBSCRIPTIONS.as_bytes())),
    ],
);

pub(super) static BAD: Dir<'static> = Dir::new(
    "",
    &[
        DirEntry::File(File::new("named.json", br#"{"$id": "https://leapday.invalid/test/other.json", "$defs": {}}"#)),
        DirEntry::File(File::new("plans.json", BAD_PLANS.as_bytes())),
        DirEntry::File(File::new("sourced.json", SOURCED.as_bytes())),
        DirEntry::File(File::new("torn.json", b"{")),
    ],
);

pub(super) const ROWS: [Row; 4] =
    [row("createSubscription"), row("cancelSubscription"), row("listSubscriptions"), row("getSubscription")];

const fn row(operation: &'static str) -> Row {
    Row { noun: "subscriptions", operation }
}

const PLANS: &str = r##"{
  "$id": "https://leapday.invalid/test/plans.json",
  "$defs": {
    "Plan": {"type": "object", "required": ["name"], "properties": {
      "name": {"type": "string"}, "parent": {"$ref": "#/$defs/Plan"}}}
  }
}"##;

const SHARED: &str = r#"{
  "$id": "https://leapday.invalid/test/shared.json",
  "x-source": "client",
  "$defs": {
    "error": {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}},
    "Interval": {"type": "string", "enum": ["daily", "weekly", "monthly", "yearly"], "default": "monthly"},
    "Card": {"type": "object", "required": ["type", "number"], "properties": {
      "type": {"const": "card"}, "number": {"type": "string", "pattern": "^[0-9]{16}$"}}},
    "Debit": {"type": "object", "required": ["type", "iban"], "properties": {
      "type": {"const": "debit"}, "iban": {"type": "string", "minLength": 15}}}
  }
}"#;

const SUBSCRIPTIONS: &str = r##"{
  "$id": "https://leapday.invalid/test/subscriptions.json",
  "x-source": {"listSubscriptions": "guides"},
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "$defs": {
    "createSubscription.request": {
      "type": "object",
      "required": ["planId"],
      "anyOf": [{"required": ["customerId"]}, {"required": ["customer"]}],
      "properties": {
        "planId": {"type": "string", "pattern": "^plan_[a-zA-Z0-9]+$"},
        "customerId": {"type": "string", "pattern": "^cus_[a-zA-Z0-9]+$"},
        "customer": {
          "type": "object", "required": ["email"], "additionalProperties": false,
          "properties": {"email": {"type": "string", "format": "email"}, "name": {"type": "string", "minLength": 1, "maxLength": 10}}
        },
        "startedAt": {"type": "string", "format": "date-time"},
        "trialEnd": {"type": ["string", "null"], "format": "date"},
        "noticePeriod": {"type": "string", "format": "duration"},
        "callback": {"type": "string", "format": "uri"},
        "interval": {"$ref": "shared.json#/$defs/Interval"},
        "autoCharge": {"type": "boolean", "default": true},
        "endsAt": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
        "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
        "secret": {"type": "string", "maxLength": 3},
        "discount": {"type": "number", "exclusiveMinimum": 0, "maximum": 100, "multipleOf": 0.5},
        "kind": {"const": "recurring"},
        "coupon": {"oneOf": [
          {"type": "object", "required": ["amount"]}, {"type": "object", "required": ["percent"]}]},
        "reference": {"anyOf": [
          {"type": "string", "pattern": "^ord_[0-9]+$"}, {"type": "string", "pattern": "^inv_[0-9]+$"}]},
        "handle": {"anyOf": [
          {"pattern": "^a_.+$"}, {"pattern": "^b_.+$"}, {"pattern": "^c_.+$"}, {"pattern": "^d_.+$"},
          {"pattern": "^e_.+$"}, {"pattern": "^f_.+$"}]},
        "token": {"enum": ["alpha-one", "beta-two"]},
        "payment": {"oneOf": [{"$ref": "shared.json#/$defs/Card"}, {"$ref": "shared.json#/$defs/Debit"}]},
        "items": {"type": "array", "minItems": 1, "maxItems": 20, "uniqueItems": true, "items": {
          "type": "object", "required": ["price", "quantity"],
          "properties": {"price": {"type": "string"}, "quantity": {"type": "integer", "minimum": 1}}}},
        "metadata": {"type": "object", "maxProperties": 2, "additionalProperties": {"type": "string"}}
      },
      "dependentRequired": {"discount": ["currency"]},
      "not": {"required": ["trialEnd", "endsAt"]}
    },
    "createSubscription.response": {"x-status": [200, 201], "$ref": "#/$defs/Subscription"},
    "createSubscription.response.409": {
      "type": "object", "required": ["conflict"], "properties": {"conflict": {"type": "boolean"}}},
    "cancelSubscription.request": {
      "x-optional": true, "type": "object", "properties": {"atPeriodEnd": {"type": "boolean", "default": true}}},
    "cancelSubscription.path": {"type": "object", "properties": {"version": {"type": "integer", "minimum": 1}}},
    "cancelSubscription.header": {"type": "object", "properties": {"Idempotency-Key": {"type": "string", "maxLength": 5}}},
    "cancelSubscription.response": {"type": "null"},
    "getSubscription.response.200": {"$ref": "#/$defs/Subscription"},
    "listSubscriptions.response": {"type": "array", "items": {"$ref": "#/$defs/Subscription"}},
    "listSubscriptions.query": {
      "type": "object",
      "properties": {
        "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
        "ratio": {"type": "number"},
        "active": {"type": "boolean"},
        "q": {"type": "string"},
        "size": {"enum": [10, 25]},
        "status": {"type": "array", "items": {"type": "string", "enum": ["active", "paused"]}},
        "ids": {"type": "array", "items": {"type": "integer"}},
        "either": {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}]},
        "idOrNumber": {"type": ["string", "integer"]}
      }
    },
    "Subscription": {
      "type": "object", "required": ["id", "plan"],
      "properties": {"id": {"type": "string"}, "plan": {"$ref": "plans.json#/$defs/Plan"}}}
  }
}"##;

const SOURCED: &str = r#"{"$id": "https://leapday.invalid/test/sourced.json", "x-source": "hearsay", "$defs": {}}"#;

const BAD_PLANS: &str = r##"{
  "$id": "https://leapday.invalid/test/plans.json",
  "$defs": {
    "Unresolvable": {"$ref": "#/$defs/Nowhere"},
    "Outside": {"$ref": "elsewhere.json#/$defs/Plan"},
    "BadType": {"type": "text"},
    "BadPattern": {"type": "string", "pattern": "("},
    "BadFormat": {"type": "string", "format": "datetime"},
    "makePlan.reqest": {"type": "object"},
    "makePlan.response": {"x-status": [201, 404], "type": "object"},
    "dropPlan.response": {"x-status": 204, "type": "null"},
    "listPlans.response": {"x-status": [200, 200], "type": "object"},
    "makePlan.response.409": {"x-status": [409], "type": "object"}
  }
}"##;

/// What `createSubscription` says of a body that would be good but for these fields; `null` takes one away.
pub(super) fn told(changes: &Value) -> Vec<String> {
    let mut body = json!({"planId": "plan_1", "customerId": "cus_1"});
    body.as_object_mut().expect("an object").extend(changes.as_object().cloned().unwrap_or_default());
    body.as_object_mut().expect("an object").retain(|name, value| !(value.is_null() && name != "trialEnd"));
    let result = Registry::new(&GOOD).contract("subscriptions", "createSubscription").request(&mut body);
    result.err().into_iter().flatten().map(|violation| violation.to_string()).collect()
}
