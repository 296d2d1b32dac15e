//! Rules that misbehave on purpose.

use serde_json::{Value, json};

use super::frozen;
use crate::support::{Receiver, api, text};

#[test]
fn rules_duplicate_drop_delay_and_reorder_so_many_times() {
    let api = frozen();
    let receiver = Receiver::new();
    let endpoint = api.listen(&receiver, json!({}));
    let id = text(&endpoint, "id");
    let rule = |body: Value| api.create("/_leapday/webhook-rules", &body);

    rule(json!({ "action": "duplicate", "endpoint": id }));
    api.next_customer();
    api.next_customer();
    let received = receiver.wait_for(3);
    let ids: std::collections::HashSet<&str> = received.iter().map(|one| one.header("svix-id")).collect();
    assert_eq!(ids.len(), 2, "one of them came twice, under one id");

    let made = rule(json!({ "action": "drop", "event": "customer.*", "times": 2 }));
    api.next_customer();
    assert_eq!(api.get("/_leapday/webhook-rules")["rules"][1]["times"], 1);
    assert_eq!(api.delete(&format!("/_leapday/webhook-rules/{}", text(&made, "id"))).status, 204);
    let dropped = api.deliveries("status=dropped").remove(0);
    assert_eq!((&dropped["rule"], &dropped["attempts"]), (&json!("drop"), &json!([])));
    // Asked for, it goes all the same.
    api.post(&format!("/_leapday/deliveries/{}/redeliver", text(&dropped, "id")), &Value::Null).expect(200);
    receiver.wait_for(4);

    rule(json!({ "action": "reorder" }));
    api.next_customer();
    let held = api.events().pop().unwrap();
    api.next_customer();
    let overtaker = api.events().pop().unwrap();
    let received = receiver.wait_for(6);
    assert_eq!((&received[4].body, &received[5].body), (&overtaker, &held));

    rule(json!({ "action": "delay", "by": "PT10M" }));
    api.next_customer();
    assert_eq!(api.deliveries("").pop().unwrap()["nextAttemptAt"], "2028-01-31T00:10:00Z");
    api.post("/_leapday/clock/advance", &json!({ "by": "PT10M" })).expect(200);
    assert_eq!(receiver.received().len(), 7);
    assert_eq!(api.deliveries("")[6]["attempts"][0]["at"], "2028-01-31T00:10:00Z");
}

#[test]
fn what_is_held_back_and_never_overtaken_goes_after_a_minute() {
    let api = frozen();
    let receiver = Receiver::new();
    api.listen(&receiver, json!({}));
    api.create("/_leapday/webhook-rules", &json!({ "action": "reorder" }));
    api.next_customer();
    api.post("/_leapday/clock/advance", &json!({ "by": "PT59S" })).expect(200);
    assert_eq!(receiver.received().len(), 0);
    api.post("/_leapday/clock/advance", &json!({ "by": "PT1S" })).expect(200);
    assert_eq!(receiver.received().len(), 1);
}

#[test]
fn rules_are_checked() {
    let api = api();
    let cases = [
        (json!({ "action": "lose" }), 400, "/action enum"),
        (json!({ "action": "delay" }), 400, "/by required"),
        (json!({ "action": "delay", "by": "P1X" }), 400, "/by duration"),
        (json!({ "action": "drop", "by": "PT1S" }), 400, "/by unknown"),
        (json!({ "action": "drop", "event": "nothing.*" }), 400, "/event enum"),
        (json!({ "action": "drop", "endpoint": "we_nobody" }), 404, "/endpoint reference"),
        (json!({ "action": "drop", "times": 0 }), 400, "/times minimum"),
    ];
    for (body, status, expected) in cases {
        let answer = api.post("/_leapday/webhook-rules", &body);
        let line = answer.header("leapday-violation").unwrap_or_default().to_owned();
        assert!(answer.status == status && line.contains(expected), "{body}: {} {line}", answer.status);
    }
    assert_eq!(api.delete("/_leapday/webhook-rules/rule_nobody").status, 404);
}
