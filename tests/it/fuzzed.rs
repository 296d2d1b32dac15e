//! The properties of `fuzz/`, on inputs that are the same in every run: its seeds, and what becomes of them by a few
//! changes. The fuzzer itself (`fuzz/run`) looks further.

use std::panic::{AssertUnwindSafe, catch_unwind};

#[path = "../../fuzz/src/properties.rs"]
mod properties;

use properties::PROPERTIES;

const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/seeds");
/// How many changes an input has at most.
const CHANGES: u64 = 6;
/// Words that parsers look for, and values that are at their ends.
const WORDS: [&str; 48] = [
    "\n",
    "/",
    "//",
    "?",
    "&",
    "=",
    "%",
    "%00",
    "%ff",
    "%2F",
    "~1",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "'",
    "- ",
    "*a",
    "&a ",
    "#",
    "|",
    "null",
    "true",
    "-1",
    "0",
    "1e400",
    "18446744073709551616",
    "0.1",
    "\\ud800",
    "\u{0}",
    "\u{1f600}",
    "\u{e9}",
    "P1M",
    "PT0S",
    "Y",
    "T",
    "2028-02-30",
    "-009999-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "+24:00",
    "\n3 []",
    "\n7",
    "\n2 {\"a\":1}",
    "${x}",
    "GET ",
];

/// The finaliser of `SplitMix64`, over a counter.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((x ^ (x >> 31)) % bound.max(1) as u64).expect("below a usize")
    }

    /// A place in something, its end included.
    fn place(&mut self, input: &[u8]) -> usize {
        self.below(input.len() + 1)
    }
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let mut files: Vec<_> =
        std::fs::read_dir(format!("{SEEDS}/{name}")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// An input that is a little like one of the others.
fn changed(inputs: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut input = inputs[chance.below(inputs.len())].clone();
    for _ in 0..=chance.below(usize::try_from(CHANGES).unwrap()) {
        let (from, to) = (chance.place(&input), chance.place(&input));
        let range = from.min(to)..from.max(to).min(from.min(to) + 20);
        match chance.below(7) {
            0 => drop(input.drain(range)),
            1 => {
                let part = input[range].to_vec();
                let place = chance.place(&input);
                input.splice(place..place, part);
            }
            2 => {
                if let Some(byte) = input.get_mut(from) {
                    *byte ^= 1 << chance.below(8);
                }
            }
            3 => {
                let other = &inputs[chance.below(inputs.len())];
                let part = other[chance.place(other)..].to_vec();
                input.splice(from.., part);
            }
            4 => {
                let number = chance.below(400).to_string().into_bytes();
                input.splice(range, number);
            }
            5 => drop(input.splice(range, WORDS[chance.below(WORDS.len())].bytes())),
            _ => drop(input.splice(from..from, WORDS[chance.below(WORDS.len())].bytes())),
        }
    }
    input
}

/// Tries a property on its seeds, and on so many other inputs.
fn hold(name: &str, count: usize, more: Vec<Vec<u8>>) {
    let (_, property) = *PROPERTIES.iter().find(|(known, _)| *known == name).expect("a property");
    let mut inputs = seeds(name);
    inputs.extend(more);
    let mut chance = Chance(0);
    let others: Vec<Vec<u8>> = (0..count).map(|_| changed(&inputs, &mut chance)).collect();
    for input in inputs.iter().chain(&others) {
        let holds = catch_unwind(AssertUnwindSafe(|| property(input))).is_ok();
        assert!(holds, "{name} does not hold of {:?}", String::from_utf8_lossy(input));
    }
}

/// One input for each operation, with these edits.
fn of_each_operation(edits: &str) -> Vec<Vec<u8>> {
    properties::operations().map(|operation| format!("{operation}\n{edits}").into_bytes()).collect()
}

#[test]
fn every_property_has_seeds_and_a_target() {
    for (name, _) in PROPERTIES {
        assert!(!seeds(name).is_empty(), "{name}");
        let target = format!("{}/fuzz/fuzz_targets/{name}.rs", env!("CARGO_MANIFEST_DIR"));
        assert!(std::fs::read_to_string(target).unwrap().contains(&format!("properties::{name}(")), "{name}");
    }
    assert_eq!(std::fs::read_dir(SEEDS).unwrap().count(), PROPERTIES.len());
}

#[test]
fn paths_lead_where_they_say() {
    hold("router", 1_000, Vec::new());
}

#[test]
fn queries_are_read_or_refused() {
    hold("query", 500, of_each_operation("limit=10&offset=x&status=a&status=b&from=2028-01-31T00:00:00Z"));
}

#[test]
fn bodies_are_taken_or_refused_where_they_are_wrong() {
    hold("contract", 500, of_each_operation("3 \"x\"\n5"));
}

#[test]
fn worlds_are_read_as_they_were_written() {
    hold("world", 300, Vec::new());
}

#[test]
fn stories_read_the_same_from_their_own_values() {
    hold("story", 2_000, Vec::new());
}

#[test]
fn times_print_as_they_read() {
    hold("time", 3_000, Vec::new());
}

#[test]
fn words_print_as_they_read() {
    hold("words", 4_000, Vec::new());
}
