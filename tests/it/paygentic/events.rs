//! Meter events: taken, kept once, and what invoices make of them (facts: paygentic-behaviour §2.11, §1.3, §4).

use serde_json::{Value, json};

use crate::support::{Api, EVER, MERCHANT, api, text};

const START: &str = "2028-01-01T00:00:00Z";
/// After the renewal of 1 February and its day of grace.
const ISSUED: &str = "2028-02-02T00:00:00Z";

fn event(more: Value) -> Value {
    let mut event = json!({ "type": "calls", "source": "https://api.example.com", "data": { "n": 1 } });
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event
}

/// A metric that counts `calls`, and its price of 1 a unit.
fn counted(api: &Api, aggregation: &str) -> (String, String) {
    api.usage_price(&api.product(), "calls", aggregation, json!({ "unitPrice": "1" }))
}

/// What a metric has counted of somebody, ever.
fn total(api: &Api, metric: &str, subject: &str) -> Value {
    api.get(&format!("/v0/billableMetrics/{metric}/meter{EVER}&subject={subject}"))["totalValue"].clone()
}

fn known_as(api: &Api, external: &str) -> String {
    let consumer = json!({ "name": "Jo", "email": "jo@example.com" });
    let customer = json!({ "merchantId": MERCHANT, "externalId": external, "consumer": consumer });
    text(&api.create("/v0/customers", &customer), "customerId").to_owned()
}

/// The first invoice of somebody's usage in January.
fn january(api: &Api, prices: &[&str], customer: &str) -> Value {
    let plan = api.plan("prod_starter", prices, json!({}));
    let clock = api.clock(START);
    let subscription = api.subscribe(&plan, customer, &clock, START, json!({}));
    assert_eq!(subscription["status"], "active");
    api.advance_to(&clock, ISSUED);
    api.invoices(text(&subscription, "id"))[0].clone()
}

#[test]
fn an_event_is_taken_and_said_back() {
    let api = api();
    counted(&api, "SUM");
    let more = json!({
        "subject": "somebody", "externalSubject": "acct-1", "namespace": "eu", "externalId": "req_1",
        "idempotencyKey": "key-1", "timestamp": "2028-01-02T03:04:05Z",
    });
    let taken = api.post("/v0/events", &event(more.clone())).expect(202);
    for (field, value) in more.as_object().unwrap() {
        assert_eq!(&taken[field], value, "{field}");
    }
    assert_eq!((&taken["object"], &taken["type"]), (&json!("event"), &json!("calls")));

    api.freeze(START);
    let bare = api.post("/v0/events", &event(json!({ "subject": "somebody" }))).expect(202);
    assert_eq!(bare["timestamp"], START, "the world's clock");
    let key = text(&bare, "idempotencyKey");
    assert!(!key.is_empty() && key != "key-1");
}

#[test]
fn a_key_is_stored_once() {
    let api = api();
    let (metric, _) = counted(&api, "SUM");
    let first = api.post("/v0/events", &event(json!({ "subject": "a", "idempotencyKey": "key-1" }))).expect(202);
    let again = event(json!({ "subject": "b", "idempotencyKey": "key-1", "data": { "n": 100 } }));
    assert_eq!(api.post("/v0/events", &again).expect(202), first);
    for key in ["key-2", "key-3"] {
        api.post("/v0/events", &event(json!({ "subject": "a", "idempotencyKey": key }))).expect(202);
    }
    assert_eq!((total(&api, &metric, "a"), total(&api, &metric, "b")), (json!(3), json!(0)));
}

