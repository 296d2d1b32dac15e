//! What is paid on a page: title, lines, total.

use rust_decimal::Decimal;

use crate::billing::money::{major, plain};
use crate::billing::tax::Behaviour;
pub(super) use crate::pages::Bill;
use crate::pages::Line;
use crate::providers::paygentic::grants::{Sold, sold};
use crate::providers::paygentic::invoices::{Invoice, LineItem, period, quantity, readable, tax_label};
use crate::providers::paygentic::payment_sessions::{Purpose, Session};
use crate::providers::paygentic::payments::Payment;
use crate::providers::paygentic::state::{MERCHANT_NAME, State};
use crate::providers::paygentic::subscriptions::Subscription;
use crate::world::Id;

impl Bill {
    pub(super) fn of(state: &State, session: &Session) -> Self {
        let money = |amount: Decimal| format!("{} {}", session.currency, major(amount, &session.currency));
        let mut bill = Self {
            merchant: MERCHANT_NAME,
            title: String::new(),
            detail: None,
            amount: money(session.amount),
            lines: Vec::new(),
            sums: Vec::new(),
        };
        match session.purpose {
            Purpose::Setup(_) => {
                bill.title.push_str("Save a payment method");
                bill.detail = Some(format!("{MERCHANT_NAME} charges it when a payment falls due."));
                "No charge today".clone_into(&mut bill.amount);
            }
            Purpose::Activation(id) => bill.start(state, id, money),
            Purpose::Invoice(id) => bill.invoice(state, id, money),
            Purpose::Payment(id) => bill.order(&state.payments[id], money),
        }
        if !bill.lines.is_empty() {
            bill.sums.push(("Total due".to_owned(), bill.amount.clone()));
        }
        bill
    }

    /// The first invoice of a subscription, and the deposit beside it.
    fn start(&mut self, state: &State, id: Id<Subscription>, money: impl Fn(Decimal) -> String) {
        let row = &state.subscriptions[id];
        let plan = &state.plans[row.plan].name;
        self.title = format!("Start {}", row.name);
        self.detail = (**plan != *row.name).then(|| plan.to_string());
        if let Some(invoice) = row.first_invoice.filter(|invoice| state.invoices[*invoice].is_owed()) {
            self.charges(state, &state.invoices[invoice], &money);
        }
        if let Some(deposit) = row.prefund {
            let detail = Some("For usage to come".to_owned());
            self.lines.push(Line { name: "Prepaid balance".to_owned(), detail, amount: money(deposit) });
        }
    }

    fn invoice(&mut self, state: &State, id: Id<Invoice>, money: impl Fn(Decimal) -> String) {
        let row = &state.invoices[id];
        self.title = row.number.map_or_else(|| "Invoice".to_owned(), |number| format!("Invoice {number}"));
        let name = &state.subscriptions[row.subscription].name;
        self.detail = Some(format!("{name} · {}", period(row.window)));
        self.charges(state, row, &money);
    }

    fn charges(&mut self, state: &State, invoice: &Invoice, money: &impl Fn(Decimal) -> String) {
        let lines: Vec<&LineItem> = invoice.lines.iter().map(|line| &*state.line_items[*line]).collect();
        let behaviour = state.plans[state.subscriptions[invoice.subscription].plan].tax_behaviour;
        self.lines.extend(lines.iter().map(|line| Line {
            name: line.name().to_owned(),
            detail: Some(format!("{} × {}", quantity(line), plain(line.unit_price))),
            amount: money(if behaviour == Behaviour::Inclusive { line.net.saturating_add(line.tax) } else { line.net }),
        }));
        if let Some(Sold { units, name, .. }) = invoice.purchase.map(|purchase| sold(state, purchase)) {
            let detail = Some(format!("{} units", readable(units)));
            self.lines.push(Line { name: name.to_owned(), detail, amount: money(invoice.totals.net) });
        }
        if invoice.totals.tax.is_zero() {
            return;
        }
        let label = tax_label(&lines);
        let label = if behaviour == Behaviour::Inclusive { format!("{label}, included") } else { label };
        self.sums.push((label, money(invoice.totals.tax)));
    }

    /// A one-off payment. Its lines are as the merchant wrote them: they need not add up.
    fn order(&mut self, row: &Payment, money: impl Fn(Decimal) -> String) {
        self.title = match &row.reference {
            Some(reference) => format!("Payment {reference}"),
            None => "Payment".to_owned(),
        };
        self.lines.extend(row.line_items.as_deref().unwrap_or_default().iter().map(|line| Line {
            name: line.description.to_string(),
            detail: (line.quantity != 1).then(|| format!("Quantity {}", line.quantity)),
            amount: money(line.amount.parse().unwrap_or_default()),
        }));
    }
}
