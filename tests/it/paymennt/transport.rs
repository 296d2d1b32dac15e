//! Key pairs, the envelope, paths and bodies as real clients send them (facts §0, §1).

use serde_json::{Value, json};

use crate::support::{api, merchant, text, web};

#[test]
fn every_spelling_of_the_pair_opens_the_same_world_and_another_secret_another() {
    let merchant = merchant();
    merchant.make("/checkout/web", &web("r-1"));
    let (key, secret) = (&*merchant.pair.0, &*merchant.pair.1);
    for (key_header, secret_header) in [
        ("X-Paymennt-Api-Key", "X-Paymennt-Api-Secret"),
        ("X-PointCheckout-Api-Key", "X-PointCheckout-Api-Secret"),
        ("X-POINTCHECKOUT-KEY", "X-POINTCHECKOUT-SECRET"),
    ] {
        for prefix in ["/paymennt/mer/v2.0", "/paymennt/api/mer/v2.0"] {
            let found = |secret: &str| {
                let headers = [(key_header, key), (secret_header, secret)];
                merchant.api.raw("GET", &format!("{prefix}/checkout/"), &headers, b"").result()["totalElements"].clone()
            };
            assert_eq!((found(secret), found("another")), (json!(1), json!(0)), "{key_header}");
        }
    }
}

#[test]
fn a_missing_or_half_pair_is_refused_in_the_envelope() {
    let api = api().with_key("sk_test_bearer");
    let ask = |headers: &[(&str, &str)]| api.raw("GET", "/paymennt/mer/v2.0/checkout", headers, b"");
    assert_eq!(ask(&[]).error(401), "API key and secret are missing");
    for half in ["x-paymennt-api-key", "x-pointcheckout-api-secret", "x-pointcheckout-key"] {
        let answer = ask(&[(half, "k")]);
        assert_eq!(answer.error(401), "Half of the API key pair is missing");
        assert!(answer.header("leapday-violation").is_some_and(|line| line.contains(half)), "{half}");
    }
    // No HTTP Basic (§1.2).
    assert_eq!(ask(&[("authorization", "Basic azpz")]).error(401), "API key and secret are missing");
}

#[test]
fn the_test_hosts_are_served_and_the_live_ones_refused() {
    let merchant = merchant();
    let ask = |host: &str, path: &str| {
        let pair = [("x-paymennt-api-key", &*merchant.pair.0), ("x-paymennt-api-secret", &*merchant.pair.1)];
        merchant.api.raw("GET", path, &[pair[0], pair[1], ("host", host)], b"")
    };
    for host in ["api.test.paymennt.com", "api.test.pointcheckout.com:443"] {
        ask(host, "/mer/v2.0/branches/").result();
        ask(host, "/api/mer/v2.0/branches").result();
    }
    for host in ["api.paymennt.com", "api.pointcheckout.com"] {
        let answer = ask(host, "/mer/v2.0/branches");
        assert_eq!(answer.error(401), "A request for the live API was sent to the sandbox");
        assert!(answer.header("leapday-violation").is_some_and(|line| line.contains("api.test.paymennt.com")));
    }
}

#[test]
fn a_path_that_is_none_is_told_in_the_envelope() {
    let merchant = merchant();
    assert!(merchant.ask("GET", "/checkouts", &Value::Null).error(404).starts_with("There is no GET"));
    assert!(merchant.ask("PUT", "/checkout/web", &json!({})).error(405).contains("not PUT"));
    let headers = [("x-paymennt-api-key", "k"), ("x-paymennt-api-secret", "s"), ("content-type", "application/json")];
    let broken = merchant.api.raw("POST", "/paymennt/mer/v2.0/branches", &headers, b"{");
    assert_eq!(broken.error(400), "The body is not valid JSON");
}