#[test]
fn what_is_wrong_is_told_and_changes_nothing() {
    let api = api();
    counted(&api, "SUM");
    for (more, status, told) in [
        (json!({ "subject": "a", "type": "call" }), 422, "did you mean \"calls\"?"),
        (json!({ "subject": "a", "type": "something else" }), 422, "metrics count"),
        (json!({ "subject": "cus_nobody" }), 404, "/subject reference"),
        (json!({}), 400, "subject"),
        (json!({ "externalSubject": "a b" }), 400, "/externalSubject pattern"),
        (json!({ "externalSubject": "a".repeat(256) }), 400, "/externalSubject maxLength"),
        (json!({ "subject": "a", "externalId": "ä" }), 400, "/externalId pattern"),
        (json!({ "subject": "a", "data": [1] }), 400, "/data type"),
        (json!({ "subject": "a", "timestamp": "now" }), 400, "/timestamp format"),
        (json!({ "subject": "a", "source": null }), 400, "/source"),
    ] {
        let answer = api.refuses("POST", "/v0/events", &event(more), status);
        assert!(answer.told().contains(told), "{told}: {}", answer.told());
    }
}

#[test]
fn a_deleted_customer_uses_nothing_more() {
    let api = api();
    let (metric, _) = counted(&api, "SUM");
    let customer = known_as(&api, "acct-1");
    let sent = event(json!({ "subject": customer, "idempotencyKey": "key-1" }));
    let first = api.post("/v0/events", &sent).expect(202);
    assert_eq!(api.delete(&format!("/v0/customers/{customer}")).status, 204);
    api.refuses("POST", "/v0/events", &event(json!({ "subject": customer })), 404);
    assert_eq!(api.post("/v0/events", &sent).expect(202), first, "a repeat is answered as the first was");

    // Its external id is free again: what is sent under it is nobody's until it is taken.
    api.post("/v0/events", &event(json!({ "externalSubject": "acct-1" }))).expect(202);
    let events = api.get(&format!("/v0/billableMetrics/{metric}/events{EVER}&externalSubject=acct-1"));
    assert_eq!(events["events"][0]["subject"], "acct-1");
    let next = known_as(&api, "acct-1");
    let events = api.get(&format!("/v0/billableMetrics/{metric}/events{EVER}&externalSubject=acct-1"));
    assert_eq!(events["events"][0]["subject"], json!(next));
}

#[test]
fn subject_wins_over_external_subject() {
    let api = api();
    let (metric, _) = counted(&api, "COUNT");
    let customer = known_as(&api, "acct-1");
    api.post("/v0/events", &event(json!({ "subject": "somebody", "externalSubject": "acct-1" }))).expect(202);
    assert_eq!((total(&api, &metric, "somebody"), total(&api, &metric, &customer)), (json!(1), json!(0)));
    api.post("/v0/events", &event(json!({ "externalSubject": "acct-1" }))).expect(202);
    api.post("/v0/events", &event(json!({ "subject": customer }))).expect(202);
    assert_eq!(total(&api, &metric, &customer), 2);
}

#[test]
fn usage_from_before_the_customer_is_billed_once_it_appears() {
    let api = api();
    let (metric, price) = counted(&api, "SUM");
    let at = |more: Value| {
        let mut sent = event(json!({ "externalSubject": "acct-1", "timestamp": "2028-01-10T00:00:00Z" }));
        sent.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        api.post("/v0/events", &sent).expect(202);
    };
    at(json!({ "data": { "n": 5 } }));
    at(json!({ "data": { "n": 7 } }));
    // Not January's, and not the same account.
    at(json!({ "data": { "n": 100 }, "timestamp": "2027-12-31T23:59:59Z" }));
    at(json!({ "data": { "n": 1000 }, "externalSubject": "acct-2" }));
    let customer = known_as(&api, "acct-1");
    assert_eq!(total(&api, &metric, &customer), 112);
    assert_eq!(january(&api, &[&price], &customer)["grandTotal"], "12.00");
}

