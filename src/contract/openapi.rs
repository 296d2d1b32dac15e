//! The contracts of an API as an `OpenAPI` document (3.1, whose schemas are those that are here already).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::library::{Library, Spot};
use super::shape::{expand, file, properties, successes};

const JSON: &str = "application/json";
const NO_CONTENT: u64 = 204;

/// One row of an API's table.
#[derive(Debug, Clone)]
pub struct Route<'a> {
    pub noun: &'static str,
    pub operation: &'static str,
    pub method: &'a str,
    pub path: &'static str,
    /// One without behaviour answers 501.
    pub built: bool,
    /// Whether it needs no key.
    pub keyless: bool,
    /// A body that it takes.
    pub example: Option<Value>,
    /// What every operation of its kind may bring, beyond its contract.
    pub headers: Vec<Header>,
    /// Everything that it answers but success, one a status.
    pub refusals: Vec<Refusal>,
}

/// A header that a request may bring.
#[derive(Debug, Clone, Copy)]
pub struct Header {
    pub name: &'static str,
    pub required: bool,
    pub longest: usize,
}

/// A refusal as the API words it.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub status: u16,
    pub reason: &'static str,
    pub content_type: String,
    pub headers: Vec<String>,
}

/// What is said of the whole API.
#[derive(Debug, Clone)]
pub struct Front<'a> {
    pub title: &'a str,
    pub server: &'a str,
    /// The headers that a key is sent in.
    pub credentials: &'a [&'static str],
    /// The headers of every answer.
    pub headers: Vec<String>,
}

/// The document.
pub(super) fn document(library: &Library, front: &Front<'_>, routes: &[Route<'_>]) -> Value {
    let mut schemas = BTreeMap::new();
    let mut needed = BTreeSet::new();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in routes {
        let operation = Writer { library, needed: &mut needed }.operation(route, &front.headers);
        paths.entry(route.path).or_default().insert(route.method.to_ascii_lowercase(), operation);
    }
    // A schema that is written may need further ones.
    while let Some((noun, key)) = needed.pop_first() {
        let name = format!("{noun}.{key}");
        if schemas.contains_key(&name) {
            continue;
        }
        let Some(spot) = library.definition(library.name(&noun), &key) else { continue };
        let schema = Writer { library, needed: &mut needed }.schema(spot.noun, spot.schema);
        schemas.insert(name, schema);
    }
    let is_bearer = |header: &&&str| **header == "authorization";
    let scheme = |header: &&str| match Some(header).filter(is_bearer) {
        Some(_) => (String::from("bearer"), json!({ "type": "http", "scheme": "bearer" })),
        None => ((*header).to_owned(), json!({ "type": "apiKey", "in": "header", "name": header })),
    };
    let schemes: Map<String, Value> = front.credentials.iter().map(scheme).collect();
    let all: Map<String, Value> = schemes.keys().map(|name| (name.clone(), json!([]))).collect();
    let tags: BTreeSet<&str> = routes.iter().map(|route| route.noun).collect();
    json!({
        "openapi": "3.1.0",
        "info": { "title": front.title, "version": env!("CARGO_PKG_VERSION") },
        "servers": [{ "url": front.server }],
        "security": [all],
        "tags": tags.into_iter().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
        "paths": paths,
        "components": { "securitySchemes": schemes, "schemas": schemas },
    })
}

struct Writer<'l, 'n> {
    library: &'l Library,
    /// The definitions that are referred to: noun and key.
    needed: &'n mut BTreeSet<(String, String)>,
}

