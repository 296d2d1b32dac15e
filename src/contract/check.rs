//! Everything that can be wrong with contracts before any request arrives.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::library::{Definitions, Library, references};
use super::wording::near;

/// An operation as its API has it.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub noun: &'static str,
    pub operation: &'static str,
}

/// The kinds of contract an operation may have.
const SUFFIXES: [&str; 5] = ["request", "path", "query", "header", "response"];

pub(super) fn check(library: &Library, rows: &[Row]) -> Vec<String> {
    let mut flaws = Vec::new();
    let mut used = Definitions::new();
    use_definition(library, ("shared", "error"), &mut used, &mut flaws);
    let rows_by_noun = by_noun(rows, &mut flaws);
    for noun in library.nouns() {
        let rows = rows_by_noun.get(noun).map(Vec::as_slice).unwrap_or_default();
        match library.document(noun) {
            Ok(_) => check_noun(library, noun, rows, &mut used, &mut flaws),
            Err(flaw) => flaws.push(flaw),
        }
    }
    let unread = rows.iter().filter(|row| !library.nouns().any(|noun| noun == row.noun));
    flaws.extend(unread.map(|row| format!("{}: there is no {}.json", row.operation, row.noun)));
    flaws.extend(unused(library, &used));
    flaws
}

fn by_noun<'a>(rows: &'a [Row], flaws: &mut Vec<String>) -> BTreeMap<&'static str, Vec<&'a Row>> {
    let mut found: BTreeMap<&'static str, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        let same = found.entry(row.noun).or_default();
        if same.iter().any(|other| other.operation == row.operation) {
            flaws.push(format!("{}: two rows have this operation", row.operation));
        }
        same.push(row);
    }
    found
}

fn check_noun<'a>(
    library: &'a Library,
    noun: &'a str,
    rows: &[&Row],
    used: &mut Definitions<'a>,
    flaws: &mut Vec<String>,
) {
    let Ok(document) = library.document(noun) else { return };
    for (key, schema) in &document.definitions {
        check_definition(library, noun, key, schema, flaws);
        if let Some((operation, suffix)) = key.split_once('.') {
            check_key(noun, key, operation, suffix, rows, flaws);
            use_definition(library, (noun, key), used, flaws);
        }
    }
    for operation in document.sources.names() {
        check_name(&format!("{noun}.json x-source/{operation}"), operation, rows, flaws);
    }
    // Whether there is a body or a query is the contract's to say, but every operation answers something, and is known
    // from somewhere.
    for Row { operation, .. } in rows {
        if library.source(noun, operation).is_none() {
            flaws.push(format!("{operation}: neither {noun}.json nor shared.json has an x-source for it"));
        }
        let answer = format!("{operation}.response");
        let is_answer =
            |key: &String| key.strip_prefix(&answer).is_some_and(|rest| rest.is_empty() || rest.starts_with(".2"));
        if !document.definitions.keys().any(is_answer) {
            flaws.push(format!(
                "{operation}: {noun}.json has no {answer}; {{\"type\": \"null\"}} says that it has no JSON body"
            ));
        }
    }
}

fn check_definition(library: &Library, noun: &str, key: &str, schema: &Value, flaws: &mut Vec<String>) {
    let before = flaws.len();
    for reference in references(schema) {
        flaws.extend(library.resolve(noun, reference).err().map(|flaw| format!("{noun}.json $defs/{key}: {flaw}")));
    }
    // Compiling reads referenced schemas without holding them against the meta-schema, hence both.
    if let Err(error) = jsonschema::draft202012::meta::validate(schema) {
        flaws.push(format!("{noun}.json $defs/{key}: {error} at {}", error.instance_path()));
    }
    if let Some(statuses) = schema.get("x-status") {
        flaws.extend(status_flaw(key, statuses).map(|flaw| format!("{noun}.json $defs/{key}: x-status {flaw}")));
    }
    if flaws.len() == before {
        flaws.extend(library.compile(noun, key).err());
    }
}

/// What is wrong with the statuses that an answer names.
fn status_flaw(key: &str, statuses: &Value) -> Option<&'static str> {
    if !key.ends_with(".response") {
        return Some("is for the key that holds every 2xx, and nobody reads it here");
    }
    let named = statuses.as_array().map(Vec::as_slice).unwrap_or_default();
    let is_success = |status: &Value| status.as_u64().is_some_and(|status| (200..300).contains(&status));
    let twice = (1..named.len()).any(|place| named[..place].contains(&named[place]));
    (named.is_empty() || twice || !named.iter().all(is_success))
        .then_some("is a list of statuses from 200 to 299, each once")
}

