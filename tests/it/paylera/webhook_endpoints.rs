//! Webhook endpoints: who hears, how it is signed, what happens when nobody answers (facts: paylera §2.11, §4, §7).

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::{Biller, Reaction, Receiver, text};

const ENDPOINTS: &str = "/v1/admin/webhook-endpoints";

fn biller() -> Biller {
    Biller::at("2026-05-01T00:00:00Z")
}

fn register(biller: &Biller, receiver: &Receiver, events: &[&str]) -> (Value, String) {
    let made = biller.tenant.create(ENDPOINTS, &json!({ "url": receiver.url, "events": events }));
    let path = format!("{ENDPOINTS}/{}", text(&made, "id"));
    (made, path)
}

fn rename(biller: &Biller, name: &str) {
    biller.tenant.patch(&format!("/v1/customers/{}", biller.customer), &json!({ "name": name })).expect(200);
}

/// Whether one of a header's signatures was made with a secret.
fn signed(header: &str, secret: &str, body: &[u8]) -> bool {
    let t = header.split(',').find_map(|part| part.strip_prefix("t=")).expect("t");
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("key");
    mac.update(format!("{t}.").as_bytes());
    mac.update(body);
    let hex = mac.finalize().into_bytes().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    header.split(',').filter_map(|part| part.strip_prefix("v1=")).any(|v1| v1 == hex)
}

#[test]
fn an_endpoint_shows_its_secret_once() {
    let biller = biller();
    let body = json!({
        "url": "http://127.0.0.1:9/webhooks/paylera", "events": ["invoice.paid", "subscription.canceled"],
        "description": "production",
    });
    let made = biller.tenant.create(ENDPOINTS, &body);
    assert!(text(&made, "secret").starts_with("whsec_"));
    assert_eq!(
        (&made["status"], &made["events"], &made["api_version"]),
        (&json!("enabled"), &body["events"], &json!("2026-04-01"))
    );
    assert!(text(&made, "secret").ends_with(text(&made, "secret_last4")));
    let path = format!("{ENDPOINTS}/{}", text(&made, "id"));
    let seen = biller.tenant.get(&path);
    assert_eq!(seen["secret"], Value::Null);
    assert_eq!(biller.tenant.get(ENDPOINTS)["data"], json!([seen]));
    let control = biller.tenant.0.get("/_leapday/webhook-endpoints");
    assert_eq!(control["endpoints"][0]["id"], made["id"], "the control API knows the same");
    let off = biller.tenant.patch(&path, &json!({ "status": "disabled", "description": null })).expect(200);
    assert_eq!((&off["status"], &off["description"]), (&json!("disabled"), &Value::Null));
    assert_eq!(biller.tenant.patch(&path, &json!({ "status": "enabled" })).expect(200)["status"], "enabled");
    assert_eq!(biller.tenant.ask("DELETE", &path, &[], &Value::Null).status, 204);
    assert_eq!(biller.tenant.ask("GET", &path, &[], &Value::Null).status, 404);
}

