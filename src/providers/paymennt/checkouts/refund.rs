//! Refunds: in full or in parts, never more than was paid.
//!
//! Facts: paymennt §2.1 (parameters of the query; rules of the merchant guide: paid less than 90 days ago), §0.5 (the
//! official client sends amount and currency in the body).

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Status, addressed, change, refused, show};
use crate::api::{Call, Fault, Reply};
use crate::contract::Violation;
use crate::providers::paymennt::World;
use crate::providers::paymennt::body::Amount;
use crate::providers::paymennt::payments;
use crate::time::Cadence;
use crate::world::ClockId;

/// How long after it was paid something can be given back.
const WINDOW: Cadence = Cadence::days(90);

#[derive(Deserialize)]
struct Wanted {
    amount: Option<Amount>,
    currency: Option<Box<str>>,
    note: Option<Box<str>>,
}

/// What the query says counts; what it leaves open the body may say.
fn wanted(call: &Call) -> Result<(Decimal, Box<str>), Fault> {
    let empty = Map::new();
    let mut fields = call.body.as_object().unwrap_or(&empty).clone();
    fields.extend(call.query.iter().map(|(name, value)| (name.clone(), value.clone())));
    let Wanted { amount, currency, note } = Wanted::deserialize(Value::Object(fields))
        .map_err(|error| Fault::bad_request(format!("The refund cannot be read: {error}")))?;
    let missing = |name: &str, there: bool| {
        let advice = "is missing: send it in the query";
        (!there).then(|| Violation::query(name, "required", advice))
    };
    let missing: Vec<Violation> =
        [missing("amount", amount.is_some()), missing("currency", currency.is_some()), missing("note", note.is_some())]
            .into_iter()
            .flatten()
            .collect();
    match (amount, currency) {
        (Some(amount), Some(currency)) if missing.is_empty() => Ok((amount.checked("/amount")?, currency)),
        _ => Err(Fault::violations(missing)),
    }
}

pub fn refund(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    let (amount, currency) = wanted(call)?;
    let row = &world.state.checkouts[id];
    if !matches!(row.status, Status::Paid | Status::PartiallyRefunded) {
        return Err(refused(row.status.wire(), "refunded", "PAID or PARTIALLY_REFUNDED"));
    }
    let refuse = |field: &str, rule: &'static str, message: String| {
        Err(Fault::bad_request(message.clone()).with_violation(Violation::query(field, rule, message)))
    };
    if *currency != *row.currency {
        return refuse(
            "currency",
            "currency",
            format!("Refund currency {currency} is not {}, that of the checkout", row.currency),
        );
    }
    let left = row.amount - row.refunded;
    if amount > left {
        let message = format!(
            "Refund amount {} exceeds the {} {currency} that can still be refunded",
            Amount(amount),
            Amount(left)
        );
        return refuse("amount", "maximum", message);
    }
    let until = row.paid_at.and_then(|paid_at| WINDOW.after(paid_at, 1));
    if until.is_some_and(|until| world.now(ClockId::WORLD) >= until) {
        return refuse("checkoutId", "window", "A checkout can be refunded for 90 days after it was paid".to_owned());
    }
    let (to, payment) = (if amount == left { Status::Refunded } else { Status::PartiallyRefunded }, row.payment);
    if let Some(payment) = payment {
        payments::reversed(world, payment, to == Status::Refunded);
    }
    change(world, id, to, |row| row.refunded += amount);
    Ok(show(world, id, call.site))
}
