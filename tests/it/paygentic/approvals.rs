//! Approvals: who asks and who decides (facts: paygentic-behaviour §2.13, §1.1).

use serde_json::{Value, json};

use super::orders::order;
use crate::support::{Api, MERCHANT, api, text, texts};

fn about(kind: &str, resource: &Value) -> Value {
    json!({ "merchantId": MERCHANT, "resourceType": kind, "resourceId": resource, "dataSnapshotHash": "h1" })
}

/// The same world as one of its users.
fn as_user(api: &Api, user: &str) -> Api {
    api.with_key(&format!("{}.{user}", api.key))
}

fn path(approval: &Value) -> String {
    format!("/v0/approvals/{}", text(approval, "id"))
}

/// An invoice to be reviewed.
fn invoice(api: &Api) -> Value {
    let product = api.product();
    let price = api.fee_price(&product, "10", "P1M", "in_advance", json!({}));
    let plan = api.plan(&product, &[&price], json!({}));
    let clock = api.clock("2028-01-31T00:00:00Z");
    let subscription = api.subscribe(&plan, &api.customer("mo@example.com"), &clock, "2028-01-31T00:00:00Z", json!({}));
    api.invoices(text(&subscription, "id"))[0]["id"].clone()
}

#[test]
fn an_order_is_approved_by_somebody_else() {
    let api = api();
    let (alice, bob) = (as_user(&api, "alice"), as_user(&api, "bob"));
    let order = order(&alice, "1", &["1"]);
    let order_path = format!("/v0/orders/{}", text(&order, "id"));
    alice.freeze("2028-01-31T00:00:00Z");
    let asked = alice.create(&format!("{order_path}/approvals"), &json!({ "note": "Please" }));
    let expected = json!({
        "object": "approval", "id": asked["id"], "merchantId": MERCHANT, "resourceType": "order",
        "resourceId": order["id"], "kind": "data_review", "decision": "pending", "requester": "usr_alice",
        "dataSnapshotHash": asked["dataSnapshotHash"], "reviewer": null, "note": "Please",
        "createdAt": "2028-01-31T00:00:00Z", "decidedAt": null,
    });
    assert_eq!(asked, expected);
    assert_eq!(text(&asked, "dataSnapshotHash").len(), 64, "SHA-256");
    assert_eq!(api.get(&order_path)["approvalStatus"], "pending");

    let refusal = alice.refuses("PATCH", &path(&asked), &json!({ "decision": "approved" }), 403).body;
    assert_eq!(refusal["code"], "REVIEWER_IS_REQUESTER");
    alice.refuses("PATCH", &path(&asked), &json!({ "decision": "rejected" }), 403);

    alice.world_advance_to("2028-02-01T00:00:00Z");
    let decided = bob.patch(&path(&asked), &json!({ "decision": "approved" })).expect(200);
    assert_eq!((&decided["decision"], &decided["reviewer"]), (&json!("approved"), &json!("usr_bob")));
    assert_eq!((&decided["decidedAt"], &decided["note"]), (&json!("2028-02-01T00:00:00Z"), &json!("Please")));
    assert_eq!(api.get(&path(&asked)), decided);
    assert_eq!(api.get(&order_path)["approvalStatus"], "approved");

    // The approval is taken back: the order is open again, and another review can be asked for.
    alice.patch(&path(&asked), &json!({ "decision": "cancelled", "note": null })).expect(200);
    let reopened = api.get(&path(&asked));
    assert_eq!((&reopened["decision"], &reopened["reviewer"]), (&json!("cancelled"), &json!("usr_bob")));
    assert_eq!((&reopened["note"], &api.get(&order_path)["approvalStatus"]), (&Value::Null, &json!("draft")));
    let again = bob.create(&format!("{order_path}/approvals"), &json!({}));
    assert_eq!(again["requester"], "usr_bob");
    assert_eq!(again["dataSnapshotHash"], asked["dataSnapshotHash"], "nothing of the order has changed");
}

