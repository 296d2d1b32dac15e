//! Refusals: what was asked is told to be wrong, and nothing has changed.

use serde_json::{Value, json};

use super::{Answer, Api, EVER, MERCHANT, text};

/// All that the API shows of a world, by the lists that show it.
const LISTS: [&str; 15] = [
    "/v0/products",
    "/v0/billableMetrics?merchantId=org_shop",
    "/v0/fees?merchantId=org_shop",
    "/v0/prices",
    "/v0/plans",
    "/v0/customers?organizationId=org_shop",
    "/v0/subscriptions?merchantId=org_shop",
    "/v0/testClocks",
    "/v0/payments",
    "/v0/paymentSessions",
    "/v0/orders",
    "/v0/approvals",
    "/v0/billingSchedules",
    "/v2/invoices",
    "/_leapday/events",
];

impl Api {
    /// Sends what must be refused with a status, and sees to it that nothing has changed.
    #[track_caller]
    pub fn refuses(&self, method: &str, path: &str, body: &Value, status: u16) -> Answer {
        let before = self.everything();
        let answer = self.send(method, path, body);
        let told = answer.header("leapday-violation");
        assert_eq!(answer.status, status, "{method} {path} {body}: {:#} {told:?}", answer.body);
        assert_eq!(self.everything(), before, "{method} {path} {body} has changed something");
        answer
    }

    /// Everything of a world that a caller can see.
    fn everything(&self) -> Value {
        let mut seen: Vec<Value> = LISTS.iter().map(|path| self.get(path)).collect();
        for metric in self.rows(&format!("/v0/billableMetrics?merchantId={MERCHANT}")) {
            let path = format!("/v0/billableMetrics/{}/events{}", text(&metric, "id"), EVER);
            seen.push(self.get(&path));
        }
        for customer in self.rows(&format!("/v0/customers?organizationId={MERCHANT}")) {
            seen.push(self.get(&format!("/v0/customers/{}/paymentMethods", text(&customer, "id"))));
        }
        for schedule in self.rows("/v0/billingSchedules") {
            let path = format!("/v0/billingSchedules/{}", text(&schedule, "id"));
            seen.extend(["intervals", "invoices"].map(|part| self.get(&format!("{path}/{part}"))));
        }
        json!(seen)
    }
}

impl Answer {
    /// What the header teaches.
    #[track_caller]
    pub fn told(&self) -> &str {
        self.header("leapday-violation").unwrap_or_else(|| panic!("nothing is told beside {:#}", self.body))
    }
}
