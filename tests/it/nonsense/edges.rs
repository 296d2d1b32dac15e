//! What is accepted at the edge: the largest decimals, the ends of the calendar, cadences of seconds.

use leapday::blocking::Sandbox;
use serde_json::{Value, json};

use crate::support::{Answer, Api, api, text};

const LARGEST: &str = "79228162514264337593543950335";

/// Neither a crash nor a wrong shape; what was asked for may be refused.
#[track_caller]
fn bears(answer: &Answer) -> bool {
    assert!(answer.status < 500, "{} {:#}", answer.status, answer.body);
    assert!(answer.status < 400 || answer.body["message"].is_string(), "{} {:#}", answer.status, answer.body);
    answer.status < 400
}

/// Whatever of these is accepted, months can pass over it and everything can be read.
fn lives_on(api: &Api, clock: &str) {
    for by in ["P1D", "P1M", "P1Y"] {
        bears(&api.patch(&format!("/v0/testClocks/{clock}"), &json!({ "advanceBy": by })));
        for list in ["/v2/invoices", "/v0/subscriptions", "/v0/payments"] {
            api.get(&format!("{list}?limit=10"));
        }
    }
    for row in api.rows("/v2/invoices").iter().take(2) {
        let path = format!("/v2/invoices/{}", text(row, "id"));
        api.get(&path);
        api.get(&format!("{path}/lineItems"));
        assert!(api.send("GET", &format!("{path}/pdf"), &Value::Null).status < 500);
    }
    for row in api.rows("/v0/subscriptions") {
        api.get(&format!("/v0/subscriptions/{}", text(&row, "id")));
        api.get(&format!("/v2/invoices/lineItems?subscriptionId={}", text(&row, "id")));
        bears(&api.send("GET", &format!("/v2/invoices/projected?subscriptionId={}", text(&row, "id")), &Value::Null));
    }
    api.events();
}

#[test]
fn amounts_at_the_edge_of_the_decimals_do_no_harm() {
    let minus = format!("-{LARGEST}");
    for (fee, unit, quantity, tax, behaviour) in [
        (LARGEST, LARGEST, 1_000_000, 100.0, "exclusive"),
        (LARGEST, LARGEST, 1, 19.0, "inclusive"),
        ("0.01", &minus, 1, 100.0, "exclusive"),
        (LARGEST, &minus, 1, 0.0, "inclusive"),
        ("0.0000000000000000000000000001", LARGEST, 0, 8.5, "exclusive"),
        ("79228162514264337593543950.334", "0.005", 1, 8.875, "inclusive"),
    ] {
        let api = api();
        let product = api.product();
        let more = || json!({ "quantity": quantity });
        let advance = api.fee_price(&product, fee, "P1M", "in_advance", more());
        let other = api.fee_price(&product, fee, "P1M", "in_advance", more());
        let arrears = api.fee_price(&product, fee, "P1M", "in_arrears", more());
        let (_, usage) = api.usage_price(&product, "used", "SUM", json!({ "unitPrice": unit }));
        let terms = json!({ "defaultTaxRate": tax, "taxBehavior": behaviour });
        let plan = api.plan(&product, &[&advance, &other, &arrears, &usage], terms);
        let customer = api.customer("rich@example.com");
        let clock = api.clock("2028-01-31T00:00:00Z");
        for prefund in [json!(LARGEST), Value::Null] {
            let mut wanted = json!({
                "name": "S", "planId": plan, "customerId": customer, "startedAt": "2028-01-31T00:00:00Z",
                "testClockId": clock, "prefundAmount": prefund,
            });
            if prefund.is_null() {
                wanted.as_object_mut().unwrap().remove("prefundAmount");
            }
            let answer = api.post("/v0/subscriptions", &wanted);
            if bears(&answer)
                && let Some(session) = answer.body["payment"]["paymentSessionId"].as_str()
            {
                bears(&api.post(&format!("/_leapday/payments/{session}/complete"), &json!({})));
            }
        }
        for n in [1e308, 7.9e28, -7.9e28, 7.9e28] {
            let event = json!({
                "type": "used", "source": "test", "subject": customer, "data": { "n": n }, "timestamp": "2028-02-01T00:00:00Z",
            });
            bears(&api.post("/v0/events", &event));
        }
        lives_on(&api, &clock);
    }
}

#[test]
fn quantities_and_rates_at_the_edge_do_no_harm() {
    let api = api();
    let product = api.product();
    let (metric, usage) = api.usage_price(&product, "used", "SUM", json!({ "unitPrice": LARGEST }));
    let plan = api.plan(&product, &[&usage], json!({}));
    for (number, (field, value)) in [
        ("items", json!([{ "billableMetricId": metric, "quantity": 1e308 }])),
        ("items", json!([{ "billableMetricId": metric, "quantity": 7.9e27 }])),
        ("items", json!([{ "billableMetricId": metric, "quantity": -1 }])),
        ("sessionExpiryMinutes", json!(1e308)),
        ("sessionExpiryMinutes", json!(1e9)),
        ("renewalReminderDays", json!(4_294_967_295_u64)),
        ("prefundAmount", json!("9999999999999999999999999999")),
        ("prefundAmount", json!("99999999999999999999999999990")),
        ("paymentTermDays", json!(4_294_967_295_u64)),
    ]
    .into_iter()
    .enumerate()
    {
        let customer = api.customer(&format!("edge{number}@example.com"));
        bears(&api.patch(&format!("/v0/customers/{customer}"), &json!({ "taxRates": { "default": 100 } })));
        let clock = api.clock("2028-01-31T00:00:00Z");
        let mut wanted = json!({
            "name": "S", "planId": plan, "customerId": customer, "startedAt": "2028-01-31T00:00:00Z", "testClockId": clock,
        });
        wanted[field] = value;
        let answer = api.post("/v0/subscriptions", &wanted);
        if bears(&answer)
            && let Some(session) = answer.body["payment"]["paymentSessionId"].as_str()
        {
            bears(&api.post(&format!("/_leapday/payments/{session}/complete"), &json!({})));
        }
        lives_on(&api, &clock);
    }
}

