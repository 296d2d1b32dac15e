//! Revenue and what is owed (facts: paygentic-behaviour §2.14). All sums are worked out by hand.

use serde_json::{Value, json};

use crate::support::{Api, MERCHANT, api, text, texts};

const START: &str = "2028-01-31T00:00:00Z";

/// Two customers: 50.00 USD a month in advance and 8.5 % tax on top, for one of them 0.10 a call in arrears.
struct Shop {
    api: Api,
    plan: String,
    clock: String,
    jo: (String, String),
    al: (String, String),
}

fn shop() -> Shop {
    let api = api();
    api.freeze(START);
    let product = api.product();
    let fee = api.fee_price(&product, "50", "P1M", "in_advance", json!({}));
    let (_, calls) = api.usage_price(&product, "call", "SUM", json!({ "unitPrice": "0.10" }));
    let plan = api.plan(&product, &[&fee, &calls], json!({ "defaultTaxRate": 8.5, "taxBehavior": "exclusive" }));
    let clock = api.clock(START);
    let mut customers = ["jo@example.com", "al@example.com"].map(|email| {
        let customer = api.customer(email);
        let subscription = api.subscribe(&plan, &customer, &clock, START, json!({}));
        if email.starts_with("jo") {
            api.pay(&subscription);
        }
        (customer, text(&subscription, "id").to_owned())
    });
    let [jo, al] = customers.each_mut().map(std::mem::take);
    Shop { api, plan, clock, jo, al }
}

impl Shop {
    /// The revenue of 31 January and February.
    fn revenue(&self, query: &str) -> Value {
        let span = "startTime=2028-01-31T00:00:00Z&endTime=2028-03-01T00:00:00Z";
        self.api.get(&format!("/v0/revenue?{span}&merchantId={MERCHANT}{query}"))
    }

    /// Another month: jo's 500 calls of February, billed on 1 March after a day of grace.
    fn bill_february(&self) {
        self.api.usage("call", &self.jo.0, 500.0, "2028-02-10T00:00:00Z");
        self.api.advance_to(&self.clock, "2028-03-05T00:00:00Z");
    }

    fn refund_first(&self) -> String {
        let first = &self.api.invoices(&self.jo.1)[0];
        let path = format!("/v2/invoices/{}/refunds", text(first, "id"));
        text(&self.api.create(&path, &json!({})), "id").to_owned()
    }
}

fn amount(count: u64, amount: &str) -> Value {
    json!({ "count": count, "amount": amount })
}

#[test]
fn revenue_is_what_was_billed_without_tax() {
    let shop = shop();
    let summary = shop.revenue("");
    assert_eq!((text(&summary, "object"), text(&summary, "currency")), ("revenue_summary", "USD"));
    // Two invoices of 50.00 and 4.25 tax, one of them paid.
    assert_eq!(text(&summary, "netRevenue"), "100.00");
    let invoices = json!({
        "issued": amount(2, "108.50"), "outstanding": amount(1, "54.25"), "paid": amount(1, "54.25"),
        "writtenOff": amount(0, "0.00"),
    });
    assert_eq!(summary["invoices"], invoices);
    let bucket = json!({
        "timestamp": START, "revenue": "100.00", "issuedInvoices": "100.00", "writtenOffInvoices": "0.00",
        "completedPayments": "0.00", "rebates": "0.00",
    });
    assert_eq!(summary["trend"], json!([bucket]));
    for absent in ["groupBreakdown", "currencyBreakdown", "revenueRange"] {
        assert_eq!(summary.get(absent), None, "{absent}");
    }
    // 31 January 2028 is a Monday, and 27 days later is a Sunday.
    let weekly = shop.revenue("&bucketWidth=week");
    assert_eq!(weekly["trend"][0]["timestamp"], START);
    let narrowed = shop.revenue(&format!("&customerId={}", shop.jo.0));
    assert_eq!(text(&narrowed, "netRevenue"), "50.00");
    let narrowed = shop.revenue(&format!("&subscriptionIds={}&subscriptionIds=sub_nobody", shop.al.1));
    assert_eq!(narrowed["invoices"]["outstanding"], amount(1, "54.25"));
    assert_eq!(narrowed["invoices"]["paid"], amount(0, "0.00"));
    assert_eq!(text(&shop.revenue("&customerId=cus_nobody"), "netRevenue"), "0.00");
}