#[test]
fn a_customer_that_is_given_the_name_later_has_the_usage_too() {
    let api = api();
    let (_, price) = counted(&api, "SUM");
    let customer = api.customer("jo@example.com");
    let early = event(json!({ "externalSubject": "acct-1", "timestamp": "2028-01-10T00:00:00Z", "data": { "n": 9 } }));
    api.post("/v0/events", &early).expect(202);
    api.usage("calls", &customer, 1.0, "2028-01-11T00:00:00Z");
    api.patch(&format!("/v0/customers/{customer}"), &json!({ "externalId": "acct-1" })).expect(200);
    assert_eq!(january(&api, &[&price], &customer)["grandTotal"], "10.00");
}

#[test]
fn events_before_the_metric_counts_are_not_billed() {
    let api = api();
    let (metric, price) = counted(&api, "SUM");
    let from = json!({ "eventFrom": "2028-01-10T00:00:00Z" });
    api.patch(&format!("/v0/billableMetrics/{metric}"), &from).expect(200);
    let customer = api.customer("jo@example.com");
    api.usage("calls", &customer, 100.0, "2028-01-09T23:59:59Z");
    api.usage("calls", &customer, 3.0, "2028-01-10T00:00:00Z");
    assert_eq!(january(&api, &[&price], &customer)["grandTotal"], "3.00");
}

/// In order of time 2, 9, 1, 9, 3. They arrive in another order, with one that has no value and two outside January.
#[test]
fn all_aggregations_through_an_invoice() {
    let api = api();
    let cases = [
        ("SUM", 24.0, "12.00"),
        // The event without a value is an event.
        ("COUNT", 6.0, "3.00"),
        // 24 / 5.
        ("AVG", 4.8, "2.40"),
        ("MIN", 1.0, "0.50"),
        ("MAX", 9.0, "4.50"),
        ("UNIQUE_COUNT", 4.0, "2.00"),
        // The last in time, not the last that came.
        ("LATEST", 3.0, "1.50"),
    ];
    let made = cases
        .map(|(aggregation, ..)| api.usage_price("prod_starter", "calls", aggregation, json!({ "unitPrice": "0.5" })));
    let customer = api.customer("jo@example.com");
    for (n, at) in [
        (3.0, "2028-01-31T23:59:59Z"),
        (9.0, "2028-01-10T00:00:00Z"),
        (50.0, "2028-02-01T00:00:00Z"),
        (2.0, START),
        (1.0, "2028-01-15T00:00:00Z"),
        (0.25, "2027-12-31T23:59:59Z"),
        (9.0, "2028-01-20T00:00:00Z"),
    ] {
        api.usage("calls", &customer, n, at);
    }
    let empty = event(json!({ "subject": customer, "timestamp": "2028-01-16T00:00:00Z", "data": { "m": 7 } }));
    api.post("/v0/events", &empty).expect(202);

    let prices: Vec<&str> = made.iter().map(|(_, price)| price.as_str()).collect();
    let invoice = january(&api, &prices, &customer);
    let lines = api.lines(&invoice);
    for ((aggregation, quantity, total), (metric, _)) in cases.iter().zip(&made) {
        let line = lines.iter().find(|line| line["billableMetricId"] == **metric).unwrap();
        assert_eq!(line["quantity"].as_f64(), Some(*quantity), "{aggregation}");
        assert_eq!(line["totalPrice"], *total, "{aggregation}");
    }
    // 12 + 3 + 2.40 + 0.50 + 4.50 + 2 + 1.50
    assert_eq!(invoice["grandTotal"], "25.90");
}

#[test]
fn unique_count_without_a_value_counts_events() {
    let api = api();
    let (metric, price) = counted(&api, "UNIQUE_COUNT");
    api.patch(&format!("/v0/billableMetrics/{metric}"), &json!({ "valueProperty": null })).expect(200);
    let customer = api.customer("jo@example.com");
    for n in [1.0, 1.0, 2.0] {
        api.usage("calls", &customer, n, "2028-01-10T00:00:00Z");
    }
    assert_eq!(january(&api, &[&price], &customer)["grandTotal"], "3.00");
}
