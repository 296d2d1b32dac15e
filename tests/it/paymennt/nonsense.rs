//! Nonsense at every operation: each required field left out, wrong types in every field, odd ids. Nothing breaks, a
//! refusal is the envelope and names what is wrong, and has changed nothing.

use leapday::api::OperationInfo;
use leapday::sandbox::{NOWHERE, Options, mounts};
use serde_json::{Value, json};

use crate::support::{Merchant, merchant_at};

fn operations() -> Vec<OperationInfo> {
    let mounts = mounts(&Options::default(), NOWHERE).unwrap();
    mounts.iter().find(|mount| mount.name() == "paymennt").unwrap().operations()
}

fn example(info: &OperationInfo) -> Option<Value> {
    let path = format!("{}/fixtures/paymennt/{}.json", env!("CARGO_MANIFEST_DIR"), info.noun);
    let file: Value = serde_json::from_slice(&std::fs::read(path).ok()?).unwrap();
    Some(file[info.id]["request"].clone()).filter(Value::is_object)
}

/// How much has happened and been sent.
fn look(merchant: &Merchant) -> [Value; 2] {
    ["/events", "/messages"]
        .map(|path| merchant.control("GET", &format!("{path}?limit=1"), &Value::Null)["total"].clone())
}

fn wrong_values() -> Vec<Value> {
    vec![
        json!(-1),
        json!(0),
        json!(1.5),
        json!(1e300),
        json!(""),
        json!("\u{0}"),
        json!("x".repeat(5_000)),
        json!([]),
        json!({}),
        json!(true),
        json!([[]]),
        json!({ "a": 1 }),
        json!("2021-13-45"),
        Value::Null,
    ]
}

/// Sends a body; what is wrong with the answer.
fn strike(merchant: &Merchant, info: &OperationInfo, path: &str, body: &Value, what: &str) -> Option<String> {
    let before = look(merchant);
    let answer = merchant.ask(&info.method, path, body);
    if answer.status == 200 {
        return None;
    }
    let shape = answer.body["success"] == false && answer.body["error"].is_string();
    let fine = answer.status == 400 && shape && look(merchant) == before;
    (!fine).then(|| format!("{} {what}: {} {}", info.id, answer.status, answer.body))
}

/// Everything that is wrong with how an operation takes wrong bodies.
fn strike_all(info: &OperationInfo) -> Vec<String> {
    let mut findings = Vec::new();
    let Some(example) = example(info) else { return findings };
    let path = info.path.trim_start_matches("/mer/v2.0").to_owned();
    for field in example.as_object().unwrap().keys() {
        let merchant = merchant_at("2026-01-01T00:00:00Z");
        let mut without = example.clone();
        without.as_object_mut().unwrap().remove(field);
        findings.extend(strike(&merchant, info, &path, &without, &format!("without {field}")));
        for wrong in wrong_values() {
            let mut body = example.clone();
            body[field] = wrong.clone();
            let what = format!("{field} = {}", &wrong.to_string()[..wrong.to_string().len().min(20)]);
            findings.extend(strike(&merchant, info, &path, &body, &what));
        }
    }
    let merchant = merchant_at("2026-01-01T00:00:00Z");
    for body in [json!([]), json!("x"), json!(7), json!({})] {
        let said = merchant.ask(&info.method, &path, &body).error(400);
        assert!(said.starts_with("Validation error: "), "{} {body}: {said}", info.id);
    }
    findings
}

#[test]
fn wrong_bodies_are_refused_in_the_envelope_and_change_nothing() {
    let rows = operations();
    let findings: Vec<String> = rows.iter().flat_map(strike_all).collect();
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings[..findings.len().min(20)].join("\n"));
}

/// The required fields of the table in the facts (§2, §3.2): without one of them nothing is made.
#[test]
fn required_fields_are_required() {
    let required = [
        ("createWebCheckout", "requestId orderId currency amount items customer billingAddress returnUrl"),
        ("createMobileCheckout", "requestId orderId currency amount items customer billingAddress"),
        ("createLinkCheckout", "requestId orderId currency amount description"),
        ("createQrCheckout", "requestId orderId currency amount"),
        ("createTerminalCheckout", "requestId orderId currency amount terminalId"),
        ("createSubscription", "description currency amount startDate sendOnHour sendEvery customer"),
        ("createBranch", "name currency"),
        ("createWebhook", "address"),
        ("debit", "source checkoutDetails"),
    ];
    let rows = operations();
    for (id, fields) in required {
        let info = rows.iter().find(|info| info.id == id).unwrap();
        let merchant = merchant_at("2026-01-01T00:00:00Z");
        let (example, path) = (example(info).unwrap(), info.path.trim_start_matches("/mer/v2.0"));
        for field in fields.split(' ') {
            let mut body = example.clone();
            body.as_object_mut().unwrap().remove(field);
            let said = merchant.refused(path, &body);
            assert!(
                said.contains(field) && (said.contains("missing") || said.contains("needs one of")),
                "{id} without {field}: {said}"
            );
        }
        merchant.make(path, &example);
    }
}

#[test]
fn odd_ids_are_not_found() {
    let merchant = merchant_at("2026-01-01T00:00:00Z");
    for info in operations().iter().filter(|info| info.path.contains('{')) {
        for id in ["0", "1653241101733169556", "-1", "x", "%00", "%F0%9F%92%A9", "99999999999999999999999", "null"] {
            let path = info.path.trim_start_matches("/mer/v2.0").replace("{id}", id);
            let body = if info.method == "POST" {
                json!({ "amount": 1, "currency": "AED", "note": "n" })
            } else {
                Value::Null
            };
            let said = merchant.ask(&info.method, &path, &body).error(400);
            assert!(said.contains("not found"), "{} {id}: {said}", info.id);
        }
    }
}
