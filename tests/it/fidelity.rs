//! docs/fidelity.md says what the program says of itself.

use std::collections::BTreeSet;

use crate::process::run;

const PAGE: &str = include_str!("../../docs/fidelity.md");

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    text.split_once(start)?.1.split_once(end).map(|(found, _)| found)
}

#[test]
fn the_tables_of_operations_are_those_of_the_program() {
    let held = between(PAGE, "<!-- leapday operations --markdown -->\n", "<!-- end -->\n").expect("the markers");
    let (code, printed, complaint) = run(&["operations", "--markdown"], &[]);
    assert_eq!((code, complaint.as_str()), (0, ""));
    let differs = held.lines().zip(printed.lines()).find(|(held, printed)| held != printed);
    assert!(held == printed, "docs/fidelity.md is not what the program says: run docs/renew\n{differs:#?}");
}

/// An anchor is an `<a id>`; links lead to nothing else.
#[test]
fn every_link_within_the_page_leads_somewhere() {
    let anchors: Vec<&str> = PAGE.split("<a id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let places: BTreeSet<&str> = anchors.iter().copied().collect();
    assert_eq!(places.len(), anchors.len(), "an anchor is there twice");
    let links = PAGE.split("](#").skip(1).filter_map(|rest| rest.split(')').next());
    let linked: BTreeSet<&str> = links.collect();
    assert_eq!(linked.symmetric_difference(&places).collect::<Vec<_>>(), Vec::<&&str>::new());
}
