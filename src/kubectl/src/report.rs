//! A chain of checks with its numbers, the first violated one, and what to do about it.

use serde::Serialize;

use crate::sign::Sign;

/// One link of the chain.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// What is asked.
    pub name: String,
    /// How it stands; `None` where the chain did not come so far.
    pub sign: Option<Sign>,
    /// The numbers.
    pub numbers: String,
    /// What to do where it is violated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// The whole chain.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// What it is about.
    pub title: String,
    /// The end of it, in a sentence.
    pub verdict: String,
    /// In the order in which it was decided.
    pub checks: Vec<Check>,
}

impl Check {
    /// Satisfied.
    pub fn good(name: &str, numbers: impl Into<String>) -> Self {
        Self::new(name, Some(Sign::Good), numbers, None)
    }

    /// Not decided yet.
    pub fn waits(name: &str, numbers: impl Into<String>, remedy: Option<String>) -> Self {
        Self::new(name, Some(Sign::Waiting), numbers, remedy)
    }

    /// Held by a person.
    pub fn held(name: &str, numbers: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(name, Some(Sign::Held), numbers, Some(remedy.into()))
    }

    /// Not as it should be, and bearable.
    pub fn warns(name: &str, numbers: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(name, Some(Sign::Warning), numbers, Some(remedy.into()))
    }

    /// Violated.
    pub fn bad(name: &str, numbers: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(name, Some(Sign::Bad), numbers, Some(remedy.into()))
    }

    /// Never asked, because an earlier one decided.
    pub fn unasked(name: &str) -> Self {
        Self::new(name, None, "not asked", None)
    }

    /// Whether it is violated.
    pub fn is_bad(&self) -> bool {
        self.sign == Some(Sign::Bad)
    }

    fn new(name: &str, sign: Option<Sign>, numbers: impl Into<String>, remedy: Option<String>) -> Self {
        Self { name: name.to_owned(), sign, numbers: numbers.into(), remedy }
    }
}

impl Report {
    /// The check that decided: the first that is not satisfied.
    pub fn first_violated(&self) -> Option<&Check> {
        self.checks.iter().find(|check| check.sign.is_some_and(|sign| sign != Sign::Good))
    }

    /// As text: the chain, then each remedy.
    pub fn text(&self, coloured: bool) -> String {
        let mut text = format!("{}: {}\n", self.title, self.verdict);
        let width = self.checks.iter().map(|check| check.name.chars().count()).max().unwrap_or(0);
        let first = self.first_violated();
        for check in &self.checks {
            let icon = check.sign.map_or("·".to_owned(), |sign| sign.paint(&sign.icon().to_string(), coloured));
            let gap = " ".repeat(width - check.name.chars().count());
            let mark = if first.is_some_and(|first| first == check) { "  ← decides" } else { "" };
            text += format!("  {icon} {}{gap}  {}{mark}", check.name, check.numbers).trim_end();
            text.push('\n');
        }
        let remedies = self.checks.iter().filter_map(|check| Some((&check.name, check.remedy.as_ref()?)));
        text.extend(remedies.map(|(name, remedy)| format!("{name}: {remedy}\n")));
        text
    }
}