#[test]
fn the_end_of_a_span_is_not_in_it() {
    let shop = shop();
    let of = |start: &str, end: &str| {
        let path = format!("/v0/revenue?startTime={start}&endTime={end}&merchantId={MERCHANT}");
        shop.api.get(&path)
    };
    let before = of("2028-01-01T00:00:00Z", START);
    assert_eq!(
        (text(&before, "netRevenue"), &before["revenueRange"]),
        ("0.00", &json!({ "from": START, "to": START }))
    );
    assert_eq!(text(&of(START, "2028-01-31T00:00:01Z"), "netRevenue"), "100.00");
    let nobody = shop.revenue("&customerId=cus_nobody");
    assert_eq!(nobody.get("revenueRange"), Some(&Value::Null));
}

#[test]
fn a_refund_takes_off_until_it_is_voided() {
    let shop = shop();
    let refund = shop.refund_first();
    let summary = shop.revenue("");
    assert_eq!((text(&summary, "netRevenue"), text(&summary, "totalRefunds")), ("50.00", "54.25"));
    assert_eq!((&summary["refundCount"], &summary["trend"][0]["revenue"]), (&json!(1), &json!("50.00")));
    // The invoice itself stays as it was.
    assert_eq!(summary["trend"][0]["issuedInvoices"], "100.00");
    assert_eq!(summary["invoices"]["paid"], amount(1, "54.25"));
    let invoice = text(&shop.api.invoices(&shop.jo.1)[0], "id").to_owned();
    shop.api.post(&format!("/v2/invoices/{invoice}/refunds/{refund}/void"), &json!({})).expect(200);
    let summary = shop.revenue("");
    assert_eq!((text(&summary, "netRevenue"), &summary["refundCount"]), ("100.00", &json!(0)));
}

#[test]
fn by_billing_period_a_line_counts_where_its_period_begins() {
    let shop = shop();
    shop.bill_february();
    let march = "startTime=2028-03-01T00:00:00Z&endTime=2028-04-01T00:00:00Z";
    let of = |basis: &str| shop.api.get(&format!("/v0/revenue?{march}&periodBasis={basis}"));
    // Issued on 1 March: 50.00 for March and 500 calls at 0.10. al's start was never paid, so it has ended.
    assert_eq!(text(&of("issued"), "netRevenue"), "100.00");
    // The period that begins on 29 February, by the anchor of 31 January, is not March's.
    assert_eq!(text(&of("billingPeriod"), "netRevenue"), "0.00");
    // From 31 January to 29 February: jo's fee, and the calls that were billed later. al's start was never paid.
    let february = "startTime=2028-01-31T00:00:00Z&endTime=2028-02-29T00:00:00Z&periodBasis=billingPeriod";
    let summary = shop.api.get(&format!("/v0/revenue?{february}"));
    assert_eq!(text(&summary, "netRevenue"), "100.00");
    // Two invoices bear on the period: the first whole, and of the second 50.00 and 4.25.
    assert_eq!(summary["invoices"]["issued"], amount(2, "108.50"));
    shop.refund_first();
    let summary = shop.api.get(&format!("/v0/revenue?{february}"));
    assert_eq!((text(&summary, "netRevenue"), text(&summary, "totalRefunds")), ("50.00", "54.25"));
}

#[test]
fn revenue_is_grouped_by_plan_customer_and_currency() {
    let shop = shop();
    shop.refund_first();
    let by_plan = shop.revenue("&groupBy=plan");
    let plan = json!({
        "groupKey": shop.plan, "groupLabel": "Plan", "outstanding": amount(1, "54.25"), "paid": amount(1, "54.25"),
        "writtenOff": amount(0, "0.00"),
    });
    assert_eq!(by_plan["groupBreakdown"], json!([plan]));
    let by_customer = shop.revenue("&groupBy=customer");
    let groups = by_customer["groupBreakdown"].as_array().unwrap();
    // al's 50.00 are more than jo's nothing.
    assert_eq!(texts(groups, "groupKey"), [&*shop.al.0, &shop.jo.0]);
    assert_eq!((&groups[0]["outstanding"], &groups[1]["paid"]), (&amount(1, "54.25"), &amount(1, "54.25")));
    let trend = by_customer["trend"][0]["groupBreakdown"].as_array().unwrap();
    assert_eq!(
        (texts(trend, "revenue"), texts(trend, "issuedInvoices")),
        (vec!["50.00", "0.00"], vec!["50.00", "50.00"])
    );

    let product = shop.api.product();
    let fee = shop.api.fee_price(&product, "70", "P1M", "in_advance", json!({ "currency": "EUR" }));
    let euros = shop.api.plan(&product, &[&fee], json!({ "currency": "EUR" }));
    shop.api.subscribe(&euros, &shop.al.0, &shop.clock, START, json!({}));
    assert_eq!(text(&shop.revenue(""), "netRevenue"), "50.00");
    assert_eq!(text(&shop.revenue("&currency=EUR"), "netRevenue"), "70.00");
    let by_currency = shop.revenue("&groupBy=currency");
    let entries = by_currency["currencyBreakdown"].as_array().unwrap();
    assert_eq!(
        (texts(entries, "currency"), texts(entries, "netRevenue")),
        (vec!["USD", "EUR"], vec!["50.00", "70.00"])
    );
    for absent in ["currency", "netRevenue", "invoices", "payments", "trend", "totalRefunds"] {
        assert_eq!(by_currency.get(absent), None, "{absent}");
    }
    let only = shop.revenue("&groupBy=currency&currency=EUR");
    assert_eq!(texts(only["currencyBreakdown"].as_array().unwrap(), "currency"), ["EUR"]);
}

