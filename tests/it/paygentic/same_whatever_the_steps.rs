//! The property that everything rests on: one long advance equals many short ones, to the byte.

use leapday::blocking::Sandbox;
use serde_json::{Value, json};

use crate::support::{Api, text};

const START: &str = "2028-01-31T00:00:00Z";
const KEY: &str = "sk_test_same";

/// A world of many kinds of subscriptions, made the same way each time.
fn world(api: &Api) -> String {
    api.post("/_leapday/clock", &json!({ "now": START })).expect(200);
    let product = api.product();
    let monthly = api.fee_price(&product, "49.90", "P1M", "in_advance", json!({ "quantity": 3 }));
    let quarterly = api.fee_price(&product, "7.77", "P3M", "in_arrears", json!({}));
    let weekly = api.fee_price(&product, "0.99", "P1W", "in_advance", json!({}));
    let once = api.fee_price(&product, "250", "P0D", "in_advance", json!({}));
    let ladder = json!({ "tiers": [{ "upTo": "10", "unitPrice": "1.5" }, { "upTo": null, "unitPrice": "0.333333" }] });
    let (_, volume) = api.usage_price(&product, "calls", "SUM", ladder);
    let (_, peak) = api.usage_price(&product, "seats", "MAX", json!({ "unitPrice": "0.07" }));
    let tax = json!({ "defaultTaxRate": 19, "taxBehavior": "inclusive" });
    let anchored = json!({ "defaultTaxRate": 8.875, "billingAnchor": "2027-12-15T06:00:00Z" });
    let plans = [
        api.plan(&product, &[&monthly, &volume], json!({ "defaultTaxRate": 8.5 })),
        api.plan(&product, &[&quarterly, &once, &peak], tax),
        api.plan(&product, &[&weekly, &monthly], anchored),
        api.plan(&product, &[&volume, &peak], json!({ "billingCadence": "P1Y" })),
    ];
    let clock = api.clock(START);
    let cards = ["4242424242424242", "4000000000000002", "4000000000009995"];
    for (n, plan) in plans.iter().enumerate() {
        for (m, card) in cards.iter().enumerate() {
            let customer = api.customer(&format!("c{n}{m}@example.com"));
            let mut more = json!({ "autoCharge": m > 0, "sessionExpiryMinutes": 600_000 });
            if m == 2 {
                more["endingAt"] = json!("2028-09-17T11:22:33Z");
            }
            let subscription = api.subscribe(plan, &customer, &clock, START, more);
            // One is left to wait, so that its session expires on the way.
            if subscription["status"] == "pending_payment" && (n, m) != (2, 0) {
                api.pay(&subscription);
            }
            api.save_card(&customer, card);
            for day in 1..=28 {
                let kind = if day % 2 == 0 { "calls" } else { "seats" };
                let at = format!("2028-{:02}-{day:02}T{:02}:30:00Z", day % 12 + 1, day % 24);
                let event =
                    json!({ "type": kind, "source": "t", "subject": customer, "data": { "n": day }, "timestamp": at });
                api.post("/v0/events", &event).expect(202);
            }
        }
    }
    clock
}

/// Everything that an API can show of a world, as bytes.
fn state(api: &Api) -> Vec<String> {
    let mut shown = Vec::new();
    let mut show = |path: &str| {
        let bytes = api.raw("GET", path, &[], b"").bytes;
        shown.push(String::from_utf8(bytes).unwrap());
    };
    for offset in (0..1000).step_by(100) {
        show(&format!("/paygentic/v2/invoices?limit=100&offset={offset}"));
    }
    show("/paygentic/v0/paymentSessions?limit=100");
    for subscription in api.rows("/v0/subscriptions") {
        let id = text(&subscription, "id");
        show(&format!("/paygentic/v0/subscriptions/{id}"));
        show(&format!("/paygentic/v2/invoices/lineItems?limit=1000&subscriptionId={id}"));
    }
    show("/_leapday/events?limit=1000");
    show("/_leapday/events?limit=1000&offset=1000");
    // Ports differ between sandboxes; nothing else may.
    let authority = api.base.trim_start_matches("http://");
    shown.iter().map(|text| text.replace(authority, "HERE")).collect()
}

