//! Payment methods and setup intents (facts: paylera §2.7, §4.8, §5).

use serde_json::{Value, json};

use crate::support::{Answer, Receiver, Tenant, tenant, text, texts};

/// A customer's path and the path of its methods.
fn customer(tenant: &Tenant, email: &str) -> (String, String) {
    let made = tenant.customer(email);
    let path = format!("/v1/customers/{}", text(&made, "id"));
    let methods = format!("{path}/payment-methods");
    (path, methods)
}

fn card(tenant: &Tenant, methods: &str, token: &str) -> Value {
    tenant.create(methods, &json!({ "type": "card", "token": token }))
}

fn path(method: &Value) -> String {
    format!("/v1/payment-methods/{}", text(method, "id"))
}

fn delete(tenant: &Tenant, path: &str) -> Answer {
    tenant.ask("DELETE", path, &[], &Value::Null)
}

#[track_caller]
fn is_gone(tenant: &Tenant, path: &str) {
    let verify = format!("{path}/verify");
    assert_eq!(tenant.ask("GET", path, &[], &Value::Null).problem(path), (404, "resource.not_found".to_owned()));
    assert_eq!(tenant.patch(path, &json!({ "is_default": true })).problem(path).0, 404);
    assert_eq!(delete(tenant, path).problem(path).0, 404);
    assert_eq!(tenant.post(&verify, &Value::Null).problem(&verify).0, 404);
}

#[test]
fn a_magic_token_makes_a_visa_that_expires_next_year() {
    let tenant = tenant();
    tenant.0.freeze("2028-01-31T00:00:00Z");
    let (_, methods) = customer(&tenant, "ada@example.com");
    let kinds = ["success", "3ds", "decline", "insufficient_funds", "chargeback", "dispute_won"];
    for kind in kinds {
        let made = card(&tenant, &methods, &format!("tok_visa_{kind}"));
        let card = json!({
            "brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2029, "country": "US", "funding": "credit",
        });
        assert_eq!((&made["card"], &made["verified"]), (&card, &json!(false)), "{kind}");
        assert_eq!((&made["is_default"], &made["metadata"]), (&json!(false), &json!({})), "nobody asked for it");
        assert_eq!(tenant.get(&path(&made)), made);
    }
    assert_eq!(tenant.get(&methods)["data"].as_array().unwrap().len(), kinds.len());
}

#[test]
fn an_unknown_token_is_refused_with_the_magic_ones() {
    let tenant = tenant();
    let (_, methods) = customer(&tenant, "ada@example.com");
    card(&tenant, &methods, "tok_1NzQ4xJb2");
    for token in ["tok_visa_sucess", "tok_", "tok_no-dash", "card_1", "pm_unknown"] {
        let refused = tenant.post(&methods, &json!({ "type": "card", "token": token }));
        assert_eq!(refused.problem(&methods), (422, "validation.failed".to_owned()), "{token}");
        let error = &refused.body["errors"][0];
        assert_eq!(text(error, "field"), "token");
        let names_all =
            ["tok_visa_success", "tok_visa_dispute_won"].iter().all(|name| error.to_string().contains(name));
        assert_eq!(names_all, !token.starts_with("pm_"), "{error}");
    }
    let refused = tenant.post(&methods, &json!({ "type": "paypal", "token": "tok_visa_success" }));
    assert_eq!((refused.problem(&methods).0, text(&refused.body["errors"][0], "field")), (422, "type"));
    assert_eq!(tenant.get(&methods)["data"].as_array().unwrap().len(), 1, "a refusal changes nothing");
}

