//! Operations, schemas and fixtures agree (rule 3), and every operation refuses nonsense kindly.

use leapday::api::Keeper;
use leapday::sandbox::{NOWHERE, Options, mounts};
use serde_json::json;

use crate::support::api;

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

/// Answers are told apart by their status, so each is named.
#[test]
fn documents_name_every_answer() {
    for mount in mounts(&Options::default(), NOWHERE).expect("mounts") {
        let document = mount.openapi(NOWHERE);
        let paths = document["paths"].as_object().expect("paths");
        for (path, operations) in paths {
            for (method, operation) in operations.as_object().expect("operations") {
                let responses = operation["responses"].as_object().expect("responses");
                let statuses: Vec<u16> = responses.keys().filter_map(|status| status.parse().ok()).collect();
                assert_eq!(statuses.len(), responses.len(), "{} {method} {path}: {statuses:?}", mount.name());
                // What is said of the server itself is said to everybody.
                let keyless = mount.name() == "_leapday" && operation["tags"][0] == "service";
                for wanted in [200..300, 401..402, 500..501].into_iter().filter(|one| !keyless || one.start != 401) {
                    let found = statuses.iter().any(|status| wanted.contains(status));
                    assert!(found, "{} {method} {path}: {wanted:?} in {statuses:?}", mount.name());
                }
            }
        }
    }
}

#[test]
fn documents_say_which_operations_need_no_key() {
    let api = api().with_key("");
    let document = api.get("/_leapday/openapi.json");
    let mut keyless = Vec::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let path = path.replace("{provider}", "paygentic").replace(['{', '}'], "");
            let answer = api.raw(&method.to_uppercase(), &format!("/_leapday{path}"), &[], b"");
            if operation.get("security").is_some() {
                assert_eq!(operation["security"], json!([]));
                assert_ne!(answer.status, 401, "{method} {path}");
                keyless.push(operation["operationId"].as_str().expect("an id").to_owned());
            } else if !matches!(answer.status, 400 | 401) {
                panic!("{method} {path} is answered {} without a key", answer.status);
            }
        }
    }
    assert_eq!(keyless.len(), 7, "{keyless:?}");
    assert_eq!(api.get("/_leapday/paygentic/openapi.json")["paths"]["/v0/plans"]["get"].get("security"), None);
}

#[test]
fn documents_say_what_is_the_vendors_own() {
    let mounts = mounts(&Options::default(), NOWHERE).expect("mounts");
    let paylera = mounts.iter().find(|mount| mount.name() == "paylera").expect("paylera");
    let create = &paylera.openapi(NOWHERE)["paths"]["/v1/customers"]["post"];
    let key = create["parameters"].as_array().and_then(|all| all.iter().find(|one| one["name"] == "idempotency-key"));
    assert_eq!(key.expect("a key")["required"], true);
    assert!(create["requestBody"]["content"]["application/json"]["example"].is_object());
    assert!(create["responses"]["422"]["content"]["application/problem+json"].is_object());
    assert!(create["responses"]["429"]["headers"]["retry-after"].is_object());
    assert!(create["responses"]["201"]["headers"]["paylera-version"].is_object());
    let paygentic = mounts.iter().find(|mount| mount.name() == "paygentic").expect("paygentic");
    let file = &paygentic.openapi(NOWHERE)["paths"]["/v2/invoices/{id}/pdf"]["get"]["responses"]["200"]["content"];
    assert!(file["application/pdf"].is_object());
}
