//! Links on a schedule (facts §3, E1, E14, E15; the guide on subscriptions).

use serde_json::{Value, json};

use crate::support::{Merchant, merchant, merchant_at, text};

fn cookies(more: &Value) -> Value {
    let mut body = json!({
        "description": "dozen of cookies", "currency": "AED", "amount": 100.00,
        "customer": { "id": "", "firstName": "Ada", "lastName": "Lovelace", "email": "ada@example.com", "phone": "97150" },
        "startDate": "2021-08-24", "endDate": "2024-08-24", "sendOnHour": 10, "sendEvery": "THREE_MONTHS",
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn subscribe(merchant: &Merchant, more: &Value) -> String {
    format!("/subscription/{}", text(&merchant.make("/subscription/", &cookies(more)), "id"))
}

/// When each link was sent.
fn sent(merchant: &Merchant, path: &str) -> Vec<String> {
    let page = merchant.get(&format!("{path}/payment?size=1000&subscriptionId=1"));
    page["content"].as_array().unwrap().iter().map(|row| text(row, "timestamp")[..16].to_owned()).collect()
}

/// The guide's request, in its own month: the first link at once, then each third month on the grid of `startDate`, to
/// the end and not beyond.
#[test]
fn three_months_from_a_past_date_through_three_years() {
    let merchant = merchant_at("2021-08-28T12:30:00Z");
    let made = merchant.make("/subscription", &cookies(&json!({})));
    for (field, value) in [
        ("status", json!("ACTIVE")),
        ("startDate", json!("2021-08-24")),
        ("endDate", json!("2024-08-24")),
        ("sendOnHour", json!(10)),
        ("period", json!(3)),
        ("periodUnit", json!("MONTHS")),
        ("amount", json!(100)),
        ("cancellationPolicyType", json!("DEFAULT")),
        ("customCancellationTerms", Value::Null),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    assert!(made.get("sendEvery").is_none());
    let path = format!("/subscription/{}", text(&made, "id"));
    merchant.advance("P3Y");
    let mut wanted = vec!["2021-08-28T12:30".to_owned()];
    for (year, months) in [(2021, &[11][..]), (2022, &[2, 5, 8, 11]), (2023, &[2, 5, 8, 11]), (2024, &[2, 5, 8])] {
        wanted.extend(months.iter().map(|month| format!("{year}-{month:02}-24T10:00")));
    }
    assert_eq!(sent(&merchant, &path), wanted);
    assert_eq!(merchant.get(&path)["status"], "EXPIRED");
    let messages = merchant.messages();
    assert_eq!(messages.len(), wanted.len());
    assert!(messages.iter().all(|message| text(message, "to") == "ada@example.com"));
    assert_eq!(text(&messages[1], "at"), "2021-11-24T10:00:00Z");
    let events = merchant.history();
    assert_eq!(events.last().unwrap()["event"], "subscription.expired");
    assert_eq!(text(events.last().unwrap(), "timestamp"), "2024-08-25T00:00:00.000+00:00");
}

/// The guide's curl with only the host replaced: its headers, its placeholders, its body to the letter.
#[test]
fn the_guides_request_as_it_stands() {
    let merchant = merchant();
    let body = r#"{
"description": "dozen of cookies",
"currency": "AED",
"amount": 100.00,
"customer": {
"id": "",
"firstName": "[Firstname]",
"lastName": "[Lastname]",
"email": "[EMAIL]",
"phone": "[PHONE]"
},
"startDate": "2021-08-24",
"endDate": "2024-08-24",
"sendOnHour": 10,
"sendEvery": "THREE_MONTHS"
}"#;
    let headers = [
        ("X-POINTCHECKOUT-KEY", &*merchant.pair.0),
        ("X-POINTCHECKOUT-SECRET", &*merchant.pair.1),
        ("content-type", "application/json"),
    ];
    let made = merchant.api.raw("POST", "/paymennt/mer/v2.0/subscription", &headers, body.as_bytes()).result();
    assert_eq!((text(&made, "status"), text(&made["customer"], "email")), ("ACTIVE", "[EMAIL]"));
    assert_eq!(merchant.messages().len(), 1, "sent at once");
}

/// Once three years at a time, once day by day: the same links.
#[test]
fn how_often_the_clock_is_advanced_makes_no_difference() {
    let run = |step: &str, times: usize| {
        let merchant = merchant_at("2028-01-31T09:00:00Z");
        let more = json!({ "startDate": "2028-01-31", "endDate": null, "sendEvery": "MONTH" });
        let path = subscribe(&merchant, &more);
        for _ in 0..times {
            merchant.advance(step);
        }
        merchant.advance_to("2029-02-01T00:00:00Z");
        sent(&merchant, &path)
    };
    let once = run("P1Y", 1);
    assert_eq!(once, run("P7D", 50));
    // Month ends from the original date, through a leap year.
    assert_eq!(
        once.iter().map(|at| &at[5..10]).collect::<Vec<_>>(),
        [
            "01-31", "02-29", "03-31", "04-30", "05-31", "06-30", "07-31", "08-31", "09-30", "10-31", "11-30", "12-31",
            "01-31",
        ]
    );
}

#[test]
fn every_period_has_its_unit_and_its_second_link() {
    for (every, period, unit, second) in [
        ("DAY", 1, "DAYS", "2028-02-01T10:00"),
        ("WEEK", 1, "WEEKS", "2028-02-07T10:00"),
        ("TWO_WEEKS", 2, "WEEKS", "2028-02-14T10:00"),
        ("MONTH", 1, "MONTHS", "2028-02-29T10:00"),
        ("TWO_MONTHS", 2, "MONTHS", "2028-03-31T10:00"),
        ("THREE_MONTHS", 3, "MONTHS", "2028-04-30T10:00"),
        ("SIX_MONTHS", 6, "MONTHS", "2028-07-31T10:00"),
        ("YEAR", 12, "MONTHS", "2029-01-31T10:00"),
    ] {
        let merchant = merchant_at("2028-01-30T00:00:00Z");
        let more = json!({ "startDate": "2028-01-31", "endDate": null, "sendEvery": every });
        let made = merchant.make("/subscription", &cookies(&more));
        assert_eq!((&made["period"], text(&made, "periodUnit")), (&json!(period), unit), "{every}");
        let path = format!("/subscription/{}", text(&made, "id"));
        assert_eq!(sent(&merchant, &path), [""; 0], "the start lies ahead");
        merchant.advance_to("2029-02-01T00:00:00Z");
        assert_eq!(sent(&merchant, &path)[..2], ["2028-01-31T10:00", second], "{every}");
    }
}

#[test]
fn the_hour_decides_whether_today_has_begun() {
    let more = |hour: Value| json!({ "startDate": "2028-01-31", "endDate": null, "sendOnHour": hour });
    for (now, hour, at_once) in [
        ("2028-01-31T10:00:00Z", json!(10), true),
        ("2028-01-31T09:59:59Z", json!("10"), false),
        ("2028-01-31T00:00:00Z", json!(0), true),
    ] {
        let merchant = merchant_at(now);
        let path = subscribe(&merchant, &more(hour));
        assert_eq!(sent(&merchant, &path).len(), usize::from(at_once), "{now}");
        merchant.advance("P1D");
        assert_eq!(sent(&merchant, &path).len(), 1, "{now}");
    }
}

/// E15; what falls due while it is paused is skipped, the grid and the end stay.
#[test]
fn pause_skips_and_resume_goes_on_where_the_grid_is() {
    let merchant = merchant_at("2028-01-31T10:00:00Z");
    let path =
        subscribe(&merchant, &json!({ "startDate": "2028-01-31", "endDate": "2028-06-30", "sendEvery": "MONTH" }));
    assert_eq!(merchant.make(&format!("{path}/pause"), &json!({ "subscriptionId": 1 }))["status"], "INACTIVE");
    assert!(merchant.refused(&format!("{path}/pause"), &Value::Null).starts_with("Subscription is INACTIVE"));
    merchant.advance_to("2028-04-01T00:00:00Z");
    assert_eq!(merchant.make(&format!("{path}/resume"), &Value::Null)["status"], "ACTIVE");
    assert!(merchant.refused(&format!("{path}/resume"), &Value::Null).starts_with("Subscription is ACTIVE"));
    merchant.advance_to("2028-09-01T00:00:00Z");
    assert_eq!(
        sent(&merchant, &path),
        ["2028-01-31T10:00", "2028-04-30T10:00", "2028-05-31T10:00", "2028-06-30T10:00"],
        "endDate is inclusive"
    );
    for action in ["pause", "resume"] {
        assert!(merchant.refused(&format!("{path}/{action}"), &Value::Null).starts_with("Subscription is EXPIRED"));
    }
    let paused = subscribe(&merchant, &json!({ "startDate": "2028-09-01", "endDate": "2028-09-30" }));
    merchant.make(&format!("{paused}/pause"), &Value::Null);
    merchant.advance("P1M");
    assert_eq!(merchant.get(&paused)["status"], "EXPIRED", "the end does not wait");
}

/// E14; the checkout is made by whoever opens the link first.
#[test]
fn a_link_makes_its_checkout_when_it_is_opened_and_only_then() {
    let merchant = merchant_at("2028-01-31T10:00:00Z");
    let path = subscribe(
        &merchant,
        &json!({ "startDate": "2028-01-31", "endDate": null, "returnUrl": "https://shop.example/back" }),
    );
    let unopened = merchant.get(&format!("{path}/payment?page=0&size=11"))["content"][0].clone();
    assert_eq!((&unopened["checkout"], &unopened["cancelled"]), (&Value::Null, &json!(false)));
    assert_eq!(merchant.get("/checkout")["totalElements"], 0);
    let link = text(&merchant.messages()[0], "link").to_owned();
    let browser = merchant.api.browser();
    let page = browser.follow(&browser.open(&link)).expect(200);
    assert_eq!(page.text("amount"), "AED 100.00");
    assert!(page.html.contains("dozen of cookies"));
    browser.follow(&browser.open(&link)).expect(200);
    assert_eq!(merchant.get("/checkout")["totalElements"], 1);
    let opened = merchant.get(&format!("{path}/payment"))["content"][0].clone();
    let checkout = &opened["checkout"];
    assert_eq!(text(checkout, "subscriptionId"), path.rsplit('/').next().unwrap());
    assert_eq!((text(checkout, "requestId"), &checkout["amount"]), (text(&opened, "displayId"), &json!(100)));
    assert_eq!(text(&checkout["customer"], "email"), "ada@example.com");
    // It waits as long as its customer does.
    merchant.advance("P40D");
    let card = [
        ("card-number", "4242 4242 4242 4242"),
        ("card-expiry", "12/25"),
        ("card-cvc", "100"),
        ("cardholder", "A"),
        ("terms", "yes"),
    ];
    let paid = browser.press(&browser.follow(&browser.open(&link)), "pay", &card);
    let id = text(checkout, "id");
    let away = browser.follow(&paid);
    assert!(away.location().starts_with("https://shop.example/back?reference=") && away.location().ends_with(id));
    let rows = merchant.get(&format!("{path}/payment"));
    assert_eq!(text(&rows["content"][0]["checkout"], "status"), "PAID");
    assert_eq!(merchant.get("/checkout?type=LINK&status=PAID")["totalElements"], 1);
}

/// §3.3.
#[test]
fn a_customer_is_found_by_email_or_phone_or_made() {
    let merchant = merchant();
    let customer = |email: &str, phone: &str| {
        let who = json!({ "firstName": "A", "lastName": "B", "email": email, "phone": phone });
        let made = merchant
            .make("/subscription", &cookies(&json!({ "customer": who, "startDate": "2090-01-01", "endDate": null })));
        text(&made["customer"], "id").to_owned()
    };
    let first = customer("a@example.com", "971501");
    assert_eq!(customer("A@Example.com", "971502"), first, "by e-mail");
    assert_eq!(customer("new@example.com", "971501"), first, "by phone");
    let other = customer("other@example.com", "971509");
    assert_ne!(other, first);
    assert_eq!(customer("a@example.com", "971509"), first, "the e-mail counts");
    let mut known =
        cookies(&json!({ "customerId": first.parse::<u64>().unwrap(), "startDate": "2090-01-01", "endDate": null }));
    known.as_object_mut().unwrap().remove("customer");
    assert_eq!(text(&merchant.make("/subscription", &known)["customer"], "id"), first);
    known["customerId"] = json!(5);
    assert_eq!(merchant.refused("/subscription", &known), "Customer not found for API merchant");
    known.as_object_mut().unwrap().remove("customerId");
    assert!(merchant.refused("/subscription", &known).contains("and so is customerId"));
    assert_eq!(merchant.get("/subscription?customer.email=a@example.com")["totalElements"], 4);
    assert_eq!(merchant.get("/subscription?status=ACTIVE&customer.phone=971509")["totalElements"], 3);
    assert_eq!(merchant.get("/subscription?status=INACTIVE,EXPIRED,ARCHIVED")["totalElements"], 0);
}

/// E1b, E1c and what is wrong with others.
#[test]
fn the_documented_flavours_are_taken_and_nonsense_is_refused() {
    let merchant = merchant_at("2022-01-01T00:00:00Z");
    let spec = json!({
        "currency": "USD", "amount": 1499.99, "startDate": "2021-08-10", "endDate": "2024-05-01", "sendEvery": "TWO_MONTHS",
        "returnUrl": "https://example.com/subscription/payment-check/", "cancellationPolicyType": "CUSTOM",
        "customCancellationTerms": "Cancellation allowed only 5 days before next billing date",
    });
    let made = merchant.make("/subscription", &cookies(&spec));
    assert_eq!((&made["period"], text(&made, "cancellationPolicyType")), (&json!(2), "CUSTOM"));
    let php = json!({
        "orderId": "ORD-1001", "amount": "100.00", "customerId": null, "startDate": "2021-08-10", "sendOnHour": "12",
        "customer": { "id": "123456", "reference": "cus-001", "firstName": "J", "lastName": "S", "email": "j@example.com" },
    });
    let made = merchant.make("/subscription/", &cookies(&php));
    assert_eq!((text(&made["customer"], "reference"), &made["sendOnHour"]), ("123456", &json!(12)));
    for (field, value) in [
        ("startDate", json!("2021-02-30")),
        ("startDate", json!("24.08.2021")),
        ("endDate", json!("2021-08-23")),
        ("sendOnHour", json!(24)),
        ("sendOnHour", json!(-1)),
        ("sendEvery", json!("FORTNIGHT")),
        ("amount", json!(0)),
        ("amount", json!(9.999)),
        ("currency", json!("XXX")),
        ("returnUrl", json!("shop.example")),
        ("customer", json!({ "firstName": "A" })),
    ] {
        let said = merchant.refused("/subscription", &cookies(&json!({ field: value })));
        assert!(said.starts_with("Validation error: ") && said.contains(field), "{field} {value}: {said}");
    }
    assert_eq!(merchant.get("/subscription")["totalElements"], 2);
}
