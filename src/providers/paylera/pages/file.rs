//! The files of invoices: their address holds a signature, so that it needs no key (facts: paylera §1.1).
//!
//! What stands on the paper is what the invoice says.

use rust_decimal::Decimal;

use crate::api::{Call, Fault, Page, Reply, Visit, show};
use crate::documents::{Line, Sheet, date, period, readable};
use crate::pages::Message;
use crate::providers::paylera::World;
use crate::providers::paylera::body::amount;
use crate::providers::paylera::customers;
use crate::providers::paylera::invoices::{self, Invoice, Status, TAX_RATE};
use crate::providers::paylera::state::{MERCHANT, State};
use crate::time::Cadence;
use crate::world::Id;

/// How long an address is said to be good for. Ours goes on working: it is the same every time.
const LIFE: Cadence = Cadence::seconds(3_600);

pub fn pages() -> Vec<Page<State>> {
    vec![show("/files/{token}", |world, token| invoice(&world.state, token).is_some(), open)]
}

/// Where the document of an invoice is.
pub fn address(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    let id = call.id(&state.invoices)?;
    if state.invoices[id].status == Status::Draft {
        let message = format!("The invoice {} is a draft: it has a document once it is finalised", call.segment("id"));
        return Err(Fault::unprocessable(message).with_code("invoice.not_finalized"));
    }
    Ok(Reply::ok(&serde_json::json!({
        "object": "invoice_pdf",
        "invoice_id": state.invoices.text(id),
        "url": invoices::pdf_url(state, id, call.site),
        "expires_at": LIFE.after(crate::providers::paylera::now(world, call), 1),
    })))
}

fn invoice(state: &State, token: &str) -> Option<Id<Invoice>> {
    let (id_text, _) = token.rsplit_once('-')?;
    let id = state.invoices.find(id_text)?;
    (invoices::file_token(state, id) == token && state.invoices[id].status != Status::Draft).then_some(id)
}

fn open(world: &World, visit: &Visit) -> Result<Reply, Reply> {
    if let Some(id) = invoice(&world.state, &visit.token) {
        Ok(Reply::other("application/pdf", sheet(&world.state, id).pdf()))
    } else {
        let message = Message::new(visit.frame(), "No such file", "This address belongs to no invoice.");
        Err(Reply::page(404, message.html()))
    }
}

fn sheet(state: &State, id: Id<Invoice>) -> Sheet {
    let row = &state.invoices[id];
    let money = |value: Decimal| amount(value, &row.currency);
    let number = row.number_text().unwrap_or_default();
    let mut facts = vec![("Number", number.clone())];
    let dates = [("Issued", row.issued_at()), ("Due", row.due_at()), ("Paid", row.paid_at)];
    facts.extend(dates.into_iter().filter_map(|(label, at)| Some((label, date(at?)))));
    facts.push(("Status", row.status.title().to_owned()));
    let line = |line: &invoices::Line| Line {
        name: line.item.description.to_string(),
        period: line.item.period.map(period).unwrap_or_default(),
        quantity: readable(line.item.quantity),
        unit_price: money(line.item.unit_amount),
        amount: money(line.item.amount),
    };
    let totals = &row.totals;
    let all = [
        ("Subtotal".to_owned(), totals.subtotal),
        ("Discount".to_owned(), -totals.discount),
        (format!("Tax {TAX_RATE}%"), totals.tax),
        ("Total".to_owned(), totals.total),
        ("Credited".to_owned(), -row.amount_credited),
        ("Paid".to_owned(), -row.amount_paid),
    ];
    let always = |label: &str| matches!(label, "Subtotal" | "Total");
    let told = all.into_iter().filter(|(label, value)| always(label) || !value.is_zero());
    let due = if row.status.is_payable() { row.amount_due() } else { Decimal::ZERO };
    Sheet {
        number,
        issued_at: row.issued_at(),
        facts,
        from: vec![MERCHANT.to_owned(), "billing@merchant.example".to_owned()],
        to: customers::letterhead(state, row.customer),
        currency: row.currency.to_string(),
        lines: row.lines.iter().map(line).collect(),
        totals: told.map(|(label, value)| (label, money(value))).collect(),
        due: format!("{} {}", row.currency, money(due)),
        note: None,
    }
}
