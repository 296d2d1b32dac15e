//! Webhooks: what goes out, how it is signed, when it is tried again, and what a bad receiver cannot do.

mod bad_receivers;
mod endpoints;
mod log;
mod rules;
mod sending;
mod time;
#[cfg(unix)]
mod tls;

use serde_json::{Value, json};

use crate::support::{Api, Receiver, api};

impl Api {
    /// Registers a receiver; `more` are fields of the endpoint.
    fn listen(&self, receiver: &Receiver, more: Value) -> Value {
        let mut body = json!({ "url": receiver.url });
        body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        self.create("/_leapday/webhook-endpoints", &body)
    }

    fn deliveries(&self, query: &str) -> Vec<Value> {
        self.get(&format!("/_leapday/deliveries?{query}"))["deliveries"].as_array().cloned().unwrap()
    }

    fn next_customer(&self) {
        let count = self.get("/_leapday/events?limit=1")["total"].clone();
        self.customer(&format!("customer-{count}@example.com"));
    }

    /// Waits until no delivery waits for its first attempt.
    fn until_sent(&self, receiver: &Receiver, count: usize) {
        receiver.wait_for(count);
        // An advance settles what is on its way, and moves nothing that these tests look at.
        self.post("/_leapday/clock/advance", &json!({ "by": "PT1S" })).expect(200);
    }
}

/// A world whose clock stands, so that retries wait for the test.
fn frozen() -> Api {
    let api = api();
    api.freeze("2028-01-31T00:00:00Z");
    api
}
