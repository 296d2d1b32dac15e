//! The invoice as a document: what stands on the sheet.
//!
//! Facts: paygentic-contract (`downloadInvoicePdf`). Only the amounts of an issued invoice are final; others have no
//! document.

use rust_decimal::Decimal;

use super::{Invoice, LineItem, Status};
use crate::api::{Call, Fault, Reply};
use crate::billing::money::{exact, major, plain};
use crate::billing::tax::Behaviour;
use crate::documents::{Line, Sheet, date, period, readable};
use crate::providers::paygentic::World;
use crate::providers::paygentic::customers::{Address, Customer};
use crate::providers::paygentic::grants::{Sold, sold};
use crate::providers::paygentic::state::{MERCHANT_NAME, State};
use crate::world::Id;

pub(super) fn download(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.invoices)?;
    let row = &world.state.invoices[id];
    if !row.is_issued() {
        let message = format!(
            "Invoice {} has no document yet: it gets one when it is issued; now it is {:?}",
            call.segment("id"),
            row.status
        );
        return Err(Fault::new(crate::api::Kind::NotFound, message));
    }
    Ok(document(&world.state, id))
}

/// The document of an issued invoice.
pub fn document(state: &State, id: Id<Invoice>) -> Reply {
    Reply::other("application/pdf", sheet(state, id).pdf())
}

fn sheet(state: &State, id: Id<Invoice>) -> Sheet {
    let row = &state.invoices[id];
    let subscription = &state.subscriptions[row.subscription];
    let customer = &state.customers[subscription.customer];
    let plan = &state.plans[subscription.plan];
    let lines: Vec<&LineItem> = row.lines.iter().map(|line| &*state.line_items[*line]).collect();
    let money = |amount: Decimal| major(amount, &plan.currency);
    let gross = row.totals.gross();
    let due = if row.is_owed() { gross } else { Decimal::ZERO };
    let mut totals = vec![
        ("Subtotal".to_owned(), money(row.totals.net)),
        (tax_label(&lines), money(row.totals.tax)),
        ("Total".to_owned(), money(gross)),
    ];
    if row.status == Status::Paid {
        totals.push(("Paid".to_owned(), money(-gross)));
    }
    Sheet {
        number: row.number.map(|number| number.to_string()).unwrap_or_default(),
        issued_at: row.issued_at,
        facts: facts(row, &subscription.name),
        from: vec![MERCHANT_NAME.to_owned(), "billing@merchant.example".to_owned(), customer.merchant.to_string()],
        to: recipient(state, customer),
        currency: plan.currency.to_string(),
        lines: lines
            .iter()
            .map(|line| on_paper(line, &plan.currency))
            .chain(sold_on_paper(state, row, &money))
            .collect(),
        totals,
        due: format!("{} {}", plan.currency, money(due)),
        note: (plan.tax_behaviour == Behaviour::Inclusive)
            .then_some("Unit prices contain tax; amounts are without tax."),
    }
}

fn facts(row: &Invoice, subscription: &str) -> Vec<(&'static str, String)> {
    let status = match row.status {
        Status::Issued => "Issued",
        Status::PaymentFailed => "Payment failed",
        Status::Paid => "Paid",
        Status::Cancelled => "Cancelled",
        Status::WrittenOff => "Written off",
        _ => "Final",
    };
    let mut facts = vec![("Number", row.number.map(|number| number.to_string()).unwrap_or_default())];
    let dates = [("Issued", row.issued_at), ("Due", row.due_at), ("Paid", row.paid_at)];
    facts.extend(dates.into_iter().filter_map(|(label, at)| Some((label, date(at?)))));
    facts.push(("Period", period(row.window)));
    facts.push(("Subscription", subscription.to_owned()));
    facts.push(("Status", status.to_owned()));
    facts
}

fn recipient(state: &State, customer: &Customer) -> Vec<String> {
    let consumer = &state.consumers[customer.consumer];
    let mut lines = vec![consumer.name.to_string()];
    lines.extend(address(&consumer.address));
    lines.push(consumer.email.to_string());
    lines.extend(customer.tax_id.as_ref().map(|id| format!("Tax ID {id}")));
    lines
}

fn address(address: &Address) -> impl Iterator<Item = String> {
    let join = |parts: [&Option<Box<str>>; 3]| {
        let parts: Vec<&str> = parts.into_iter().filter_map(Option::as_deref).collect();
        parts.join(" ")
    };
    let Address { line1, line2, city, state, country, zip_code } = address;
    let lines = [join([line1, &None, &None]), join([line2, &None, &None]), join([city, state, zip_code])];
    lines.into_iter().chain([join([country, &None, &None])]).filter(|line| !line.trim().is_empty())
}

/// Names the rate where all lines have the same.
pub fn tax_label(lines: &[&LineItem]) -> String {
    match lines {
        [first, rest @ ..] if rest.iter().all(|line| line.tax_rate == first.tax_rate) => {
            format!("Tax {}%", exact(first.tax_rate))
        }
        _ => "Tax".to_owned(),
    }
}

fn on_paper(line: &LineItem, currency: &str) -> Line {
    Line {
        name: line.name().to_owned(),
        period: period(line.window),
        quantity: quantity(line),
        unit_price: plain(line.unit_price),
        amount: major(line.net, currency),
    }
}

fn sold_on_paper(state: &State, row: &Invoice, money: &impl Fn(Decimal) -> String) -> Option<Line> {
    let Sold { units, name, .. } = sold(state, row.purchase?);
    Some(Line {
        name: format!("{name}, {} units", readable(units)),
        period: date(row.window.start),
        quantity: readable(Decimal::ONE),
        unit_price: plain(row.totals.net),
        amount: money(row.totals.net),
    })
}

/// How much of it, in digits that a person can read.
pub fn quantity(line: &LineItem) -> String {
    readable(line.quantity.unwrap_or_default())
}
