//! How subscriptions end (facts: paygentic-behaviour §2.7, §4).

use serde_json::{Value, json};

use crate::support::{Api, api, text};

const START: &str = "2028-01-01T00:00:00Z";

fn running(api: &Api, more: Value) -> (Value, String, String) {
    let product = api.product();
    let fee = api.fee_price(&product, "30", "P1M", "in_arrears", json!({}));
    let (_, usage) = api.usage_price(&product, "calls", "COUNT", json!({ "unitPrice": "1" }));
    let plan = api.plan(&product, &[&fee, &usage], json!({}));
    let customer = api.customer("jo@example.com");
    let clock = api.clock(START);
    let subscription = api.subscribe(&plan, &customer, &clock, START, more);
    (subscription, customer, clock)
}

#[test]
fn a_termination_bills_what_was_used_and_nothing_more() {
    let api = api();
    let (subscription, customer, clock) = running(&api, json!({}));
    api.usage("calls", &customer, 1.0, "2028-01-05T00:00:00Z");
    api.advance_to(&clock, "2028-01-11T00:00:00Z");
    let path = format!("/v0/subscriptions/{}/termination", text(&subscription, "id"));
    let ended = api.post(&path, &json!({ "reason": "too dear", "changeReason": "commercial" })).expect(200);
    assert_eq!((text(&ended, "status"), text(&ended, "terminatedAt")), ("terminated", "2028-01-11T00:00:00Z"));
    assert_eq!(
        (text(&ended, "terminationReason"), text(&ended, "terminationChangeReason")),
        ("too dear", "commercial")
    );
    api.post(&path, &json!({ "reason": "again" })).expect(409);
    api.advance_to(&clock, "2029-01-01T00:00:00Z");
    let invoices = api.invoices(text(&subscription, "id"));
    assert_eq!(invoices.len(), 1);
    // Ten of January's 31 days of the fee, and one call: 30 × 10/31 + 1.
    assert_eq!(invoices[0]["subtotal"], "10.68");
    assert_eq!(invoices[0]["issuedAt"], "2028-01-12T00:00:00Z");
    assert_eq!(invoices[0]["periodEnd"], "2028-01-11T00:00:00Z");
    let last = api.events().last().cloned().unwrap();
    assert_eq!(last["eventType"], "invoice.issued.v0");
}

#[test]
fn ending_at_ends_it_at_that_instant() {
    let api = api();
    let (subscription, _, clock) = running(&api, json!({ "endingAt": "2028-03-01T00:00:00Z" }));
    api.advance_to(&clock, "2028-06-01T00:00:00Z");
    let ended = api.get(&format!("/v0/subscriptions/{}", text(&subscription, "id")));
    assert_eq!((text(&ended, "status"), text(&ended, "terminatedAt")), ("terminated", "2028-03-01T00:00:00Z"));
    let invoices = api.invoices(text(&subscription, "id"));
    let totals: Vec<&str> = invoices.iter().map(|row| text(row, "subtotal")).collect();
    assert_eq!(totals, ["30.00", "30.00"]);
}

#[test]
fn the_end_can_be_moved_and_the_status_set() {
    let api = api();
    let (subscription, _, clock) = running(&api, json!({ "endingAt": "2028-03-01T00:00:00Z" }));
    let path = format!("/v0/subscriptions/{}", text(&subscription, "id"));
    api.patch(&path, &json!({ "endingAt": "2028-05-01T00:00:00Z" })).expect(200);
    api.advance_to(&clock, "2028-04-15T00:00:00Z");
    assert_eq!(api.get(&path)["status"], "active");
    for wrong in [
        json!({ "endingAt": "2028-04-14T00:00:00Z" }),
        json!({ "terminatedAt": "2027-12-31T00:00:00Z" }),
        json!({ "paymentTermDays": 30 }),
        json!({ "status": "paused" }),
        json!({ "renewalReminderDays": 31 }),
    ] {
        assert_eq!(api.patch(&path, &wrong).status, 400, "{wrong}");
    }
    let ended = api.patch(&path, &json!({ "status": "terminated", "terminatedBy": "cus_x", "terminationReason": "r" }));
    let ended = ended.expect(200);
    assert_eq!((text(&ended, "terminatedBy"), text(&ended, "terminatedAt")), ("cus_x", "2028-04-15T00:00:00Z"));
    api.patch(&path, &json!({ "autoCharge": true })).expect(400);
}

#[test]
fn a_reminder_comes_three_days_before_each_renewal_unless_it_is_unwanted() {
    let api = api();
    let (subscription, _, clock) = running(&api, json!({}));
    api.advance_to(&clock, "2028-03-01T00:00:00Z");
    let reminders = |api: &Api| -> Vec<Value> {
        let events = api.events().into_iter();
        let events = events.filter(|event| event["eventType"] == "subscription.renewal_reminder.v0");
        events.map(|event| event["timestamp"].clone()).collect()
    };
    assert_eq!(reminders(&api), ["2028-01-29T00:00:00Z", "2028-02-27T00:00:00Z"]);
    let path = format!("/v0/subscriptions/{}", text(&subscription, "id"));
    api.patch(&path, &json!({ "renewalReminderDays": 10 })).expect(200);
    api.advance_to(&clock, "2028-04-01T00:00:00Z");
    assert_eq!(reminders(&api)[2], "2028-03-22T00:00:00Z");
    api.patch(&path, &json!({ "renewalReminderEnabled": false })).expect(200);
    api.advance_to(&clock, "2028-06-01T00:00:00Z");
    assert_eq!(reminders(&api).len(), 3);
}

#[test]
fn a_clock_with_active_subscriptions_is_not_deleted() {
    let api = api();
    let (subscription, _, clock) = running(&api, json!({}));
    api.delete(&format!("/v0/testClocks/{clock}")).expect(409);
    let path = format!("/v0/subscriptions/{}/termination", text(&subscription, "id"));
    api.post(&path, &json!({ "reason": "done" })).expect(200);
    api.delete(&format!("/v0/testClocks/{clock}")).expect(200);
}
