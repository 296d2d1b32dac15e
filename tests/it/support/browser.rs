//! A browser without JavaScript: opens addresses, fills forms, presses buttons. Follows no redirect by itself.

use scraper::{ElementRef, Html, Selector};
use ureq::http::Method;

use super::{Answer, Api};

pub struct Browser {
    api: Api,
    /// What it says about where a page will stand; `None`: it is too old to say.
    dest: Option<&'static str>,
    /// The languages that it asks for.
    languages: Option<&'static str>,
}

/// A page, or a way to one.
pub struct Shown {
    pub status: u16,
    pub html: String,
    answer: Answer,
    document: Html,
}

impl Api {
    /// A browser with a page of its own.
    pub fn browser(&self) -> Browser {
        Browser { api: self.with_key(""), dest: Some("document"), languages: None }
    }
}

impl Browser {
    /// The same in a frame.
    pub fn framed(self) -> Self {
        Self { dest: Some("iframe"), ..self }
    }

    /// The same, too old to say where its pages stand.
    pub fn silent(self) -> Self {
        Self { dest: None, ..self }
    }

    /// The same of somebody who reads other languages.
    pub fn speaking(self, languages: &'static str) -> Self {
        Self { languages: Some(languages), ..self }
    }

    pub fn open(&self, url: &str) -> Shown {
        self.send(&Method::GET, url, &[])
    }

    /// Presses a button of a page, after some fields were changed. What stands in the others is sent along.
    #[track_caller]
    pub fn press(&self, page: &Shown, button: &str, changes: &[(&str, &str)]) -> Shown {
        let (action, mut fields) = page.form_of(button);
        for (name, value) in changes {
            fields.retain(|(known, _)| known != name);
            fields.push(((*name).to_owned(), (*value).to_owned()));
        }
        self.send(&Method::POST, &action, &fields)
    }

    /// Sends a form that stands on no page.
    pub fn post(&self, url: &str, fields: &[(&str, &str)]) -> Shown {
        let fields: Vec<(String, String)> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.send(&Method::POST, url, &fields)
    }

    /// Goes where a redirect leads.
    #[track_caller]
    pub fn follow(&self, page: &Shown) -> Shown {
        self.open(page.location())
    }

    fn send(&self, method: &Method, url: &str, fields: &[(String, String)]) -> Shown {
        let path = url.strip_prefix(&self.api.base).unwrap_or_else(|| panic!("{url} is not of this sandbox"));
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        let mut headers = vec![("content-type", "application/x-www-form-urlencoded")];
        headers.extend(self.dest.map(|dest| ("sec-fetch-dest", dest)));
        headers.extend(self.languages.map(|languages| ("accept-language", languages)));
        let answer = self.api.raw(method.as_str(), path, &headers, body.finish().as_bytes());
        let html = String::from_utf8(answer.bytes.clone()).expect("text");
        Shown { status: answer.status, document: Html::parse_document(&html), html, answer }
    }
}

impl Shown {
    /// The page, if its status is the expected one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?}\n{}", self.answer.header("location"), self.html);
        self
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.answer.header(name)
    }

    /// Where a redirect leads.
    #[track_caller]
    pub fn location(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.html);
        self.header("location").expect("a location")
    }

    /// The text of the element with a test id.
    #[track_caller]
    pub fn text(&self, id: &str) -> String {
        words(self.element(id).unwrap_or_else(|| panic!("no {id} in\n{}", self.html)))
    }

    pub fn has(&self, id: &str) -> bool {
        self.element(id).is_some()
    }

    /// The texts of all elements that a selector finds.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        self.document.select(&parsed(selector)).map(words).collect()
    }

    /// An attribute of the first element that a selector finds.
    pub fn attribute(&self, selector: &str, name: &str) -> Option<String> {
        self.document.select(&parsed(selector)).find_map(|element| element.attr(name).map(str::to_owned))
    }

    /// What stands beside a field as wrong with it, the way that a screen reader finds it.
    pub fn problem(&self, field: &str) -> Option<String> {
        let described = self.attribute(&format!("#{field}[aria-invalid=true]"), "aria-describedby")?;
        self.texts(&format!("#{described}")).pop()
    }

    fn element(&self, id: &str) -> Option<ElementRef<'_>> {
        self.document.select(&parsed(&format!("[data-testid={id}]"))).next()
    }

    /// Where the form of a button goes, and what it holds.
    #[track_caller]
    fn form_of(&self, button: &str) -> (String, Vec<(String, String)>) {
        let button = parsed(&format!("[data-testid={button}]"));
        let forms = parsed("form");
        let form = self.document.select(&forms).find(|form| form.select(&button).next().is_some());
        let form = form.unwrap_or_else(|| panic!("no such button in\n{}", self.html));
        assert_eq!(form.attr("method"), Some("post"));
        let inputs = parsed("input[name]:not([type=checkbox]), input[type=checkbox][checked]");
        let fields = form
            .select(&inputs)
            .chain(form.select(&button))
            .filter_map(|field| Some((field.attr("name")?.to_owned(), field.attr("value").unwrap_or("on").to_owned())));
        (form.attr("action").expect("an action").to_owned(), fields.collect())
    }
}

fn parsed(selector: &str) -> Selector {
    Selector::parse(selector).unwrap_or_else(|error| panic!("{selector}: {error}"))
}

fn words(element: ElementRef<'_>) -> String {
    let text: String = element.text().collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
