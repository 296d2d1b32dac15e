//! Wallets and their credits (facts: paylera §2.10).

use serde_json::{Value, json};

use crate::support::{Answer, Tenant, tenant, text, texts};

/// A wallet of a new customer, and its path.
fn wallet(tenant: &Tenant, currency: &str) -> (Value, String) {
    let customer = tenant.customer("ada@example.com");
    let made = tenant.create("/v1/wallets", &json!({ "customer_id": customer["id"], "currency": currency }));
    let path = format!("/v1/wallets/{}", text(&made, "id"));
    (made, path)
}

fn credit(tenant: &Tenant, path: &str, amount: &str) -> Answer {
    tenant.post(&format!("{path}/credits"), &json!({ "amount": amount, "reason": "promotional" }))
}

#[track_caller]
fn names(answer: &Answer, path: &str, fields: &[&str]) {
    assert_eq!(answer.problem(path), (422, "validation.failed".to_owned()));
    assert_eq!(texts(answer.body["errors"].as_array().unwrap(), "field"), fields);
}

#[test]
fn a_customer_has_one_wallet_in_a_currency() {
    let tenant = tenant();
    let (made, path) = wallet(&tenant, "EUR");
    assert_eq!((&made["balance"], &made["drift_floor"]), (&json!("0.00"), &json!("0.00")));
    assert_eq!(made["auto_top_up"], Value::Null);
    assert_eq!(tenant.get(&path), made);
    let wanted = |currency: &str| json!({ "customer_id": made["customer_id"], "currency": currency });
    let second = tenant.post("/v1/wallets", &wanted("EUR"));
    assert_eq!(second.problem("/v1/wallets"), (409, "wallet.exists".to_owned()));
    let yen = tenant.create("/v1/wallets", &wanted("JPY"));
    assert_eq!(yen["balance"], "0");
    let (other, _) = wallet(&tenant, "EUR");
    let ids = |query: &str| {
        let list = tenant.get(&format!("/v1/wallets?sort=created_at:asc&{query}"));
        texts(list["data"].as_array().unwrap(), "id").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(ids("").len(), 3);
    assert_eq!(ids(&format!("customer_id={}", text(&made, "customer_id"))), [text(&made, "id"), text(&yen, "id")]);
    assert_eq!(ids("currency=EUR"), [text(&made, "id"), text(&other, "id")]);
    credit(&tenant, &path, "12").expect(201);
    assert_eq!(ids("balance[gte]=9.5"), [text(&made, "id")]);
    let nobody = tenant.ask("GET", "/v1/wallets/wal_nobody", &[], &Value::Null);
    assert_eq!(nobody.problem("/v1/wallets/wal_nobody"), (404, "resource.not_found".to_owned()));
}

#[test]
fn a_wallet_of_nobody_is_refused() {
    let tenant = tenant();
    let wrong = tenant.post("/v1/wallets", &json!({ "customer_id": "cus_nobody", "currency": "XXY" }));
    names(&wrong, "/v1/wallets", &["customer_id", "currency"]);
    let gone = tenant.customer("gone@example.com");
    let path = format!("/v1/customers/{}", text(&gone, "id"));
    assert_eq!(tenant.ask("DELETE", &path, &[], &Value::Null).status, 204);
    let wrong = tenant.post("/v1/wallets", &json!({ "customer_id": gone["id"], "currency": "EUR" }));
    names(&wrong, "/v1/wallets", &["customer_id"]);
    assert_eq!(tenant.get("/v1/wallets")["data"], json!([]));
}

#[test]
fn credits_add_up_to_the_last_digit() {
    let tenant = tenant();
    let (_, euros) = wallet(&tenant, "EUR");
    for (amount, shown, balance) in [
        ("40", "40.00", "40.00"),
        ("0.1", "0.10", "40.10"),
        ("0.20", "0.20", "40.30"),
        ("0.00000001", "0.00000001", "40.30000001"),
    ] {
        let made = credit(&tenant, &euros, amount).expect(201);
        assert_eq!((text(&made, "amount"), text(&made, "balance_after")), (shown, balance));
        assert_eq!((text(&made, "type"), &made["invoice_id"]), ("credit", &Value::Null));
        assert_eq!(tenant.get(&euros)["balance"], balance);
    }
    for (currency, amount, balance) in [("JPY", "500", "500"), ("KWD", "1.5", "1.500")] {
        let (_, path) = wallet(&tenant, currency);
        assert_eq!(credit(&tenant, &path, amount).expect(201)["balance_after"], balance);
    }
    let list = |query: &str| {
        let list = tenant.get(&format!("{euros}/transactions?{query}"));
        texts(list["data"].as_array().unwrap(), "amount").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(list(""), ["0.00000001", "0.20", "0.10", "40.00"], "the newest first, of this wallet alone");
    assert_eq!(list("amount[gte]=0.2"), ["0.20", "40.00"]);
    assert_eq!(list("type=debit"), [""; 0]);
}

#[test]
fn credits_that_make_no_sense_are_refused() {
    let tenant = tenant();
    let (before, path) = wallet(&tenant, "EUR");
    let credits = format!("{path}/credits");
    for amount in ["0", "0.00", "-1.00", "1e3", "0.000000001"] {
        names(&credit(&tenant, &path, amount), &credits, &["amount"]);
    }
    assert_eq!(tenant.post(&credits, &json!({ "amount": "1.00" })).problem(&credits).0, 422, "without a reason");
    assert_eq!(tenant.get(&path), before);
    credit(&tenant, &path, "999999999999.99").expect(201);
    names(&credit(&tenant, &path, "0.01"), &credits, &["amount"]);
    credit(&tenant, &path, "0.00999999").expect(201);
    assert_eq!(tenant.get(&path)["balance"], "999999999999.99999999");
    let nobody = "/v1/wallets/wal_nobody/credits";
    assert_eq!(tenant.post(nobody, &json!({ "amount": "1.00", "reason": "refund" })).problem(nobody).0, 404);
}

#[test]
fn an_external_id_credits_a_wallet_once() {
    let tenant = tenant();
    let (_, path) = wallet(&tenant, "EUR");
    let (_, other) = wallet(&tenant, "EUR");
    let wanted = |amount: &str| json!({ "amount": amount, "reason": "migration", "external_id": "old_7" });
    let first = tenant.post(&format!("{path}/credits"), &wanted("40.00")).expect(201);
    for amount in ["40.00", "60.00"] {
        assert_eq!(tenant.post(&format!("{path}/credits"), &wanted(amount)).expect(200), first, "{amount}");
    }
    assert_eq!(tenant.get(&path)["balance"], "40.00");
    assert_eq!(tenant.get(&format!("{path}/transactions?external_id=old_7"))["data"], json!([first]));
    tenant.post(&format!("{other}/credits"), &wanted("5.00")).expect(201);
    assert_eq!(tenant.get(&other)["balance"], "5.00", "another wallet has ids of its own");
}

#[test]
fn settings_are_kept_merged_and_cleared() {
    let tenant = tenant();
    let (_, path) = wallet(&tenant, "EUR");
    let set = |body: Value| tenant.patch(&path, &body).expect(200);
    let seen = set(json!({ "auto_top_up": { "enabled": false, "trigger_at": "15" }, "metadata": { "a": "1" } }));
    let kept = |trigger: &str, amount: Value| json!({ "enabled": false, "trigger_at": trigger, "amount": amount, "payment_method_id": null });
    assert_eq!((&seen["auto_top_up"], &seen["metadata"]), (&kept("15.00", Value::Null), &json!({ "a": "1" })));
    let seen = set(json!({ "auto_top_up": { "amount": "60.00" }, "drift_floor": "-5" }));
    assert_eq!((&seen["auto_top_up"], &seen["drift_floor"]), (&kept("15.00", json!("60.00")), &json!("-5.00")));
    assert_eq!(set(json!({ "metadata": { "a": null } }))["metadata"], json!({}));
    assert_eq!(tenant.get(&path)["auto_top_up"], seen["auto_top_up"]);
    assert_eq!(set(json!({ "auto_top_up": null }))["auto_top_up"], Value::Null);
}

#[test]
fn a_top_up_names_a_method_of_the_wallets_own_customer() {
    let tenant = tenant();
    let (wallet, path) = wallet(&tenant, "EUR");
    let attach = |customer: &str| {
        let card = json!({ "type": "card", "token": "tok_visa_success" });
        let made = tenant.create(&format!("/v1/customers/{customer}/payment-methods"), &card);
        text(&made, "id").to_owned()
    };
    let own = attach(text(&wallet, "customer_id"));
    let stranger = tenant.customer("somebody-else@example.com");
    let foreign = attach(text(&stranger, "id"));
    let wanted = |method: Value| json!({ "auto_top_up": { "payment_method_id": method } });
    let seen = tenant.patch(&path, &wanted(json!(own))).expect(200);
    assert_eq!(seen["auto_top_up"]["payment_method_id"], own.as_str());
    names(&tenant.patch(&path, &wanted(json!(foreign))), &path, &["auto_top_up.payment_method_id"]);
    let cleared = tenant.patch(&path, &wanted(Value::Null)).expect(200);
    assert_eq!(cleared["auto_top_up"]["payment_method_id"], Value::Null);
}

#[test]
fn a_top_up_needs_to_know_when_and_how_much() {
    let tenant = tenant();
    let (before, path) = wallet(&tenant, "EUR");
    let wanted = |settings: Value| json!({ "auto_top_up": settings });
    let bare = tenant.patch(&path, &wanted(json!({ "enabled": true })));
    names(&bare, &path, &["auto_top_up.trigger_at", "auto_top_up.amount"]);
    let nobody = tenant.patch(&path, &wanted(json!({ "payment_method_id": "pm_nobody" })));
    names(&nobody, &path, &["auto_top_up.payment_method_id"]);
    let nothing = tenant.patch(&path, &wanted(json!({ "amount": "0.00" })));
    names(&nothing, &path, &["auto_top_up.amount"]);
    assert_eq!(tenant.get(&path), before);
}
