//! Source events: from what a source read to what a customer is billed (facts: paygentic-behaviour §2.12).

use serde_json::{Value, json};

use crate::support::{Api, EVER, MERCHANT, api, text, texts};

const START: &str = "2028-01-31T00:00:00Z";
const PAID: &str = "2028-02-10T09:30:00Z";
const EMAIL: &str = "jo@example.com";

/// A plan that takes 2.5 % of what its customers sell, a customer of it, and a source.
struct Market {
    api: Api,
    metric: String,
    customer: String,
    subscription: String,
    clock: String,
    source: String,
}

fn market(mode: &str) -> Market {
    market_of("SUM", mode)
}

fn market_of(aggregation: &str, mode: &str) -> Market {
    let api = api();
    api.freeze(START);
    let product = api.product();
    let (metric, price) = api.usage_price(&product, "sale", aggregation, json!({ "unitPrice": "0.025" }));
    let plan = api.plan(&product, &[&price], json!({}));
    let customer = api.customer(EMAIL);
    let clock = api.clock(START);
    let subscription = text(&api.subscribe(&plan, &customer, &clock, START, json!({})), "id").to_owned();
    let source = json!({
        "name": "Stripe", "planId": plan, "type": "stripe_revenue", "processingMode": mode,
        "metadata": { "billableMetricMapping": { "revenue": metric } },
    });
    let source = text(&api.create("/v0/sources", &source), "id").to_owned();
    Market { api, metric, customer, subscription, clock, source }
}

