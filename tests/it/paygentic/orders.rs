//! Orders and their lines (facts: paygentic-behaviour §2.13).

use serde_json::{Value, json};

use crate::support::{Api, MERCHANT, api, text, texts};

/// A line of `total`, one unit of it.
pub fn line(total: &str) -> Value {
    json!({ "quantity": "1", "listUnitPrice": total, "unitPrice": total, "totalPrice": total })
}

/// An order of the world's first customer: a year from 31 January 2028 with lines of these totals.
pub fn order(api: &Api, total: &str, lines: &[&str]) -> Value {
    let lines: Vec<Value> = lines.iter().map(|total| line(total)).collect();
    let known = api.rows(&format!("/v0/customers?organizationId={MERCHANT}"));
    let customer = known.first().map_or_else(|| api.customer("jo@example.com"), |row| text(row, "id").to_owned());
    api.create("/v0/orders", &wanted(&customer, total, &lines))
}

fn wanted(customer: &str, total: &str, lines: &[Value]) -> Value {
    json!({
        "customerId": customer, "currency": "USD", "totalAmount": total, "lineItems": lines,
        "termStartDate": "2028-01-31T00:00:00Z", "termEndDate": "2029-01-31T00:00:00Z",
    })
}

fn path(order: &Value) -> String {
    format!("/v0/orders/{}", text(order, "id"))
}

#[test]
fn an_order_is_read_as_it_was_made() {
    let api = api();
    api.freeze("2028-01-15T00:00:00Z");
    let customer = api.customer("jo@example.com");
    let plain = api.create("/v0/orders", &wanted(&customer, "100", &[]));
    let expected = json!({
        "object": "order", "id": plain["id"], "merchantId": MERCHANT, "customerId": customer, "resellerId": null,
        "taxExempt": false, "sellingEntity": null, "currency": "USD", "approvalStatus": "draft", "cancelledAt": null,
        "termStartDate": "2028-01-31T00:00:00Z", "termEndDate": "2029-01-31T00:00:00Z", "closeDate": null,
        "totalAmount": "100.00", "defaultPaymentTermDays": 0, "type": null, "metadata": {}, "lineItems": [],
        "billingSchedules": [], "createdAt": "2028-01-15T00:00:00Z", "updatedAt": "2028-01-15T00:00:00Z",
    });
    assert_eq!(plain, expected);
    assert_eq!(api.get(&path(&plain)), plain);

    let mut full = wanted(&customer, "0.03", &[line("0.01"), line("0.020")]);
    for (field, value) in [
        ("type", json!("renewal")),
        ("closeDate", json!("2028-01-20T00:00:00Z")),
        ("defaultPaymentTermDays", json!(30)),
        ("metadata", json!({ "deal": 7 })),
        ("resellerId", json!("org_reseller")),
        ("taxExempt", json!(true)),
        ("sellingEntity", json!("Shop Ltd")),
    ] {
        full[field] = value;
    }
    let made = api.create("/v0/orders", &full);
    for field in ["type", "closeDate", "defaultPaymentTermDays", "metadata", "resellerId", "taxExempt", "sellingEntity"]
    {
        assert_eq!(made[field], full[field], "{field}");
    }
    assert_eq!(made["totalAmount"], "0.03");
    let lines = made["lineItems"].as_array().unwrap();
    assert_eq!(texts(lines, "totalPrice"), ["0.01", "0.020"], "as they were written");
    assert!(lines.iter().all(|line| line["orderId"] == made["id"] && line["object"] == "order_line_item"));
}

#[test]
fn totals_have_the_digits_of_their_currency() {
    let api = api();
    let customer = api.customer("jo@example.com");
    for (currency, sent, shown) in [("USD", "5", "5.00"), ("JPY", "500", "500"), ("BHD", "1.5", "1.500")] {
        let mut wanted = wanted(&customer, sent, &[line(sent)]);
        wanted["currency"] = json!(currency);
        assert_eq!(api.create("/v0/orders", &wanted)["totalAmount"], shown, "{currency}");
    }
}