#[test]
fn a_named_actor_goes_before_the_key() {
    let api = api();
    let order = order(&api, "1", &["1"]);
    let approvals = format!("/v0/orders/{}/approvals", text(&order, "id"));
    let own = api.create(&approvals, &json!({}));
    assert_eq!(own["requester"], "usr_leapday", "a key without a name is its holder's");
    api.patch(&path(&own), &json!({ "decision": "cancelled" })).expect(200);

    let asked = as_user(&api, "alice").create(&approvals, &json!({ "requester": "usr_carol" }));
    assert_eq!(asked["requester"], "usr_carol");
    let carol = json!({ "decision": "approved", "actorId": "usr_carol" });
    api.refuses("PATCH", &path(&asked), &carol, 403);
    let alice = json!({ "decision": "approved", "actorId": "usr_alice" });
    assert_eq!(api.patch(&path(&asked), &alice).expect(200)["reviewer"], "usr_alice");
}

#[test]
fn a_readonly_key_decides_nothing() {
    let api = api();
    let order = order(&api, "1", &["1"]);
    let asked = api.create(&format!("/v0/orders/{}/approvals", text(&order, "id")), &json!({}));
    let reader = as_user(&api, "readonly");
    assert_eq!(reader.get(&path(&asked)), asked);
    let refusal = reader.refuses("PATCH", &path(&asked), &json!({ "decision": "approved" }), 403).body;
    assert_eq!(refusal["reason"], "no_permission");
}

#[test]
fn one_review_of_a_kind_at_a_time() {
    let api = api();
    let made = order(&api, "1", &["1"]);
    let (id, order_path) = (&made["id"], format!("/v0/orders/{}", text(&made, "id")));
    let request = |kind: &str| {
        let mut wanted = about("order", id);
        wanted["kind"] = json!(kind);
        wanted
    };
    let code = |path: &str, body: &Value| api.refuses("POST", path, body, 409).body["code"].clone();
    let ours = api.create("/v0/approvals", &about("order", id));
    assert_eq!((&ours["kind"], &ours["dataSnapshotHash"]), (&json!("data_review"), &json!("h1")));
    assert_eq!(code("/v0/approvals", &request("data_review")), "APPROVAL_PENDING");
    assert_eq!(code(&format!("{order_path}/approvals"), &json!({})), "APPROVAL_PENDING");

    // Reviews of other kinds go their own way and leave the order as it is.
    let finance = api.create("/v0/approvals", &request("financial_review"));
    api.create("/v0/approvals", &request("push"));
    assert_eq!(code("/v0/approvals", &request("push")), "APPROVAL_PENDING");
    api.patch(&path(&finance), &json!({ "decision": "approved", "actorId": "usr_bob" })).expect(200);
    assert_eq!(code("/v0/approvals", &request("financial_review")), "ALREADY_APPROVED");
    assert_eq!(api.get(&order_path)["approvalStatus"], "pending");

    api.patch(&path(&ours), &json!({ "decision": "approved", "actorId": "usr_bob" })).expect(200);
    assert_eq!(code(&format!("{order_path}/approvals"), &json!({})), "ALREADY_APPROVED");
    let empty = order(&api, "1", &[]);
    assert_eq!(code("/v0/approvals", &about("order", &empty["id"])), "ORDER_HAS_NO_LINES");
    assert_eq!(code(&format!("/v0/orders/{}/approvals", text(&empty, "id")), &json!({})), "ORDER_HAS_NO_LINES");
}

#[test]
fn what_is_decided_is_decided() {
    let api = api();
    let order = order(&api, "1", &["1"]);
    let approvals = format!("/v0/orders/{}/approvals", text(&order, "id"));
    let decide = |approval: &Value, decision: &str| {
        api.patch(&path(approval), &json!({ "decision": decision, "actorId": "usr_bob" })).expect(200)
    };
    let stays = |approval: &Value, decisions: &[&str]| {
        for decision in decisions {
            let body = json!({ "decision": decision, "actorId": "usr_carol", "note": "Again" });
            assert_eq!(api.refuses("PATCH", &path(approval), &body, 409).body["code"], "APPROVAL_DECIDED");
        }
    };
    let all = ["approved", "rejected", "cancelled"];
    let rejected = decide(&api.create(&approvals, &json!({})), "rejected");
    stays(&rejected, &all);
    let approved = decide(&api.create(&approvals, &json!({})), "approved");
    stays(&approved, &["approved", "rejected"]);
    let cancelled = decide(&approved, "cancelled");
    assert_eq!(cancelled["reviewer"], "usr_bob");
    stays(&cancelled, &all);
    let withdrawn = decide(&api.create(&approvals, &json!({})), "cancelled");
    assert_eq!((&withdrawn["reviewer"], withdrawn["decidedAt"].is_string()), (&Value::Null, true));
    stays(&withdrawn, &all);
}

