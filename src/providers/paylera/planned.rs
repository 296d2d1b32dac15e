//! Operations of the contract whose behaviour is not built yet: routed, validated, answered with 501
//! and counted by `leapday operations`. A row leaves this file when its noun gets behaviour.

use http::Method;

use super::state::State;
use crate::api::{Action, Noun, planned};

/// Noun, then its operations: id, method, path.
type Rows = &'static [(&'static str, Method, &'static str)];

const PLANNED: &[(&str, Rows)] = &[
    (
        "affiliates",
        &[
            ("createAffiliateProgramme", Method::POST, "/v1/affiliates/programmes"),
            ("listAffiliateProgrammes", Method::GET, "/v1/affiliates/programmes"),
            ("getAffiliateProgramme", Method::GET, "/v1/affiliates/programmes/{code}"),
            ("createAffiliate", Method::POST, "/v1/affiliates"),
            ("listAffiliates", Method::GET, "/v1/affiliates"),
            ("getAffiliate", Method::GET, "/v1/affiliates/{id}"),
            ("attributeAffiliate", Method::POST, "/v1/affiliates/attribute"),
            ("listAffiliateCommissions", Method::GET, "/v1/affiliates/commissions"),
        ],
    ),
    ("payment_providers", &[("verifyPaymentProvider", Method::POST, "/v1/admin/payment-providers/{id}/verify")]),
    (
        "tax",
        &[
            ("getTaxConfig", Method::GET, "/v1/admin/tax/config"),
            ("setTaxConfig", Method::POST, "/v1/admin/tax/config"),
        ],
    ),
];

pub fn nouns() -> Vec<Noun<Action<State>>> {
    let noun = |(name, rows): &(&'static str, Rows)| Noun {
        name,
        operations: rows.iter().map(|(id, method, path)| planned(id, method.clone(), path)).collect(),
    };
    PLANNED.iter().map(noun).collect()
}
