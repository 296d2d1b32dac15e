//! Billable metrics: their rules, and what their meters say (facts: paygentic-behaviour §2.2).

use serde_json::{Value, json};

use crate::support::{Api, EVER, MERCHANT, api, text, texts};

fn metric(aggregation: &str) -> Value {
    json!({
        "name": "Tokens", "description": "Tokens", "unit": "tokens", "merchantId": MERCHANT,
        "eventType": "calls", "aggregation": aggregation, "valueProperty": "$.n",
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut body = metric("SUM");
    body[field] = value;
    body
}

/// The path of a metric that sums `$.n` by model and place.
fn grouped(api: &Api) -> String {
    let made =
        api.create("/v0/billableMetrics", &with("groupBy", json!({ "model": "$.model", "place": "$.at.place" })));
    format!("/v0/billableMetrics/{}", text(&made, "id"))
}

fn send(api: &Api, subject: &str, at: &str, data: Value) {
    let event = json!({ "type": "calls", "source": "test", "subject": subject, "timestamp": at, "data": data });
    api.post("/v0/events", &event).expect(202);
}

/// Six events of two models, two places and three subjects.
fn used(api: &Api) {
    for (subject, at, n, model, place) in [
        ("ann", "2028-01-31T23:59:59Z", 1, "small", "paris"),
        ("ann", "2028-02-01T00:00:00Z", 2, "large", "paris"),
        ("bob", "2028-02-01T00:30:00Z", 4, "small", "oslo"),
        ("bob", "2028-02-01T01:00:00Z", 8, "large", "oslo"),
        ("cid", "2028-02-02T00:00:00Z", 16, "large", "paris"),
    ] {
        send(api, subject, at, json!({ "n": n, "model": model, "at": { "place": place } }));
    }
    // One of no model, nowhere.
    send(api, "cid", "2028-03-01T00:00:00Z", json!({ "n": 32 }));
}

fn values(meter: &Value, list: &str) -> Vec<i64> {
    meter[list].as_array().unwrap().iter().map(|entry| entry["value"].as_i64().unwrap()).collect()
}

/// The groups of a meter as `(labels, value, count)`.
fn groups(meter: &Value) -> Vec<(Value, i64, i64)> {
    let whole = |value: &Value| value.as_i64().unwrap();
    let entries = meter["groupedValues"].as_array().unwrap().iter();
    entries.map(|entry| (entry["groupBy"].clone(), whole(&entry["value"]), whole(&entry["eventCount"]))).collect()
}

#[test]
fn a_metric_reads_back_as_it_was_made() {
    let api = api();
    let mut wanted = with("groupBy", json!({ "model": "$.model" }));
    wanted["productId"] = json!(api.product());
    wanted["eventFrom"] = json!("2028-01-01T00:00:00Z");
    let made = api.create("/v0/billableMetrics", &wanted);
    for (field, value) in wanted.as_object().unwrap() {
        assert_eq!(&made[field], value, "{field}");
    }
    assert_eq!((&made["object"], &made["itemId"]), (&json!("billableMetric"), &Value::Null));
    assert_eq!(api.get(&format!("/v0/billableMetrics/{}", text(&made, "id"))), made);

    let list = |filter: &str| -> Vec<String> {
        let rows = api.rows(&format!("/v0/billableMetrics?{filter}"));
        texts(&rows, "id").into_iter().map(str::to_owned).collect()
    };
    assert_eq!(list(&format!("merchantId={MERCHANT}")), ["bm_starterTokens", text(&made, "id")]);
    assert_eq!(list("merchantId=org_other"), ["bm_starterTokens"]);
    assert_eq!(list(&format!("merchantId={MERCHANT}&productId={}", text(&made, "productId"))), [text(&made, "id")]);
}

#[test]
fn only_two_aggregations_do_without_a_value() {
    let api = api();
    for aggregation in ["SUM", "AVG", "MIN", "MAX", "LATEST"] {
        let mut body = metric(aggregation);
        body.as_object_mut().unwrap().remove("valueProperty");
        let answer = api.refuses("POST", "/v0/billableMetrics", &body, 400);
        assert!(answer.told().contains("/valueProperty required"), "{aggregation}: {}", answer.told());
        let made = api.create("/v0/billableMetrics", &metric(aggregation));
        let path = format!("/v0/billableMetrics/{}", text(&made, "id"));
        api.refuses("PATCH", &path, &json!({ "valueProperty": null }), 400);
    }
    // Ignored, and not kept, where events are only counted.
    let count = api.create("/v0/billableMetrics", &metric("COUNT"));
    assert_eq!(count["valueProperty"], Value::Null);
    let path = format!("/v0/billableMetrics/{}", text(&count, "id"));
    assert_eq!(api.patch(&path, &json!({ "valueProperty": "$.n" })).expect(200)["valueProperty"], Value::Null);
    let unique = api.create("/v0/billableMetrics", &metric("UNIQUE_COUNT"));
    assert_eq!(unique["valueProperty"], "$.n");
    let path = format!("/v0/billableMetrics/{}", text(&unique, "id"));
    assert_eq!(api.patch(&path, &json!({ "valueProperty": null })).expect(200)["valueProperty"], Value::Null);
}

#[test]
fn a_change_leaves_what_it_does_not_name_and_null_clears() {
    let api = api();
    let path = grouped(&api);
    let before = api.get(&path);
    let changes =
        json!({ "name": "Words", "eventType": "words", "eventFrom": "2028-01-01T00:00:00Z", "valueProperty": "$.a.b" });
    let after = api.patch(&path, &changes).expect(200);
    for (field, value) in changes.as_object().unwrap() {
        assert_eq!(&after[field], value, "{field}");
    }
    for field in ["description", "unit", "aggregation", "groupBy", "productId", "createdAt"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    let cleared = api.patch(&path, &json!({ "groupBy": null, "eventFrom": null, "itemId": null })).expect(200);
    assert_eq!((&cleared["groupBy"], &cleared["eventFrom"]), (&Value::Null, &Value::Null));
    assert_eq!(cleared["eventType"], "words");
}

#[test]
fn what_is_wrong_is_told_and_changes_nothing() {
    let api = api();
    for (field, value, status, told) in [
        ("aggregation", json!("sum"), 400, "/aggregation enum"),
        ("aggregation", json!("PERCENTILE"), 400, "/aggregation enum"),
        ("eventType", json!(""), 400, "/eventType minLength"),
        ("eventType", Value::Null, 400, "/eventType"),
        ("valueProperty", json!("n"), 400, "/valueProperty pattern"),
        ("valueProperty", json!("$.a[0]"), 400, "/valueProperty pattern"),
        ("groupBy", json!({ "model": "model" }), 400, "/groupBy/model pattern"),
        ("eventFrom", json!("yesterday"), 400, "/eventFrom format"),
        ("productId", json!("prod_nobody"), 404, "/productId reference"),
        ("itemId", json!("itm_nobody"), 404, "/itemId"),
        ("merchantId", json!("shop"), 400, "/merchantId pattern"),
    ] {
        let answer = api.refuses("POST", "/v0/billableMetrics", &with(field, value), status);
        assert!(answer.told().contains(told), "{told}: {}", answer.told());
    }
    let path = "/v0/billableMetrics/bm_starterTokens";
    for (change, status) in [
        (json!({ "eventType": null }), 400),
        (json!({ "valueProperty": null }), 400),
        (json!({ "groupBy": { "model": "model" } }), 400),
        (json!({ "itemId": "itm_nobody", "name": "Words" }), 404),
    ] {
        api.refuses("PATCH", path, &change, status);
    }
    for (path, status) in [
        ("/v0/billableMetrics", 400),
        ("/v0/billableMetrics/bm_nobody", 404),
        ("/v0/billableMetrics/bm_nobody/meter?from=2028-01-01T00:00:00Z&to=2028-02-01T00:00:00Z", 404),
        ("/v0/billableMetrics/bm_nobody/events?from=2028-01-01T00:00:00Z&to=2028-02-01T00:00:00Z", 404),
    ] {
        api.refuses("GET", path, &Value::Null, status);
    }
}

#[test]
fn a_meter_sums_a_half_open_span_from_when_the_metric_counts() {
    let api = api();
    let path = grouped(&api);
    used(&api);
    let total =
        |from: &str, to: &str| api.get(&format!("{path}/meter?from={from}&to={to}"))["totalValue"].as_i64().unwrap();
    let whole = api.get(&format!("{path}/meter{EVER}"));
    let id = path.rsplit('/').next().unwrap();
    assert_eq!(whole, json!({ "object": "meter", "billableMetricId": id, "totalValue": 63 }));
    assert_eq!(total("2028-02-01T00:00:00Z", "2028-02-02T00:00:00Z"), 2 + 4 + 8);
    assert_eq!(total("2028-02-01T00:00:00Z", "2028-02-01T00:00:00Z"), 0);
    // Whoever asks in another zone asks for the same instants.
    assert_eq!(total("2028-02-01T01:00:00%2B01:00", "2028-02-02T01:00:00%2B01:00"), 2 + 4 + 8);
    api.patch(&path, &json!({ "eventFrom": "2028-02-01T00:30:00Z" })).expect(200);
    assert_eq!(total("2028-02-01T00:00:00Z", "2028-02-02T00:00:00Z"), 4 + 8);
}

#[test]
fn windows_are_calendar_windows_that_have_events() {
    let api = api();
    let path = grouped(&api);
    used(&api);
    let windows = |size: &str| api.get(&format!("{path}/meter{EVER}&windowSize={size}"));
    let months = windows("MONTH");
    assert_eq!(values(&months, "windowedValues"), [1, 2 + 4 + 8 + 16, 32]);
    let february = json!({ "windowStart": "2028-02-01T00:00:00Z", "windowEnd": "2028-03-01T00:00:00Z", "value": 30 });
    assert_eq!(months["windowedValues"][1], february);
    assert_eq!(values(&windows("DAY"), "windowedValues"), [1, 2 + 4 + 8, 16, 32]);
    assert_eq!(values(&windows("HOUR"), "windowedValues"), [1, 2 + 4, 8, 16, 32]);
    assert_eq!(values(&windows("MINUTE"), "windowedValues"), [1, 2, 4, 8, 16, 32]);
    assert_eq!(windows("MINUTE")["windowedValues"][1]["windowEnd"], "2028-02-01T00:01:00Z");
}

#[test]
fn groups_are_told_apart_by_their_labels() {
    let api = api();
    let path = grouped(&api);
    used(&api);
    let meter = |query: &str| api.get(&format!("{path}/meter{EVER}&{query}"));
    let label = |name: &str, value: &str| json!({ name: value });

    let models = meter("groupBy=model");
    let expected = [(label("model", ""), 32, 1), (label("model", "large"), 26, 3), (label("model", "small"), 5, 2)];
    assert_eq!(groups(&models), expected);
    assert_eq!((&models["totalValue"], &models["groupCount"]), (&json!(63), &json!(3)));

    let subjects = groups(&meter("groupBy=subject"));
    assert_eq!(
        subjects,
        [(label("subject", "ann"), 3, 2), (label("subject", "bob"), 12, 2), (label("subject", "cid"), 48, 2)]
    );

    let both = groups(&meter("groupBy=place,model"));
    assert_eq!(both.len(), 5, "every pair that occurs");
    assert!(both.contains(&(json!({ "model": "large", "place": "paris" }), 18, 2)));
}

#[test]
fn a_limit_shows_the_largest_groups_first() {
    let api = api();
    let path = grouped(&api);
    used(&api);
    let page = |query: &str| {
        let meter = api.get(&format!("{path}/meter{EVER}&groupBy=subject&{query}"));
        assert_eq!((&meter["groupCount"], &meter["totalValue"]), (&json!(3), &json!(63)), "of all groups");
        values(&meter, "groupedValues")
    };
    assert_eq!(page("groupLimit=2"), [48, 12]);
    assert_eq!(page("groupLimit=2&groupOffset=2"), [3]);
    assert_eq!(page("groupLimit=500&groupOffset=100000"), Vec::<i64>::new());
}

#[test]
fn windows_and_groups_together_are_index_aligned() {
    let api = api();
    let path = grouped(&api);
    used(&api);
    let meter = api.get(&format!("{path}/meter{EVER}&windowSize=MONTH&groupBy=model"));
    // January: small. February: large 2+8+16, small 4. March: of no model.
    assert_eq!(values(&meter, "windowedValues"), [1, 26, 4, 32]);
    let rows: Vec<(Value, i64, i64)> = groups(&meter);
    let models: Vec<&str> = rows.iter().map(|(labels, ..)| text(labels, "model")).collect();
    assert_eq!(models, ["small", "large", "small", ""]);
    assert_eq!(rows.iter().map(|(_, value, _)| *value).collect::<Vec<i64>>(), [1, 26, 4, 32]);
    assert_eq!(rows.iter().map(|(.., count)| *count).collect::<Vec<i64>>(), [1, 3, 1, 1]);
}

#[test]
fn subjects_and_groups_can_be_filtered() {
    let api = api();
    let path = grouped(&api);
    used(&api);
    // {"model":"large"} and its like, as a query spells them.
    let wanted = |pairs: &[(&str, &str)]| -> String {
        let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("%22{name}%22:%22{value}%22")).collect();
        format!("filterGroupBy=%7B{}%7D", pairs.join(","))
    };
    for (query, total) in [
        ("subject=ann".to_owned(), 3),
        ("subject=nobody".to_owned(), 0),
        (wanted(&[("model", "large")]), 26),
        (wanted(&[("model", "large"), ("place", "paris")]), 18),
        (wanted(&[("subject", "bob")]), 12),
        (wanted(&[("model", "none")]), 0),
        (format!("subject=bob&{}", wanted(&[("model", "small")])), 4),
    ] {
        assert_eq!(api.get(&format!("{path}/meter{EVER}&{query}"))["totalValue"], total, "{query}");
    }
    let meter = api.get(&format!("{path}/meter{EVER}&{}&groupBy=place", wanted(&[("model", "large")])));
    assert_eq!(groups(&meter), [(json!({ "place": "oslo" }), 8, 1), (json!({ "place": "paris" }), 18, 2)]);
}

#[test]
fn a_meter_says_what_it_cannot_be_asked() {
    let api = api();
    let path = grouped(&api);
    for (query, told) in [
        ("?from=2028-01-01T00:00:00Z".to_owned(), "query to required"),
        ("?from=2028-02-01T00:00:00Z&to=2028-01-01T00:00:00Z".to_owned(), "query to minimum"),
        ("?from=today&to=2028-01-01T00:00:00Z".to_owned(), "query from format"),
        (format!("{EVER}&windowSize=WEEK"), "query windowSize enum"),
        (format!("{EVER}&groupBy=colour"), "query groupBy enum"),
        (format!("{EVER}&groupBy=model&groupLimit=0"), "query groupLimit minimum"),
        (format!("{EVER}&groupBy=model&groupLimit=501"), "query groupLimit maximum"),
        (format!("{EVER}&groupBy=model&groupOffset=1"), "groupLimit"),
        (format!("{EVER}&groupBy=model&groupLimit=1&groupOffset=100001"), "query groupOffset maximum"),
        (format!("{EVER}&filterGroupBy=large"), "query filterGroupBy json"),
        (format!("{EVER}&filterGroupBy=%7B%22colour%22:%22red%22%7D"), "query filterGroupBy enum"),
        (format!("{EVER}&filterGroupBy=%7B%22model%22:null%7D"), "query filterGroupBy type"),
    ] {
        let answer = api.refuses("GET", &format!("{path}/meter{query}"), &Value::Null, 400);
        assert!(answer.told().contains(told), "{query}: {}", answer.told());
    }
}

#[test]
fn the_events_behind_a_meter_are_listed_newest_first() {
    let api = api();
    let path = grouped(&api);
    used(&api);
    let external = json!({
        "type": "calls", "source": "test", "externalSubject": "acct-1", "externalId": "req-1",
        "timestamp": "2028-02-15T00:00:00Z", "data": { "n": 64 },
    });
    api.post("/v0/events", &external).expect(202);
    let list = |query: &str| {
        let list = api.get(&format!("{path}/events{EVER}{query}"));
        assert_eq!((&list["object"], list["billableMetricId"].as_str()), (&json!("list"), path.rsplit('/').next()));
        list
    };
    let numbers = |query: &str| -> Vec<i64> {
        list(query)["events"].as_array().unwrap().iter().map(|event| event["data"]["n"].as_i64().unwrap()).collect()
    };
    assert_eq!(numbers(""), [32, 64, 16, 8, 4, 2, 1]);
    assert_eq!(numbers("&limit=2&offset=1"), [64, 16]);
    assert_eq!(list("&limit=2&offset=1")["pagination"], json!({ "limit": 2, "offset": 1, "total": 7 }));
    assert_eq!(list("")["pagination"]["limit"], 20);
    assert_eq!(numbers("&subject=bob"), [8, 4]);
    assert_eq!(numbers("&externalSubject=acct-1"), [64]);
    assert_eq!(numbers("&externalId=req-1"), [64]);
    assert_eq!(numbers("&externalId=req-2"), Vec::<i64>::new());

    let event = &list("&externalId=req-1")["events"][0];
    for (field, value) in [
        ("object", "meterEvent"),
        ("type", "calls"),
        ("source", "test"),
        ("time", "2028-02-15T00:00:00Z"),
        ("externalSubject", "acct-1"),
        ("externalId", "req-1"),
    ] {
        assert_eq!(event[field], value, "{field}");
    }
    for query in ["&limit=201", "&limit=0", "&externalId=a%20b"] {
        api.refuses("GET", &format!("{path}/events{EVER}{query}"), &Value::Null, 400);
    }
}
