//! From a request to an active subscription (facts: paygentic-behaviour §2.7).

use serde_json::{Value, json};

use crate::support::{Api, api, text};

const START: &str = "2028-01-31T00:00:00Z";

fn shop(api: &Api, amount: &str, term: &str) -> (String, String, String) {
    let product = api.product();
    let price = api.fee_price(&product, amount, "P1M", term, json!({}));
    (api.plan(&product, &[&price], json!({})), api.customer("jo@example.com"), api.clock(START))
}

fn status(api: &Api, subscription: &Value) -> Value {
    api.get(&format!("/v0/subscriptions/{}", text(subscription, "id")))["status"].clone()
}

#[test]
fn charges_in_advance_wait_for_their_payment() {
    let api = api();
    let (plan, customer, clock) = shop(&api, "50", "in_advance");
    let subscription = api.subscribe(&plan, &customer, &clock, START, json!({}));
    assert_eq!(subscription["status"], "pending_payment");
    let payment = &subscription["payment"];
    assert_eq!((text(payment, "status"), text(payment, "amount")), ("pending", "50.00"));
    assert_eq!(payment["breakdown"], json!({ "upfrontCharges": "50.00", "walletCharge": "0.00" }));
    assert!(text(payment, "checkoutUrl").starts_with(&api.base));
    let invoice = api.get(&format!("/v2/invoices/{}", text(payment, "invoiceId")));
    assert_eq!((text(&invoice, "status"), invoice["sequenceNumber"].as_u64()), ("ISSUED", Some(0)));
    api.pay(&subscription);
    let paid = api.get(&format!("/v0/subscriptions/{}", text(&subscription, "id")));
    assert_eq!((text(&paid, "status"), &paid["payment"]), ("active", &Value::Null));
    let invoice = api.get(&format!("/v2/invoices/{}", text(payment, "invoiceId")));
    assert_eq!((text(&invoice, "status"), text(&invoice, "paidAt")), ("PAID", START));
}

#[test]
fn without_upfront_charges_it_starts_at_once_and_a_zero_invoice_is_paid_at_once() {
    let api = api();
    let (plan, customer, clock) = shop(&api, "50", "in_arrears");
    let subscription = api.subscribe(&plan, &customer, &clock, START, json!({}));
    assert_eq!((text(&subscription, "status"), &subscription["payment"]), ("active", &Value::Null));
    let free = crate::support::api();
    let (plan, customer, clock) = shop(&free, "0", "in_advance");
    let subscription = free.subscribe(&plan, &customer, &clock, START, json!({}));
    assert_eq!(subscription["status"], "active");
    assert_eq!((text(&subscription["payment"], "status"), text(&subscription["payment"], "amount")), ("paid", "0"));
    assert_eq!(free.invoices(text(&subscription, "id"))[0]["status"], "PAID");
}

#[test]
fn a_declined_card_leaves_the_page_open_and_giving_up_does_not() {
    let api = api();
    let (plan, customer, clock) = shop(&api, "50", "in_advance");
    let subscription = api.subscribe(&plan, &customer, &clock, START, json!({}));
    let session = text(&subscription["payment"], "paymentSessionId");
    let complete = format!("/_leapday/payments/{session}/complete");
    let declined = api.post(&complete, &json!({ "card": { "number": "4000 0000 0000 9995" } })).expect(200);
    assert_eq!((&declined["paid"], text(&declined, "declineCode")), (&json!(false), "insufficient_funds"));
    api.post(&complete, &json!({ "card": { "number": "4242 4242 4242 4241" } })).expect(400);
    assert_eq!(status(&api, &subscription), "pending_payment");
    api.post(&format!("/_leapday/payments/{session}/fail"), &json!({})).expect(200);
    api.post(&complete, &json!({})).expect(409);
    let invoice = &api.invoices(text(&subscription, "id"))[0];
    assert_eq!(invoice["status"], "PAYMENT_FAILED");
    // Paid by a link after all: it starts.
    let path = format!("/v2/invoices/{}/payment", text(invoice, "id"));
    let link = api.post(&path, &json!({ "method": "hosted_link" })).expect(200);
    let session = text(&link, "paymentSessionId");
    api.post(&format!("/_leapday/payments/{session}/complete"), &json!({})).expect(200);
    assert_eq!(status(&api, &subscription), "active");
}

#[test]
fn an_unpaid_start_expires_on_the_clock() {
    let api = api();
    let (plan, customer, clock) = shop(&api, "50", "in_advance");
    let subscription = api.subscribe(&plan, &customer, &clock, START, json!({ "sessionExpiryMinutes": 30 }));
    api.advance(&clock, "PT29M59S");
    assert_eq!(status(&api, &subscription), "pending_payment");
    api.advance(&clock, "PT1S");
    let ended = api.get(&format!("/v0/subscriptions/{}", text(&subscription, "id")));
    assert_eq!((text(&ended, "status"), text(&ended, "terminatedAt")), ("terminated", "2028-01-31T00:30:00Z"));
    assert_eq!(api.invoices(text(&subscription, "id"))[0]["status"], "CANCELLED");
    let session = text(&subscription["payment"], "paymentSessionId");
    let late = api.post(&format!("/_leapday/payments/{session}/complete"), &json!({})).expect(409);
    assert!(text(&late, "message").contains("expired"));
}