/// A key with a dot is a contract: of an operation that exists, and of a kind that is read.
fn check_key(noun: &str, key: &str, operation: &str, suffix: &str, rows: &[&Row], flaws: &mut Vec<String>) {
    check_name(&format!("{noun}.json $defs/{key}"), operation, rows, flaws);
    let is_status =
        |text: &str| text.len() == 3 && text.parse::<u16>().is_ok_and(|status| (200..600).contains(&status));
    if !SUFFIXES.contains(&suffix) && !suffix.strip_prefix("response.").is_some_and(is_status) {
        let hint = near(suffix, SUFFIXES).map(|meant| format!("; is it {meant}?")).unwrap_or_default();
        flaws.push(format!("{noun}.json $defs/{key}: {suffix} is no kind of contract{hint}"));
    }
}

fn check_name(place: &str, operation: &str, rows: &[&Row], flaws: &mut Vec<String>) {
    let known = rows.iter().map(|row| row.operation);
    if !known.clone().any(|row| row == operation) {
        let hint = near(operation, known).map(|meant| format!("; is it {meant}?")).unwrap_or_default();
        flaws.push(format!("{place}: no row has the operation {operation}{hint}"));
    }
}

/// Marks a definition and all it reaches as used. That it reaches nothing is told by [`check_definition`], but for
/// the one definition that nobody's file need have.
fn use_definition<'a>(
    library: &'a Library,
    (noun, key): (&'a str, &str),
    used: &mut Definitions<'a>,
    flaws: &mut Vec<String>,
) {
    match library.reachable(noun, key) {
        Ok(found) => found.into_iter().for_each(|(noun, keys)| used.entry(noun).or_default().extend(keys)),
        Err(flaw) if (noun, key) == ("shared", "error") => flaws.push(flaw),
        Err(_) => {}
    }
}

fn unused<'a>(library: &'a Library, used: &'a Definitions<'_>) -> impl Iterator<Item = String> + 'a {
    static NONE: BTreeSet<String> = BTreeSet::new();
    library.nouns().flat_map(move |noun| {
        let used = used.get(noun).unwrap_or(&NONE);
        let keys = library.document(noun).ok().into_iter().flat_map(|document| document.definitions.keys());
        let unused = keys.filter(move |key| !used.contains(*key) && !key.contains('.'));
        unused.map(move |key| format!("{noun}.json $defs/{key}: nothing uses it"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::fixture;

    #[test]
    fn good_files_have_no_flaws() {
        let flaws = check(&Library::new(&fixture::GOOD), &fixture::ROWS);
        assert_eq!(flaws, Vec::<String>::new());
    }

    #[test]
    fn every_misfit_of_row_and_contract_is_told() {
        let mut rows = fixture::ROWS.to_vec();
        rows.retain(|row| row.operation != "listSubscriptions");
        let row = |noun, operation| Row { noun, operation };
        rows.extend([row("subscriptions", "cancelSubscription"), row("refunds", "createRefund")]);
        rows.push(row("subscriptions", "pauseSubscription"));
        let flaws = check(&Library::new(&fixture::GOOD), &rows).join("\n");
        for expected in [
            "cancelSubscription: two rows have this operation",
            r#"pauseSubscription: subscriptions.json has no pauseSubscription.response; {"type": "null"} says that"#,
            "listSubscriptions.query: no row has the operation listSubscriptions",
            "createRefund: there is no refunds.json",
            "subscriptions.json x-source/listSubscriptions: no row has the operation listSubscriptions",
        ] {
            assert!(flaws.contains(expected), "{expected}\n---\n{flaws}");
        }
    }

    #[test]
    fn an_operation_from_nowhere_is_told() {
        let flaws = check(&Library::new(&fixture::BAD), &[Row { noun: "plans", operation: "makePlan" }]).join("\n");
        assert!(flaws.contains("makePlan: neither plans.json nor shared.json has an x-source for it"), "{flaws}");
    }

    #[test]
    fn every_flaw_of_a_file_is_told() {
        let flaws = check(&Library::new(&fixture::BAD), &[]).join("\n");
        for expected in [
            "there is no shared.json",
            "torn.json: EOF while parsing",
            "named.json: its $id does not end in /named.json",
            "sourced.json: x-source is client, guides or ours, or an object of these by operation",
            "plans.json $defs/Unresolvable: nothing is at #/$defs/Nowhere",
            "plans.json $defs/Outside: elsewhere.json is not a sibling file",
            "plans.json $defs/BadType: ",
            "plans.json $defs/BadPattern",
            "plans.json $defs/BadFormat",
            "plans.json $defs/BadFormat: nothing uses it",
            "plans.json $defs/makePlan.response: x-status is a list of statuses from 200 to 299, each once",
            "plans.json $defs/dropPlan.response: x-status is a list",
            "plans.json $defs/listPlans.response: x-status is a list",
            "plans.json $defs/makePlan.response.409: x-status is for the key that holds every 2xx",
            "plans.json $defs/makePlan.reqest: reqest is no kind of contract; is it request?",
            "plans.json $defs/makePlan.reqest: no row has the operation makePlan",
        ] {
            assert!(flaws.contains(expected), "{expected}\n---\n{flaws}");
        }
    }
}
