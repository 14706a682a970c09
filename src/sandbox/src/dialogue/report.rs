//! What goes wrong in a program, as its harness describes it. The words are the program's own.

/// How much of a program's words a record carries, characters.
const SHOWN: usize = 160;

/// An exception: three lines of class, errno and message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// Name of the class.
    pub(crate) class: String,
    /// Error number of an `OSError`.
    pub(crate) errno: Option<i32>,
    /// First line of the message.
    pub(crate) message: String,
}

/// What decided against a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It does not compile.
    Compile(Report),
    /// Its body raised.
    Body(Report),
    /// It does not define the entry point.
    NoEntry,
    /// A call raised.
    Raised { call: u32, report: Report },
    /// A call returned another value.
    Wrong { call: u32, got: String },
    /// A call returned what is not a plain value.
    NotPlain { call: u32, what: String },
    /// The check said no.
    Check(String),
    /// The tests themselves do not work.
    Tests(String),
}

impl Report {
    pub(super) fn read(text: &str) -> Self {
        let mut lines = text.splitn(3, '\n');
        let mut next = || lines.next().unwrap_or_default();
        Self { class: line(next()), errno: next().parse().ok(), message: line(next()) }
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.message.is_empty() { f.write_str(&self.class) } else { write!(f, "{}: {}", self.class, self.message) }
    }
}

/// One line of printable text, cut to what a record shows.
pub(crate) fn line(text: &str) -> String {
    let mut shown: String =
        text.chars().take(SHOWN).map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}