fn run(steps: &[&str]) -> Vec<String> {
    let sandbox = Sandbox::builder().random_seed(7).start().unwrap();
    let api = Api::at(sandbox.base_url(), KEY);
    let clock = world(&api);
    for step in steps {
        api.advance_to(&clock, step);
    }
    state(&api)
}

#[test]
fn one_long_advance_equals_many_short_ones_to_the_byte() {
    let end = "2029-02-01T00:00:00Z";
    let whole = run(&[end]);
    let issued: usize = whole.iter().map(|text| text.matches("\"status\":\"ISSUED\"").count()).sum();
    assert!(issued > 50, "the world has something to compare");
    let months: Vec<String> = (2..=12).map(|month| format!("2028-{month:02}-01T00:00:00Z")).collect();
    let months: Vec<&str> = months.iter().map(String::as_str).chain(["2029-01-01T00:00:00Z", end]).collect();
    let days: Vec<String> = (1..=366).map(day_after_start).collect();
    let days: Vec<&str> = days.iter().map(String::as_str).chain([end]).collect();
    // Steps of no pattern: a seeded walk of some hours to some weeks.
    let mut seed = 12_345_u64;
    let mut seconds = 0;
    let mut odd = Vec::new();
    while seconds < 366 * 86_400 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seconds += 1 + i64::try_from(seed >> 44).unwrap() * 2;
        odd.push(instant_after_start(seconds));
    }
    let odd: Vec<&str> = odd.iter().map(String::as_str).filter(|at| *at < end).chain([end]).collect();
    for (name, steps) in [("months", months), ("days", days), ("odd", odd)] {
        let stepped = run(&steps);
        for (one, many) in whole.iter().zip(&stepped) {
            assert!(one == many, "{name}: {}", first_difference(one, many));
        }
    }
}

fn instant_after_start(seconds: i64) -> String {
    let start: jiff::Timestamp = START.parse().unwrap();
    (start + jiff::SignedDuration::from_secs(seconds)).to_string()
}

fn day_after_start(day: i64) -> String {
    instant_after_start(day * 86_400)
}

fn first_difference(one: &str, many: &str) -> String {
    let at = one.bytes().zip(many.bytes()).position(|(a, b)| a != b).unwrap_or(0);
    let cut = |text: &str| text.chars().skip(at.saturating_sub(150)).take(300).collect::<String>();
    format!("…{}… against …{}…", cut(one), cut(many))
}

#[test]
fn a_preview_of_the_worlds_clock_is_refused_backwards_and_counted_forwards() {
    let sandbox = Sandbox::builder().strict(true).start().unwrap();
    let api = Api::at(sandbox.base_url(), KEY);
    assert_eq!(api.get("/_leapday/clock")["mode"], "flowing");
    let frozen = api.post("/_leapday/clock", &json!({ "now": START })).expect(200);
    assert_eq!((text(&frozen, "now"), text(&frozen, "mode")), (START, "frozen"));
    let advanced = api.post("/_leapday/clock/advance", &json!({ "by": "P1M" })).expect(200);
    assert_eq!((text(&advanced, "now"), &advanced["stopped"]), ("2028-02-29T00:00:00Z", &Value::Null));
    api.post("/_leapday/clock/advance", &json!({ "to": START })).expect(400);
    api.post("/_leapday/clock/advance", &json!({ "by": "1 month" })).expect(400);
    api.post("/_leapday/clock/advance", &json!({})).expect(400);
    assert_eq!(api.post("/_leapday/clock", &json!({ "flow": true })).expect(200)["mode"], "flowing");
    // A clock that flows goes on from where an advance put it.
    api.post("/_leapday/clock/advance", &json!({ "by": "P1Y" })).expect(200);
    let clock = api.get("/_leapday/clock");
    assert_eq!(clock["mode"], "flowing");
    assert!(text(&clock, "now").starts_with("2029-02-28T00:"), "{clock}");
}
