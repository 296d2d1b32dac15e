//! What a token may do: audiences, scopes, AAL2 (facts: paylera §1.2).

use serde_json::{Value, json};

use crate::support::{Biller, Tenant, text};

fn as_role(biller: &Biller, role: &str) -> Tenant {
    Tenant(biller.tenant.0.with_key(&format!("{}.{role}", biller.tenant.0.key)))
}

fn open_invoice(biller: &Biller) -> String {
    let line = json!({ "description": "Setup", "unit_amount": "10.00" });
    let made = json!({ "customer_id": biller.customer, "currency": "USD", "lines": [line] });
    let made = biller.tenant.create("/v1/invoices", &made);
    let path = format!("/v1/invoices/{}", text(&made, "id"));
    biller.tenant.post(&format!("{path}/finalize"), &Value::Null).expect(200);
    path
}

#[test]
fn a_scope_that_is_missing_is_missed() {
    let biller = Biller::at("2026-05-01T00:00:00Z");
    let reader = as_role(&biller, "service.scope=customers:read+invoices:write");
    reader.get("/v1/customers");
    reader.get("/v1/invoices");
    let refused = reader.post("/v1/customers", &json!({ "email": "a@example.com" }));
    assert_eq!(refused.problem("/v1/customers"), (403, "auth.insufficient_scope".to_owned()));
    assert!(refused.header("leapday-violation").is_some_and(|line| line.contains("customers:write")));
    let plans = reader.ask("GET", "/v1/plans", &[], &Value::Null);
    assert_eq!(plans.problem("/v1/plans"), (403, "auth.insufficient_scope".to_owned()));
    as_role(&biller, "service.scope=*").get("/v1/plans");
    biller.method("tok_visa_success");
    let invoice = open_invoice(&biller);
    let payment = biller.tenant.post(&format!("{invoice}/pay"), &json!({})).expect(200);
    let refunds = format!("/v1/payments/{}/refunds", text(&payment, "id"));
    let whole = json!({ "reason": "other" });
    let writer = as_role(&biller, "service.scope=payments:write");
    assert_eq!(writer.post(&refunds, &whole).problem(&refunds), (403, "auth.insufficient_scope".to_owned()));
    as_role(&biller, "service.scope=payments:refund").post(&refunds, &whole).expect(201);
    let unknown = as_role(&biller, "service.scope=customer:read").ask("GET", "/v1/customers", &[], &Value::Null);
    assert_eq!(unknown.problem("/v1/customers"), (401, "auth.unauthenticated".to_owned()));
    assert!(unknown.header("leapday-violation").is_some_and(|line| line.contains("customers:read")));
}

#[test]
fn some_things_need_a_second_factor() {
    let biller = Biller::at("2026-05-01T00:00:00Z");
    let invoice = open_invoice(&biller);
    let void = format!("{invoice}/void");
    for role in ["admin", "service", "service.aal2"] {
        let refused = as_role(&biller, role).post(&void, &Value::Null);
        assert_eq!(refused.problem(&void), (403, "auth.aal2_required".to_owned()), "{role}");
    }
    assert_eq!(biller.status(&invoice), "open");
    as_role(&biller, "admin.aal2").post(&void, &Value::Null).expect(200);
    let verify = "/v1/admin/payment-providers/stripe/verify";
    assert_eq!(biller.tenant.post(verify, &Value::Null).expect(200)["status"], "verified");
    let nobody = "/v1/admin/payment-providers/other/verify";
    assert_eq!(biller.tenant.post(nobody, &Value::Null).problem(nobody), (404, "resource.not_found".to_owned()));
}

#[test]
fn a_customers_token_sees_what_is_theirs() {
    let biller = Biller::at("2026-05-01T00:00:00Z");
    let invoice = open_invoice(&biller);
    let eve = biller.tenant.customer("eve@example.com");
    let role = |customer: &str| as_role(&biller, &format!("customer.for={customer}"));
    let (ada, eve_token) = (role(&biller.customer), role(text(&eve, "id")));
    ada.get(&invoice);
    ada.get(&format!("{invoice}/pdf"));
    ada.get("/v1/products/pro");
    assert_eq!(ada.get("/v1/invoices")["data"].as_array().unwrap().len(), 1);
    assert_eq!(eve_token.get("/v1/invoices")["data"], json!([]));
    for path in [invoice.clone(), format!("{invoice}/pdf"), format!("/v1/customers/{}", biller.customer)] {
        let hidden = eve_token.ask("GET", &path, &[], &Value::Null);
        assert_eq!(hidden.problem(&path), (404, "resource.not_found".to_owned()), "{path}");
    }
    assert_eq!(eve_token.get("/v1/customers")["data"].as_array().unwrap().len(), 1);
    let write = eve_token.post("/v1/customers", &json!({ "email": "x@example.com" }));
    assert_eq!(write.problem("/v1/customers"), (403, "auth.forbidden".to_owned()));
}

#[test]
fn a_tax_provider_is_chosen_and_its_secret_kept() {
    let biller = Biller::at("2026-05-01T00:00:00Z");
    let path = "/v1/admin/tax/config";
    assert_eq!(biller.tenant.get(path)["provider"], "sandbox");
    let wanted = json!({
        "provider": "stripe_tax", "credentials": { "secret_key": "sk_tax_51abcd" },
        "default_origin": { "country": "US", "state": "CA", "postal_code": "94105" },
        "additional_nexuses": [{ "country": "DE" }],
    });
    let set = biller.tenant.post(path, &wanted).expect(200);
    assert_eq!(
        (&set["credentials"], &set["default_origin"]),
        (&json!({ "secret_key_last4": "abcd" }), &wanted["default_origin"])
    );
    assert_eq!(biller.tenant.get(path), set);
    let invoice = biller.tenant.get(&open_invoice(&biller));
    assert_eq!(invoice["tax"], "0.80", "the sandbox takes 8 % whoever computes it");
}
