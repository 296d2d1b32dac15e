//! E-mails to customers (facts: paygentic-behaviour §2.6, §2.7, §2.8).

use serde_json::{Value, json};

use crate::support::{Api, api, text};

const START: &str = "2028-02-01T00:00:00Z";

fn subscribed(api: &Api) -> (String, String, String) {
    api.freeze(START);
    let product = api.product();
    let price = api.fee_price(&product, "10", "P1M", "in_arrears", json!({}));
    let plan = api.plan(&product, &[&price], json!({ "renewalReminderDays": 5 }));
    let customer = api.customer("ada@example.com");
    let clock = api.clock(START);
    let made = api.subscribe(&plan, &customer, &clock, START, json!({ "name": "Team" }));
    (customer, clock, text(&made, "id").to_owned())
}

fn messages(api: &Api) -> Vec<Value> {
    api.get("/_leapday/messages")["messages"].as_array().unwrap().clone()
}

#[test]
fn a_customer_hears_of_renewals_and_invoices() {
    let api = api();
    let (_, clock, subscription) = subscribed(&api);
    api.advance_to(&clock, "2028-03-01T00:00:00Z");
    let invoice = api.invoices(&subscription)[0].clone();
    let path = format!("/v2/invoices/{}/payment", text(&invoice, "id"));
    let link = api.post(&path, &json!({ "method": "hosted_link" })).expect(200);
    api.post(&path, &json!({ "method": "out_of_band" })).expect(200);
    let told = messages(&api);
    let lines: Vec<(&str, &str)> = told.iter().map(|row| (text(row, "at"), text(row, "subject"))).collect();
    let expected = [
        ("2028-02-25T00:00:00Z", "Team renews on 1 Mar 2028"),
        ("2028-03-01T00:00:00Z", "Invoice INV-2028-02-001 of USD 10.00 is due"),
        ("2028-03-01T00:00:00Z", "Invoice INV-2028-02-001 of USD 10.00 can be paid here"),
        ("2028-03-01T00:00:00Z", "Invoice INV-2028-02-001 of USD 10.00 is paid"),
    ];
    assert_eq!(lines, expected);
    assert!(told.iter().all(|row| row["to"] == "ada@example.com" && row["channel"] == "email"));
    assert_eq!(told[2]["link"], link["paymentUrl"]);
    assert!(text(&told[1], "link").ends_with(&format!("/portal/invoice/{}", text(&invoice, "id"))));
}

#[test]
fn who_wants_no_e_mail_gets_none() {
    let api = api();
    let (customer, clock, _) = subscribed(&api);
    let none = json!({ "invoiceIssued": false, "invoicePaid": false, "renewalReminder": false });
    api.patch(&format!("/v0/customers/{customer}"), &json!({ "notificationSettings": none })).expect(200);
    api.advance(&clock, "P3M");
    assert_eq!(messages(&api), [] as [Value; 0]);
}

#[test]
fn nobody_is_asked_to_pay_nothing() {
    let api = api();
    api.freeze(START);
    let product = api.product();
    let (_, calls) = api.usage_price(&product, "call", "COUNT", json!({ "unitPrice": "1" }));
    let plan = api.plan(&product, &[&calls], json!({ "renewalReminderEnabled": false }));
    let customer = api.customer("ada@example.com");
    let clock = api.clock(START);
    api.subscribe(&plan, &customer, &clock, START, json!({}));
    api.advance_to(&clock, "2028-03-02T00:00:00Z");
    let told = messages(&api);
    let subjects: Vec<&str> = told.iter().map(|row| text(row, "subject")).collect();
    assert_eq!(subjects, ["Invoice INV-2028-02-001 of USD 0.00 is paid"]);
}
