//! Every state of a subscription and an invoice against every action: what the documented tables do not have is 422
//! and changes nothing (facts: paylera §2.4, §2.5, §2.6).

use serde_json::{Value, json};

use crate::support::{Biller, text};

/// A world with a subscription in a state, and its path.
fn subscription_in(status: &str) -> (Biller, String) {
    let biller = Biller::at("2026-05-01T00:00:00Z");
    biller.flat("base", "49.00", &json!({}));
    biller.flat("other", "59.00", &json!({}));
    biller.method(if status == "pending_activation" || status == "incomplete_expired" {
        "tok_visa_3ds"
    } else {
        "tok_visa_success"
    });
    let more = match status {
        "trialing" => json!({ "trial_days": 14 }),
        "ended" => json!({ "commitment": { "months": 1 } }),
        _ => json!({}),
    };
    let path = biller.subscribe("base", &more);
    match status {
        "past_due" => {
            biller.method("tok_visa_decline");
            biller.advance("P1M");
        }
        "paused" => drop(biller.tenant.post(&format!("{path}/pause"), &json!({})).expect(200)),
        "canceled" => drop(biller.tenant.post(&format!("{path}/cancel"), &json!({})).expect(200)),
        "ended" => biller.advance("P1M"),
        "incomplete_expired" => biller.advance("P1D"),
        _ => {}
    }
    assert_eq!(biller.status(&path), status);
    (biller, path)
}

/// An action, its body, and from which state to which it leads.
type Action<'a> = (&'a str, Value, &'a [(&'a str, &'a str)]);
/// The same with a method first.
type Step<'a> = (&'a str, &'a str, Value, &'a [(&'a str, &'a str)]);

const STATES: [&str; 8] =
    ["pending_activation", "trialing", "active", "past_due", "paused", "canceled", "ended", "incomplete_expired"];

#[test]
fn each_state_of_a_subscription_takes_the_documented_actions_and_no_others() {
    // Action, body, from which state to which.
    let actions: [Action<'_>; 8] = [
        ("pause", json!({}), &[("active", "paused")]),
        ("resume", Value::Null, &[("paused", "active")]),
        ("cancel", json!({}), &[("trialing", "canceled"), ("active", "canceled"), ("paused", "canceled")]),
        ("cancel", json!({ "at_period_end": true }), &[("trialing", "trialing"), ("active", "active")]),
        ("reactivate", Value::Null, &[]),
        ("extend-trial", json!({ "trial_end": "2026-07-01T00:00:00Z" }), &[("trialing", "trialing")]),
        (
            "change-plan",
            json!({ "plan_code": "other" }),
            &[("trialing", "trialing"), ("active", "active"), ("past_due", "past_due")],
        ),
        (
            "change-plan",
            json!({ "plan_code": "other", "proration_behavior": "always_invoice" }),
            &[("trialing", "trialing"), ("active", "active"), ("past_due", "past_due")],
        ),
    ];
    for state in STATES {
        for (action, body, allowed) in &actions {
            let (biller, path) = subscription_in(state);
            let before = (biller.tenant.get(&path), biller.history(), biller.invoices());
            let action_path = format!("{path}/{action}");
            let answer = biller.tenant.post(&action_path, body);
            if let Some((_, to)) = allowed.iter().find(|(from, _)| *from == state) {
                assert_eq!(answer.status, 200, "{state} {action}: {}", answer.body);
                assert_eq!(biller.status(&path), *to, "{state} {action}");
            } else {
                let problem = (422, "subscription.invalid_transition".to_owned());
                assert_eq!(answer.problem(&action_path), problem, "{state} {action}");
                let after = (biller.tenant.get(&path), biller.history(), biller.invoices());
                assert_eq!(before, after, "{state} {action}");
            }
        }
    }
}

/// A world with an invoice in a state, and its path.
fn invoice_in(status: &str) -> (Biller, String) {
    let biller = Biller::at("2026-05-01T00:00:00Z");
    biller.method("tok_visa_success");
    if status == "partially_paid" {
        let wallet = json!({ "customer_id": biller.customer, "currency": "USD" });
        let wallet = biller.tenant.create("/v1/wallets", &wallet);
        let credits = format!("/v1/wallets/{}/credits", text(&wallet, "id"));
        biller.tenant.create(&credits, &json!({ "amount": "10.00", "reason": "promotional" }));
    }
    let line = json!({ "description": "One-time setup", "quantity": "1", "unit_amount": "250.00" });
    let made = json!({ "customer_id": biller.customer, "currency": "USD", "lines": [line] });
    let made = biller.tenant.create("/v1/invoices", &made);
    let path = format!("/v1/invoices/{}", text(&made, "id"));
    let steps: &[&str] = match status {
        "draft" => &[],
        "open" | "partially_paid" => &["finalize"],
        "paid" => &["finalize", "pay"],
        "void" => &["finalize", "void"],
        "uncollectible" => &["finalize", "mark-uncollectible"],
        other => panic!("{other}"),
    };
    for step in steps {
        biller.tenant.post(&format!("{path}/{step}"), &Value::Null).expect(200);
    }
    assert_eq!(biller.status(&path), status);
    (biller, path)
}

