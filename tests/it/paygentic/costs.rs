//! Costs: what they count, alone and together (facts: paygentic-behaviour §2.14).

use serde_json::{Value, json};

use crate::support::{Api, MERCHANT, api, text, texts};

const FEBRUARY: &str = "from=2028-02-01T00:00:00Z&to=2028-03-01T00:00:00Z";

fn cost(name: &str, unit_cost: f64) -> Value {
    json!({
        "type": "metered", "name": name, "unitCost": unit_cost, "currency": "USD", "productId": "prod_starter",
        "merchantId": MERCHANT, "aggregation": "SUM", "eventType": "gpu", "valueProperty": "$.n", "unit": "seconds",
        "groupBy": { "model": "$.model" },
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut body = cost("GPU", 0.05);
    body[field] = value;
    body
}

fn make(api: &Api, cost: &Value) -> String {
    text(&api.create("/v0/costs", cost), "id").to_owned()
}

fn used(api: &Api, kind: &str, subject: &str, n: f64, model: &str, at: &str) {
    let event = json!({
        "type": kind, "source": "test", "subject": subject, "data": { "n": n, "model": model }, "timestamp": at,
    });
    api.post("/v0/events", &event).expect(202);
}

/// Two costs and what four subjects used: 0.05 a GPU second, 2 a call.
struct Used {
    api: Api,
    gpu: String,
    calls: String,
    jo: String,
    al: String,
}

fn usage() -> Used {
    let api = api();
    let gpu = make(&api, &cost("GPU", 0.05));
    let mut calls = cost("Calls", 2.0);
    (calls["aggregation"], calls["eventType"], calls["unit"]) = (json!("COUNT"), json!("call"), json!("calls"));
    let calls = make(&api, &calls);
    let (jo, al) = (api.customer("jo@example.com"), api.customer("al@example.com"));
    for (kind, subject, n, model, at) in [
        // The last instant before the span, and the first behind it.
        ("gpu", &*jo, 1000.0, "small", "2028-01-31T23:59:59Z"),
        ("gpu", &jo, 1000.0, "small", "2028-03-01T00:00:00Z"),
        ("gpu", &jo, 100.0, "small", "2028-02-01T00:00:00Z"),
        ("gpu", &jo, 20.5, "large", "2028-02-01T10:00:00Z"),
        ("gpu", &al, 60.0, "large", "2028-02-02T10:00:00Z"),
        ("gpu", "guest", 10.0, "small", "2028-02-29T23:59:59Z"),
        ("call", &al, 0.0, "small", "2028-02-02T11:00:00Z"),
        ("call", &al, 0.0, "small", "2028-02-03T11:00:00Z"),
        ("call", "robot", 0.0, "small", "2028-02-03T12:00:00Z"),
    ] {
        used(&api, kind, subject, n, model, at);
    }
    Used { api, gpu, calls, jo, al }
}

impl Used {
    fn report(&self, query: &str) -> Value {
        self.api.get(&format!("/v0/costs/report?{FEBRUARY}&merchantId={MERCHANT}&{query}"))
    }
}

/// Key, cost and quantity of a report's groups.
fn groups(report: &Value) -> Vec<(String, f64, f64)> {
    let number = |group: &Value, field: &str| group[field].as_f64().unwrap();
    let groups = report["groups"].as_array().unwrap().iter();
    groups
        .map(|group| (text(group, "key").to_owned(), number(group, "totalCost"), number(group, "totalQuantity")))
        .collect()
}

fn group(key: &str, cost: f64, quantity: f64) -> (String, f64, f64) {
    (key.to_owned(), cost, quantity)
}

#[test]
fn a_cost_says_back_what_it_was_asked() {
    let api = api();
    api.freeze("2028-01-31T00:00:00Z");
    let made = api.create("/v0/costs", &cost("GPU", 0.0004));
    let mut expected = cost("GPU", 0.0);
    expected["unitCost"] = json!("0.0004");
    expected["id"] = made["id"].clone();
    expected["object"] = json!("cost");
    expected["deletedAt"] = Value::Null;
    for field in ["createdAt", "updatedAt"] {
        expected[field] = json!("2028-01-31T00:00:00Z");
    }
    assert_eq!(made, expected);
    let path = format!("/v0/costs/{}", text(&made, "id"));
    assert_eq!(api.get(&path), made);

    api.world_advance_to("2028-02-01T00:00:00Z");
    let changed =
        api.patch(&path, &json!({ "unitCost": 5, "unit": null, "groupBy": null, "name": "Cards" })).expect(200);
    (expected["unitCost"], expected["name"]) = (json!("5"), json!("Cards"));
    (expected["unit"], expected["groupBy"]) = (Value::Null, Value::Null);
    expected["updatedAt"] = json!("2028-02-01T00:00:00Z");
    assert_eq!(changed, expected);
    // A count has no value to look for.
    let counted =
        api.patch(&path, &json!({ "aggregation": "COUNT", "currency": "EUR", "eventType": "card" })).expect(200);
    assert_eq!((&counted["valueProperty"], text(&counted, "currency")), (&Value::Null, "EUR"));
    let summed = api.patch(&path, &json!({ "aggregation": "SUM", "valueProperty": "$.m" })).expect(200);
    assert_eq!((text(&summed, "valueProperty"), text(&summed, "eventType")), ("$.m", "card"));
}

#[test]
fn costs_are_listed_by_product_and_merchant_until_they_are_deleted() {
    let api = api();
    let product = api.product();
    let own = make(&api, &with("productId", json!(product)));
    make(&api, &cost("Other", 1.0));
    let names = |query: &str| {
        let rows = api.rows(&format!("/v0/costs{query}"));
        texts(&rows, "name").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names(""), ["GPU", "Other"]);
    assert_eq!(names(&format!("?productId={product}")), ["GPU"]);
    assert_eq!(names(&format!("?merchantId={MERCHANT}&productId=prod_starter")), ["Other"]);
    assert_eq!(names("?merchantId=org_other"), Vec::<String>::new());
    assert_eq!(names("?productId=prod_nobody"), Vec::<String>::new());
    assert_eq!(api.get("/v0/costs?limit=1")["pagination"], json!({ "limit": 1, "offset": 0, "total": 2 }));

    let path = format!("/v0/costs/{own}");
    assert_eq!(api.delete(&path).status, 204);
    assert_eq!(names(""), ["Other"]);
    assert!(api.get(&path)["deletedAt"].is_string());
    api.refuses("PATCH", &path, &json!({ "name": "A" }), 404);
    api.refuses("DELETE", &path, &Value::Null, 404);
}

#[test]
fn events_of_a_cost_are_taken_until_nothing_counts_them() {
    let api = api();
    let event = json!({ "type": "gpu", "source": "test", "subject": "guest", "data": { "n": 1 } });
    api.refuses("POST", "/v0/events", &event, 422);
    let id = make(&api, &cost("GPU", 1.0));
    api.post("/v0/events", &event).expect(202);
    assert_eq!(api.delete(&format!("/v0/costs/{id}")).status, 204);
    api.refuses("POST", "/v0/events", &event, 422);
}

#[test]
fn a_summary_counts_its_span_and_no_instant_more() {
    let Used { api, gpu, jo, .. } = usage();
    let path = format!("/v0/costs/{gpu}/summary?{FEBRUARY}");
    // 100 + 20.5 + 60 + 10 seconds at 0.05.
    let expected = json!({
        "object": "cost", "id": gpu, "name": "GPU", "type": "metered", "currency": "USD", "eventType": "gpu",
        "unit": "seconds", "totalQuantity": 190.5, "totalCost": 9.525,
    });
    assert_eq!(api.get(&path), expected);

    let of_jo = api.get(&format!("{path}&subject={jo}"));
    assert_eq!((&of_jo["totalQuantity"], &of_jo["totalCost"]), (&json!(120.5), &json!(6.025)));
    let by_model = api.get(&format!("{path}&groupBy=model"));
    let groups = json!([
        { "dimensions": { "model": "large" }, "quantity": 80.5, "cost": 4.025 },
        { "dimensions": { "model": "small" }, "quantity": 110, "cost": 5.5 },
    ]);
    assert_eq!(by_model["groups"], groups);
    let large = api.get(&format!("{path}&filterGroupBy=%7B%22model%22:%22large%22%7D&groupBy=subject,model"));
    assert_eq!(large["totalQuantity"], 80.5);
    assert_eq!(large["groups"].as_array().unwrap().len(), 2);
    let daily = api.get(&format!("{path}&window=DAY"));
    let day = |start: &str, end: &str, quantity: Value, cost: Value| {
        json!({
            "windowStart": format!("2028-{start}T00:00:00Z"), "windowEnd": format!("2028-{end}T00:00:00Z"),
            "quantity": quantity, "cost": cost,
        })
    };
    let days = json!([
        day("02-01", "02-02", json!(120.5), json!(6.025)),
        day("02-02", "02-03", json!(60), json!(3)),
        day("02-29", "03-01", json!(10), json!(0.5)),
    ]);
    assert_eq!(daily["timeSeries"], days);
}

#[test]
fn a_report_by_cost_has_every_cost() {
    let used = usage();
    let idle = make(&used.api, &with("eventType", json!("idle")));
    make(&used.api, &with("currency", json!("EUR")));
    let report = used.report("groupBy=cost");
    assert_eq!(groups(&report), [group(&used.gpu, 9.525, 190.5), group(&used.calls, 6.0, 3.0), group(&idle, 0.0, 0.0)]);
    assert_eq!(texts(report["groups"].as_array().unwrap(), "label"), ["GPU", "Calls", "GPU"]);
    assert_eq!((&report["totalCost"], &report["totalQuantity"]), (&json!(15.525), &json!(193.5)));
    // 9.525 of 15.525 is 61.3526 %.
    assert_eq!(
        (&report["groups"][0]["percentOfTotal"], &report["groups"][1]["unit"]),
        (&json!(61.35), &json!("calls"))
    );
    assert_eq!((&report["groupCount"], &report["emptyGroupCount"]), (&json!(3), &json!(1)));
    assert_eq!((text(&report, "currency"), report.get("costRange")), ("USD", None));
    let period = json!({ "from": "2028-02-01T00:00:00Z", "to": "2028-03-01T00:00:00Z" });
    assert_eq!((&report["period"], &report["timeSeries"]), (&period, &json!([])));

    let busy = used.report("groupBy=cost&excludeEmpty=true");
    assert_eq!((groups(&busy).len(), &busy["pagination"]["total"]), (2, &json!(2)));
    assert_eq!((&busy["groupCount"], &busy["emptyGroupCount"]), (&json!(3), &json!(1)));
}

#[test]
fn the_largest_groups_stand_alone_and_the_rest_is_one() {
    let used = usage();
    let all = used.report("groupBy=customer");
    let expected = [
        group(&used.al, 7.0, 62.0),
        group(&used.jo, 6.025, 120.5),
        group("robot", 2.0, 1.0),
        group("guest", 0.5, 10.0),
    ];
    assert_eq!(groups(&all), expected);
    assert_eq!(texts(all["groups"].as_array().unwrap(), "label"), ["Jo Doe", "Jo Doe", "robot", "guest"]);
    // Seconds and calls have no unit together.
    assert_eq!((&all["groups"][0]["unit"], &all["groups"][1]["unit"]), (&Value::Null, &json!("seconds")));

    let top = used.report("groupBy=customer&topN=2&windowSize=MONTH");
    assert_eq!(groups(&top)[..2], expected[..2]);
    assert_eq!(groups(&top)[2], group("__other__", 2.5, 11.0));
    let other = &top["groups"][2];
    assert_eq!((text(other, "label"), &other["isOther"], &other["unit"]), ("Other", &json!(true), &Value::Null));
    assert_eq!(
        (&top["groupCount"], &top["pagination"]["total"], &top["totalCost"]),
        (&json!(4), &json!(3), &json!(15.525))
    );
    let mut month = json!({ "__other__": 2.5 });
    (month[&used.al], month[&used.jo]) = (json!(7), json!(6.025));
    let windows =
        json!([{ "windowStart": "2028-02-01T00:00:00Z", "windowEnd": "2028-03-01T00:00:00Z", "groups": month }]);
    assert_eq!(top["timeSeries"], windows);

    let by_quantity = used.report("groupBy=customer&sort=totalQuantity&sortDir=asc&topN=3");
    let keys: Vec<String> = groups(&by_quantity).into_iter().map(|(key, ..)| key).collect();
    assert_eq!(keys, ["guest", &used.al, &used.jo, "__other__"]);
    let page = used.report("groupBy=customer&limit=1&offset=1");
    assert_eq!((groups(&page), &page["pagination"]["total"]), (vec![group(&used.jo, 6.025, 120.5)], &json!(4)));
}

#[test]
fn a_report_of_one_cost_goes_by_its_dimensions() {
    let used = usage();
    let report = used.report(&format!("groupBy=model&costId={}", used.gpu));
    assert_eq!(groups(&report), [group("small", 5.5, 110.0), group("large", 4.025, 80.5)]);
    assert_eq!(report["availableDimensions"], json!(["model"]));
    let of_jo = used.report(&format!("groupBy=model&costId={}&subject={}", used.gpu, used.jo));
    assert_eq!(groups(&of_jo), [group("small", 5.0, 100.0), group("large", 1.025, 20.5)]);
    let large = used.report("groupBy=cost&filterGroupBy=%7B%22model%22:%22large%22%7D");
    assert_eq!(groups(&large), [group(&used.gpu, 4.025, 80.5), group(&used.calls, 0.0, 0.0)]);
}

#[test]
fn groups_are_compared_with_the_span_before() {
    let used = usage();
    // The 29 days before 1 February begin on 3 January: only jo's last second of January lies in them.
    let report = used.report("groupBy=customer&comparePriorPeriod=true&topN=1");
    let prior = |number: usize| &report["groups"][number]["priorPeriod"];
    assert_eq!(prior(0), &json!({ "cost": 0, "changePercent": null }));
    // The rest is jo, robot and guest: 8.525 after 50.
    assert_eq!(prior(1), &json!({ "cost": 50, "changePercent": -82.95 }));
    assert_eq!(used.report("groupBy=customer")["groups"][0].get("priorPeriod"), None);
}

#[test]
fn a_span_without_cost_says_where_there_is_some() {
    let used = usage();
    let path = "/v0/costs/report?from=2027-01-01T00:00:00Z&to=2027-02-01T00:00:00Z&groupBy=customer";
    let report = used.api.get(path);
    let range = json!({ "from": "2028-01-31T23:59:59Z", "to": "2028-03-01T00:00:00Z" });
    assert_eq!((&report["costRange"], &report["totalCost"]), (&range, &json!(0)));
    assert_eq!(report["groups"], json!([]));
    assert_eq!(used.api.get(&format!("{path}&currency=EUR")).get("costRange"), Some(&Value::Null));
    assert_eq!(used.api.get(&format!("{path}&subject=nobody")).get("costRange"), Some(&Value::Null));
}

#[test]
fn costs_in_another_currency_are_warned_of() {
    let used = usage();
    let euros = make(&used.api, &with("currency", json!("EUR")));
    let report = used.report(&format!("groupBy=cost&costId={euros}&costId={}", used.gpu));
    assert_eq!((text(&report, "currency"), groups(&report)), ("EUR", vec![group(&euros, 9.525, 190.5)]));
    assert!(report["warnings"][0].as_str().unwrap().contains(&used.gpu), "{report:#}");
    assert_eq!(used.report("groupBy=cost&currency=EUR")["warnings"], json!([]));
}

#[test]
fn what_is_wrong_is_told_and_changes_nothing() {
    let Used { api, gpu, .. } = usage();
    let path = format!("/v0/costs/{gpu}");
    let without_value = {
        let mut body = cost("GPU", 1.0);
        body.as_object_mut().unwrap().remove("valueProperty");
        body
    };
    for (method, path, body, status, told) in [
        ("POST", "/v0/costs", with("type", json!("fixed")), 400, "/type "),
        ("POST", "/v0/costs", with("unitCost", json!(-0.01)), 400, "/unitCost minimum"),
        ("POST", "/v0/costs", with("currency", json!("ZZZ")), 400, "/currency enum"),
        ("POST", "/v0/costs", with("valueProperty", json!("n")), 400, "/valueProperty pattern"),
        ("POST", "/v0/costs", without_value, 400, "/valueProperty required"),
        ("POST", "/v0/costs", with("productId", json!("prod_nobody")), 404, "/productId reference"),
        ("PATCH", &path, json!({ "valueProperty": null }), 400, "/valueProperty required"),
        ("PATCH", &path, json!({ "aggregation": null }), 400, "/aggregation required"),
        ("PATCH", &path, json!({ "eventType": null }), 400, "/eventType required"),
        ("PATCH", &path, json!({ "currency": "ZZZ" }), 400, "/currency enum"),
        ("PATCH", "/v0/costs/cst_nobody", json!({ "name": "A" }), 404, ""),
    ] {
        let refusal = api.refuses(method, path, &body, status);
        let line = refusal.header("leapday-violation").unwrap_or_default();
        assert!(line.starts_with(told), "{method} {path} {body}: {line}");
    }
    let summary = format!("/v0/costs/{gpu}/summary?{FEBRUARY}");
    let report = format!("/v0/costs/report?{FEBRUARY}");
    for (path, status) in [
        (format!("{summary}&groupBy=region"), 400),
        (format!("{summary}&filterGroupBy=model"), 400),
        (format!("{summary}&window=MONTH"), 400),
        (format!("/v0/costs/{gpu}/summary?from=2028-02-02T00:00:00Z&to=2028-02-01T00:00:00Z"), 400),
        (format!("/v0/costs/cst_nobody/summary?{FEBRUARY}"), 404),
        (report.clone(), 400),
        (format!("{report}&groupBy=model"), 400),
        (format!("{report}&groupBy=region&costId={gpu}"), 400),
        (format!("{report}&groupBy=cost&costId=cst_nobody"), 400),
        (format!("{report}&groupBy=cost&topN=26"), 400),
        (format!("{report}&groupBy=cost&merchantId=org_other&costId={gpu}"), 400),
    ] {
        api.refuses("GET", &path, &Value::Null, status);
    }
}