#[test]
fn invoices_are_reviewed_too_and_lists_filter() {
    let api = api();
    let (invoice, made) = (invoice(&api), order(&api, "1", &["1"]));
    let mut push = about("invoice", &invoice);
    push["kind"] = json!("push");
    push["actorId"] = json!("usr_alice");
    push["note"] = json!("To the books");
    let pushed = api.create("/v0/approvals", &push);
    assert_eq!((&pushed["resourceId"], &pushed["requester"]), (&invoice, &json!("usr_alice")));
    let data = api.create("/v0/approvals", &about("invoice", &invoice));
    let of_order = api.create("/v0/approvals", &about("order", &made["id"]));
    api.patch(&path(&data), &json!({ "decision": "rejected", "actorId": "usr_bob" })).expect(200);

    let [pushed, data, of_order] = [&pushed, &data, &of_order].map(|approval| text(approval, "id"));
    let order_id = text(&made, "id");
    for (query, expected) in [
        (String::new(), vec![pushed, data, of_order]),
        ("?resourceType=invoice".to_owned(), vec![pushed, data]),
        ("?resourceType=order".to_owned(), vec![of_order]),
        (format!("?resourceId={}", invoice.as_str().unwrap()), vec![pushed, data]),
        (format!("?resourceId={order_id}"), vec![of_order]),
        (format!("?resourceType=invoice&resourceId={order_id}"), vec![]),
        ("?resourceId=ord_nobody".to_owned(), vec![]),
        ("?kind=push".to_owned(), vec![pushed]),
        ("?kind=financial_review".to_owned(), vec![]),
        ("?decision=rejected".to_owned(), vec![data]),
        ("?decision=pending".to_owned(), vec![pushed, of_order]),
        (format!("?merchantId={MERCHANT}"), vec![pushed, data, of_order]),
        ("?merchantId=org_other".to_owned(), vec![]),
    ] {
        assert_eq!(texts(&api.rows(&format!("/v0/approvals{query}")), "id"), expected, "{query}");
    }
    let page = api.get("/v0/approvals?limit=1&offset=1");
    assert_eq!((&page["object"], &page["data"][0]["id"]), (&json!("list"), &json!(data)));
    assert_eq!(page["pagination"], json!({ "limit": 1, "offset": 1, "total": 3 }));
}

#[test]
fn what_is_wrong_is_told_and_changes_nothing() {
    let api = api();
    let order = order(&api, "1", &["1"]);
    let asked = api.create("/v0/approvals", &about("order", &order["id"]));
    let with = |field: &str, value: Value| {
        let mut body = about("order", &order["id"]);
        body[field] = value;
        body
    };
    let decision = |field: &str, value: Value| json!({ "decision": "approved", field: value });
    for (method, path, body, status, told) in [
        ("POST", "/v0/approvals", with("resourceId", json!("ord_nobody")), 404, "/resourceId reference"),
        ("POST", "/v0/approvals", with("resourceType", json!("invoice")), 404, "/resourceId reference"),
        ("POST", "/v0/approvals", with("resourceType", json!("plan")), 400, "/resourceType enum"),
        ("POST", "/v0/approvals", with("kind", json!("glance")), 400, "/kind enum"),
        ("POST", "/v0/approvals", with("dataSnapshotHash", json!("h".repeat(129))), 400, "/dataSnapshotHash maxLength"),
        ("POST", "/v0/approvals", with("note", json!("n".repeat(2001))), 400, "/note maxLength"),
        ("PATCH", &path(&asked), json!({}), 400, "/decision required"),
        ("PATCH", &path(&asked), json!({ "decision": "pending" }), 400, "/decision enum"),
        ("PATCH", &path(&asked), decision("actorId", json!("a".repeat(129))), 400, "/actorId maxLength"),
        ("PATCH", "/v0/approvals/apr_nobody", json!({ "decision": "approved" }), 404, ""),
        ("GET", "/v0/approvals/apr_nobody", Value::Null, 404, ""),
        ("GET", "/v0/approvals?decision=maybe", Value::Null, 400, "query decision enum"),
    ] {
        let refusal = api.refuses(method, path, &body, status);
        assert!(told.is_empty() || refusal.told().starts_with(told), "{path} {body}: {:?}", refusal.told());
    }
}
