//! What a token may do: audience, scopes, assurance.
//!
//! Facts: paylera §1.2. The vendor keeps this beside the token; here it stands in the token itself, behind a dot, so that
//! refusals can be tested: `.service`, `.customer`, `.admin`, then `.aal2`, `.scope=customers:read+invoices:write`, and
//! for a customer `.for=cus_…`. A token without any may do everything.

use std::borrow::Cow;

use serde_json::Value;

use super::World;
use crate::api::{Body, Call, Fault, Reply, Visitor};
use crate::contract::{Place, Violation};

const AUDIENCES: [&str; 3] = ["service", "customer", "admin"];
const AAL2: &str = "aal2";
const SCOPE: &str = "scope=";
const FOR: &str = "for=";
const ADMIN: &str = "/v1/admin/";

/// All scopes (§1.2), beside `*`.
const SCOPES: [&str; 15] = [
    "catalog:read",
    "catalog:write",
    "customers:read",
    "customers:write",
    "subscriptions:read",
    "subscriptions:write",
    "invoices:read",
    "invoices:write",
    "payments:read",
    "payments:write",
    "payments:refund",
    "wallets:read",
    "wallets:write",
    "webhooks:read",
    "webhooks:write",
];

/// What needs a second factor (§1.2).
const STRONG: [&str; 4] = ["voidInvoice", "cancelPayment", "createCreditNote", "verifyPaymentProvider"];

/// By the beginning of a path, the longest first: what its scopes are called.
const AREAS: [(&str, &str); 19] = [
    ("/v1/admin/webhook-endpoints", "webhooks"),
    ("/v1/admin", "admin"),
    ("/v1/affiliates", "admin"),
    ("/v1/products", "catalog"),
    ("/v1/plans", "catalog"),
    ("/v1/coupons", "catalog"),
    ("/v1/customers", "customers"),
    ("/v1/payment-methods", "customers"),
    ("/v1/setup-intents", "customers"),
    ("/v1/portal", "customers"),
    ("/v1/subscriptions", "subscriptions"),
    ("/v1/usage", "subscriptions"),
    ("/v1/checkout", "subscriptions"),
    ("/v1/invoices", "invoices"),
    ("/v1/credit-notes", "invoices"),
    ("/v1/revrec", "invoices"),
    ("/v1/payments", "payments"),
    ("/v1/refunds", "payments"),
    ("/v1/wallets", "wallets"),
];

/// A token as the name of its world and the role behind it.
///
/// # Errors
/// If something that begins like a role is none.
pub fn split(token: &str) -> Result<(&str, Option<&str>), String> {
    let begins = |rest: &str| {
        let first = rest.split('.').next().unwrap_or_default();
        AUDIENCES.contains(&first) || first == AAL2 || first.starts_with(SCOPE)
    };
    let place = token.match_indices('.').map(|(place, _)| place).find(|place| begins(&token[place + 1..]));
    let Some(place) = place else { return Ok((token, None)) };
    let role = &token[place + 1..];
    for part in role.split('.') {
        if let Some(scopes) = part.strip_prefix(SCOPE) {
            let unknown = |scope: &&str| *scope != "*" && !scope.starts_with("admin:") && !SCOPES.contains(scope);
            if let Some(unknown) = scopes.split('+').find(unknown) {
                return Err(format!(
                    "{unknown:?} is no scope: there are {}, admin:read, admin:write and *",
                    SCOPES.join(", ")
                ));
            }
        } else if !AUDIENCES.contains(&part) && part != AAL2 && !part.starts_with(FOR) {
            let known = AUDIENCES.join(", ");
            return Err(format!("{part:?} is no part of a role: there are {known}, {AAL2}, {SCOPE}… and {FOR}cus_…"));
        }
    }
    Ok((&token[..place], Some(role)))
}

fn has(role: &str, part: &str) -> bool {
    role.split('.').any(|own| own == part)
}

fn value<'r>(role: &'r str, name: &str) -> Option<&'r str> {
    role.split('.').find_map(|part| part.strip_prefix(name))
}