#[test]
fn strings_nulls_unknown_fields_and_bodies_on_actions_are_taken_as_the_official_client_sends_them() {
    let merchant = merchant();
    // E2b.
    let made = merchant.make(
        "/checkout/web",
        &json!({
            "requestId": "124003", "orderId": "ORD-1001", "currency": "AED", "amount": "1090",
            "totals": {
                "subtotal": "90.00", "tax": 5, "shipping": 5, "handling": 0, "discount": 0, "skipTotalsValidation": true,
            },
            "items": [{ "name": "Shirt", "sku": null, "unitprice": "100", "quantity": "2", "linetotal": "200" }],
            "customer": { "id": null, "reference": "cus-001", "firstName": "A", "lastName": "B", "email": "a@b.example", "phone": 971 },
            "billingAddress": { "name": "N", "address1": "A", "city": "C", "country": "ARE", "state": null },
            "deliveryAddress": null, "branchId": 0, "returnUrl": "https://shop.example/return",
            "extVersion": "3.1.1", "ecommerce": "WooCommerce", "test": true,
        }),
    );
    assert_eq!((&made["amount"], text(&made["customer"], "reference")), (&json!(1090), "cus-001"));
    assert_eq!((&made["customer"]["phone"], &made["deliveryAddress"]), (&json!("971"), &Value::Null));
    // The guides' curl spells two names in another way (§2.1).
    let minimal = json!({ "requestID": "g-1", "orderID": "g", "currency": "AED", "amount": 250, "description": "d" });
    assert_eq!(text(&merchant.make("/checkout/link/", &minimal), "requestId"), "g-1");
    // A body on an action, and none.
    let id = text(&made, "id");
    let cancelled = merchant.make(&format!("/checkout/{id}/cancel/"), &json!({ "checkoutId": id, "amount": null }));
    assert_eq!(text(&cancelled, "status"), "CANCELLED");
    // The list of one client begins its first key with a slash.
    assert_eq!(merchant.get("/checkout?/type=web&page=0")["totalElements"], 2);
}

#[test]
fn pages_are_counted_as_documented() {
    let merchant = merchant();
    for number in 0..5 {
        merchant.make("/checkout/web", &web(&format!("r-{number}")));
    }
    let page = merchant.get("/checkout?page=1&size=2");
    assert_eq!(
        (&page["page"], &page["size"], &page["totalPages"], &page["totalElements"]),
        (&json!(1), &json!(2), &json!(3), &json!(5))
    );
    assert_eq!(text(&page["content"][0], "requestId"), "r-2");
    assert_eq!(merchant.get("/checkout?page=9")["content"], json!([]));
    let lists =
        ["/checkout", "/subscription", "/card/list?customerReferenceId=1", "/branches", "/webhooks", "/terminals"];
    for path in lists {
        let between = if path.contains('?') { '&' } else { '?' };
        for size in ["0", "-1", "x", "1001"] {
            let refused = merchant.ask("GET", &format!("{path}{between}size={size}"), &Value::Null);
            assert_eq!(refused.error(400), "page size parameter must be a positive integer", "{path} {size}");
        }
    }
    // Nouns that are not paged answer bare lists (§1.7).
    assert_eq!(merchant.get("/branches")[0]["name"], "Test store");
    assert_eq!(merchant.get("/terminals")[0]["alias"], "Device 01");
    let terminal = merchant.get("/terminals/1784983995871729791");
    assert_eq!((text(&terminal, "deviceType"), &terminal["active"]), ("AMS1", &json!(true)));
}

/// E10, E16, E17.
#[test]
fn branches_cards_and_terminals_answer_in_the_documented_words() {
    let merchant = merchant();
    let wanted = json!({ "name": "Repo Office", "currency": "AED", "description": "This is the Repo branch." });
    let made = merchant.make("/branches/", &wanted);
    assert_eq!((&made["enabled"], text(&made, "name")), (&json!(true), "Repo Office"));
    assert_eq!(merchant.refused("/branches", &wanted), "A branch already exists with the same name 'Repo Office'");
    let path = format!("/branches/{}", text(&made, "id"));
    assert_eq!(merchant.make(&format!("{path}/disable"), &Value::Null)["enabled"], false);
    let mut there = web("r-b");
    there["branchId"] = json!(text(&made, "id").parse::<u64>().unwrap());
    assert_eq!(merchant.refused("/checkout/web", &there), "Branch is disabled");
    assert_eq!(merchant.make(&format!("{path}/enable"), &json!({}))["enabled"], true);
    assert_eq!(text(&merchant.make("/checkout/web", &there), "branchName"), "Repo Office");
    there["branchId"] = json!(77);
    there["requestId"] = json!("r-c");
    assert_eq!(merchant.refused("/checkout/web", &there), "Branch not found for API merchant");
    assert_eq!(merchant.get("/branches").as_array().unwrap().len(), 2);
    for (path, said) in [
        ("/branches/1", "Branch not found for API merchant"),
        ("/card?cardToken=bad", "Stored card not found for the provided token"),
        ("/terminals/1", "Terminal device not found"),
        ("/payment/1", "Payment not found for API merchant"),
        ("/checkout/1", "Checkout not found for API merchant"),
        ("/subscription/1", "Subscription not found for API merchant"),
        ("/subscription/1/payment", "Subscription not found for API merchant"),
        ("/webhooks/1", "Webhook not found for API merchant"),
    ] {
        assert_eq!(merchant.ask("GET", path, &Value::Null).error(400), said, "{path}");
    }
}
