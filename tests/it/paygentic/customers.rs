//! Customers: who they are, how they change and go, and the cards they leave (facts: paygentic-behaviour §2.6, §1.3).

use serde_json::{Value, json};

use crate::support::{Api, MERCHANT, api, text, texts};

const NOON: &str = "2028-01-01T12:00:00Z";

fn consumer(name: &str, email: &str) -> Value {
    json!({ "name": name, "email": email, "address": { "country": "US", "state": "CA", "zipCode": "94105" } })
}

fn customer(name: &str, email: &str) -> Value {
    json!({ "merchantId": MERCHANT, "consumer": consumer(name, email) })
}

fn with(field: &str, value: Value) -> Value {
    let mut body = customer("Jo Doe", "jo@example.com");
    body[field] = value;
    body
}

fn path(id: &str) -> String {
    format!("/v0/customers/{id}")
}

fn cards(api: &Api, customer: &str) -> Vec<Value> {
    let list = api.get(&format!("{}/paymentMethods", path(customer)));
    assert_eq!(list["object"], "list");
    list["data"].as_array().cloned().unwrap()
}

#[test]
fn a_pair_of_consumer_and_merchant_is_one_customer() {
    let api = api();
    let first = api.create("/v0/customers", &customer("Jo Doe", "Jo.Doe@Example.com"));
    assert_eq!(first["validTaxAddress"], json!({ "valid": true, "message": null }));
    let (kind, data) = api.last_event();
    assert_eq!((&*kind, &data["customerId"]), ("customer.created.v0", &first["customerId"]));

    // The same e-mail address in other letters; name and terms are not rewritten.
    let mut again = customer("J.", "jo.doe@example.COM");
    again["taxId"] = json!("DE1");
    again["externalId"] = json!("acct-1");
    assert_eq!(api.post("/v0/customers", &again).expect(200), first);
    assert_eq!(api.events().len(), 1, "nobody was created");
    let read = api.get(&path(text(&first, "customerId")));
    assert_eq!(
        (&read["organization"]["name"], &read["taxId"], &read["externalId"]),
        (&json!("Jo Doe"), &Value::Null, &Value::Null)
    );
    assert_eq!(read["organization"]["billingEmails"], json!(["Jo.Doe@Example.com"]));

    let by_id = json!({ "merchantId": MERCHANT, "consumerId": read["consumerId"] });
    assert_eq!(api.post("/v0/customers", &by_id).expect(200), first);
    let other = api.create("/v0/customers", &json!({ "merchantId": "org_other", "consumerId": read["consumerId"] }));
    assert_ne!(other["customerId"], first["customerId"]);
    assert_eq!(api.get(&path(text(&other, "customerId")))["consumerId"], read["consumerId"]);
}

#[test]
fn a_tax_address_says_what_it_lacks() {
    let api = api();
    for (number, (address, lacks)) in [
        (json!({ "country": "US", "state": "CA", "zipCode": "94105" }), None),
        (json!({ "country": "US", "zipCode": "94105" }), Some("state")),
        (json!({ "country": "CA", "zipCode": "K1A 0B1" }), Some("state")),
        // Elsewhere tax does not go by state.
        (json!({ "country": "DE", "zipCode": "10115" }), None),
        (json!({ "country": "DE" }), Some("zipCode")),
        (json!({ "zipCode": "10115" }), Some("country")),
        (json!({ "country": "DE", "zipCode": " " }), Some("zipCode")),
        (json!({}), Some("country, zipCode")),
    ]
    .into_iter()
    .enumerate()
    {
        let consumer = json!({ "name": "Jo", "email": format!("jo{number}@example.com"), "address": address });
        let made = api.create("/v0/customers", &json!({ "merchantId": MERCHANT, "consumer": consumer }));
        let told = &made["validTaxAddress"];
        assert_eq!(told["valid"], lacks.is_none(), "{address}");
        match lacks {
            None => assert_eq!(told["message"], Value::Null, "{address}"),
            Some(lacks) => assert!(text(told, "message").contains(lacks), "{address}: {told}"),
        }
        assert_eq!(&api.get(&path(text(&made, "customerId")))["validTaxAddress"], told);
    }
}

