//! A report in the form that CI servers read: a suite for each folder, a case for each story.

use askama::Template;

use super::Outcome;

#[derive(Template)]
#[template(path = "junit.xml")]
struct Report {
    tests: usize,
    failures: usize,
    errors: usize,
    time: String,
    suites: Vec<Suite>,
}

struct Suite {
    name: String,
    cases: Vec<Case>,
}

struct Case {
    name: String,
    file: String,
    time: String,
    seconds: f64,
    problem: Option<Problem>,
    transcript: String,
}

struct Problem {
    /// The file is wrong, and the story was not told.
    is_error: bool,
    message: String,
    text: String,
}

impl Suite {
    fn count(&self, is_error: bool) -> usize {
        let problems = self.cases.iter().filter_map(|case| case.problem.as_ref());
        problems.filter(|problem| problem.is_error == is_error).count()
    }

    fn failures(&self) -> usize {
        self.count(false)
    }

    fn errors(&self) -> usize {
        self.count(true)
    }

    fn time(&self) -> String {
        seconds(self.cases.iter().map(|case| case.seconds).sum())
    }
}

fn seconds(time: f64) -> String {
    format!("{time:.3}")
}

/// The report on all stories.
#[must_use]
pub fn junit(outcomes: &[Outcome]) -> String {
    let mut suites: Vec<Suite> = Vec::new();
    for outcome in outcomes {
        let name = outcome.folder();
        let case = case(outcome);
        match suites.iter_mut().find(|suite| suite.name == name) {
            Some(suite) => suite.cases.push(case),
            None => suites.push(Suite { name, cases: vec![case] }),
        }
    }
    let report = Report {
        tests: outcomes.len(),
        failures: suites.iter().map(Suite::failures).sum(),
        errors: suites.iter().map(Suite::errors).sum(),
        time: seconds(suites.iter().flat_map(|suite| &suite.cases).map(|case| case.seconds).sum()),
        suites,
    };
    // Writing to memory cannot fail.
    report.render().unwrap_or_default()
}

fn case(outcome: &Outcome) -> Case {
    let file = outcome.file.display().to_string();
    let time = outcome.duration.as_secs_f64();
    let problem = outcome.problems.first().map(|first| Problem {
        is_error: true,
        message: clean(&first.to_string()),
        text: clean(&outcome.complaint()),
    });
    let problem = problem.or_else(|| {
        let first = outcome.told.failures.first()?;
        Some(Problem { is_error: false, message: clean(&first.title), text: clean(&outcome.complaint()) })
    });
    let transcript = clean(&outcome.told.lines.join("\n"));
    Case { name: clean(&outcome.title), file, time: seconds(time), seconds: time, problem, transcript }
}

/// XML has no letters for control characters.
fn clean(text: &str) -> String {
    let is_letter = |letter: &char| !letter.is_control() || matches!(letter, '\n' | '\t');
    text.chars().filter(is_letter).collect()
}