impl Writer<'_, '_> {
    fn operation(&mut self, route: &Route<'_>, headers: &[String]) -> Value {
        let mut operation = json!({ "operationId": route.operation, "tags": [route.noun] });
        if let Some(source) = self.library.source(route.noun, route.operation) {
            operation["x-source"] = json!(source);
        }
        if route.keyless {
            operation["security"] = json!([]);
        }
        if !route.built {
            operation["description"] = json!("In the contract; without behaviour yet: answers 501.");
        }
        let mut parameters = Vec::new();
        let mut known = self.parameters(route, "path", "path");
        for name in route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            let place = known.iter().position(|parameter| parameter["name"] == name);
            let schema = place.map_or_else(
                || json!({ "type": "string", "minLength": 1 }),
                |place| known.swap_remove(place)["schema"].take(),
            );
            parameters.push(json!({ "name": name, "in": "path", "required": true, "schema": schema }));
        }
        parameters.extend(self.parameters(route, "query", "query"));
        parameters.extend(self.parameters(route, "header", "header"));
        for Header { name, required, longest } in &route.headers {
            let schema = json!({ "type": "string", "minLength": 1, "maxLength": longest });
            parameters.push(json!({ "name": name, "in": "header", "required": required, "schema": schema }));
        }
        if !parameters.is_empty() {
            operation["parameters"] = json!(parameters);
        }
        let request = format!("{}.request", route.operation);
        if let Some(spot) = self.library.definition(route.noun, &request) {
            let required = spot.schema["x-optional"] != true;
            let schema = self.refer(route.noun, &request);
            let mut content = json!({ "schema": schema });
            if let Some(example) = &route.example {
                content["example"] = example.clone();
            }
            operation["requestBody"] = json!({ "required": required, "content": { JSON: content } });
        }
        operation["responses"] = self.responses(route, headers);
        operation
    }

    fn parameters(&mut self, route: &Route<'_>, suffix: &str, place: &str) -> Vec<Value> {
        let library = self.library;
        let Some(spot) = library.definition(route.noun, &format!("{}.{suffix}", route.operation)) else {
            return Vec::new();
        };
        let mut found: BTreeMap<&str, Value> = BTreeMap::new();
        let mut required = BTreeSet::new();
        for part in expand(library, vec![spot]) {
            required.extend(part.schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str));
            for (name, schema) in properties(part).into_iter().flatten() {
                let schema = self.schema(part.noun, schema);
                found.entry(name).or_insert(schema);
            }
        }
        let parameter = |(name, schema): (&str, Value)| json!({ "name": name, "in": place, "required": required.contains(name), "schema": schema });
        found.into_iter().map(parameter).collect()
    }

    fn responses(&mut self, route: &Route<'_>, headers: &[String]) -> Value {
        let mut responses = Map::new();
        let error = self.library.definition("shared", "error").map(|_| self.refer("shared", "error"));
        for Refusal { status, reason, content_type, headers } in &route.refusals {
            let refusal = answer(reason, Some((content_type, error.clone())), headers);
            responses.insert(status.to_string(), refusal);
        }
        let success = format!("{}.response", route.operation);
        if let Some(Spot { schema, .. }) = self.library.definition(route.noun, &success) {
            // Null says that there is no JSON: nothing at all, or a file.
            let reference = (schema["type"] != "null").then(|| self.refer(route.noun, &success));
            for status in successes(schema) {
                let content = match file(schema) {
                    Some(content_type) => Some((content_type, None)),
                    // The one of two statuses that has no body.
                    None if status == NO_CONTENT => None,
                    None => Some((JSON, reference.clone())),
                };
                responses.insert(status.to_string(), answer("Done", content, headers));
            }
        }
        let document = self.library.document(route.noun).ok();
        let keys = document.into_iter().flat_map(|document| document.definitions.keys());
        for (key, status) in keys.filter_map(|key| Some((key, key.strip_prefix(&success)?.strip_prefix('.')?))) {
            let schema = Some(self.refer(route.noun, key));
            let usual = route.refusals.first().filter(|_| !status.starts_with('2'));
            let (content_type, headers) =
                usual.map_or((JSON, headers), |refusal| (&refusal.content_type, &refusal.headers));
            responses.insert(status.to_owned(), answer("An answer of its own", Some((content_type, schema)), headers));
        }
        Value::Object(responses)
    }

    /// A reference to a definition, which is written too.
    fn refer(&mut self, noun: &str, key: &str) -> Value {
        self.needed.insert((noun.to_owned(), key.to_owned()));
        json!({ "$ref": format!("#/components/schemas/{noun}.{key}") })
    }

    /// A schema whose references lead into the document.
    fn schema(&mut self, noun: &str, schema: &Value) -> Value {
        match schema {
            Value::Object(keywords) => {
                let written = keywords.iter().map(|(keyword, value)| {
                    let value = match value {
                        Value::String(reference) if keyword == "$ref" => self.reference(noun, reference),
                        value => self.schema(noun, value),
                    };
                    (keyword.clone(), value)
                });
                Value::Object(written.collect())
            }
            Value::Array(items) => items.iter().map(|item| self.schema(noun, item)).collect(),
            other => other.clone(),
        }
    }

    fn reference(&mut self, noun: &str, reference: &str) -> Value {
        match self.library.named(noun, reference) {
            Ok((noun, key, rest)) => {
                self.needed.insert((noun.to_owned(), key.clone()));
                json!(format!("#/components/schemas/{noun}.{key}{rest}"))
            }
            Err(_) => json!(reference),
        }
    }
}

/// An answer, its content by type, and the headers that may go with it.
fn answer(description: &str, content: Option<(&str, Option<Value>)>, headers: &[String]) -> Value {
    let mut answer = json!({ "description": description });
    if let Some((content_type, schema)) = content {
        let schema = schema.map_or_else(|| json!({}), |schema| json!({ "schema": schema }));
        answer["content"] = json!({ content_type: schema });
    }
    if !headers.is_empty() {
        let header = |name: &String| (name.clone(), json!({ "schema": { "type": "string" } }));
        answer["headers"] = headers.iter().map(header).collect::<Map<_, _>>().into();
    }
    answer
}