#[test]
fn a_sixth_plan_makes_the_smallest_two_the_rest() {
    let api = api();
    api.freeze(START);
    let (product, clock, customer) = (api.product(), api.clock(START), api.customer("jo@example.com"));
    for amount in ["10", "20", "30", "40", "50", "60"] {
        let fee = api.fee_price(&product, amount, "P1M", "in_advance", json!({}));
        let plan = api.plan(&product, &[&fee], json!({ "name": format!("Plan {amount}") }));
        api.subscribe(&plan, &customer, &clock, START, json!({}));
    }
    let path = format!("/v0/revenue?startTime={START}&endTime=2028-02-01T00:00:00Z&groupBy=plan");
    let summary = api.get(&path);
    let groups = summary["groupBreakdown"].as_array().unwrap();
    assert_eq!(texts(groups, "groupLabel"), ["Plan 60", "Plan 50", "Plan 40", "Plan 30", "Other"]);
    assert_eq!((text(&groups[4], "groupKey"), &groups[4]["outstanding"]), ("other", &amount(2, "30.00")));
    let trend = summary["trend"][0]["groupBreakdown"].as_array().unwrap();
    assert_eq!(texts(trend, "revenue"), ["60.00", "50.00", "40.00", "30.00", "30.00"]);
}

#[test]
fn payments_stand_beside_revenue() {
    let shop = shop();
    let order =
        |amount: &str| json!({ "merchantId": MERCHANT, "amount": amount, "currency": "USD", "expiresIn": "P2D" });
    let paid = shop.api.create("/v0/payments", &order("20.00"));
    let session = text(&paid, "paymentUrl").rsplit('/').next().unwrap().to_owned();
    shop.api.post(&format!("/_leapday/payments/{session}/complete"), &json!({})).expect(200);
    shop.api.create("/v0/payments", &order("30.00"));
    let pending = shop.revenue("");
    let payments = json!({
        "completedCount": 1, "completedAmount": "20.00", "pendingCount": 1, "pendingAmount": "30.00",
        "expiredCount": 0, "expiredAmount": "0.00",
    });
    assert_eq!((&pending["payments"], text(&pending, "netRevenue")), (&payments, "100.00"));
    assert_eq!(pending["trend"][0]["completedPayments"], "20.00");
    shop.api.world_advance_to("2028-02-03T00:00:00Z");
    let expired = &shop.revenue("")["payments"];
    assert_eq!((&expired["pendingCount"], &expired["expiredAmount"]), (&json!(0), &json!("30.00")));
    // They are nobody's here.
    let of_jo = &shop.revenue(&format!("&customerId={}", shop.jo.0))["payments"];
    assert_eq!(of_jo["completedCount"], 0);
}

#[test]
fn rebates_are_shown_and_taken_off() {
    let api = api();
    api.freeze(START);
    let (product, clock, customer) = (api.product(), api.clock(START), api.customer("jo@example.com"));
    let fee = api.fee_price(&product, "50", "P1M", "in_arrears", json!({}));
    let (_, rebate) = api.usage_price(&product, "return", "SUM", json!({ "unitPrice": "-0.10" }));
    let plan = api.plan(&product, &[&fee, &rebate], json!({}));
    api.subscribe(&plan, &customer, &clock, START, json!({}));
    api.usage("return", &customer, 30.0, "2028-02-10T00:00:00Z");
    api.advance_to(&clock, "2028-03-05T00:00:00Z");
    for basis in ["issued", "billingPeriod"] {
        let span = format!("startTime={START}&endTime=2028-03-05T00:00:00Z&periodBasis={basis}");
        let summary = api.get(&format!("/v0/revenue?{span}"));
        assert_eq!((text(&summary, "netRevenue"), text(&summary, "totalRebates")), ("47.00", "3.00"));
        assert_eq!((&summary["rebateCount"], &summary["trend"][0]["rebates"]), (&json!(1), &json!("3.00")));
    }
}