#[test]
fn the_total_follows_the_lines() {
    let api = api();
    let order = order(&api, "1000", &[]);
    let path = path(&order);
    let total = || api.get(&path)["totalAmount"].clone();
    assert_eq!(total(), "1000.00", "what was sent, while there are no lines");
    let lines = format!("{path}/lineItems");
    let first = api.create(&lines, &line("120.5"));
    assert_eq!(total(), "120.50");
    let second = api.create(&lines, &line("79.505"));
    assert_eq!(total(), "200.005", "no digit is lost");
    api.patch(&format!("{lines}/{}", text(&second, "id")), &json!({ "totalPrice": "-20.50" })).expect(200);
    assert_eq!(total(), "100.00", "credits count");
    assert_eq!(api.delete(&format!("{lines}/{}", text(&second, "id"))).status, 204);
    assert_eq!(total(), "120.50");
    assert_eq!(api.delete(&format!("{lines}/{}", text(&first, "id"))).status, 204);
    assert_eq!(total(), "0.00");
    assert_eq!(api.patch(&path, &json!({ "totalAmount": "7" })).expect(200)["totalAmount"], "7.00");
}

#[test]
fn a_line_keeps_what_a_change_does_not_name() {
    let api = api();
    let order = order(&api, "0", &[]);
    let mut wanted = line("60");
    wanted["listUnitPrice"] = json!("75.50");
    wanted["description"] = json!("Seats");
    wanted["termStartDate"] = json!("2028-02-01T00:00:00Z");
    let made = api.create(&format!("{}/lineItems", path(&order)), &wanted);
    assert_eq!(made["discountUnitAmount"], "15.50", "what the price is below the list");
    assert_eq!((&made["itemId"], &made["termEndDate"], &made["metadata"]), (&Value::Null, &Value::Null, &json!({})));

    let line = format!("{}/lineItems/{}", path(&order), text(&made, "id"));
    let change = json!({
        "quantity": "3", "listUnitPrice": "80", "discountUnitAmount": "20.0", "metadata": { "a": 1 },
        "termEndDate": "2028-03-01T00:00:00Z", "description": null, "itemId": null,
    });
    let changed = api.patch(&line, &change).expect(200);
    let expected = json!({
        "object": "order_line_item", "id": made["id"], "orderId": order["id"], "quantity": "3", "listUnitPrice": "80",
        "discountUnitAmount": "20.0", "unitPrice": "60", "totalPrice": "60", "termStartDate": "2028-02-01T00:00:00Z",
        "termEndDate": "2028-03-01T00:00:00Z", "metadata": { "a": 1 }, "itemId": null, "description": null,
        "createdAt": made["createdAt"], "updatedAt": changed["updatedAt"],
    });
    assert_eq!(changed, expected);
    assert_eq!(api.get(&path(&order))["lineItems"], json!([changed]));
    let priced = api.patch(&line, &json!({ "unitPrice": "61", "totalPrice": "183" })).expect(200);
    assert_eq!((&priced["unitPrice"], &priced["totalPrice"]), (&json!("61"), &json!("183")));
}

#[test]
fn a_change_leaves_what_it_does_not_name_and_null_clears() {
    let api = api();
    let order = order(&api, "10", &["10"]);
    let change = json!({
        "type": "expansion", "termStartDate": "2028-02-01T00:00:00Z", "termEndDate": "2028-08-01T00:00:00Z",
        "closeDate": "2028-01-01T00:00:00Z", "totalAmount": "10.000", "defaultPaymentTermDays": 14,
        "metadata": { "a": 1 }, "resellerId": "r", "taxExempt": true, "sellingEntity": "s",
    });
    let mut changed = api.patch(&path(&order), &change).expect(200);
    let mut expected = change.clone();
    expected["totalAmount"] = json!("10.00");
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&changed[field], value, "{field}");
    }
    for field in ["type", "closeDate", "resellerId", "sellingEntity"] {
        changed = api.patch(&path(&order), &json!({ field: null })).expect(200);
        assert_eq!(changed[field], Value::Null, "{field}");
    }
    assert_eq!((&changed["taxExempt"], &changed["defaultPaymentTermDays"]), (&json!(true), &json!(14)));
    assert_eq!(changed["lineItems"], order["lineItems"]);
}

