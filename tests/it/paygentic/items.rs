//! Items: tags of fees and metrics (facts: paygentic-behaviour §2.14, §2.2).

use serde_json::{Value, json};

use crate::support::{Api, MERCHANT, api, text, texts};

/// `base` with the fields of `more` beside it.
fn with(mut base: Value, more: Value) -> Value {
    if let (Some(base), Value::Object(more)) = (base.as_object_mut(), more) {
        base.extend(more);
    }
    base
}

fn item(api: &Api, name: &str, more: Value) -> String {
    text(&api.create("/v0/items", &with(json!({ "merchantId": MERCHANT, "name": name }), more)), "id").to_owned()
}

fn a_fee(product: &str) -> Value {
    json!({ "name": "Seat", "description": "A seat", "merchantId": MERCHANT, "productId": product })
}

fn a_metric(product: &str) -> Value {
    json!({
        "name": "Calls", "description": "Calls", "unit": "calls", "merchantId": MERCHANT, "productId": product,
        "eventType": "call", "aggregation": "COUNT",
    })
}

/// A fee and a metric of a product that are tagged with an item.
fn tagged(api: &Api, product: &str, item: &str) -> [(&'static str, Value); 2] {
    let made = [("/v0/fees", a_fee(product)), ("/v0/billableMetrics", a_metric(product))];
    made.map(|(path, body)| (path, api.create(path, &with(body, json!({ "itemId": item })))))
}

fn names(api: &Api, query: &str) -> Vec<String> {
    texts(&api.rows(&format!("/v0/items?{query}")), "name").into_iter().map(str::to_owned).collect()
}

fn reference(api: &Api, entity: &str, code: &str, primary: bool) -> String {
    let body = json!({
        "merchantId": MERCHANT, "entityType": "item", "entityId": entity, "provider": "netsuite",
        "externalId": code, "isPrimary": primary,
    });
    text(&api.create("/v0/externalReferences", &body), "id").to_owned()
}

#[test]
fn an_item_is_made_read_changed_and_listed() {
    let api = api();
    let product = api.product();
    let made = api.create(
        "/v0/items",
        &json!({ "merchantId": MERCHANT, "name": "Seats", "catalogId": product, "metadata": { "gl": "4000" } }),
    );
    assert!(text(&made, "id").starts_with("itm_"));
    assert_eq!((&made["object"], &made["catalogId"]), (&json!("item"), &json!(product)));
    assert_eq!((&made["metadata"], &made["archivedAt"]), (&json!({ "gl": "4000" }), &Value::Null));
    assert_eq!(made["externalReferences"], json!([]));
    let path = format!("/v0/items/{}", text(&made, "id"));
    assert_eq!(api.get(&path), made);

    let changed = api.patch(&path, &json!({ "catalogId": null, "metadata": {} })).expect(200);
    assert_eq!((&changed["name"], &changed["catalogId"]), (&json!("Seats"), &Value::Null));
    assert_eq!(changed["metadata"], json!({}));
    let changed = api.patch(&path, &json!({ "name": "Chairs", "catalogId": "prod_starter" })).expect(200);
    assert_eq!((&changed["name"], &changed["catalogId"]), (&json!("Chairs"), &json!("prod_starter")));

    item(&api, "Loose", json!({}));
    item(&api, "Own", json!({ "catalogId": product }));
    assert_eq!(names(&api, ""), ["Chairs", "Loose", "Own"]);
    assert_eq!(names(&api, &format!("merchantId={MERCHANT}&catalogId={product}")), ["Own"]);
    assert_eq!(names(&api, "merchantId=org_other"), Vec::<String>::new());
    assert_eq!(names(&api, "catalogId=prod_nobody"), Vec::<String>::new());
    let page = api.get("/v0/items?limit=1&offset=1");
    assert_eq!((&page["data"][0]["name"], &page["pagination"]["total"]), (&json!("Loose"), &json!(3)));
    assert_eq!(api.get("/v0/items")["pagination"]["limit"], 50);
}

#[test]
fn fees_and_metrics_are_tagged_found_by_their_tag_and_untagged() {
    let api = api();
    let product = api.product();
    let (one, any) = (item(&api, "One", json!({ "catalogId": product })), item(&api, "Any", json!({})));
    for (path, made) in tagged(&api, &product, &one) {
        assert_eq!(made["itemId"], json!(one));
        let own = format!("{path}/{}", text(&made, "id"));
        let found = |item: &str| texts(&api.rows(&format!("{path}?merchantId={MERCHANT}&itemId={item}")), "id").len();
        assert_eq!((found(&one), found(&any), found("itm_nobody")), (1, 0, 0));
        assert_eq!(api.patch(&own, &json!({ "name": "Same tag" })).expect(200)["itemId"], json!(one));
        assert_eq!(api.patch(&own, &json!({ "itemId": any })).expect(200)["itemId"], json!(any));
        assert_eq!((found(&one), found(&any)), (0, 1));
        assert_eq!(api.patch(&own, &json!({ "itemId": null })).expect(200)["itemId"], Value::Null);
        assert_eq!((found(&one), found(&any)), (0, 0));
        assert_eq!(api.get(&own)["itemId"], Value::Null);
    }
}

#[test]
fn a_tag_is_of_the_same_product_and_not_archived() {
    let api = api();
    let product = api.product();
    let foreign = item(&api, "Foreign", json!({ "catalogId": "prod_starter" }));
    let archived = item(&api, "Archived", json!({ "catalogId": product }));
    api.patch(&format!("/v0/items/{archived}"), &json!({ "archived": true })).expect(200);
    let made = [("/v0/fees", a_fee(&product)), ("/v0/billableMetrics", a_metric(&product))];
    for (path, body) in made {
        let own = format!("{path}/{}", text(&api.create(path, &body), "id"));
        for (method, path, body) in [("POST", path, body), ("PATCH", &own, json!({}))] {
            let tagged = |item: &str| with(body.clone(), json!({ "itemId": item }));
            let answer = api.refuses(method, path, &tagged(&foreign), 400);
            assert_eq!(answer.body["code"], "ITEM_PRODUCT_MISMATCH");
            assert!(answer.told().starts_with("/itemId product"), "{}", answer.told());
            let answer = api.refuses(method, path, &tagged(&archived), 400);
            assert!(answer.told().starts_with("/itemId archived"), "{}", answer.told());
            let answer = api.refuses(method, path, &tagged("itm_nobody"), 404);
            assert!(answer.told().starts_with("/itemId reference"), "{}", answer.told());
        }
    }
}

#[test]
fn an_item_that_tags_something_stays_live_and_with_its_product() {
    let api = api();
    let product = api.product();
    let id = item(&api, "Seats", json!({ "catalogId": product }));
    let path = format!("/v0/items/{id}");
    let [(_, fee), (_, metric)] = tagged(&api, &product, &id);
    let answer = api.refuses("PATCH", &path, &json!({ "archived": true }), 400);
    assert!(answer.told().starts_with("/archived anchored"), "{}", answer.told());
    assert_eq!(
        answer.body["details"]["blockers"],
        json!([
            { "type": "billableMetrics", "count": 1, "items": [{ "id": metric["id"], "name": "Calls" }] },
            { "type": "fees", "count": 1, "items": [{ "id": fee["id"], "name": "Seat" }] },
        ])
    );
    let answer = api.refuses("PATCH", &path, &json!({ "catalogId": "prod_starter" }), 400);
    assert_eq!(answer.body["code"], "ITEM_PRODUCT_MISMATCH");
    assert_eq!(api.patch(&path, &json!({ "catalogId": product })).expect(200)["catalogId"], json!(product));

    let metric = format!("/v0/billableMetrics/{}", text(&metric, "id"));
    api.patch(&metric, &json!({ "itemId": null })).expect(200);
    let answer = api.refuses("PATCH", &path, &json!({ "archived": true }), 400);
    assert_eq!(answer.body["details"]["blockers"].as_array().map(Vec::len), Some(1));
    assert_eq!(api.delete(&format!("/v0/fees/{}", text(&fee, "id"))).status, 204);
    api.freeze("2028-01-31T00:00:00Z");
    let archived = api.patch(&path, &json!({ "archived": true })).expect(200);
    assert_eq!(archived["archivedAt"], "2028-01-31T00:00:00Z");
    api.freeze("2028-02-01T00:00:00Z");
    let again = api.patch(&path, &json!({ "archived": true })).expect(200);
    assert_eq!(again["archivedAt"], "2028-01-31T00:00:00Z");
    assert_eq!(names(&api, ""), Vec::<String>::new());
    assert_eq!(names(&api, "includeArchived=true"), ["Seats"]);
    assert_eq!(api.get(&path)["name"], "Seats");
    assert_eq!(api.patch(&path, &json!({ "archived": false })).expect(200)["archivedAt"], Value::Null);
    assert_eq!(names(&api, ""), ["Seats"]);
}

#[test]
fn archiving_gives_up_the_claims_and_restoring_does_not_take_them_back() {
    let api = api();
    let (old, new) = (item(&api, "Old", json!({})), item(&api, "New", json!({})));
    let claim = reference(&api, &old, "4000", true);
    let path = format!("/v0/items/{old}");
    let archived = api.patch(&path, &json!({ "archived": true })).expect(200);
    assert_eq!(archived["externalReferences"][0]["isPrimary"], false);
    let claim = format!("/v0/externalReferences/{claim}");
    let answer = api.refuses("PATCH", &claim, &json!({ "isPrimary": true }), 400);
    assert!(answer.told().starts_with("/isPrimary archived"), "{}", answer.told());
    // Nobody has to move what has been given up.
    reference(&api, &new, "4000", true);
    let restored = api.patch(&path, &json!({ "archived": false })).expect(200);
    assert_eq!(restored["externalReferences"][0]["isPrimary"], false);
    api.refuses("PATCH", &claim, &json!({ "isPrimary": true }), 409);
}

#[test]
fn a_code_of_another_system_is_resolved_to_whoever_has_the_claim_on_it() {
    let api = api();
    let ids = ["A", "B", "C", "D"].map(|name| item(&api, name, json!({})));
    reference(&api, &ids[0], "4000", false);
    reference(&api, &ids[1], "4000", true);
    reference(&api, &ids[2], "5000", true);
    assert_eq!(names(&api, "provider=netsuite&externalId=4000"), ["B", "A"]);
    assert_eq!(names(&api, "provider=netsuite"), ["A", "B", "C"]);
    assert_eq!(names(&api, "externalId=5000"), ["C"]);
    assert_eq!(names(&api, "provider=salesforce&externalId=4000"), Vec::<String>::new());
    api.patch(&format!("/v0/items/{}", ids[1]), &json!({ "archived": true })).expect(200);
    assert_eq!(names(&api, "provider=netsuite&externalId=4000"), ["A"]);
    assert_eq!(names(&api, "provider=netsuite&externalId=4000&includeArchived=true"), ["A", "B"]);
    let shown = api.get(&format!("/v0/items/{}", ids[2]));
    assert_eq!(texts(shown["externalReferences"].as_array().unwrap(), "externalId"), ["5000"]);
}

#[test]
fn lines_follow_the_tag_until_their_invoice_is_closed() {
    let api = api();
    let product = api.product();
    let [first, second, third] = ["First", "Second", "Third"].map(|name| item(&api, name, json!({})));
    let fee_price = api.fee_price(&product, "10", "P1M", "in_advance", json!({}));
    let (metric, usage_price) = api.usage_price(&product, "call", "COUNT", json!({ "unitPrice": "1" }));
    let fee = text(&api.get(&format!("/v0/prices/{fee_price}")), "feeId").to_owned();
    let retag = |item: &str| {
        api.patch(&format!("/v0/fees/{fee}"), &json!({ "itemId": item })).expect(200);
        api.patch(&format!("/v0/billableMetrics/{metric}"), &json!({ "itemId": item })).expect(200);
    };
    retag(&first);
    let plan = api.plan(&product, &[&fee_price, &usage_price], json!({}));
    let clock = api.clock("2028-01-01T00:00:00Z");
    let customer = api.customer("ada@example.com");
    let subscription = api.subscribe(&plan, &customer, &clock, "2028-01-01T00:00:00Z", json!({}));
    api.pay(&subscription);
    let id = text(&subscription, "id");
    let of = |item: &String, lines| vec![item.clone(); lines];
    // Of each invoice the tags of its lines, on the invoice and in the ledger.
    let tags = || -> Vec<Vec<String>> {
        let tags = |invoice: &Value| {
            let ledger = api.rows(&format!("/v2/invoices/lineItems?invoiceId={}", text(invoice, "id")));
            let lines = api.lines(invoice);
            assert_eq!(texts(&ledger, "itemId"), texts(&lines, "itemId"));
            texts(&lines, "itemId").into_iter().map(str::to_owned).collect()
        };
        api.invoices(id).iter().map(tags).collect()
    };
    assert_eq!(tags(), [of(&first, 1), of(&first, 2)]);
    retag(&second);
    assert_eq!(tags(), [of(&first, 1), of(&second, 2)]);
    api.advance_to(&clock, "2028-02-01T00:00:00Z");
    assert_eq!(text(&api.invoices(id)[1], "status"), "CLOSING");
    retag(&third);
    assert_eq!(tags(), [of(&first, 1), of(&third, 2), of(&third, 2)]);
    api.advance_to(&clock, "2028-02-02T00:00:00Z");
    assert_eq!(text(&api.invoices(id)[1], "status"), "ISSUED");
    retag(&first);
    assert_eq!(tags(), [of(&first, 1), of(&third, 2), of(&first, 2)]);
}

#[test]
fn lines_are_shown_with_their_items_where_that_is_asked() {
    let api = api();
    let product = api.product();
    let (seats, calls) = (item(&api, "Seats", json!({ "catalogId": product })), item(&api, "Calls", json!({})));
    let code = reference(&api, &seats, "4000", true);
    let fee_price = api.fee_price(&product, "10", "P1M", "in_advance", json!({}));
    let setup_price = api.fee_price(&product, "5", "P1M", "in_advance", json!({}));
    let (metric, usage_price) = api.usage_price(&product, "call", "COUNT", json!({ "unitPrice": "1" }));
    for price in [&fee_price, &setup_price] {
        let fee = text(&api.get(&format!("/v0/prices/{price}")), "feeId").to_owned();
        api.patch(&format!("/v0/fees/{fee}"), &json!({ "itemId": seats })).expect(200);
    }
    api.patch(&format!("/v0/billableMetrics/{metric}"), &json!({ "itemId": calls })).expect(200);
    let plan = api.plan(&product, &[&fee_price, &setup_price, &usage_price], json!({}));
    let clock = api.clock("2028-01-01T00:00:00Z");
    let customer = api.customer("ada@example.com");
    let subscription = api.subscribe(&plan, &customer, &clock, "2028-01-01T00:00:00Z", json!({}));
    api.pay(&subscription);
    let invoice = text(&api.invoices(text(&subscription, "id"))[1], "id").to_owned();
    let (whole, lines) = (format!("/v2/invoices/{invoice}"), format!("/v2/invoices/{invoice}/lineItems"));
    let ledger = format!("/v2/invoices/lineItems?invoiceId={invoice}&");
    // Three lines, two items; each once, in the order of the lines.
    let order: Vec<String> =
        texts(api.get(&lines)["lineItems"].as_array().unwrap(), "itemId").into_iter().map(str::to_owned).collect();
    assert_eq!(order.len(), 3, "{order:?}");
    let mut expected = order;
    expected.dedup();
    let shown = |provider: &str| {
        let query = format!("expand=items&provider={provider}");
        let on_lines = api.get(&format!("{lines}?{query}"))["items"].clone();
        assert_eq!(api.get(&format!("{whole}?{query}"))["lineItems"]["items"], on_lines);
        assert_eq!(api.get(&format!("{ledger}{query}"))["items"], on_lines);
        on_lines.as_array().unwrap().clone()
    };
    let items = shown("netsuite");
    assert_eq!(texts(&items, "id"), expected);
    let of = |items: &[Value], id: &str| items.iter().find(|item| item["id"] == *id).unwrap().clone();
    let (seat, call) = (of(&items, &seats), of(&items, &calls));
    assert_eq!(
        (&seat["name"], &seat["catalogId"], &seat["archivedAt"]),
        (&json!("Seats"), &json!(product), &Value::Null)
    );
    assert_eq!(texts(seat["externalReferences"].as_array().unwrap(), "id"), [code.as_str()]);
    assert_eq!((&call["catalogId"], &call["externalReferences"]), (&Value::Null, &json!([])));
    assert_eq!(of(&shown("salesforce"), &seats)["externalReferences"], json!([]));
    // A page holds the items of its own lines.
    assert_eq!(api.get(&format!("{lines}?expand=items&limit=1"))["items"].as_array().unwrap().len(), 1);
    // Whatever else is asked for expands nothing, and a header says so.
    let answer = api.send("GET", &format!("{whole}?expand=item"), &Value::Null);
    assert_eq!(answer.body.get("lineItems"), api.get(&whole).get("lineItems"));
    assert!(answer.header("leapday-warning").unwrap().ends_with("did you mean \"items\"?"), "{answer:?}");
    assert_eq!(api.get(&lines).get("items"), None);
    let words: Vec<String> = (0..30).map(|number| format!("w{number}")).collect();
    let answer = api.send("GET", &format!("{whole}?expand={}", words.join(",")), &Value::Null);
    assert_eq!(answer.header("leapday-warning").unwrap().matches("is none of").count(), 10, "{answer:?}");
}

#[test]
fn what_is_wrong_is_told_and_changes_nothing() {
    let api = api();
    let path = format!("/v0/items/{}", item(&api, "Seats", json!({})));
    for (method, path, body, status, told) in [
        ("POST", "/v0/items", json!({ "merchantId": MERCHANT }), 400, "/name required"),
        ("POST", "/v0/items", json!({ "merchantId": "shop", "name": "A" }), 400, "/merchantId pattern"),
        (
            "POST",
            "/v0/items",
            json!({ "merchantId": MERCHANT, "name": "A", "catalogId": "prod_nobody" }),
            404,
            "/catalogId reference",
        ),
        ("PATCH", &path, json!({ "catalogId": "prod_nobody" }), 404, "/catalogId reference"),
        ("PATCH", &path, json!({ "archived": null }), 400, "/archived type"),
        ("GET", "/v0/items/prod_starter", Value::Null, 404, "path id pattern"),
        ("GET", "/v0/items?includeArchived=maybe", Value::Null, 400, "query includeArchived"),
        ("GET", "/v0/items?limit=101", Value::Null, 400, "query limit maximum"),
    ] {
        let answer = api.refuses(method, path, &body, status);
        assert!(answer.told().starts_with(told), "{method} {path} {body}: {}", answer.told());
    }
    api.refuses("PATCH", "/v0/items/itm_nobody", &json!({ "name": "A" }), 404);
    api.refuses("GET", "/v0/items/itm_nobody", &Value::Null, 404);
}
