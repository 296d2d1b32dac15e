//! What stands where on an invoice.

use super::paper::{Font, HEIGHT, Paper, Style, WIDTH, width, wrap};
use super::{Line, Sheet};

const LEFT: f32 = 50.0;
const RIGHT: f32 = WIDTH - 50.0;
const MIDDLE: f32 = 310.0;
const TOP: f32 = HEIGHT - 64.0;
/// Below it is the foot of the page.
const BOTTOM: f32 = 62.0;
const LEADING: f32 = 12.0;

const TITLE: Style = Style { font: Font::Bold, size: 22.0, grey: 0.1 };
const STRONG: Style = Style { font: Font::Bold, size: 9.0, grey: 0.1 };
const TEXT: Style = Style { font: Font::Regular, size: 9.0, grey: 0.15 };
const PALE: Style = Style { font: Font::Regular, size: 8.0, grey: 0.45 };
const LARGE: Style = Style { font: Font::Bold, size: 12.0, grey: 0.1 };

/// Where the columns of the table begin (text) and end (numbers).
const PERIOD: f32 = 232.0;
const QUANTITY: f32 = 408.0;
const UNIT_PRICE: f32 = 478.0;
/// Lines of a name on paper: enough for any that is meant to be read, and less than a page.
const NAME_LINES: usize = 8;

/// The finished document.
pub(super) fn document(sheet: &Sheet) -> Vec<u8> {
    let mut paper = Paper::new();
    let y = head(&mut paper, sheet);
    let y = parties(&mut paper, sheet, y - 26.0);
    let y = table(&mut paper, sheet, y - 22.0);
    totals(&mut paper, sheet, y);
    let title = format!("Invoice {}", sheet.number);
    let foot = |page: usize, of: usize| {
        let pages = format!("{} · page {page} of {of}", sheet.number);
        let at = RIGHT - width(&pages, PALE.size);
        [(LEFT, "Made by a Leapday sandbox: nothing is to be paid.".to_owned()), (at, pages)]
    };
    paper.bind(&title, sheet.issued_at, foot, PALE)
}

/// The title and, beside it, number and dates. Answers how far down it went.
fn head(paper: &mut Paper, sheet: &Sheet) -> f32 {
    paper.left(LEFT, TOP - 8.0, TITLE, "INVOICE");
    let mut y = TOP;
    for (label, value) in &sheet.facts {
        paper.left(MIDDLE, y, PALE, label);
        for line in wrap(value, RIGHT - MIDDLE - 70.0, TEXT.size).iter().take(NAME_LINES) {
            paper.left(MIDDLE + 70.0, y, TEXT, line);
            y -= LEADING + 1.0;
        }
    }
    y
}

fn parties(paper: &mut Paper, sheet: &Sheet, from: f32) -> f32 {
    let sides = [(LEFT, "From", &sheet.from), (MIDDLE, "Billed to", &sheet.to)];
    let ends = sides.map(|(x, label, lines)| {
        paper.left(x, from, PALE, label);
        let mut y = from - LEADING - 2.0;
        for (number, text) in lines.iter().enumerate() {
            let style = if number == 0 { STRONG } else { TEXT };
            for line in wrap(text, MIDDLE - LEFT - 30.0, style.size).iter().take(NAME_LINES) {
                paper.left(x, y, style, line);
                y -= LEADING;
            }
        }
        y
    });
    ends[0].min(ends[1])
}

/// The lines, on as many pages as they need, each with the names of the columns.
fn table(paper: &mut Paper, sheet: &Sheet, from: f32) -> f32 {
    let mut y = column_names(paper, sheet, from);
    for line in &sheet.lines {
        let mut name = wrap(&line.name, PERIOD - LEFT - 10.0, TEXT.size);
        name.truncate(NAME_LINES);
        let lines = u16::try_from(name.len()).unwrap_or(u16::MAX);
        let height = f32::from(lines) * LEADING + 5.0;
        if y - height < BOTTOM {
            paper.turn();
            y = column_names(paper, sheet, TOP);
        }
        row(paper, line, &name, y);
        y -= height;
        paper.rule(LEFT, RIGHT, y + 10.5, 0.88);
    }
    y
}