#[test]
fn each_state_of_an_invoice_takes_the_documented_actions_and_no_others() {
    let line = json!({ "description": "One-time setup", "quantity": "1", "unit_amount": "250.00" });
    // Method, what follows the path, body, from which state to which; "" where it is gone.
    let actions: [Step<'_>; 8] = [
        ("POST", "/finalize", Value::Null, &[("draft", "open")]),
        ("POST", "/pay", json!({}), &[("open", "paid"), ("partially_paid", "paid")]),
        ("POST", "/void", Value::Null, &[("open", "void")]),
        ("POST", "/mark-uncollectible", Value::Null, &[("open", "uncollectible"), ("partially_paid", "uncollectible")]),
        ("POST", "/recompute-tax", Value::Null, &[("draft", "draft")]),
        ("POST", "/lines", line, &[("draft", "draft")]),
        ("PATCH", "", json!({ "metadata": { "po": "1" } }), &[("draft", "draft")]),
        ("DELETE", "", Value::Null, &[("draft", "")]),
    ];
    for state in ["draft", "open", "partially_paid", "paid", "void", "uncollectible"] {
        for (method, action, body, allowed) in &actions {
            let (biller, path) = invoice_in(state);
            let before = (biller.tenant.get(&path), biller.history());
            let action_path = format!("{path}{action}");
            let answer = match *method {
                "POST" => biller.tenant.post(&action_path, body),
                method => biller.tenant.ask(method, &action_path, &[], body),
            };
            match allowed.iter().find(|(from, _)| *from == state) {
                Some((_, "")) => {
                    assert_eq!(answer.status, 204);
                    assert_eq!(biller.tenant.ask("GET", &path, &[], &Value::Null).status, 404);
                }
                Some((_, to)) => {
                    assert!(answer.status < 300, "{state} {action}: {}", answer.body);
                    assert_eq!(biller.status(&path), *to, "{state} {action}");
                }
                None => {
                    let problem = (422, "invoice.invalid_transition".to_owned());
                    assert_eq!(answer.problem(&action_path), problem, "{state} {method} {action}");
                    assert_eq!(before, (biller.tenant.get(&path), biller.history()), "{state} {method} {action}");
                }
            }
        }
    }
}

/// A world with a payment in a state, and its path.
fn payment_in(status: &str) -> (Biller, String) {
    let token = match status {
        "requires_action" | "canceled" => "tok_visa_3ds",
        "failed" => "tok_visa_decline",
        "charged_back" => "tok_visa_chargeback",
        _ => "tok_visa_success",
    };
    let biller = Biller::at("2026-05-01T00:00:00Z");
    biller.method(token);
    let line = json!({ "description": "Setup", "unit_amount": "50.00" });
    let made = json!({ "customer_id": biller.customer, "currency": "USD", "lines": [line] });
    let made = biller.tenant.create("/v1/invoices", &made);
    let invoice = format!("/v1/invoices/{}", text(&made, "id"));
    biller.tenant.post(&format!("{invoice}/finalize"), &Value::Null).expect(200);
    let payment = biller.tenant.post(&format!("{invoice}/pay"), &json!({})).expect(200);
    let path = format!("/v1/payments/{}", text(&payment, "id"));
    let refund = |amount: &str| {
        biller.tenant.create(&format!("{path}/refunds"), &json!({ "amount": amount, "reason": "other" }));
    };
    match status {
        "canceled" => drop(biller.tenant.post(&format!("{path}/cancel"), &Value::Null).expect(200)),
        "charged_back" => biller.advance("PT60S"),
        "refunded" => refund("54.00"),
        "partially_refunded" => refund("4.00"),
        _ => {}
    }
    assert_eq!(biller.status(&path), status);
    (biller, path)
}

#[test]
fn each_state_of_a_payment_takes_the_documented_actions_and_no_others() {
    let refund = json!({ "amount": "1.00", "reason": "other" });
    let actions = [
        ("/cancel", Value::Null, &["requires_action"][..], 200, "payment.invalid_transition"),
        ("/refunds", refund, &["succeeded", "partially_refunded"], 201, "payment.not_refundable"),
    ];
    for state in
        ["requires_action", "succeeded", "failed", "canceled", "refunded", "partially_refunded", "charged_back"]
    {
        for (action, body, allowed, status, problem) in &actions {
            let (biller, path) = payment_in(state);
            let before = (biller.tenant.get(&path), biller.history());
            let action_path = format!("{path}{action}");
            let answer = biller.tenant.post(&action_path, body);
            if allowed.contains(&state) {
                assert_eq!(answer.status, *status, "{state} {action}: {}", answer.body);
            } else {
                assert_eq!(answer.problem(&action_path), (422, (*problem).to_owned()), "{state} {action}");
                assert_eq!(before, (biller.tenant.get(&path), biller.history()), "{state} {action}");
            }
        }
    }
}