#[test]
fn a_customer_has_one_default_at_most() {
    let tenant = tenant();
    let (owner, methods) = customer(&tenant, "ada@example.com");
    let wanted = json!({ "type": "card", "token": "tok_visa_success", "set_as_default": true });
    let (first, second) = (tenant.create(&methods, &wanted), card(&tenant, &methods, "tok_visa_3ds"));
    let default = || tenant.get(&owner)["default_payment_method_id"].clone();
    assert_eq!((&first["is_default"], default()), (&json!(true), first["id"].clone()));
    let changed = tenant.patch(&path(&second), &json!({ "is_default": true })).expect(200);
    assert_eq!((&changed["is_default"], default()), (&json!(true), second["id"].clone()));
    assert_eq!(tenant.get(&path(&first))["is_default"], false);
    let defaults = tenant.get(&format!("{methods}?is_default=true"));
    assert_eq!(texts(defaults["data"].as_array().unwrap(), "id"), [text(&second, "id")]);
    assert_eq!(tenant.patch(&path(&second), &json!({ "is_default": false })).problem(&path(&second)).0, 422);

    let set = |id: &Value| tenant.patch(&owner, &json!({ "default_payment_method_id": id }));
    assert_eq!(set(&first["id"]).expect(200)["default_payment_method_id"], first["id"]);
    assert_eq!(tenant.get(&path(&second))["is_default"], false);
    let (_, others) = customer(&tenant, "bob@example.com");
    let foreign = card(&tenant, &others, "tok_visa_success");
    for wrong in [&foreign["id"], &json!("pm_unknown")] {
        let refused = set(wrong);
        assert_eq!(refused.problem(&owner).0, 422);
        assert_eq!(text(&refused.body["errors"][0], "field"), "default_payment_method_id");
    }
    assert_eq!(default(), first["id"]);
    assert_eq!(set(&Value::Null).expect(200)["default_payment_method_id"], Value::Null);
    assert_eq!(tenant.get(&path(&first))["is_default"], false);
}

#[test]
fn a_detached_method_is_gone_until_it_is_attached_again() {
    let tenant = tenant();
    let (owner, methods) = customer(&tenant, "ada@example.com");
    let wanted = json!({
        "type": "card", "token": "tok_visa_3ds", "set_as_default": true, "metadata": { "label": "office" },
        "billing_address": { "line1": "1 Quay", "country": "US" },
    });
    let made = tenant.create(&methods, &wanted);
    let again = |at: &str, kind: &str| tenant.post(at, &json!({ "type": kind, "token": made["id"] }));
    let refused = again(&methods, "card");
    assert_eq!(refused.problem(&methods), (409, "payment_method.already_attached".to_owned()));
    assert_eq!(delete(&tenant, &path(&made)).status, 204);
    is_gone(&tenant, &path(&made));
    assert_eq!(tenant.get(&methods)["data"], json!([]));
    assert_eq!(tenant.get(&owner)["default_payment_method_id"], Value::Null);
    let refused = tenant.patch(&owner, &json!({ "default_payment_method_id": made["id"] }));
    assert_eq!(refused.problem(&owner).0, 422);

    let (_, others) = customer(&tenant, "bob@example.com");
    assert_eq!(again(&others, "paypal").problem(&others).0, 422);
    let moved = again(&others, "card").expect(201);
    assert_eq!((&moved["id"], &moved["is_default"]), (&made["id"], &json!(false)));
    assert_eq!((&moved["metadata"], &moved["card"]), (&made["metadata"], &made["card"]));
    assert_eq!(moved["billing_address"], made["billing_address"]);
    assert_ne!(moved["customer_id"], made["customer_id"]);
    assert_eq!(tenant.get(&others)["data"], json!([moved]));
}