#[test]
fn what_cannot_be_an_endpoint_is_refused() {
    let biller = biller();
    let url = "http://127.0.0.1:9/";
    for (body, field) in [
        (json!({ "url": "ftp://here", "events": ["*"] }), "url"),
        (json!({ "url": url, "events": [] }), "events"),
        (json!({ "url": url, "events": ["Invoice.Paid"] }), "events.0"),
        (json!({ "url": url, "events": ["invoice.payd"] }), "events.0"),
        (json!({ "url": url, "events": ["*"], "api_version": "2020-01-01" }), "api_version"),
    ] {
        let answer = biller.tenant.post(ENDPOINTS, &body);
        assert_eq!(answer.problem(ENDPOINTS), (422, "validation.failed".to_owned()), "{body}");
        assert_eq!(answer.body["errors"][0]["field"], field, "{body}");
    }
    let made = biller.tenant.create(ENDPOINTS, &json!({ "url": url, "events": ["invoice.*"] }));
    let path = format!("{ENDPOINTS}/{}", text(&made, "id"));
    let auto = biller.tenant.patch(&path, &json!({ "status": "auto_disabled" }));
    assert_eq!(auto.problem(&path), (422, "validation.failed".to_owned()));
    let replay = format!("{path}/replay");
    let backwards = json!({ "from": "2026-05-02T00:00:00Z", "to": "2026-05-01T00:00:00Z" });
    assert_eq!(biller.tenant.post(&replay, &backwards).body["errors"][0]["field"], "to");
    let nobody = format!("{path}/deliveries/del_nobody/retry");
    assert_eq!(biller.tenant.post(&nobody, &Value::Null).problem(&nobody), (404, "resource.not_found".to_owned()));
    biller.tenant.patch(&path, &json!({ "status": "disabled" })).expect(200);
    let off = biller.tenant.post(&replay, &json!({ "from": "2026-05-01T00:00:00Z" }));
    assert_eq!(off.problem(&replay), (422, "webhook_endpoint.disabled".to_owned()));
}

#[test]
fn both_secrets_sign_for_a_day() {
    let biller = biller();
    let receiver = Receiver::new();
    let (made, path) = register(&biller, &receiver, &["customer.*"]);
    let old = text(&made, "secret").to_owned();
    let rotated = biller.tenant.post(&format!("{path}/rotate-secret"), &Value::Null).expect(200);
    let new = text(&rotated, "secret").to_owned();
    assert_ne!(old, new);
    rename(&biller, "Ada 1");
    let first = receiver.wait_for(1).remove(0);
    assert_eq!(first.header("paylera-event-type"), "customer.updated");
    assert_eq!(first.header("paylera-event-id"), text(&first.body, "id"));
    assert_eq!(first.body["aggregate_type"], "customer");
    let header = first.header("paylera-signature");
    assert_eq!(header.matches("v1=").count(), 2);
    assert!(signed(header, &old, &first.bytes) && signed(header, &new, &first.bytes));
    biller.advance("P1D");
    rename(&biller, "Ada 2");
    let second = receiver.wait_for(2).remove(1);
    let header = second.header("paylera-signature");
    assert!(!signed(header, &old, &second.bytes) && signed(header, &new, &second.bytes), "{header}");
}

#[test]
fn what_cannot_be_delivered_is_told_to_the_others() {
    let biller = biller();
    let (dead, alive) = (Receiver::answering(|_, _| Reaction::Status(500)), Receiver::new());
    let (made, path) = register(&biller, &dead, &["customer.updated"]);
    register(&biller, &alive, &["webhook_endpoint.*"]);
    rename(&biller, "Ada");
    biller.advance("P3D");
    let tried = biller.tenant.get(&format!("{path}/deliveries"));
    let row = &tried["data"][0];
    assert_eq!(
        (&row["status"], &row["attempts"], &row["last_response_status"]),
        (&json!("failed"), &json!(9), &json!(500))
    );
    let heard = alive.received();
    assert_eq!(heard.len(), 1, "and to nobody else: the endpoint that failed does not hear of itself");
    let last = heard.last().unwrap();
    assert_eq!((&last.body["aggregate_id"], text(&last.body, "occurred_at")), (&made["id"], "2026-05-02T20:36:15Z"));
    assert_eq!(last.body["type"], "webhook_endpoint.delivery_failed");
}

