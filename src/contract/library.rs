//! The schema files of one API: parsed one by one when first needed, and compiled definition by definition.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::sync::OnceLock;

use include_dir::{Dir, File};
use jsonschema::{Draft, Retrieve, Uri, Validator};
use percent_encoding::percent_decode_str;
use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use super::source::{Source, Sources};

/// What all files are written in.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
/// Keywords whose values are data: a `$ref` inside them is no reference.
const DATA_KEYWORDS: [&str; 4] = ["const", "default", "enum", "examples"];

pub(super) struct Library {
    files: BTreeMap<&'static str, SchemaFile>,
}

struct SchemaFile {
    source: &'static File<'static>,
    parsed: OnceLock<Result<Document, String>>,
}

pub(super) struct Document {
    id: String,
    pub(super) sources: Sources,
    pub(super) definitions: Map<String, Value>,
}

/// A reference taken apart: the definition it names, and the pointer from there on.
struct Target<'a> {
    noun: &'a str,
    key: String,
    rest: String,
}

/// A schema and the noun whose file it stands in, against which its references are read.
#[derive(Clone, Copy)]
pub(super) struct Spot<'a> {
    pub(super) noun: &'a str,
    pub(super) schema: &'a Value,
}

/// Names of definitions by noun.
pub(super) type Definitions<'a> = BTreeMap<&'a str, BTreeSet<String>>;

impl Library {
    /// Lists the files; reads none of them.
    pub(super) fn new(dir: &'static Dir<'static>) -> Self {
        let files = dir.files().filter_map(|source| {
            let noun = source.path().file_name()?.to_str()?.strip_suffix(".json")?;
            Some((noun, SchemaFile { source, parsed: OnceLock::new() }))
        });
        Self { files: files.collect() }
    }

    pub(super) fn nouns(&self) -> impl Iterator<Item = &'static str> {
        self.files.keys().copied()
    }

    pub(super) fn document(&self, noun: &str) -> Result<&Document, String> {
        let file = self.files.get(noun).ok_or_else(|| format!("there is no {noun}.json"))?;
        let parsed = file.parsed.get_or_init(|| Document::parse(noun, file.source.contents()));
        parsed.as_ref().map_err(Clone::clone)
    }

    /// The definition `key` of a noun, if the noun has it.
    pub(super) fn definition<'a>(&'a self, noun: &'a str, key: &str) -> Option<Spot<'a>> {
        let schema = self.document(noun).ok()?.definitions.get(key)?;
        Some(Spot { noun, schema })
    }

    /// Where the contract of an operation comes from: as its noun's file says, else as `shared.json` says of all.
    pub(super) fn source(&self, noun: &str, operation: &str) -> Option<Source> {
        let said = |noun| self.document(noun).ok()?.sources.of(operation);
        said(noun).or_else(|| said("shared"))
    }

    /// What a `$ref` in a noun's file points at.
    pub(super) fn resolve<'a>(&'a self, noun: &'a str, reference: &str) -> Result<Spot<'a>, String> {
        let Target { noun, key, rest } = self.target(noun, reference)?;
        let schema = self.definition(noun, &key).and_then(|spot| spot.schema.pointer(&rest));
        schema.map(|schema| Spot { noun, schema }).ok_or_else(|| format!("nothing is at {reference}"))
    }

    fn target<'a>(&'a self, noun: &'a str, reference: &str) -> Result<Target<'a>, String> {
        let (file, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let noun = if file.is_empty() { noun } else { self.sibling(file)? };
        let pointer = percent_decode_str(fragment).decode_utf8_lossy();
        let path = pointer.strip_prefix("/$defs/");
        let path = path.ok_or_else(|| format!("{reference} names no definition; refer to #/$defs/…"))?;
        let (key, rest) = path.split_at(path.find('/').unwrap_or(path.len()));
        Ok(Target { noun, key: key.replace("~1", "/").replace("~0", "~"), rest: rest.to_owned() })
    }

    /// The noun of a file named by its bare name or its whole `$id`. Only siblings are embedded: anything else that
    /// happens to end in a known name would not compile.
    fn sibling(&self, file: &str) -> Result<&'static str, String> {
        let name = file.rsplit('/').next().unwrap_or(file);
        let noun = name.strip_suffix(".json").and_then(|stem| self.files.get_key_value(stem));
        match noun {
            Some((&noun, _)) if file == name || self.document(noun)?.id == file => Ok(noun),
            _ => Err(format!("{file} is not a sibling file")),
        }
    }

    /// The noun by its name, as the program's own word.
    pub(super) fn name(&self, noun: &str) -> &'static str {
        self.files.get_key_value(noun).map_or("", |(noun, _)| noun)
    }

    /// The definition that a `$ref` in a noun's file names: noun, key, and the pointer from there on.
    pub(super) fn named<'a>(&'a self, noun: &'a str, reference: &str) -> Result<(&'a str, String, String), String> {
        self.target(noun, reference).map(|Target { noun, key, rest }| (noun, key, rest))
    }

    /// The definitions that `key` needs, itself included, or the first reference that leads nowhere.
    pub(super) fn reachable<'a>(&'a self, noun: &'a str, key: &str) -> Result<Definitions<'a>, String> {
        let mut found = Definitions::new();
        let mut open = vec![(noun, key.to_owned())];
        while let Some((noun, key)) = open.pop() {
            if found.get(noun).is_some_and(|keys| keys.contains(&key)) {
                continue;
            }
            let schema = self.document(noun)?.definitions.get(&key);
            let schema = schema.ok_or_else(|| format!("{noun}.json has no $defs/{key}"))?;
            for reference in references(schema) {
                let told = |flaw| format!("{noun}.json $defs/{key}: {flaw}");
                self.resolve(noun, reference).map_err(told)?;
                let target = self.target(noun, reference).map_err(told)?;
                open.push((target.noun, target.key));
            }
            found.entry(noun).or_default().insert(key);
        }
        Ok(found)
    }

    /// Compiles one definition. Formats are enforced, and an unknown format is an error, because a format that
    /// checks nothing misleads.
    pub(super) fn compile(&self, noun: &str, key: &str) -> Result<Validator, String> {
        let excerpts = self.excerpts(self.reachable(noun, key)?)?;
        let reference = format!("{}#/$defs/{key}", self.document(noun)?.id);
        jsonschema::options()
            // What is compiled here is one reference, and is first held against the meta-schema of its draft, which has
            // to be compiled for that: the oldest has by far the smallest. The files say themselves which draft is theirs.
            .with_draft(Draft::Draft4)
            .should_validate_formats(true)
            .should_ignore_unknown_formats(false)
            .with_retriever(excerpts)
            .build(&json!({ "$ref": reference }))
            .map_err(|error| format!("{noun}.json $defs/{key} does not compile: {error} at {}", error.schema_path()))
    }

    /// The files cut down to the given definitions: compiling walks all that a retriever returns, and whole files
    /// would make every validator pay for all of its neighbours.
    fn excerpts(&self, definitions: Definitions<'_>) -> Result<Excerpts, String> {
        let mut excerpts = BTreeMap::new();
        for (noun, keys) in definitions {
            let document = self.document(noun)?;
            let kept =
                keys.into_iter().filter_map(|key| document.definitions.get(&key).cloned().map(|schema| (key, schema)));
            let kept: Map<String, Value> = kept.collect();
            excerpts.insert(document.id.clone(), json!({ "$schema": DIALECT, "$id": document.id, "$defs": kept }));
        }
        Ok(Excerpts(excerpts))
    }
}

