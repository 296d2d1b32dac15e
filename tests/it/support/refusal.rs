//! Refusals: what was asked is told to be wrong, and nothing has changed.

use serde_json::Value;

use super::{Answer, Api};

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

    /// What tells the state of the world from any other.
    fn everything(&self) -> Value {
        self.get("/_leapday/world")["digest"].clone()
    }
}

impl Answer {
    /// What the header teaches.
    #[track_caller]
    pub fn told(&self) -> &str {
        self.header("leapday-violation").unwrap_or_else(|| panic!("nothing is told beside {:#}", self.body))
    }
}
