//! Text on pages: measured, encoded and placed, in the two Helveticas that every reader has built in.

use pdf_writer::{Content, Date, Name, Pdf, Rect, Ref, Str, TextStr};

use crate::time::Timestamp;

/// A4 in points.
pub(super) const WIDTH: f32 = 595.0;
pub(super) const HEIGHT: f32 = 842.0;

#[derive(Clone, Copy)]
pub(super) enum Font {
    Regular,
    Bold,
}

impl Font {
    fn name(self) -> Name<'static> {
        match self {
            Self::Regular => Name(b"R"),
            Self::Bold => Name(b"B"),
        }
    }
}

/// How a piece of text looks.
#[derive(Clone, Copy)]
pub(super) struct Style {
    pub font: Font,
    pub size: f32,
    /// 0 is black, 1 is white.
    pub grey: f32,
}

/// Pages as they are written, the last one on top.
pub(super) struct Paper {
    pages: Vec<Content>,
    top: Content,
}

impl Paper {
    pub(super) fn new() -> Self {
        Self { pages: Vec::new(), top: Content::new() }
    }

    pub(super) fn turn(&mut self) {
        self.pages.push(std::mem::replace(&mut self.top, Content::new()));
    }

    /// Text that begins at `x`; `y` counts from the bottom.
    pub(super) fn left(&mut self, x: f32, y: f32, style: Style, text: &str) {
        show(&mut self.top, x, y, style, &encode(text));
    }

    /// Text that ends at `x`.
    pub(super) fn right(&mut self, x: f32, y: f32, style: Style, text: &str) {
        show(&mut self.top, x - width(text, style.size), y, style, &encode(text));
    }

    pub(super) fn rule(&mut self, from: f32, to: f32, y: f32, grey: f32) {
        self.top.set_stroke_gray(grey).set_line_width(0.6).move_to(from, y).line_to(to, y).stroke();
    }

    /// Binds the pages, each with a foot made of its number and the count of all.
    pub(super) fn bind(
        mut self,
        title: &str,
        dated: Option<Timestamp>,
        foot: impl Fn(usize, usize) -> [(f32, String); 2],
        style: Style,
    ) -> Vec<u8> {
        self.turn();
        let count = self.pages.len();
        let mut pdf = Pdf::new();
        let [catalog, tree, regular, bold, info] = [1, 2, 3, 4, 5].map(Ref::new);
        let mut next = Ref::new(6);
        let numbered: Vec<(Ref, Ref)> = (0..count).map(|_| (next.bump(), next.bump())).collect();
        pdf.catalog(catalog).pages(tree);
        pdf.pages(tree).kids(numbered.iter().map(|(page, _)| *page)).count(i32::try_from(count).unwrap_or(i32::MAX));
        for (number, (mut content, (page, stream))) in self.pages.into_iter().zip(numbered).enumerate() {
            for (x, text) in foot(number + 1, count) {
                show(&mut content, x, 34.0, style, &encode(&text));
            }
            let mut page = pdf.page(page);
            page.media_box(Rect::new(0.0, 0.0, WIDTH, HEIGHT)).parent(tree).contents(stream);
            page.resources().fonts().pair(Font::Regular.name(), regular).pair(Font::Bold.name(), bold);
            drop(page);
            pdf.stream(stream, &content.finish());
        }
        for (id, name) in [(regular, Name(b"Helvetica")), (bold, Name(b"Helvetica-Bold"))] {
            pdf.type1_font(id).base_font(name).encoding_predefined(Name(b"WinAnsiEncoding"));
        }
        let mut about = pdf.document_info(info);
        about.title(TextStr(title)).creator(TextStr("Leapday"));
        if let Some(date) = dated.and_then(written) {
            about.creation_date(date);
        }
        drop(about);
        pdf.finish()
    }
}

fn written(at: Timestamp) -> Option<Date> {
    let at = at.civil();
    let part = |value: i8| u8::try_from(value).ok();
    let date = Date::new(u16::try_from(at.year()).ok()?).month(part(at.month())?).day(part(at.day())?);
    Some(date.hour(part(at.hour())?).minute(part(at.minute())?).second(part(at.second())?).utc_offset_hour(0))
}

fn show(content: &mut Content, x: f32, y: f32, style: Style, bytes: &[u8]) {
    content.set_fill_gray(style.grey).begin_text().set_font(style.font.name(), style.size);
    content.next_line(x, y).show(Str(bytes)).end_text();
}

/// Widths of Helvetica's printable ASCII in thousandths of the size. Digits and points are as wide in bold, so
/// that columns of bold amounts stand right too.
const WIDTHS: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, // space to /
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, // 0 to ?
    1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, // @ to O
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, // P to _
    333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, // ` to o
    556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584, // p to ~
];
/// What other letters take: as much as most of the lower case.
const USUAL_WIDTH: u16 = 556;

fn glyph(letter: char) -> f32 {
    let place = u32::from(letter).checked_sub(32).and_then(|place| usize::try_from(place).ok());
    f32::from(place.and_then(|place| WIDTHS.get(place)).copied().unwrap_or(USUAL_WIDTH))
}

pub(super) fn width(text: &str, size: f32) -> f32 {
    text.chars().map(glyph).sum::<f32>() * size / 1000.0
}

/// Breaks text into lines of at most `most` points, at blanks where it has them.
pub(super) fn wrap(text: &str, most: f32, size: f32) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let gap = if line.is_empty() { "" } else { " " };
        if width(&line, size) + width(gap, size) + width(word, size) <= most {
            line.push_str(gap);
            line.push_str(word);
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for letter in word.chars() {
            if !line.is_empty() && width(&line, size) + glyph(letter) * size / 1000.0 > most {
                lines.push(std::mem::take(&mut line));
            }
            line.push(letter);
        }
    }
    lines.push(line);
    lines
}

/// `WinAnsi`, what PDF calls Windows-1252; `?` for what it does not have.
fn encode(text: &str) -> Vec<u8> {
    text.chars().map(encoded).collect()
}

/// The characters at 0x80 to 0x9F; a blank where there is none.
const UPPER: [char; 32] = [
    '€', ' ', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', ' ', 'Ž', ' ', ' ', '‘', '’', '“', '”', '•', '–',
    '—', '˜', '™', 'š', '›', 'œ', ' ', 'ž', 'Ÿ',
];

fn encoded(letter: char) -> u8 {
    match letter {
        ' '..='~' | '\u{a0}'..='\u{ff}' => u8::try_from(u32::from(letter)).unwrap_or(b'?'),
        // Blanks of other kinds: what separates words must not become a question mark.
        letter if letter.is_whitespace() => b' ',
        letter => {
            let place = UPPER.iter().position(|known| *known == letter);
            place.and_then(|place| u8::try_from(0x80 + place).ok()).unwrap_or(b'?')
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_windows_1252_or_a_question_mark() {
        assert_eq!(encode("Zoë – €5"), [b'Z', b'o', 0xeb, b' ', 0x96, b' ', 0x80, b'5']);
        assert_eq!(encode("日本\tŁ\u{7f}"), *b"?? ??");
    }

    #[test]
    fn lines_break_at_blanks_and_within_words_that_are_too_long() {
        assert_eq!(wrap("one two three", width("one two", 10.0), 10.0), ["one two", "three"]);
        assert_eq!(wrap("aaaaa", width("aa", 10.0), 10.0), ["aa", "aa", "a"]);
        assert_eq!(wrap("", 10.0, 10.0), [""]);
    }
}