fn column_names(paper: &mut Paper, sheet: &Sheet, y: f32) -> f32 {
    paper.left(LEFT, y, PALE, "Description");
    paper.left(PERIOD, y, PALE, "Period");
    paper.right(QUANTITY, y, PALE, "Quantity");
    paper.right(UNIT_PRICE, y, PALE, "Unit price");
    paper.right(RIGHT, y, PALE, &format!("Amount {}", sheet.currency));
    paper.rule(LEFT, RIGHT, y - 6.0, 0.5);
    y - 19.0
}

fn row(paper: &mut Paper, line: &Line, name: &[String], y: f32) {
    for (text, drop) in name.iter().zip(0u8..) {
        paper.left(LEFT, y - f32::from(drop) * LEADING, TEXT, text);
    }
    paper.left(PERIOD, y, PALE, &line.period);
    paper.right(QUANTITY, y, TEXT, &line.quantity);
    paper.right(UNIT_PRICE, y, TEXT, &line.unit_price);
    paper.right(RIGHT, y, TEXT, &line.amount);
}

/// Kept together: on a page of its own if the last one is full.
fn totals(paper: &mut Paper, sheet: &Sheet, from: f32) {
    let rows = u16::try_from(sheet.totals.len()).unwrap_or(u16::MAX);
    let height = f32::from(rows) * (LEADING + 3.0) + 70.0;
    let mut y = from - 8.0;
    if y - height < BOTTOM {
        paper.turn();
        y = TOP;
    }
    for (label, amount) in &sheet.totals {
        paper.left(MIDDLE, y, TEXT, label);
        paper.right(RIGHT, y, TEXT, amount);
        y -= LEADING + 3.0;
    }
    paper.rule(MIDDLE, RIGHT, y + 6.0, 0.5);
    y -= 12.0;
    paper.left(MIDDLE, y, LARGE, "Amount due");
    paper.right(RIGHT, y, LARGE, &sheet.due);
    if let Some(note) = sheet.note {
        paper.left(MIDDLE, y - 22.0, PALE, note);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(lines: usize) -> Sheet {
        let line = |number: usize| Line {
            name: format!("Platform fee {number}"),
            period: "31 Jan 2028 – 28 Feb 2028".to_owned(),
            quantity: "2500".to_owned(),
            unit_price: "0.002".to_owned(),
            amount: "5.00".to_owned(),
        };
        Sheet {
            number: "INV-2028-01-001".to_owned(),
            issued_at: "2028-01-31T00:00:00Z".parse().ok(),
            facts: vec![("Number", "INV-2028-01-001".to_owned()), ("Issued", "31 Jan 2028".to_owned())],
            from: vec!["Leapday Merchant".to_owned()],
            to: vec!["Zoë Łuczak".to_owned(), "Rue de l’Église 5".to_owned()],
            currency: "EUR".to_owned(),
            lines: (1..=lines).map(line).collect(),
            totals: vec![("Subtotal".to_owned(), "300.00".to_owned()), ("Tax 19%".to_owned(), "57.00".to_owned())],
            due: "EUR 357.00".to_owned(),
            note: None,
        }
    }

    fn pages(document: &[u8]) -> usize {
        let text = String::from_utf8_lossy(document);
        text.matches("/Type /Page").count() - text.matches("/Type /Pages").count()
    }

    #[test]
    fn lines_that_overflow_go_on_on_a_second_page() {
        assert_eq!(pages(&document(&sheet(1))), 1);
        let two = document(&sheet(60));
        assert!(two.starts_with(b"%PDF-"));
        assert_eq!(pages(&two), 2);
        assert_eq!(two, document(&sheet(60)), "the same invoice is the same bytes");
    }

    #[test]
    fn totals_never_run_into_the_foot() {
        let counts: Vec<usize> = (0..=80).map(|lines| pages(&document(&sheet(lines)))).collect();
        assert!(counts.is_sorted() && counts[28] == 1 && counts.last() == Some(&3), "{counts:?}");
    }
}