/// A sale of 500.00 USD.
fn sale(id: &str) -> Value {
    json!({
        "externalEventId": id, "amount": 50_000, "currency": "usd", "customerName": "Jo Doe",
        "customerEmail": EMAIL, "occurredAt": PAID,
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut body = sale("evt_1");
    body[field] = value;
    body
}

impl Market {
    fn events(&self) -> String {
        format!("/v0/sources/{}/events", self.source)
    }

    fn ingest(&self, event: &Value) -> Value {
        self.api.create(&self.events(), event)
    }

    /// The id of a sale that waits.
    fn waiting(&self, id: &str) -> String {
        let event = self.ingest(&sale(id));
        assert_eq!(event["status"], "pending");
        text(&event, "id").to_owned()
    }

    fn decide(&self, id: &str, what: &str) -> String {
        format!("{}/{id}/{what}", self.events())
    }

    fn rule(&self, name: &str, conditions: Value, more: Value) -> String {
        let mut rule = json!({ "sourceId": self.source, "name": name, "conditions": conditions });
        rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        text(&self.api.create("/v0/sourceRules", &rule), "id").to_owned()
    }

    /// How often a rule was tried, how often it fitted, and when it was tried last.
    fn counts(&self, rule: &str) -> (u64, u64, Option<String>) {
        let rule = self.api.get(&format!("/v0/sourceRules/{rule}"));
        let count = |field: &str| rule[field].as_u64().unwrap();
        (count("evaluationCount"), count("matchCount"), rule["lastEvaluatedAt"].as_str().map(str::to_owned))
    }

    fn metered(&self) -> Vec<Value> {
        let path = format!("/v0/billableMetrics/{}/events{EVER}", self.metric);
        self.api.get(&path)["events"].as_array().cloned().unwrap()
    }

    /// The ids of the events that a list shows.
    fn listed(&self, query: &str) -> Vec<String> {
        let rows = self.api.rows(&format!("{}{query}", self.events()));
        texts(&rows, "externalEventId").into_iter().map(str::to_owned).collect()
    }
}

#[test]
fn an_event_waits_until_somebody_approves_it_and_is_billed() {
    let market = market("automatic");
    let event = market.ingest(&sale("evt_1"));
    let expected = json!({
        "id": event["id"], "sourceId": market.source, "externalEventId": "evt_1", "status": "pending",
        "rawData": {
            "amount": 50_000, "currency": "usd", "customerName": "Jo Doe", "customerEmail": EMAIL, "occurredAt": PAID,
        },
        "customerId": market.customer, "subscriptionId": market.subscription, "usageEventIds": [],
        "errorMessage": null, "processedAt": null, "processedBy": null, "createdAt": START, "updatedAt": START,
    });
    assert_eq!(event, expected);
    assert_eq!(market.metered(), Vec::<Value>::new());

    market.api.world_advance_to("2028-02-20T00:00:00Z");
    let approved = market.api.post(&market.decide(text(&event, "id"), "approve"), &Value::Null).expect(200);
    let mut expected = event;
    expected["status"] = json!("processed");
    expected["processedBy"] = json!("usr_leapday");
    expected["usageEventIds"] = approved["usageEventIds"].clone();
    for field in ["processedAt", "updatedAt"] {
        expected[field] = json!("2028-02-20T00:00:00Z");
    }
    assert_eq!(approved, expected);

    let metered = &market.metered()[0];
    assert_eq!((&metered["id"], text(metered, "time")), (&approved["usageEventIds"][0], PAID));
    assert_eq!((text(metered, "subject"), text(metered, "externalId")), (&*market.customer, "evt_1"));
    assert_eq!((text(metered, "source"), &metered["idempotencyKey"]), (&*market.source, &approved["id"]));
    // The metric looks for `$.n`, so that is where the amount stands as well.
    let data = json!({ "n": "500.00", "amount": "500.00", "currency": "USD", "externalEventId": "evt_1" });
    assert_eq!(metered["data"], data);

    market.api.advance_to(&market.clock, "2028-03-05T00:00:00Z");
    let invoice = &market.api.invoices(&market.subscription)[0];
    // 2.5 % of 500.00.
    assert_eq!((text(invoice, "status"), text(invoice, "subtotal")), ("ISSUED", "12.50"));
}

#[test]
fn a_metric_that_counts_needs_no_amount() {
    let market = market_of("COUNT", "manual");
    let id = market.waiting("evt_1");
    market.api.post(&market.decide(&id, "approve"), &Value::Null).expect(200);
    assert_eq!(market.metered()[0]["data"]["amount"], "500.00");
    let meter = market.api.get(&format!("/v0/billableMetrics/{}/meter{EVER}", market.metric));
    assert_eq!(meter["totalValue"], 1);
}

#[test]
fn an_event_that_was_read_before_is_that_event() {
    let market = market("manual");
    let first = market.ingest(&sale("evt_1"));
    let again = with("amount", json!(1));
    assert_eq!(market.api.post(&market.events(), &again).expect(200), first);
    let rejected = market.api.post(&market.decide(text(&first, "id"), "reject"), &Value::Null).expect(200);
    assert_eq!(market.api.post(&market.events(), &again).expect(200), rejected);
    assert_eq!(market.listed(""), ["evt_1"]);

    // Ids are those of the source: another one may have read the same.
    let other = json!({ "name": "Second", "planId": "plan_starterMonthly", "type": "stripe_revenue" });
    let other = market.api.create("/v0/sources", &other);
    let event = market.api.create(&format!("/v0/sources/{}/events", text(&other, "id")), &sale("evt_1"));
    assert_ne!(event["id"], first["id"]);
    let theirs = market.decide(text(&event, "id"), "approve");
    market.api.refuses("POST", &theirs, &Value::Null, 404);
}

#[test]
fn rules_are_tried_in_order_and_the_first_that_fits_approves() {
    let market = market("automatic");
    let amount = |operator: &str, value: u64| json!({ "type": "amount", "operator": operator, "value": value });
    let domain = json!({ "type": "customerEmail", "operator": "domain", "value": "@example.com" });
    let late = market.rule("Anything", json!([amount("greaterThan", 0)]), json!({ "order": 9 }));
    let tie = market.rule("Known", json!([domain]), json!({ "order": 1 }));
    let first = market.rule("Small", json!([amount("lessThan", 100), domain]), json!({ "order": 0 }));
    let second = market.rule("Known and small", json!([domain, amount("lessThan", 501)]), json!({ "order": 1 }));
    let off = market.rule("Off", json!([amount("greaterThan", 0)]), json!({ "enabled": false }));

    // 500.00 is not small; of the two rules at 1 the older is tried first.
    let event = market.ingest(&sale("evt_1"));
    assert_eq!((text(&event, "status"), text(&event, "processedBy")), ("processed", &*tie));
    let now = Some(START.to_owned());
    assert_eq!(market.counts(&first), (1, 0, now.clone()));
    assert_eq!(market.counts(&tie), (1, 1, now.clone()));
    for rule in [&second, &late, &off] {
        assert_eq!(market.counts(rule), (0, 0, None));
    }

    market.api.world_advance_to("2028-02-01T00:00:00Z");
    let small = market.ingest(&json!({
        "externalEventId": "evt_2", "amount": 9_999, "currency": "USD", "customerEmail": "Jo@Example.com",
    }));
    assert_eq!(text(&small, "processedBy"), first);
    assert_eq!(market.counts(&first), (2, 1, Some("2028-02-01T00:00:00Z".to_owned())));
    assert_eq!(market.counts(&tie), (1, 1, now));
    // Newest first: what has no date of its own happened now, before the other.
    let metered = market.metered();
    assert_eq!(texts(&metered, "time"), [PAID, "2028-02-01T00:00:00Z"]);
}

#[test]
fn an_event_that_no_rule_fits_waits_and_is_announced() {
    let market = market("automatic");
    let conditions = json!([{ "type": "amount", "operator": "between", "value": { "from": 1, "to": 499.99 } }]);
    let rule = market.rule("Small", conditions, json!({}));
    let event = market.ingest(&sale("evt_1"));
    assert_eq!((text(&event, "status"), market.counts(&rule).0), ("pending", 1));
    let (name, data) = market.api.last_event();
    assert_eq!(
        (&*name, &data["sourceEventId"], &data["status"]),
        ("source_event.pending.v0", &event["id"], &event["status"])
    );
}

#[test]
fn a_manual_source_tries_no_rule() {
    let market = market("manual");
    let conditions = json!([{ "type": "amount", "operator": "greaterThan", "value": 0 }]);
    let rule = market.rule("Anything", conditions, json!({}));
    market.waiting("evt_1");
    assert_eq!(market.counts(&rule), (0, 0, None));
    market.api.patch(&format!("/v0/sources/{}", market.source), &json!({ "processingMode": "automatic" })).expect(200);
    assert_eq!(market.ingest(&sale("evt_2"))["status"], "processed");
}

#[test]
fn a_disabled_source_takes_nothing_but_decisions() {
    let market = market("manual");
    let id = market.waiting("evt_1");
    let path = format!("/v0/sources/{}", market.source);
    market.api.patch(&path, &json!({ "enabled": false })).expect(200);
    market.api.refuses("POST", &market.events(), &sale("evt_2"), 409);
    // What it has is answered still.
    market.api.post(&market.events(), &sale("evt_1")).expect(200);
    assert_eq!(market.api.post(&market.decide(&id, "approve"), &Value::Null).expect(200)["status"], "processed");
    market.api.patch(&path, &json!({ "enabled": true })).expect(200);
    market.waiting("evt_2");
}

#[test]
fn an_event_whose_customer_cannot_be_billed_fails_with_a_reason() {
    let market = market("manual");
    market.api.customer("new@example.com");
    let without = |field: &str| {
        let mut event = sale("evt_none");
        event.as_object_mut().unwrap().remove(field);
        event
    };
    for (event, reason) in [
        (with("customerEmail", json!("nobody@example.com")), "No customer has the e-mail address"),
        (without("customerEmail"), "The event has no e-mail address"),
        (
            json!({ "externalEventId": "new", "amount": 1, "currency": "USD", "customerEmail": "new@example.com" }),
            "The customer has no live subscription to the plan \"Plan\"",
        ),
        (
            json!({ "externalEventId": "eur", "amount": 1, "currency": "eur", "customerEmail": EMAIL }),
            "The revenue is in EUR, the plan bills in USD",
        ),
    ] {
        let event = market.ingest(&event);
        assert_eq!(event["status"], "pending");
        let failed = market.api.post(&market.decide(text(&event, "id"), "approve"), &Value::Null).expect(200);
        assert_eq!((text(&failed, "status"), &failed["usageEventIds"]), ("failed", &json!([])));
        assert!(text(&failed, "errorMessage").starts_with(reason), "{failed:#}");
        assert_eq!((text(&failed, "processedAt"), text(&failed, "processedBy")), (START, "usr_leapday"));
        assert_eq!(failed.get("subscriptionId").is_some(), reason.contains("EUR"));
    }
    assert_eq!(market.metered(), Vec::<Value>::new());
}

#[test]
fn without_a_mapping_nothing_can_be_counted() {
    let market = market("automatic");
    market.api.patch(&format!("/v0/sources/{}", market.source), &json!({ "metadata": {} })).expect(200);
    market.rule("Anything", json!([{ "type": "amount", "operator": "greaterThan", "value": 0 }]), json!({}));
    let event = market.ingest(&sale("evt_1"));
    assert_eq!(text(&event, "status"), "failed");
    assert!(text(&event, "errorMessage").contains("no billable metric"));
}

#[test]
fn whose_an_event_is_is_asked_again_when_it_is_approved() {
    let market = market("manual");
    let event = market.ingest(&with("customerEmail", json!("new@example.com")));
    assert_eq!((event.get("customerId"), event.get("subscriptionId")), (None, None));
    let customer = market.api.customer("new@example.com");
    let plan = market.api.get(&format!("/v0/sources/{}", market.source))["planId"].clone();
    let subscription = market.api.subscribe(plan.as_str().unwrap(), &customer, &market.clock, START, json!({}));
    let approved = market.api.post(&market.decide(text(&event, "id"), "approve"), &Value::Null).expect(200);
    assert_eq!((text(&approved, "customerId"), &approved["subscriptionId"]), (&*customer, &subscription["id"]));
}

#[test]
fn what_is_decided_stays() {
    let market = market("manual");
    let approved = market.waiting("evt_1");
    market.api.post(&market.decide(&approved, "approve"), &Value::Null).expect(200);
    let rejected = market.waiting("evt_2");
    let answer = market.api.post(&market.decide(&rejected, "reject"), &Value::Null).expect(200);
    assert_eq!((text(&answer, "status"), text(&answer, "processedAt")), ("rejected", START));
    assert_eq!((text(&answer, "processedBy"), &answer["usageEventIds"]), ("usr_leapday", &json!([])));
    let failed = text(&market.ingest(&with("externalEventId", json!("evt_3"))), "id").to_owned();
    market.api.patch(&format!("/v0/sources/{}", market.source), &json!({ "metadata": {} })).expect(200);
    assert_eq!(market.api.post(&market.decide(&failed, "approve"), &Value::Null).expect(200)["status"], "failed");

    for (id, status) in [(&approved, "processed"), (&rejected, "rejected"), (&failed, "failed")] {
        for what in ["approve", "reject"] {
            let refusal = market.api.refuses("POST", &market.decide(id, what), &Value::Null, 400);
            assert!(text(&refusal.body, "message").contains(&format!("is {status} already")), "{:#}", refusal.body);
        }
    }
    assert_eq!(market.metered().len(), 1);
}

#[test]
fn many_are_approved_as_far_as_they_can_be() {
    let market = market("manual");
    let (one, two) = (market.waiting("evt_1"), market.waiting("evt_2"));
    let nobodys = market.ingest(&json!({ "externalEventId": "evt_3", "amount": 1, "currency": "USD" }));
    let ids = json!([one, "sev_nobody", nobodys["id"], one, two]);
    let path = format!("{}/bulk-approve", market.events());
    let answer = market.api.post(&path, &json!({ "eventIds": ids })).expect(200);
    assert_eq!((&answer["processed"], &answer["failed"]), (&json!(2), &json!(3)));
    assert_eq!(answer["details"]["processed"], json!([one, two]));
    let failed = answer["details"]["failed"].as_array().unwrap();
    assert_eq!(texts(failed, "id"), ["sev_nobody", text(&nobodys, "id"), &*one]);
    let errors = texts(failed, "error");
    let expected = ["The source has no event", "The event has no e-mail", "The event is processed already"];
    assert!(errors.iter().zip(expected).all(|(error, expected)| error.starts_with(expected)), "{errors:?}");
    assert_eq!(market.metered().len(), 2);

    let none = market.api.post(&path, &json!({ "eventIds": [] })).expect(200);
    let nothing = json!({ "processed": 0, "failed": 0, "details": { "processed": [], "failed": [] } });
    assert_eq!(none, nothing);
}

#[test]
fn many_are_rejected_where_they_wait() {
    let market = market("manual");
    let (one, two) = (market.waiting("evt_1"), market.waiting("evt_2"));
    market.api.post(&market.decide(&one, "approve"), &Value::Null).expect(200);
    let path = format!("{}/bulk-reject", market.events());
    let answer = market.api.post(&path, &json!({ "eventIds": [one, two, two, "sev_nobody"] })).expect(200);
    assert_eq!(answer, json!({ "rejected": 1 }));
    assert_eq!(
        (market.listed("?status=rejected"), market.listed("?status=processed")),
        (vec!["evt_2".to_owned()], vec!["evt_1".to_owned()])
    );
}

#[test]
fn events_are_listed_by_status_customer_and_subscription() {
    let market = market("manual");
    let one = market.waiting("evt_1");
    market.ingest(&json!({ "externalEventId": "evt_2", "amount": 1, "currency": "USD" }));
    market.waiting("evt_3");
    market.api.post(&market.decide(&one, "reject"), &Value::Null).expect(200);
    assert_eq!(market.listed(""), ["evt_1", "evt_2", "evt_3"]);
    assert_eq!(market.listed("?status=pending"), ["evt_2", "evt_3"]);
    assert_eq!(market.listed(&format!("?customerId={}", market.customer)), ["evt_1", "evt_3"]);
    assert_eq!(market.listed(&format!("?subscriptionId={}&status=pending", market.subscription)), ["evt_3"]);
    for nobody in ["?customerId=cus_nobody", "?subscriptionId=sub_nobody", "?status=failed"] {
        assert_eq!(market.listed(nobody), Vec::<String>::new(), "{nobody}");
    }
    let page = market.api.get(&format!("{}?limit=1&offset=2", market.events()));
    assert_eq!(page["pagination"], json!({ "limit": 1, "offset": 2, "total": 3 }));
    assert_eq!((page.get("object"), &page["data"][0]["externalEventId"]), (None, &json!("evt_3")));
}

#[test]
fn amounts_have_the_decimals_of_their_currency() {
    let market = market("automatic");
    let conditions = json!([{ "type": "amount", "operator": "equals", "value": 50_000 }]);
    let rule = market.rule("Fifty thousand yen", conditions, json!({}));
    market.ingest(&with("currency", json!("jpy")));
    assert_eq!(market.counts(&rule).1, 1);
}

#[test]
fn what_is_wrong_is_told_and_changes_nothing() {
    let market = market("manual");
    let id = market.waiting("evt_0");
    let events = market.events();
    for (body, told) in [
        (json!({ "amount": 1, "currency": "usd" }), "/externalEventId required"),
        (with("externalEventId", json!("evt 1")), "/externalEventId pattern"),
        (with("amount", json!(1.5)), "/amount type"),
        (with("amount", json!(0)), "/amount minimum"),
        (with("currency", json!("dollars")), "/currency pattern"),
        (with("currency", json!("zzz")), "/currency enum"),
        (with("occurredAt", json!("soon")), "/occurredAt format"),
    ] {
        let refusal = market.api.refuses("POST", &events, &body, 400);
        assert!(refusal.told().starts_with(told), "{body}: {}", refusal.told());
    }
    for list in ["bulk-approve", "bulk-reject"] {
        let path = format!("{events}/{list}");
        for body in [json!({}), json!({ "eventIds": [MERCHANT] }), json!({ "eventIds": id })] {
            market.api.refuses("POST", &path, &body, 400);
        }
        let nobodys = format!("/v0/sources/src_nobody/events/{list}");
        market.api.refuses("POST", &nobodys, &json!({ "eventIds": [id] }), 404);
    }
    for path in [market.decide("sev_nobody", "approve"), market.decide("sev_nobody", "reject")] {
        market.api.refuses("POST", &path, &Value::Null, 404);
    }
    let elsewhere = format!("/v0/sources/src_nobody/events/{id}/approve");
    market.api.refuses("POST", &elsewhere, &Value::Null, 404);
    market.api.refuses("POST", "/v0/sources/src_nobody/events", &sale("evt_1"), 404);
    market.api.refuses("GET", "/v0/sources/src_nobody/events", &Value::Null, 404);
    market.api.refuses("GET", &format!("{events}?status=lost"), &Value::Null, 400);
}