#[test]
fn accounts_say_what_is_owed() {
    let shop = shop();
    let accounts = |query: &str| shop.api.get(&format!("/v0/revenue/accounts?merchantId={MERCHANT}{query}"));
    let owed = |due: &str| {
        json!({
            "count": 1, "amount": due, "awaitingPayment": amount(1, due), "paymentFailed": amount(0, "0.00"),
        })
    };
    let row = json!({
        "customerId": shop.al.0, "customerName": "Jo Doe", "currency": "USD", "outstanding": owed("54.25"),
    });
    let expected = json!({
        "object": "list", "totals": [{ "currency": "USD", "outstanding": owed("54.25") }], "data": [row],
        "pagination": { "limit": 50, "offset": 0, "total": 1 },
    });
    assert_eq!(accounts(""), expected);

    // al's start expires; on 1 March jo is billed 50.00 and 50.00 and 8.50 tax.
    shop.bill_february();
    let rows = accounts("");
    let data = rows["data"].as_array().unwrap();
    assert_eq!(text(&data[0], "customerId"), shop.jo.0);
    assert_eq!(data[0]["outstanding"], owed("108.50"));
    let of_jo = accounts(&format!("&customerIds={}", shop.jo.0));
    assert_eq!((&of_jo["data"], &of_jo["pagination"]["total"]), (&json!([data[0]]), &json!(1)));
    assert_eq!(of_jo["totals"][0]["outstanding"]["amount"], "108.50");
    let page = accounts("&limit=1");
    assert_eq!((page["data"].as_array().unwrap().len(), &page["totals"]), (1, &rows["totals"]));
    shop.api.refuses(
        "GET",
        &format!("/v0/revenue/accounts?merchantId={MERCHANT}&customerIds=cus_nobody"),
        &Value::Null,
        404,
    );
    shop.api.refuses("GET", "/v0/revenue/accounts", &Value::Null, 400);
}

#[test]
fn a_declined_charge_is_owed_as_failed_in_its_currency() {
    let api = api();
    api.freeze(START);
    let (product, clock, customer) = (api.product(), api.clock(START), api.customer("jo@example.com"));
    for (currency, amount) in [("USD", "10"), ("EUR", "70")] {
        let fee = api.fee_price(&product, amount, "P1M", "in_arrears", json!({ "currency": currency }));
        let plan = api.plan(&product, &[&fee], json!({ "currency": currency }));
        api.subscribe(&plan, &customer, &clock, START, json!({ "autoCharge": true }));
    }
    api.save_card(&customer, "4000000000000002");
    api.advance_to(&clock, "2028-03-05T00:00:00Z");
    let accounts = api.get(&format!("/v0/revenue/accounts?merchantId={MERCHANT}"));
    let rows = accounts["data"].as_array().unwrap();
    assert_eq!(texts(rows, "currency"), ["USD", "EUR"]);
    let outstanding = json!({
        "count": 1, "amount": "70.00", "awaitingPayment": amount(0, "0.00"), "paymentFailed": amount(1, "70.00"),
    });
    assert_eq!(rows[1]["outstanding"], outstanding);
    assert_eq!(texts(accounts["totals"].as_array().unwrap(), "currency"), ["USD", "EUR"]);
}

#[test]
fn what_was_cancelled_was_never_revenue() {
    let shop = shop();
    // al's start expires after 240 minutes.
    shop.api.advance_to(&shop.clock, "2028-02-01T00:00:00Z");
    let summary = shop.revenue("");
    assert_eq!((text(&summary, "netRevenue"), &summary["invoices"]["issued"]), ("50.00", &amount(1, "54.25")));
}

#[test]
fn what_is_wrong_is_told() {
    let api = api();
    let span = "startTime=2028-02-01T00:00:00Z&endTime=2028-03-01T00:00:00Z";
    for query in [
        "startTime=2028-02-01T00:00:00Z".to_owned(),
        "startTime=2028-02-02T00:00:00Z&endTime=2028-02-01T00:00:00Z".to_owned(),
        format!("{span}&bucketWidth=month"),
        format!("{span}&groupBy=plan,customer"),
        format!("{span}&periodBasis=paid"),
        format!("{span}&merchantId=shop"),
    ] {
        api.refuses("GET", &format!("/v0/revenue?{query}"), &Value::Null, 400);
    }
    let nothing = api.get(&format!("/v0/revenue?{span}"));
    assert_eq!((text(&nothing, "netRevenue"), nothing.get("revenueRange")), ("0.00", Some(&Value::Null)));
    assert_eq!((&nothing["trend"], text(&nothing, "currency")), (&json!([]), "USD"));
}