#[test]
fn an_external_id_belongs_to_one_customer_of_a_merchant() {
    let api = api();
    let holder = api.create("/v0/customers", &with("externalId", json!("acct-1")));
    let mut second = customer("Ann", "ann@example.com");
    second["externalId"] = json!("acct-1");
    let refusal = api.refuses("POST", "/v0/customers", &second, 409);
    assert!(refusal.told().contains(text(&holder, "customerId")), "{}", refusal.told());
    assert_eq!(refusal.body["error"], "conflict");

    second["externalId"] = json!("acct-2");
    let second = path(text(&api.create("/v0/customers", &second), "customerId"));
    api.refuses("PATCH", &second, &json!({ "externalId": "acct-1", "taxId": "DE1" }), 409);
    // Its own is no conflict; another merchant's customer may be called the same; a name that is given up is free.
    api.patch(&second, &json!({ "externalId": "acct-2" })).expect(200);
    let mut elsewhere = customer("Cid", "cid@example.com");
    elsewhere["merchantId"] = json!("org_other");
    elsewhere["externalId"] = json!("acct-1");
    api.create("/v0/customers", &elsewhere);
    api.patch(&path(text(&holder, "customerId")), &json!({ "externalId": null })).expect(200);
    assert_eq!(api.patch(&second, &json!({ "externalId": "acct-1" })).expect(200)["externalId"], "acct-1");
}

#[test]
fn what_is_wrong_is_told_and_changes_nothing() {
    let api = api();
    let jo = api.customer("jo@example.com");
    for (body, status, told) in [
        (json!({ "merchantId": MERCHANT }), 400, "consumer"),
        (json!({ "consumer": consumer("Jo", "jo@example.com") }), 400, "/merchantId required"),
        (json!({ "merchantId": MERCHANT, "consumerId": "org_nobody" }), 404, "/consumerId reference"),
        (customer("Jo", "jo at example.com"), 400, "/consumer/email format"),
        (json!({ "merchantId": MERCHANT, "consumer": { "email": "a@example.com" } }), 400, "/consumer/name required"),
        (
            with("consumer", json!({ "name": "A", "email": "a@example.com", "address": { "country": "USA" } })),
            400,
            "/consumer/address/country maxLength",
        ),
        (with("externalId", json!("a".repeat(256))), 400, "/externalId maxLength"),
        (with("taxRates", json!({ "default": 100.1 })), 400, "/taxRates/default maximum"),
        (with("taxRates", json!({ "default": -1 })), 400, "/taxRates/default minimum"),
        (with("taxRates", json!({ "everything": 5 })), 400, "/taxRates/everything reference"),
    ] {
        let answer = api.refuses("POST", "/v0/customers", &body, status);
        assert!(answer.told().contains(told), "{told}: {}", answer.told());
    }
    for change in [
        json!({ "taxRates": 101 }),
        json!({ "taxRates": { "everything": 5 }, "taxId": "DE1" }),
        json!({ "taxRates": null }),
        json!({ "taxId": 5 }),
        json!({ "externalId": "a".repeat(256) }),
        json!({ "notificationSettings": { "invoicePaid": "no" } }),
    ] {
        api.refuses("PATCH", &path(&jo), &change, 400);
    }
    for method in ["GET", "PATCH", "DELETE"] {
        let body = if method == "PATCH" { json!({}) } else { Value::Null };
        api.refuses(method, &path("cus_nobody"), &body, 404);
    }
}