#[test]
fn the_ends_of_the_calendar_do_no_harm() {
    let instants = ["0001-01-01T00:00:00Z", "2028-01-31T00:00:00Z", "9998-12-31T00:00:00Z", "9999-12-30T21:59:59Z"];
    for at in instants {
        for (number, cadence) in ["P1M", "P9999Y", "P4294967295D"].into_iter().enumerate() {
            let api = api();
            let product = api.product();
            let fee = json!({ "name": "F", "description": "F", "merchantId": "org_shop", "productId": product });
            let fee = api.create("/v0/fees", &fee);
            let price = |term: &str| {
                json!({
                    "invoiceDisplayName": "F", "paymentTerm": term, "feeId": fee["id"], "billingCadence": cadence,
                    "properties": { "unitPrice": "5" }, "isObligation": term == "in_arrears",
                })
            };
            let prices: Vec<_> = ["in_advance", "in_arrears"].map(|term| api.post("/v0/prices", &price(term))).into();
            if !prices.iter().all(bears) {
                continue;
            }
            let prices: Vec<&str> = prices.iter().map(|price| text(&price.body, "id")).collect();
            let (_, usage) = api.usage_price(&product, &format!("used{number}"), "SUM", json!({ "unitPrice": "1" }));
            let prices: Vec<&str> = prices.into_iter().chain([usage.as_str()]).collect();
            let plan = json!({
                "name": "P", "currency": "USD", "merchantId": "org_shop", "productId": product, "prices": prices,
            });
            let plan = api.post("/v0/plans", &plan);
            if !bears(&plan) {
                continue;
            }
            let customer = api.customer(&format!("{number}@example.com"));
            api.save_card(&customer, "4242424242424242");
            for start in instants {
                let clock = api.clock(at);
                let wanted = json!({
                    "name": "S", "planId": plan.body["id"], "customerId": customer, "startedAt": start, "testClockId": clock,
                    "autoCharge": true, "elapsedPeriodBilling": "per_period", "renewalReminderEnabled": true,
                });
                let made = api.post("/v0/subscriptions", &wanted);
                if bears(&made) {
                    lives_on(&api, &clock);
                    let path = format!("/v0/subscriptions/{}/termination", text(&made.body, "id"));
                    bears(&api.post(&path, &json!({ "reason": "over" })));
                }
            }
        }
    }
}

#[test]
fn a_cadence_of_seconds_stops_at_the_bound_and_moves_nothing() {
    let sandbox = Sandbox::builder().strict(true).options(|options| options.timers_per_advance = 500).start().unwrap();
    let api = Api::at(sandbox.base_url(), "sk_test_seconds");
    let product = api.product();
    let fee = json!({ "name": "F", "description": "F", "merchantId": "org_shop", "productId": product });
    let fee = api.create("/v0/fees", &fee);
    let price = json!({
        "invoiceDisplayName": "F", "paymentTerm": "in_advance", "feeId": fee["id"], "billingCadence": "PT1S",
        "properties": { "unitPrice": "5" },
    });
    let price = api.create("/v0/prices", &price);
    let plan = json!({
        "name": "P", "currency": "USD", "merchantId": "org_shop", "productId": product, "prices": [price["id"]],
    });
    let plan = api.create("/v0/plans", &plan);
    let customer = api.customer("fast@example.com");
    api.save_card(&customer, "4242424242424242");
    let clock = api.clock("2028-01-31T00:00:00Z");
    let wanted = |start: &str| {
        json!({
            "name": "S", "planId": plan["id"], "customerId": customer, "startedAt": start, "testClockId": clock,
            "autoCharge": true, "elapsedPeriodBilling": "per_period",
        })
    };
    // A year of elapsed seconds would be one invoice of 31 million lines.
    bears(&api.post("/v0/subscriptions", &wanted("2027-02-01T00:00:00Z")));
    let made = api.post("/v0/subscriptions", &wanted("2028-01-31T00:00:00Z")).body;
    let before = api.events().len();
    let refused = api.patch(&format!("/v0/testClocks/{clock}"), &json!({ "advanceBy": "P1Y" }));
    assert_eq!(refused.status, 400, "{}", refused.body);
    assert_eq!(api.events().len(), before);
    assert_eq!(api.get(&format!("/v0/testClocks/{clock}"))["currentTime"], "2028-01-31T00:00:00Z");
    let path = format!("/v2/invoices/projected?subscriptionId={}&to=2029-01-30T00:00:00Z", text(&made, "id"));
    bears(&api.send("GET", &path, &Value::Null));
}