#[test]
fn lists_filter_and_page() {
    let api = api();
    let (jo, mo) = (api.customer("jo@example.com"), api.customer("mo@example.com"));
    let make = |customer: &str, kind: Value| {
        let mut wanted = wanted(customer, "1", &[line("1")]);
        wanted["type"] = kind;
        api.create("/v0/orders", &wanted)["id"].as_str().unwrap().to_owned()
    };
    let [draft, pending, approved, rejected, cancelled] =
        [(&jo, "renewal"), (&jo, "expansion"), (&mo, "renewal"), (&mo, "new_business"), (&mo, "renewal")]
            .map(|(customer, kind)| make(customer, json!(kind)));
    for (order, decision) in [(&pending, None), (&approved, Some("approved")), (&rejected, Some("rejected"))] {
        let review = api.create(&format!("/v0/orders/{order}/approvals"), &json!({}));
        if let Some(decision) = decision {
            let decision = json!({ "decision": decision, "actorId": "usr_bob" });
            api.patch(&format!("/v0/approvals/{}", text(&review, "id")), &decision).expect(200);
        }
    }
    let at = json!({ "cancelledAt": "2028-01-31T00:00:00Z" });
    let body = api.patch(&format!("/v0/orders/{cancelled}"), &at).expect(200);
    assert_eq!((&body["approvalStatus"], &body["cancelledAt"]), (&json!("draft"), &at["cancelledAt"]));

    let ids = |query: &str| texts(&api.rows(&format!("/v0/orders{query}")), "id").join(" ");
    for (query, expected) in [
        ("", vec![&draft, &pending, &approved, &rejected, &cancelled]),
        ("?status=draft", vec![&draft]),
        ("?status=pending", vec![&pending]),
        ("?status=approved", vec![&approved]),
        ("?status=rejected", vec![&rejected]),
        ("?status=cancelled", vec![&cancelled]),
        ("?type=renewal", vec![&draft, &approved, &cancelled]),
        ("?type=renewal&status=approved", vec![&approved]),
        (&format!("?customerId={jo}"), vec![&draft, &pending]),
        ("?customerId=cus_nobody", vec![]),
        (&format!("?merchantId={MERCHANT}"), vec![&draft, &pending, &approved, &rejected, &cancelled]),
        ("?merchantId=org_other", vec![]),
    ] {
        let expected: Vec<&str> = expected.into_iter().map(String::as_str).collect();
        assert_eq!(ids(query), expected.join(" "), "{query}");
    }
    let page = api.get("/v0/orders?limit=2&offset=3");
    assert_eq!(page["pagination"], json!({ "limit": 2, "offset": 3, "total": 5 }));
    assert_eq!((page["object"].clone(), page["data"].as_array().unwrap().len()), (json!("list"), 2));
    assert_eq!(api.get("/v0/orders")["pagination"]["limit"], 50);
}

#[test]
fn what_was_agreed_stands_still_in_review_approved_and_cancelled() {
    let api = api();
    let order = order(&api, "1", &["1"]);
    let path = path(&order);
    let line_path = format!("{path}/lineItems/{}", text(&order["lineItems"][0], "id"));
    let edits = [
        ("PATCH", path.clone(), json!({ "taxExempt": true })),
        ("PATCH", path.clone(), json!({ "totalAmount": "1" })),
        ("PATCH", path.clone(), json!({ "closeDate": null })),
        ("POST", format!("{path}/lineItems"), line("2")),
        ("PATCH", line_path.clone(), json!({ "quantity": "2" })),
        ("DELETE", line_path, Value::Null),
    ];
    let stands_still = |code: &str| {
        for (method, path, body) in &edits {
            let refusal = api.refuses(method, path, body, 400).body;
            assert_eq!((&refusal["error"], &refusal["code"]), (&json!("bad_request"), &json!(code)), "{method} {path}");
        }
        let note = json!({ "metadata": { "code": code } });
        assert_eq!(api.patch(&path, &note).expect(200)["metadata"], note["metadata"]);
    };
    let review = api.create(&format!("{path}/approvals"), &json!({}));
    let review = format!("/v0/approvals/{}", text(&review, "id"));
    stands_still("ORDER_IN_REVIEW");
    api.patch(&review, &json!({ "decision": "approved", "actorId": "usr_bob" })).expect(200);
    stands_still("ORDER_APPROVED");
    api.patch(&review, &json!({ "decision": "cancelled" })).expect(200);
    assert_eq!(api.patch(&path, &json!({ "taxExempt": true })).expect(200)["approvalStatus"], "draft");
    api.patch(&path, &json!({ "cancelledAt": "2028-01-31T00:00:00Z" })).expect(200);
    stands_still("ORDER_CANCELLED");
    let back = api.patch(&path, &json!({ "cancelledAt": null, "taxExempt": false })).expect(200);
    assert_eq!((&back["cancelledAt"], &back["taxExempt"]), (&Value::Null, &json!(false)));
}

