//! What happens when a payment fails (facts: paylera §3.9).

use serde_json::json;

use crate::support::{Biller, text};

/// A subscription of 49.00 a month whose renewal on the first of June fails.
fn failing(token: &str, plan: &serde_json::Value) -> (Biller, String) {
    let biller = Biller::at("2026-05-01T00:00:00Z");
    biller.flat("base", "49.00", plan);
    biller.method("tok_visa_success");
    let path = biller.subscribe("base", &json!({}));
    biller.method(token);
    biller.advance_to("2026-06-01T00:00:00Z");
    (biller, path)
}

#[test]
fn a_decline_to_its_end() {
    for (token, code) in [("tok_visa_decline", "card_declined"), ("tok_visa_insufficient_funds", "insufficient_funds")]
    {
        let (biller, path) = failing(token, &json!({}));
        assert_eq!(biller.status(&path), "past_due");
        assert_eq!(biller.invoices()[1]["status"], "open");
        biller.advance("P1M");
        assert_eq!(biller.status(&path), "canceled");
        assert_eq!(biller.invoices()[1]["status"], "uncollectible");
        let payments = biller.tenant.get("/v1/payments?sort=created_at:asc&status=failed");
        let payments = payments["data"].as_array().unwrap();
        let at: Vec<&str> = payments.iter().map(|row| text(row, "created_at")).collect();
        assert_eq!(
            at,
            ["2026-06-01T00:00:00Z", "2026-06-04T00:00:00Z", "2026-06-09T00:00:00Z", "2026-06-16T00:00:00Z"]
        );
        assert!(payments.iter().all(|row| row["last_error"]["code"] == "card_declined"));
        assert!(payments.iter().all(|row| row["last_error"]["decline_code"] == code));
        assert!(payments.iter().all(|row| row["last_error"]["is_retriable"] == true));
        let history = biller.history();
        let from = history.iter().position(|(at, _)| at == "2026-06-01T00:00:00Z").unwrap();
        let told: Vec<(&str, &str)> =
            history[from..].iter().map(|(at, name)| (at.split('T').next().unwrap(), &**name)).collect();
        let again = |day: &'static str| {
            [
                (day, "subscription.dunning_attempt"),
                (day, "payment.created"),
                (day, "payment.failed"),
                (day, "invoice.payment_failed"),
            ]
        };
        let mut expected = vec![
            ("2026-06-01", "invoice.created"),
            ("2026-06-01", "invoice.finalized"),
            ("2026-06-01", "payment.created"),
            ("2026-06-01", "payment.failed"),
            ("2026-06-01", "invoice.payment_failed"),
            ("2026-06-01", "subscription.past_due"),
        ];
        for day in ["2026-06-04", "2026-06-09", "2026-06-16"] {
            expected.extend(again(day));
        }
        expected.extend([
            ("2026-06-22", "subscription.dunning_exhausted"),
            ("2026-06-22", "invoice.marked_uncollectible"),
            ("2026-06-22", "subscription.canceled"),
        ]);
        assert_eq!(told, expected);
    }
}

#[test]
fn a_new_card_recovers_it() {
    let (biller, path) = failing("tok_visa_decline", &json!({}));
    biller.advance("P4D");
    biller.method("tok_visa_success");
    biller.advance("P4D");
    assert_eq!(biller.status(&path), "active");
    assert_eq!(
        biller.since("subscription.dunning_attempt"),
        ["payment.created", "payment.succeeded", "invoice.paid", "subscription.dunning_recovered",]
    );
    biller.advance("P1M");
    assert_eq!(biller.invoices().len(), 3, "it renews as ever");
    assert_eq!(biller.status(&path), "active");
}

#[test]
fn paying_by_hand_recovers_it_too() {
    let (biller, path) = failing("tok_visa_decline", &json!({}));
    let invoice = format!("/v1/invoices/{}", text(&biller.invoices()[1], "id"));
    let again = biller.tenant.post(&format!("{invoice}/pay"), &json!({})).expect(200);
    assert_eq!(again["status"], "failed", "a decline is no error of the request");
    biller.advance("P2D");
    let method = biller.method("tok_visa_success");
    let paid = biller.tenant.post(&format!("{invoice}/pay"), &json!({ "payment_method_id": method })).expect(200);
    assert_eq!((&paid["status"], &paid["amount"]), (&json!("succeeded"), &json!("52.92")));
    assert_eq!(biller.status(&path), "active");
    let count = biller.history().len();
    biller.advance("P20D");
    assert_eq!(biller.history().len(), count, "nobody tries again");
}

#[test]
fn what_comes_of_it_in_the_end() {
    let ends = [
        ("pause_subscription", "paused", "open"),
        ("mark_uncollectible_only", "past_due", "uncollectible"),
        ("notify_only", "past_due", "open"),
    ];
    for (on_exhaustion, subscription, invoice) in ends {
        let (biller, path) = failing("tok_visa_decline", &json!({ "dunning_policy": "grace" }));
        // The invoice that is being collected keeps the policy that it began with.
        biller.method("tok_visa_success");
        biller.advance("P4D");
        assert_eq!(biller.status(&path), "active");
        let policy = json!({
            "name": "grace", "on_exhaustion": on_exhaustion, "max_total_days": 10,
            "schedule": [{ "attempt": 2, "after_days": 4 }, { "attempt": 3, "after_days": 8 }],
        });
        let made = biller.tenant.patch("/v1/admin/dunning/policy", &policy).expect(200);
        assert_eq!(made["schedule"][0]["send_email"], true);
        biller.method("tok_visa_decline");
        biller.advance_to("2026-07-11T00:00:00Z");
        assert_eq!((&*biller.status(&path), text(&biller.invoices()[2], "status")), (subscription, invoice));
        let attempts = biller.tenant.get("/v1/payments?created_at[gte]=2026-07-01T00:00:00Z");
        assert_eq!(attempts["data"].as_array().unwrap().len(), 2, "the third would fall behind the cap");
        let default = biller.tenant.get("/v1/admin/dunning/policy");
        assert_eq!((&default["name"], &default["max_total_days"]), (&json!("default"), &json!(21)));
    }
}

#[test]
fn attempts_count_up() {
    let biller = Biller::at("2026-05-01T00:00:00Z");
    let wrong =
        biller.tenant.patch("/v1/admin/dunning/policy", &json!({ "schedule": [{ "attempt": 3, "after_days": 1 }] }));
    assert_eq!(wrong.problem("/v1/admin/dunning/policy"), (422, "validation.failed".to_owned()));
    assert_eq!(wrong.body["errors"][0]["field"], "schedule.0.attempt");
    let kept = biller.tenant.get("/v1/admin/dunning/policy");
    assert_eq!(kept["schedule"].as_array().unwrap().len(), 3);
}

#[test]
fn nobody_to_charge_is_past_due_at_the_end_of_the_trial() {
    let biller = Biller::at("2026-05-01T00:00:00Z");
    biller.flat("base", "49.00", &json!({ "trial_days": 7 }));
    let path = biller.subscribe("base", &json!({}));
    biller.advance("P7D");
    assert_eq!(biller.status(&path), "past_due");
    assert_eq!(
        biller.since("subscription.trial_ended"),
        ["invoice.created", "invoice.finalized", "invoice.payment_failed", "subscription.past_due",]
    );
    biller.method("tok_visa_success");
    biller.advance("P3D");
    assert_eq!(biller.status(&path), "active");
}
