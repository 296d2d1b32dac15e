//! Profitability: revenue less cost, customer by customer (facts: paygentic-behaviour §2.14).

use serde_json::{Value, json};

use crate::support::{Api, MERCHANT, api, text, texts};

const START: &str = "2028-01-31T00:00:00Z";
const SPAN: &str = "from=2028-01-31T00:00:00Z&to=2028-03-01T00:00:00Z";

/// Customers who pay 50.00 USD in advance, and a cost of 0.05 USD a second.
fn shop(api: &Api, emails: &[&str]) -> Vec<String> {
    api.freeze(START);
    let product = api.product();
    let fee = api.fee_price(&product, "50", "P1M", "in_advance", json!({}));
    let plan = api.plan(&product, &[&fee], json!({ "defaultTaxRate": 8.5 }));
    let clock = api.clock(START);
    let cost = json!({
        "type": "metered", "name": "GPU", "unitCost": 0.05, "currency": "USD", "productId": product,
        "merchantId": MERCHANT, "aggregation": "SUM", "eventType": "gpu", "valueProperty": "$.n",
    });
    api.create("/v0/costs", &cost);
    let subscribed = |email: &&str| {
        let customer = api.customer(email);
        api.subscribe(&plan, &customer, &clock, START, json!({}));
        customer
    };
    emails.iter().map(subscribed).collect()
}

fn get(api: &Api, query: &str) -> Value {
    api.get(&format!("/v0/profitability?merchantId={MERCHANT}&{SPAN}{query}"))
}

fn row(id: &str, name: &str, figures: [&str; 3], margin: Option<&str>, data: &str) -> Value {
    let [revenue, cost, profit] = figures;
    json!({
        "customerId": id, "customerName": name, "netRevenue": revenue, "totalCost": cost, "profit": profit,
        "marginPct": margin, "costData": data,
    })
}

#[test]
fn customers_are_ranked_by_what_is_left() {
    let api = api();
    let customers = shop(&api, &["a@example.com", "b@example.com", "c@example.com"]);
    let idle = api.customer("idle@example.com");
    let [a, b, c] = [&customers[0], &customers[1], &customers[2]];
    api.usage("gpu", a, 2000.0, "2028-02-10T00:00:00Z");
    api.usage("gpu", b, 101.0, "2028-02-10T00:00:00Z");
    // The end of the span is not in it, and nobody's customer is in no row.
    api.usage("gpu", b, 1000.0, "2028-03-01T00:00:00Z");
    api.usage("gpu", "guest", 1000.0, "2028-02-10T00:00:00Z");

    let all = get(&api, "");
    let expected = json!([
        row(c, "Jo Doe", ["50.00", "0.00", "50.00"], None, "none"),
        // 50.00 less 101 x 0.05 is 44.95, of 50.00 that is 89.90 %.
        row(b, "Jo Doe", ["50.00", "5.05", "44.95"], Some("89.90"), "recorded"),
        row(&idle, "Jo Doe", ["0.00", "0.00", "0.00"], None, "none"),
        row(a, "Jo Doe", ["50.00", "100.00", "-50.00"], Some("-100.00"), "recorded"),
    ]);
    assert_eq!(all["rows"], expected);
    assert_eq!((text(&all, "object"), text(&all, "currency")), ("profitability_summary", "USD"));
    assert_eq!((&all["customerCount"], &all["emptyCustomerCount"]), (&json!(4), &json!(1)));
    for absent in ["emptyCustomers", "revenueRange", "costRange"] {
        assert_eq!(all.get(absent), None, "{absent}");
    }

    let top = get(&api, "&topN=1&includeEmpty=true");
    let rest = row("other", "Other", ["100.00", "105.05", "-5.05"], None, "partial");
    assert_eq!(top["rows"], json!([expected[0], rest]));
    assert_eq!(top["emptyCustomers"], json!([expected[2]]));
    let busy = get(&api, "&excludeEmpty=true&includeEmpty=true");
    assert_eq!(busy["rows"], json!([expected[0], expected[1], expected[3]]));
    assert_eq!((&busy["emptyCustomers"], &busy["emptyCustomerCount"]), (&json!([expected[2]]), &json!(1)));
    assert_eq!(get(&api, "&includeEmpty=true")["emptyCustomers"], json!([]));
}

#[test]
fn the_deleted_are_one_row_behind_all_others() {
    let api = api();
    let customers = shop(&api, &["a@example.com"]);
    let gone = ["b@example.com", "c@example.com", "d@example.com"].map(|email| api.customer(email));
    api.usage("gpu", &gone[0], 100.0, "2028-02-10T00:00:00Z");
    api.usage("gpu", &gone[1], 20.0, "2028-02-10T00:00:00Z");
    for customer in &gone {
        assert_eq!(api.delete(&format!("/v0/customers/{customer}")).status, 204);
    }
    let all = get(&api, "&topN=1");
    let rows = all["rows"].as_array().unwrap();
    assert_eq!(texts(rows, "customerId"), [&*customers[0], "deleted"]);
    assert_eq!(rows[1], row("deleted", "Deleted customers", ["0.00", "6.00", "-6.00"], None, "recorded"));
    assert_eq!(all["customerCount"], 1);
}

#[test]
fn currencies_never_mix() {
    let api = api();
    let customers = shop(&api, &["a@example.com"]);
    api.usage("gpu", &customers[0], 100.0, "2028-02-10T00:00:00Z");
    let euros = get(&api, "&currency=EUR");
    let nothing = row(&customers[0], "Jo Doe", ["0.00", "0.00", "0.00"], None, "none");
    assert_eq!((text(&euros, "currency"), &euros["rows"]), ("EUR", &json!([nothing])));
    assert_eq!((euros.get("revenueRange"), euros.get("costRange")), (Some(&Value::Null), Some(&Value::Null)));
    let path = format!("/v0/profitability?merchantId={MERCHANT}&from=2027-01-01T00:00:00Z&to=2027-02-01T00:00:00Z");
    let before = api.get(&path);
    assert_eq!(before["revenueRange"], json!({ "from": START, "to": START }));
    assert_eq!(before["costRange"], json!({ "from": "2028-02-10T00:00:00Z", "to": "2028-02-10T00:00:00Z" }));
}

#[test]
fn what_is_wrong_is_told() {
    let api = api();
    for query in [
        SPAN.to_owned(),
        format!("merchantId={MERCHANT}&from=2028-02-01T00:00:00Z"),
        format!("merchantId={MERCHANT}&from=2028-02-02T00:00:00Z&to=2028-02-01T00:00:00Z"),
        format!("merchantId={MERCHANT}&{SPAN}&topN=101"),
        format!("merchantId={MERCHANT}&{SPAN}&currency=EURO"),
    ] {
        api.refuses("GET", &format!("/v0/profitability?{query}"), &Value::Null, 400);
    }
}