#[test]
fn a_method_is_changed_field_by_field() {
    let tenant = tenant();
    let (_, methods) = customer(&tenant, "ada@example.com");
    let made = card(&tenant, &methods, "tok_visa_success");
    let change = json!({ "billing_address": { "city": "Portland" }, "metadata": { "label": "office" } });
    let changed = tenant.patch(&path(&made), &change).expect(200);
    assert_eq!(changed["billing_address"]["city"], "Portland");
    assert_eq!((&changed["metadata"], &changed["card"]), (&json!({ "label": "office" }), &made["card"]));
    let cleared = tenant.patch(&path(&made), &json!({ "billing_address": null, "metadata": { "label": null } }));
    assert_eq!(cleared.expect(200), made);
    let wide = json!({ "metadata": { "label": "é".repeat(251) } });
    assert_eq!(tenant.patch(&path(&made), &wide).problem(&path(&made)).0, 422);
    let wide = json!({ "type": "card", "token": "tok_visa_success", "metadata": wide["metadata"] });
    assert_eq!(tenant.post(&methods, &wide).problem(&methods).0, 422);
    let list = tenant.get(&methods);
    assert_eq!(list["data"], json!([made]));
}

#[test]
fn a_card_is_verified_at_once_and_a_bank_account_later() {
    let tenant = tenant();
    tenant.0.freeze("2028-01-31T00:00:00Z");
    let (_, methods) = customer(&tenant, "ada@example.com");
    let verify = |method: &Value| tenant.post(&format!("{}/verify", path(method)), &Value::Null).expect(200);
    let made = card(&tenant, &methods, "tok_visa_success");
    assert_eq!(verify(&made)["verified"], true);
    let of = |kind: &str, token: &str| tenant.create(&methods, &json!({ "type": kind, "token": token }));
    let account = of("bank_account", "tok_bank");
    assert_eq!((text(&account["bank_account"], "status"), &account["verified"]), ("new", &json!(false)));
    for _ in 0..2 {
        let pending = verify(&account);
        assert_eq!((text(&pending["bank_account"], "status"), &pending["verified"]), ("pending", &json!(false)));
    }
    tenant.0.post("/_leapday/clock/advance?provider=paylera", &json!({ "by": "PT1M" })).expect(200);
    let seen = tenant.get(&path(&account));
    assert_eq!((text(&seen["bank_account"], "status"), &seen["verified"]), ("verified", &json!(true)));
    let paypal = of("paypal", "tok_paypal");
    assert_eq!(paypal["wallet"], json!({ "kind": "paypal", "email": "ada@example.com" }));
    let wallets = [of("wallet", "tok_apple_pay"), of("wallet", "tok_google_pay")];
    assert_eq!(wallets.each_ref().map(|one| text(&one["wallet"], "kind")), ["apple_pay", "google_pay"]);
    assert_eq!(verify(&paypal), paypal, "a wallet needs none");
    let wallets = tenant.get(&format!("{methods}?type=wallet,paypal&sort=created_at:asc"));
    assert_eq!(texts(wallets["data"].as_array().unwrap(), "type"), ["paypal", "wallet", "wallet"]);
}

#[test]
fn what_happens_to_a_method_is_told_as_the_customers() {
    let tenant = tenant();
    let receiver = Receiver::new();
    tenant.0.create("/_leapday/webhook-endpoints?provider=paylera", &json!({ "url": receiver.url }));
    let (owner, methods) = customer(&tenant, "ada@example.com");
    let wanted = json!({ "type": "card", "token": "tok_visa_success", "set_as_default": true });
    let made = tenant.create(&methods, &wanted);
    tenant.patch(&path(&made), &json!({ "is_default": true })).expect(200);
    let verify = format!("{}/verify", path(&made));
    let verified = tenant.post(&verify, &Value::Null).expect(200);
    assert_eq!(tenant.post(&verify, &Value::Null).expect(200), verified, "twice is once");
    assert_eq!(delete(&tenant, &path(&made)).status, 204);
    let received = receiver.wait_for(5);
    let types: Vec<&str> = received.iter().map(|one| text(&one.body, "type")).collect();
    let expected = [
        "customer.payment_method_attached",
        "customer.updated",
        "payment_method.verified",
        "customer.payment_method_detached",
        "customer.updated",
    ];
    assert_eq!(types, expected);
    for one in &received {
        assert_eq!(one.body["aggregate_type"], "customer");
        assert!(owner.ends_with(text(&one.body, "aggregate_id")));
    }
    let data = |n: usize| &received[n].body["data"];
    assert_eq!((data(0), data(2)), (&made, &verified));
    assert_eq!((&data(1)["default_payment_method_id"], &data(3)["is_default"]), (&made["id"], &json!(false)));
    assert_eq!((&data(3)["id"], &data(4)["default_payment_method_id"]), (&made["id"], &Value::Null));
}