/// Customers look only, nobody but administrators has business under `/v1/admin`, a scope that is missing is missed,
/// and some things need a second factor.
pub fn may(role: &str, visitor: &Visitor<'_>) -> Result<(), Fault> {
    let audience = AUDIENCES.into_iter().find(|audience| has(role, audience));
    let wrong = match audience {
        Some("customer") if !visitor.reads => "may only read",
        Some("customer" | "service") if visitor.path.starts_with(ADMIN) => "has no access to /v1/admin",
        _ => "",
    };
    if !wrong.is_empty() {
        let audience = audience.unwrap_or_default();
        return Err(
            Fault::forbidden(format!("A token for the audience {audience:?} {wrong}")).with_code("auth.forbidden")
        );
    }
    if let Some(held) = value(role, SCOPE) {
        let wanted = wanted(visitor);
        if !holds(held, &wanted) {
            return Err(refused("auth.insufficient_scope", format!("This token lacks the scope {wanted}"), &wanted));
        }
    }
    let strong = has(role, AAL2) && audience != Some("service");
    if STRONG.contains(&visitor.operation) && !strong {
        let message = "This needs a second factor: a token with AAL2, which service tokens never have";
        return Err(refused("auth.aal2_required", message, AAL2));
    }
    Ok(())
}

fn refused(code: &'static str, message: impl Into<Cow<'static, str>>, missing: &str) -> Fault {
    let advice = format!("needs {missing}; a token without a role behind it may do everything");
    let violation = Violation::new(Place::Header, "/authorization", "scope", advice);
    Fault::forbidden(message).with_code(code).with_violation(violation)
}

/// The scope that a request needs.
fn wanted(visitor: &Visitor<'_>) -> String {
    let area =
        AREAS.iter().find(|(start, _)| visitor.path.starts_with(start)).map_or("subscriptions", |(_, area)| area);
    if area == "payments" && !visitor.reads && visitor.operation == "createRefund" {
        return "payments:refund".to_owned();
    }
    format!("{area}:{}", if visitor.reads { "read" } else { "write" })
}

/// Whoever may write may read.
fn holds(held: &str, wanted: &str) -> bool {
    let or_more = wanted.strip_suffix(":read").map(|area| format!("{area}:write"));
    held.split('+').any(|scope| scope == "*" || scope == wanted || Some(scope) == or_more.as_deref())
}

/// Whose token it is, where it is one customer's.
pub fn customer<'r>(call: &Call<'r>) -> Option<&'r str> {
    call.role.and_then(|role| value(role, FOR))
}

/// Whether a row belongs to a customer. What is nobody's (the catalogue) everybody may see; what says neither is
/// hidden.
pub fn is_own(body: &Value, customer: &str) -> bool {
    match (body["customer_id"].as_str(), body["object"].as_str()) {
        (Some(owner), _) => owner == customer,
        (None, Some("customer")) => body["id"] == customer,
        (None, object) => matches!(object, Some("product" | "plan" | "coupon")),
    }
}

/// A customer's token sees what is theirs; anything else is not there.
pub fn may_see(world: &World, role: &str, found: &Reply) -> Result<(), Fault> {
    let (Some(customer), Body::Json(bytes)) = (value(role, FOR), &found.body) else { return Ok(()) };
    let body: Value = serde_json::from_slice(bytes).unwrap_or_default();
    // Lists have left out what is not theirs.
    if body["data"].is_array() || is_own(&body, customer) || is_own(&owner(world, &body), customer) {
        return Ok(());
    }
    Err(Fault::no_such(body["object"].as_str().unwrap_or("row"), body["id"].as_str().unwrap_or_default()))
}

/// Who has what an answer is about, where it says so in a roundabout way.
fn owner(world: &World, body: &Value) -> Value {
    let state = &world.state;
    let id = |name: &str| body[name].as_str().unwrap_or_default();
    let invoice = state.invoices.find(id("invoice_id")).map(|id| state.invoices[id].customer);
    let subscription = || state.subscriptions.find(id("subscription_id")).map(|id| state.subscriptions[id].customer);
    let payment = || state.payments.find(id("payment_id")).map(|id| state.payments[id].customer);
    let customer = invoice.or_else(subscription).or_else(payment);
    serde_json::json!({ "customer_id": customer.map(|id| state.customers.text(id)) })
}