#[test]
fn a_change_leaves_sets_or_clears_each_field() {
    let api = api();
    let id = api.customer("jo@example.com");
    let steps = [
        (json!({}), Value::Null, Value::Null, json!({})),
        (json!({ "taxId": "DE1", "externalId": "acct-1" }), json!("DE1"), json!("acct-1"), json!({})),
        (json!({ "taxRates": 7.5 }), json!("DE1"), json!("acct-1"), json!({ "default": 7.5 })),
        // A map replaces the map.
        (
            json!({ "taxRates": { "plan_starterMonthly": 5, "bm_starterTokens": 0 } }),
            json!("DE1"),
            json!("acct-1"),
            json!({ "bm_starterTokens": 0.0, "plan_starterMonthly": 5.0 }),
        ),
        (json!({ "taxId": null, "taxRates": {} }), Value::Null, json!("acct-1"), json!({})),
        (json!({ "externalId": null }), Value::Null, Value::Null, json!({})),
    ];
    for (change, tax_id, external_id, rates) in steps {
        let after = api.patch(&path(&id), &change).expect(200);
        assert_eq!((&after["taxId"], &after["externalId"]), (&tax_id, &external_id), "{change}");
        assert_eq!(after["taxRates"], rates, "{change}");
        assert_eq!(api.get(&path(&id)), after);
    }
    let all = json!({ "invoiceIssued": true, "invoicePaid": true, "renewalReminder": true });
    assert_eq!(api.get(&path(&id))["notificationSettings"], all);
    let after = api.patch(&path(&id), &json!({ "notificationSettings": { "invoicePaid": false } })).expect(200);
    assert_eq!(
        after["notificationSettings"],
        json!({ "invoiceIssued": true, "invoicePaid": false, "renewalReminder": true })
    );
}

#[test]
fn lists_go_by_parts_of_names_and_whole_external_ids() {
    let api = api();
    for (name, email, external) in
        [("Ann Lee", "ann@one.example", "acct-1"), ("Bob Leeds", "bob@two.example", "acct-12")]
    {
        let mut body = customer(name, email);
        body["externalId"] = json!(external);
        api.create("/v0/customers", &body);
    }
    for (filter, expected) in [
        ("", vec!["acct-1", "acct-12"]),
        ("&name=LEE", vec!["acct-1", "acct-12"]),
        ("&name=leeds", vec!["acct-12"]),
        ("&email=ONE.exa", vec!["acct-1"]),
        ("&name=lee&email=two", vec!["acct-12"]),
        ("&externalId=acct-1", vec!["acct-1"]),
        ("&externalId=acct", vec![]),
    ] {
        let rows = api.rows(&format!("/v0/customers?organizationId={MERCHANT}{filter}"));
        assert_eq!(texts(&rows, "externalId"), expected, "{filter}");
    }
    assert_eq!(api.rows("/v0/customers?organizationId=org_other"), Vec::<Value>::new());
    let page = api.get(&format!("/v0/customers?organizationId={MERCHANT}&limit=1&offset=1"));
    assert_eq!((&page["object"], &page["data"][0]["externalId"]), (&json!("list"), &json!("acct-12")));
    assert_eq!(page["pagination"], json!({ "limit": 1, "offset": 1, "total": 2 }));
    for query in ["", "?organizationId=shop", "?organizationId=org_a&name=le", "?organizationId=org_a&email=le"] {
        api.refuses("GET", &format!("/v0/customers{query}"), &Value::Null, 400);
    }
}