impl Document {
    fn parse(noun: &str, source: &[u8]) -> Result<Self, String> {
        let mut root: Value = serde_json::from_slice(source).map_err(|error| format!("{noun}.json: {error}"))?;
        let id = root.get("$id").and_then(Value::as_str).unwrap_or_default().to_owned();
        if !id.ends_with(&format!("/{noun}.json")) {
            return Err(format!("{noun}.json: its $id does not end in /{noun}.json"));
        }
        let sources = root.get("x-source").map(Sources::deserialize).transpose().map_err(|_| {
            format!("{noun}.json: x-source is client, guides or ours, or an object of these by operation")
        })?;
        let sources = sources.unwrap_or_default();
        match root.get_mut("$defs").map(Value::take) {
            Some(Value::Object(definitions)) => Ok(Self { id, sources, definitions }),
            _ => Err(format!("{noun}.json: has no $defs")),
        }
    }
}

/// What the schema compiler is given instead of the network.
struct Excerpts(BTreeMap<String, Value>);

impl Retrieve for Excerpts {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        self.0.get(uri.as_str()).cloned().ok_or_else(|| format!("{uri} is not an embedded file").into())
    }
}

/// All `$ref`s within a schema.
pub(super) fn references(schema: &Value) -> Vec<&str> {
    let mut found = Vec::new();
    collect_references(schema, &mut found);
    found
}

fn collect_references<'a>(schema: &'a Value, found: &mut Vec<&'a str>) {
    match schema {
        Value::Object(keywords) => {
            for (keyword, value) in keywords {
                match value {
                    Value::String(reference) if keyword == "$ref" => found.push(reference),
                    _ if DATA_KEYWORDS.contains(&keyword.as_str()) && !value.is_object() => {}
                    _ => collect_references(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::fixture;

    #[test]
    fn reads_nothing_until_asked() {
        let library = Library::new(&fixture::GOOD);
        assert!(library.files.values().all(|file| file.parsed.get().is_none()));
        assert!(library.definition("plans", "Plan").is_some());
        let read: Vec<_> = library.files.iter().filter(|(_, file)| file.parsed.get().is_some()).collect();
        assert_eq!(read.len(), 1);
    }

    #[test]
    fn reaches_through_files_and_cycles() {
        let library = Library::new(&fixture::GOOD);
        let found = library.reachable("subscriptions", "createSubscription.response").expect("resolves");
        let keys = |noun: &str| found.get(noun).into_iter().flatten().cloned().collect::<Vec<_>>();
        assert_eq!(keys("plans"), ["Plan"]);
        assert_eq!(keys("subscriptions"), ["Subscription", "createSubscription.response"]);
    }

    #[test]
    fn a_file_says_where_its_contracts_come_from_and_the_shared_one_for_the_rest() {
        let library = Library::new(&fixture::GOOD);
        assert_eq!(library.source("subscriptions", "listSubscriptions"), Some(Source::Guides));
        assert_eq!(library.source("subscriptions", "getSubscription"), Some(Source::Client));
        assert_eq!(library.source("plans", "getPlan"), Some(Source::Client));
    }

    #[test]
    fn references_in_data_are_data() {
        let schema = json!({"default": "x", "enum": [{"$ref": "#/no"}], "properties": {"default": {"$ref": "#/yes"}}});
        assert_eq!(references(&schema), ["#/yes"]);
    }
}