#[test]
fn a_rejected_order_is_changed_and_asked_for_again() {
    let api = api();
    let order = order(&api, "1", &["1"]);
    let path = path(&order);
    let review = api.create(&format!("{path}/approvals"), &json!({}));
    let rejection = json!({ "decision": "rejected", "actorId": "usr_bob", "note": "Too cheap" });
    api.patch(&format!("/v0/approvals/{}", text(&review, "id")), &rejection).expect(200);
    assert_eq!(api.get(&path)["approvalStatus"], "rejected");
    api.create(&format!("{path}/lineItems"), &line("2"));
    let again = api.create(&format!("{path}/approvals"), &json!({}));
    assert_ne!(again["dataSnapshotHash"], review["dataSnapshotHash"], "there is a line more");
    assert_eq!(api.get(&path)["approvalStatus"], "pending");
}

#[test]
fn cancelling_takes_back_what_is_pending() {
    let api = api();
    let order = order(&api, "1", &["1"]);
    let review = api.create(&format!("{}/approvals", path(&order)), &json!({}));
    api.patch(&path(&order), &json!({ "cancelledAt": "2028-01-31T00:00:00Z" })).expect(200);
    assert_eq!(api.get(&format!("/v0/approvals/{}", text(&review, "id")))["decision"], "cancelled");
    let refusal = api.refuses("POST", &format!("{}/approvals", path(&order)), &json!({}), 409);
    assert_eq!(refusal.body["code"], "ORDER_CANCELLED");
}

#[test]
fn a_deleted_order_is_gone_whatever_its_state() {
    let api = api();
    let order = order(&api, "1", &["1"]);
    let path = path(&order);
    let review = api.create(&format!("{path}/approvals"), &json!({}));
    let line_path = format!("{path}/lineItems/{}", text(&order["lineItems"][0], "id"));
    assert_eq!(api.delete(&path).status, 204);
    assert_eq!(api.rows("/v0/orders"), Vec::<Value>::new());
    assert_eq!(api.get(&format!("/v0/approvals/{}", text(&review, "id")))["decision"], "cancelled");
    for (method, path, body) in [
        ("GET", path.clone(), Value::Null),
        ("PATCH", path.clone(), json!({ "taxExempt": true })),
        ("DELETE", path.clone(), Value::Null),
        ("POST", format!("{path}/lineItems"), line("1")),
        ("PATCH", line_path.clone(), json!({ "quantity": "1" })),
        ("DELETE", line_path, Value::Null),
        ("POST", format!("{path}/approvals"), json!({})),
    ] {
        api.refuses(method, &path, &body, 404);
    }
    let about = json!({
        "merchantId": MERCHANT, "resourceType": "order", "resourceId": order["id"], "dataSnapshotHash": "h",
    });
    assert!(api.refuses("POST", "/v0/approvals", &about, 404).told().starts_with("/resourceId reference"));
}