#[test]
fn a_deleted_customer_is_gone_and_comes_back_as_another() {
    let api = api();
    let made = api.create("/v0/customers", &with("externalId", json!("acct-1")));
    let id = text(&made, "customerId");
    let set_up = api.create(&format!("{}/paymentMethods", path(id)), &json!({}));
    assert_eq!(api.delete(&path(id)).status, 204);
    for (method, body) in [("GET", Value::Null), ("PATCH", json!({})), ("DELETE", Value::Null)] {
        api.refuses(method, &path(id), &body, 404);
    }
    api.refuses("GET", &format!("{}/paymentMethods", path(id)), &Value::Null, 404);
    api.refuses("POST", &format!("{}/paymentMethods", path(id)), &json!({}), 404);
    api.refuses("POST", &format!("/_leapday/payments/{}/complete", text(&set_up, "id")), &json!({}), 409);
    api.refuses("POST", &format!("/_leapday/customers/{id}/payment-methods"), &json!({}), 404);
    let subscription = json!({ "name": "S", "planId": "plan_starterMonthly", "customerId": id, "startedAt": NOON });
    api.refuses("POST", "/v0/subscriptions", &subscription, 404);
    let payment = json!({ "amount": "5.00", "currency": "USD", "customerId": id });
    api.refuses("POST", "/v0/payments", &payment, 404);
    assert_eq!(api.rows(&format!("/v0/customers?organizationId={MERCHANT}")), Vec::<Value>::new());
    let back = api.create("/v0/customers", &with("externalId", json!("acct-1")));
    assert_ne!(back["customerId"], made["customerId"]);
}

#[test]
fn a_customer_with_live_subscriptions_or_owed_invoices_stays() {
    let api = api();
    let product = api.product();
    let fee = api.fee_price(&product, "30", "P1M", "in_arrears", json!({}));
    let plan = api.plan(&product, &[&fee], json!({}));
    let (id, clock) = (api.customer("jo@example.com"), api.clock(NOON));
    let subscription = api.subscribe(&plan, &id, &clock, NOON, json!({}));
    let subscription = text(&subscription, "id");
    let blockers = || api.refuses("DELETE", &path(&id), &Value::Null, 409).body["details"]["blockers"].clone();

    let open = text(&api.invoices(subscription)[0], "id").to_owned();
    let live = json!({ "type": "subscriptions", "count": 1, "items": [{ "id": subscription, "status": "active" }] });
    let invoice = |status: &str| json!({ "type": "invoices", "count": 1, "items": [{ "id": open, "status": status }] });
    assert_eq!(blockers(), json!([live, invoice("ACTIVE")]));

    api.advance(&clock, "P15D");
    let termination = format!("/v0/subscriptions/{subscription}/termination");
    api.post(&termination, &json!({ "reason": "too dear" })).expect(200);
    assert_eq!(blockers(), json!([invoice("ISSUED")]));

    api.post(&format!("/v2/invoices/{open}/payment"), &json!({ "method": "out_of_band" })).expect(200);
    assert_eq!(api.delete(&path(&id)).status, 204);
    assert_eq!(api.invoices(subscription)[0]["status"], "PAID", "what was billed stays on record");
}

#[test]
fn cards_are_listed_as_they_were_saved() {
    let api = api();
    api.freeze(NOON);
    let id = api.customer("jo@example.com");
    assert_eq!(cards(&api, &id), Vec::<Value>::new());
    api.save_card(&id, "4242424242424242");
    let second = json!({ "card": { "number": "5555 5555 5555 4444", "expMonth": 2, "expYear": 2031 } });
    let saved = api.create(&format!("/_leapday/customers/{id}/payment-methods"), &second);
    let all = cards(&api, &id);
    assert_eq!((texts(&all, "last4"), texts(&all, "brand")), (vec!["4242", "4444"], vec!["visa", "mastercard"]));
    assert_eq!(all[1], saved);
    assert_eq!((&saved["object"], &saved["type"]), (&json!("paymentMethod"), &json!("card")));
    assert_eq!((&saved["expMonth"], &saved["expYear"], text(&saved, "createdAt")), (&json!(2), &json!(2031), NOON));
    let wrong = json!({ "card": { "number": "4242424242424241" } });
    api.refuses("POST", &format!("/_leapday/customers/{id}/payment-methods"), &wrong, 400);
}

