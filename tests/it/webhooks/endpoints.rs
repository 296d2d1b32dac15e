//! Who hears what.

use leapday::api::Webhook;
use leapday::blocking::Sandbox;
use serde_json::{Value, json};

use super::frozen;
use crate::support::{Api, Reaction, Receiver, api, fresh_key, text};

#[test]
fn endpoints_are_listed_changed_and_removed() {
    let api = api();
    let receiver = Receiver::new();
    let made = api.listen(&receiver, json!({ "events": ["invoice.*", "customer.created.v0"] }));
    let path = format!("/_leapday/webhook-endpoints/{}", text(&made, "id"));
    assert_eq!(api.get(&path), made);
    assert_eq!(api.get("/_leapday/webhook-endpoints")["endpoints"], json!([made]));
    let changed = api.patch(&path, &json!({ "events": ["payment.*"], "enabled": false })).expect(200);
    assert_eq!((&changed["events"], &changed["enabled"]), (&json!(["payment.*"]), &json!(false)));
    assert_eq!(changed["secret"], made["secret"]);
    assert_eq!(api.delete(&path).status, 204);
    assert_eq!(api.send("GET", &path, &Value::Null).status, 404);
}

#[test]
fn an_endpoint_hears_only_what_it_asks_for_while_it_is_enabled() {
    let api = frozen();
    let (invoices, all) = (Receiver::new(), Receiver::new());
    api.listen(&invoices, json!({ "events": ["invoice.*"] }));
    let endpoint = api.listen(&all, json!({}));
    api.next_customer();
    api.until_sent(&all, 1);
    let path = format!("/_leapday/webhook-endpoints/{}", text(&endpoint, "id"));
    api.patch(&path, &json!({ "enabled": false })).expect(200);
    api.next_customer();
    api.patch(&path, &json!({ "enabled": true })).expect(200);
    api.next_customer();
    api.until_sent(&all, 2);
    assert_eq!((all.received().len(), invoices.received().len()), (2, 0));
}

#[test]
fn what_is_no_endpoint_is_refused_with_what_would_be_right() {
    let api = api();
    let cases = [
        (json!({}), "/url required"),
        (json!({ "url": "not a url" }), "/url format"),
        (json!({ "url": "/hook" }), "/url format"),
        (json!({ "url": "ftp://127.0.0.1/hook" }), "/url format"),
        (json!({ "url": "http://127.0.0.1/", "secret": "hunter2" }), "/secret format"),
        (json!({ "url": "http://127.0.0.1/", "events": ["invoice.payed.v0"] }), "did you mean invoice.paid.v0"),
        (json!({ "url": "http://127.0.0.1/", "events": ["order.*"] }), "/events/0 enum"),
    ];
    for (body, expected) in cases {
        let answer = api.post("/_leapday/webhook-endpoints", &body);
        let line = answer.header("leapday-violation").unwrap_or_default().to_owned();
        assert!(answer.status == 400 && line.contains(expected), "{body}: {} {line}", answer.status);
    }
    assert_eq!(api.get("/_leapday/webhook-endpoints")["endpoints"], json!([]));
}

#[test]
fn a_reset_world_has_no_endpoints_and_a_flag_gives_each_world_one() {
    let receiver = Receiver::new();
    let url = receiver.url.clone();
    let sandbox = Sandbox::builder()
        .strict(true)
        .options(|options| options.webhook = Some(Webhook { url, secret: None }))
        .start()
        .expect("a sandbox");
    let (first, second) = (Api::at(sandbox.base_url(), &fresh_key()), Api::at(sandbox.base_url(), &fresh_key()));
    first.next_customer();
    second.next_customer();
    receiver.wait_for(2);
    let secret = |api: &Api| api.get("/_leapday/webhook-endpoints")["endpoints"][0]["secret"].clone();
    assert_eq!(secret(&first), secret(&second), "the one that the banner prints");
    first.post("/_leapday/world/reset", &json!({})).expect(200);
    first.next_customer();
    receiver.wait_for(3);

    let api = api();
    api.listen(&receiver, json!({}));
    api.post("/_leapday/world/reset", &json!({})).expect(200);
    assert_eq!(api.get("/_leapday/webhook-endpoints")["endpoints"], json!([]));
}

#[test]
fn what_a_removed_endpoint_is_owed_is_cancelled() {
    let api = frozen();
    let receiver = Receiver::answering(|_, _| Reaction::Status(500));
    let endpoint = api.listen(&receiver, json!({}));
    api.next_customer();
    api.until_sent(&receiver, 1);
    api.delete(&format!("/_leapday/webhook-endpoints/{}", text(&endpoint, "id")));
    api.post("/_leapday/clock/advance", &json!({ "by": "P1D" })).expect(200);
    assert_eq!((receiver.received().len(), api.deliveries("status=cancelled").len()), (1, 1));
}

#[test]
fn what_fails_after_its_endpoint_was_disabled_is_not_tried_again() {
    let api = frozen();
    let app = api.clone();
    let receiver = Receiver::answering(move |_, _| {
        let endpoint = app.get("/_leapday/webhook-endpoints")["endpoints"][0].clone();
        let path = format!("/_leapday/webhook-endpoints/{}", text(&endpoint, "id"));
        app.patch(&path, &json!({ "enabled": false })).expect(200);
        app.patch(&path, &json!({ "enabled": true })).expect(200);
        Reaction::Status(500)
    });
    api.listen(&receiver, json!({}));
    api.next_customer();
    api.until_sent(&receiver, 1);
    api.post("/_leapday/clock/advance", &json!({ "by": "P2D" })).expect(200);
    let delivery = api.deliveries("").remove(0);
    assert_eq!((&delivery["status"], &delivery["nextAttemptAt"]), (&json!("cancelled"), &Value::Null));
    assert_eq!(receiver.received().len(), 1);
}