#[test]
fn a_prefund_opens_a_payment_as_the_guide_says() {
    let api = api();
    let (plan, customer, clock) = shop(&api, "50", "in_advance");
    let subscription = api.subscribe(&plan, &customer, &clock, START, json!({ "prefundAmount": "25" }));
    assert_eq!(subscription["payment"]["amount"], "75.00");
    assert_eq!(subscription["payment"]["breakdown"]["walletCharge"], "25.00");
    assert_eq!(subscription["prefundAmount"], "25000000000");
    api.pay(&subscription);
    assert_eq!(status(&api, &subscription), "active");
}

#[test]
fn the_same_plan_twice_is_the_same_subscription() {
    let api = api();
    let (plan, customer, clock) = shop(&api, "50", "in_advance");
    let first = api.subscribe(&plan, &customer, &clock, START, json!({}));
    let again =
        json!({ "name": "x", "planId": plan, "customerId": customer, "startedAt": START, "testClockId": clock });
    assert_eq!(api.post("/v0/subscriptions", &again).expect(200)["id"], first["id"]);
    let path = format!("/v0/subscriptions/{}/termination", text(&first, "id"));
    api.post(&path, &json!({ "reason": "done" })).expect(200);
    assert_ne!(api.post("/v0/subscriptions", &again).expect(201)["id"], first["id"]);
}

#[test]
fn elapsed_periods_are_billed_only_when_asked_for() {
    let now = "2028-06-15T00:00:00Z";
    for (mode, first, total) in [("none", 1, "50.00"), ("per_period", 0, "150.00")] {
        let api = api();
        let (plan, customer, _) = shop(&api, "50", "in_advance");
        let clock = api.clock(now);
        let more = json!({ "elapsedPeriodBilling": mode });
        let subscription = api.subscribe(&plan, &customer, &clock, "2028-03-31T00:00:00Z", more);
        let starts = if mode == "none" { now } else { "2028-03-31T00:00:00Z" };
        assert_eq!(subscription["billingStartsAt"], starts);
        assert_eq!(subscription["billingAnchor"], "2028-03-31T00:00:00Z");
        if mode == "per_period" {
            api.pay(&subscription);
        }
        api.advance_to(&clock, "2028-07-01T00:00:00Z");
        let invoices = api.invoices(text(&subscription, "id"));
        // 31 March, 30 April and 31 May had passed; 30 June is the first to come.
        assert_eq!(invoices[0]["sequenceNumber"], first, "{mode}");
        assert_eq!(invoices[0]["grandTotal"], total, "{mode}");
        assert_eq!(invoices.last().unwrap()["status"], "ACTIVE");
        assert_eq!(invoices[invoices.len() - 2]["issuedAt"], "2028-06-30T00:00:00Z");
    }
    let api = api();
    let (plan, customer, _) = shop(&api, "50", "in_advance");
    let clock = api.clock(now);
    let wanted = json!({ "name": "x", "planId": plan, "customerId": customer, "startedAt": "2027-06-14T23:59:59Z",
        "testClockId": clock, "elapsedPeriodBilling": "per_period" });
    assert!(api.post("/v0/subscriptions", &wanted).expect(400)["errors"][0]["field"] == "startedAt");
}

#[test]
fn so_many_elapsed_periods_are_billed_and_no_more() {
    let api = api();
    let product = api.product();
    let price = api.fee_price(&product, "1", "PT30M", "in_advance", json!({}));
    let plan = api.plan(&product, &[&price], json!({}));
    let (customer, clock) = (api.customer("jo@example.com"), api.clock("2028-06-15T00:00:00Z"));
    let wanted = json!({
        "name": "x", "planId": plan, "customerId": customer, "startedAt": "2027-09-15T00:00:00Z",
        "testClockId": clock, "elapsedPeriodBilling": "per_period",
    });
    let refused = api.refuses("POST", "/v0/subscriptions", &wanted, 400);
    assert!(refused.told().contains("at most 10000 are billed"), "{}", refused.told());
}

#[test]
fn what_a_subscription_refers_to_must_be_there() {
    let api = api();
    let (plan, customer, clock) = shop(&api, "50", "in_advance");
    let wanted = |plan: &str, customer: &str, clock: &str| json!({ "name": "x", "planId": plan, "customerId": customer, "startedAt": START, "testClockId": clock });
    let before = api.rows("/v0/subscriptions").len();
    for wrong in [
        wanted("plan_aaaaaaaaaaaaaaaa", &customer, &clock),
        wanted(&plan, "cus_aaaaaaaaaaaaaaaa", &clock),
        wanted(&plan, &customer, "tc_aaaaaaaaaaaaaaaa"),
    ] {
        let answer = api.post("/v0/subscriptions", &wrong);
        assert_eq!(answer.status, 404, "{wrong}");
        assert!(answer.header("leapday-violation").unwrap().contains("Id"), "{wrong}");
    }
    let neither = json!({ "name": "x", "planId": plan, "startedAt": START });
    let answer = api.post("/v0/subscriptions", &neither);
    assert_eq!(answer.status, 400);
    assert!(answer.header("leapday-violation").unwrap().contains("customer"));
    assert_eq!(api.rows("/v0/subscriptions").len(), before);
}