#[test]
fn a_completed_set_up_saves_the_card_and_charges_nothing() {
    let api = api();
    api.freeze(NOON);
    let id = api.customer("jo@example.com");
    let set_up = format!("{}/paymentMethods", path(&id));
    let wanted = json!({
        "successRedirectUrl": "https://example.com/ok", "failureRedirectUrl": "https://example.com/no",
        "metadata": { "from": "settings" }, "expiresAt": "2028-01-02T00:00:00Z",
    });
    let session = api.create(&set_up, &wanted);
    for (field, value) in wanted.as_object().unwrap() {
        assert_eq!(&session[field], value, "{field}");
    }
    assert_eq!(
        (&session["object"], &session["mode"], &session["status"]),
        (&json!("paymentSession"), &json!("setup"), &json!("pending"))
    );
    assert!(text(&session, "url").ends_with(text(&session, "id")));

    let complete = format!("/_leapday/payments/{}/complete", text(&session, "id"));
    let declined = json!({ "card": { "number": "4000000000000002" } });
    assert_eq!(api.post(&complete, &declined).expect(200)["paid"], false);
    assert_eq!(cards(&api, &id).len(), 0);
    let good = json!({ "card": { "number": "5555555555554444" }, "savePaymentMethod": false });
    let answer = api.post(&complete, &good).expect(200);
    assert_eq!(answer["status"], "completed");
    assert_eq!(texts(&cards(&api, &id), "last4"), ["4444"]);
    assert_eq!(api.rows("/v0/paymentSessions"), Vec::<Value>::new());
    api.refuses("POST", &complete, &json!({}), 409);
}

#[test]
fn a_set_up_lives_30_days_at_most() {
    let api = api();
    api.freeze(NOON);
    let id = api.customer("jo@example.com");
    let set_up = format!("{}/paymentMethods", path(&id));
    let session = api.send("POST", &set_up, &Value::Null).expect(201);
    assert_eq!(text(&session, "expiresAt"), "2028-01-31T12:00:00Z");
    for (at, told) in [
        (NOON, "/expiresAt minimum"),
        ("2027-12-31T00:00:00Z", "/expiresAt minimum"),
        ("2028-01-31T12:00:01Z", "/expiresAt maximum"),
        ("soon", "/expiresAt format"),
    ] {
        let answer = api.refuses("POST", &set_up, &json!({ "expiresAt": at }), 400);
        assert!(answer.told().contains(told), "{told}: {}", answer.told());
    }
    api.refuses("POST", &set_up, &json!({ "successRedirectUrl": "not a url" }), 400);
    let last = api.create(&set_up, &json!({ "expiresAt": "2028-01-31T12:00:00Z" }));
    api.world_advance_to("2028-01-31T11:59:59Z");
    api.post(&format!("/_leapday/payments/{}/complete", text(&session, "id")), &json!({})).expect(200);
    api.world_advance_to("2028-01-31T12:00:00Z");
    api.refuses("POST", &format!("/_leapday/payments/{}/complete", text(&last, "id")), &json!({}), 409);
    assert_eq!(cards(&api, &id).len(), 1);
}

#[test]
fn an_authorization_is_a_link_of_a_week() {
    let api = api();
    api.freeze(NOON);
    let wanted = json!({ "merchantId": MERCHANT, "planId": "plan_starterMonthly", "email": "jo@example.com" });
    let first = api.create("/v0/customers/authorization", &wanted);
    assert_eq!((&first["object"], &first["merchantId"]), (&json!("customerAuthorization"), &json!(MERCHANT)));
    assert_eq!(text(&first, "expiresAt"), "2028-01-08T12:00:00Z");
    assert!(text(&first, "url").contains("/authorize/"));
    assert_ne!(api.create("/v0/customers/authorization", &wanted)["url"], first["url"]);
    assert_eq!(api.rows(&format!("/v0/customers?organizationId={MERCHANT}")), Vec::<Value>::new());
    for (body, status) in [
        (json!({ "planId": "plan_starterMonthly" }), 400),
        (json!({ "merchantId": MERCHANT, "planId": "plan_nobody" }), 404),
        (json!({ "merchantId": MERCHANT, "email": "jo" }), 400),
    ] {
        api.refuses("POST", "/v0/customers/authorization", &body, status);
    }
}