#[test]
fn what_is_wrong_is_told_and_changes_nothing() {
    let api = api();
    let customer = api.customer("jo@example.com");
    let order = api.create("/v0/orders", &wanted(&customer, "1", &[line("1")]));
    let other = api.create("/v0/orders", &wanted(&customer, "2", &[line("2")]));
    let (path, foreign) = (path(&order), text(&other["lineItems"][0], "id"));
    let with = |field: &str, value: Value| {
        let mut body = wanted(&customer, "3", &[line("1"), line("2")]);
        body[field] = value;
        body
    };
    let line_with = |field: &str, value: Value| {
        let mut line = line("3");
        line[field] = value;
        line
    };
    let spare = "99999999999999999999999999999999999";
    for (method, path, body, status, told) in [
        ("POST", "/v0/orders".to_owned(), with("customerId", json!("cus_nobody")), 404, "/customerId reference"),
        ("POST", "/v0/orders".to_owned(), with("currency", json!("DOLLAR")), 400, "/currency enum"),
        ("POST", "/v0/orders".to_owned(), with("totalAmount", json!("3.01")), 400, "/totalAmount sum"),
        ("POST", "/v0/orders".to_owned(), with("totalAmount", json!("3,00")), 400, "/totalAmount pattern"),
        ("POST", "/v0/orders".to_owned(), with("totalAmount", json!(spare)), 400, "body type"),
        ("POST", "/v0/orders".to_owned(), with("type", json!("upsell")), 400, "/type enum"),
        (
            "POST",
            "/v0/orders".to_owned(),
            with("defaultPaymentTermDays", json!(-1)),
            400,
            "/defaultPaymentTermDays range",
        ),
        (
            "POST",
            "/v0/orders".to_owned(),
            with("termEndDate", json!("2028-01-31T00:00:00Z")),
            400,
            "/termEndDate minimum",
        ),
        (
            "POST",
            "/v0/orders".to_owned(),
            with("lineItems", json!([line("1"), line_with("itemId", json!("itm_nobody"))])),
            404,
            "/lineItems/1/itemId reference",
        ),
        ("PATCH", path.clone(), json!({ "totalAmount": "2" }), 400, "/totalAmount sum"),
        ("PATCH", path.clone(), json!({ "termEndDate": "2027-01-01T00:00:00Z" }), 400, "/termEndDate minimum"),
        ("PATCH", path.clone(), json!({ "defaultPaymentTermDays": 36_501 }), 400, "/defaultPaymentTermDays range"),
        ("PATCH", path.clone(), json!({ "currency": "EUR" }), 400, "/currency "),
        ("PATCH", "/v0/orders/ord_nobody".to_owned(), json!({ "taxExempt": true }), 404, ""),
        ("GET", "/v0/orders/cus_nobody".to_owned(), Value::Null, 404, "path id pattern"),
        ("GET", "/v0/orders?status=won".to_owned(), Value::Null, 400, "query status enum"),
        ("POST", format!("{path}/lineItems"), json!({ "quantity": "1" }), 400, "/listUnitPrice required"),
        ("POST", format!("{path}/lineItems"), line_with("itemId", json!("itm_nobody")), 404, "/itemId reference"),
        ("POST", format!("{path}/approvals"), json!({ "requester": "" }), 400, "/requester minLength"),
        ("PATCH", format!("{path}/lineItems/{foreign}"), json!({ "quantity": "1" }), 404, ""),
        ("DELETE", format!("{path}/lineItems/{foreign}"), Value::Null, 404, ""),
        ("DELETE", format!("{path}/lineItems/oli_nobody"), Value::Null, 404, ""),
        ("DELETE", "/v0/orders/ord_nobody".to_owned(), Value::Null, 404, ""),
    ] {
        let refusal = api.refuses(method, &path, &body, status);
        assert!(told.is_empty() || refusal.told().starts_with(told), "{path} {body}: {:?}", refusal.told());
    }
    let own = format!("{path}/lineItems/{}", text(&order["lineItems"][0], "id"));
    let backwards = json!({ "termStartDate": "2028-02-01T00:00:00Z", "termEndDate": "2028-02-01T00:00:00Z" });
    assert!(api.refuses("PATCH", &own, &backwards, 400).told().starts_with("/termEndDate minimum"));
}