#[test]
fn an_endpoint_that_refuses_a_hundred_times_is_switched_off() {
    let biller = biller();
    let (strict, alive) = (Receiver::answering(|_, _| Reaction::Status(410)), Receiver::new());
    let (made, path) = register(&biller, &strict, &["customer.*"]);
    register(&biller, &alive, &["webhook_endpoint.disabled"]);
    // Twelve customers, each with a row of its own: nine attempts each are more than a hundred.
    let customers: Vec<Value> = (0..12).map(|n| biller.tenant.customer(&format!("c{n}@example.com"))).collect();
    for customer in &customers {
        for name in ["One", "Two"] {
            biller
                .tenant
                .patch(&format!("/v1/customers/{}", text(customer, "id")), &json!({ "name": name }))
                .expect(200);
        }
    }
    biller.advance("P3D");
    assert_eq!(biller.status(&path), "auto_disabled");
    // What was on its way when it was switched off arrives; nothing follows.
    let count = strict.received().len();
    assert!((100..=112).contains(&count), "{count}");
    biller.advance("P3D");
    assert_eq!(strict.received().len(), count);
    let heard = alive.wait_for(1);
    assert_eq!(
        (&heard[0].body["type"], &heard[0].body["aggregate_id"]),
        (&json!("webhook_endpoint.disabled"), &made["id"])
    );
    let rows = biller.tenant.get(&format!("{path}/deliveries?limit=100"));
    assert!(rows["data"].as_array().unwrap().iter().all(|row| row["status"] == "dropped" || row["status"] == "failed"));
    // Enabled again it hears what is new; what was dropped needs a replay.
    biller.tenant.patch(&path, &json!({ "status": "enabled", "url": alive.url })).expect(200);
    let window = json!({ "from": "2026-05-01T00:00:00Z", "events": ["customer.updated"] });
    let replayed = biller.tenant.post(&format!("{path}/replay"), &window).expect(200);
    assert_eq!(replayed["deliveries"], 24);
    let heard = alive.wait_for(25);
    let again: Vec<&str> =
        heard.iter().map(|one| text(&one.body, "type")).filter(|name| *name == "customer.updated").collect();
    assert_eq!(again.len(), 24);
}

#[test]
fn one_delivery_is_retried_by_hand() {
    let biller = biller();
    let receiver = Receiver::answering(|n, _| Reaction::Status(if n == 0 { 500 } else { 200 }));
    let (_, path) = register(&biller, &receiver, &["customer.*"]);
    rename(&biller, "Ada");
    receiver.wait_for(1);
    // Until the answer has been noted.
    biller.advance("PT1S");
    let id = text(&biller.tenant.get(&format!("{path}/deliveries"))["data"][0], "id").to_owned();
    let answer = biller.tenant.post(&format!("{path}/deliveries/{id}/retry"), &Value::Null).expect(200);
    assert_eq!(answer["object"], "webhook_delivery");
    let twice = receiver.wait_for(2);
    assert_eq!(twice[0].header("paylera-event-id"), twice[1].header("paylera-event-id"));
    assert_eq!(twice[1].header("paylera-delivery-id"), id);
    biller.advance("PT1S");
    assert_eq!(biller.tenant.get(&format!("{path}/deliveries"))["data"][0]["status"], "succeeded");
}

#[test]
fn a_decline_is_told_in_order_and_signed() {
    let biller = biller();
    let receiver = Receiver::new();
    biller.flat("base", "49.00", &json!({}));
    biller.method("tok_visa_success");
    let (made, _) = register(&biller, &receiver, &["subscription.*", "invoice.*"]);
    biller.subscribe("base", &json!({}));
    biller.method("tok_visa_decline");
    biller.advance("P2M");
    let heard = receiver.received();
    assert!(heard.iter().all(|one| signed(one.header("paylera-signature"), text(&made, "secret"), &one.bytes)));
    let mut ids: Vec<&str> = heard.iter().map(|one| text(&one.body, "id")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), heard.len(), "each once");
    let of = |kind: &str| -> Vec<String> {
        let own = heard.iter().filter(|one| one.body["aggregate_type"] == kind);
        own.map(|one| text(&one.body, "type").to_owned()).collect()
    };
    assert_eq!(
        of("subscription"),
        [
            "subscription.created",
            "subscription.activated",
            "subscription.past_due",
            "subscription.dunning_attempt",
            "subscription.dunning_attempt",
            "subscription.dunning_attempt",
            "subscription.dunning_exhausted",
            "subscription.canceled",
        ]
    );
    assert_eq!(of("invoice").last().unwrap(), "invoice.marked_uncollectible");
}