#[test]
fn a_deleted_customer_takes_its_methods_along() {
    let tenant = tenant();
    let (owner, methods) = customer(&tenant, "ada@example.com");
    let made = card(&tenant, &methods, "tok_visa_success");
    let intent = tenant.create("/v1/setup-intents", &json!({ "customer_id": made["customer_id"] }));
    assert_eq!(delete(&tenant, &owner).status, 204);
    is_gone(&tenant, &path(&made));
    assert_eq!(tenant.ask("GET", &methods, &[], &Value::Null).problem(&methods).0, 404);
    let wanted = json!({ "type": "card", "token": made["id"] });
    assert_eq!(tenant.post(&methods, &wanted).problem(&methods).0, 404);
    let (_, others) = customer(&tenant, "bob@example.com");
    assert_eq!(tenant.post(&others, &wanted).problem(&others).0, 422);
    let intents = "/v1/setup-intents";
    let refused = tenant.post(intents, &json!({ "customer_id": made["customer_id"] }));
    assert_eq!((refused.problem(intents).0, text(&refused.body["errors"][0], "field")), (422, "customer_id"));
    let intent = format!("{intents}/{}", text(&intent, "id"));
    assert_eq!(tenant.ask("GET", &intent, &[], &Value::Null).problem(&intent).0, 404);
}

#[test]
fn a_setup_intent_shows_its_secret_once_and_lives_ten_minutes() {
    let tenant = tenant();
    tenant.0.freeze("2028-01-31T00:00:00Z");
    let owner = tenant.customer("ada@example.com");
    let wanted = json!({
        "customer_id": owner["id"], "provider": "adyen", "payment_method_types": ["card", "bank_account"],
    });
    let mut made = tenant.create("/v1/setup-intents", &wanted);
    let (id, expires_at) = (text(&made, "id").to_owned(), text(&made, "expires_at"));
    assert_eq!((&id[..3], expires_at, text(&made, "status")), ("si_", "2028-01-31T00:10:00Z", "pending"));
    assert_eq!(
        (&made["provider"], &made["payment_method_types"]),
        (&wanted["provider"], &wanted["payment_method_types"])
    );
    let other = tenant.create("/v1/setup-intents", &json!({ "customer_id": owner["id"] }));
    assert_eq!((&other["provider"], &other["payment_method_types"]), (&json!("stripe"), &json!(["card"])));
    let secret = made.as_object_mut().unwrap().remove("client_secret").unwrap();
    assert!(secret.as_str().unwrap().starts_with("seti_") && secret.as_str().unwrap().contains("_secret_"));
    assert_ne!(secret, other["client_secret"]);
    let path = format!("/v1/setup-intents/{id}");
    assert_eq!(tenant.get(&path), made);
    tenant.0.post("/_leapday/clock/advance?provider=paylera", &json!({ "by": "PT9M59S" })).expect(200);
    assert_eq!(tenant.get(&path)["status"], "pending");
    tenant.0.post("/_leapday/clock/advance?provider=paylera", &json!({ "by": "PT1S" })).expect(200);
    assert_eq!(tenant.get(&path)["status"], "expired");
    let refused = tenant.post("/v1/setup-intents", &json!({ "customer_id": "cus_unknown" }));
    assert_eq!(refused.problem("/v1/setup-intents").0, 422);
    let unknown = "/v1/setup-intents/si_unknown";
    assert_eq!(tenant.ask("GET", unknown, &[], &Value::Null).problem(unknown).0, 404);
}
