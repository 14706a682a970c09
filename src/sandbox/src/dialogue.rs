//! The conversation with a program and its tests, as a state machine without I/O.
//!
//! Frames go in, messages come out, and what was seen is kept as a [`Transcript`]. Calls are answered in the
//! order in which they were sent, and what counts is answers: a program cannot skip a call.

mod calls;
mod report;
mod script;

#[cfg(test)]
mod tests;

use genesis_core::execution::CallOutcome;

pub(crate) use report::{Failure, Report, line as shown};

use crate::admission::{Case, Program, Tests};
use crate::line::{Frame, Garbled, Mode};
use crate::literal::Value;

/// How many calls may be on their way: waiting for each answer would cost two switches of process a call.
const WINDOW: usize = 16;
/// How many bytes of captured values one record may hold.
const MAX_CAPTURED: usize = 16 << 20;

/// Who is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Program,
    Tester,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Send a message.
    Say { to: Side, kind: u8, text: String },
    /// Start the tests: the program is ready for calls.
    StartTester,
}

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Transcript {
    /// The program's process was set up; nothing of the program had run.
    pub(crate) started: bool,
    /// The body of the program ran to its end.
    pub(crate) loaded: bool,
    /// Calls or checks that the suite declares.
    pub(crate) declared: u32,
    /// Of those, started.
    pub(crate) executed: u32,
    /// Of those, passed.
    pub(crate) passed: u32,
    /// All calls were answered, or the check came to its end.
    pub(crate) complete: bool,
    /// Calls without an expectation.
    pub(crate) unjudged: u32,
    /// The first thing that decided against the program.
    pub(crate) failure: Option<Failure>,
    /// What each call gave, where asked for.
    pub(crate) values: Vec<CallOutcome>,
}

/// A conversation.
#[derive(Debug)]
pub(crate) struct Dialogue<'a> {
    program: &'a Program,
    seen: Transcript,
    /// Calls of a suite of calls that were sent.
    sent: usize,
    /// Of those, answered.
    answered: usize,
    /// Bytes of the values that are kept.
    captured: usize,
    tester: script::Tester,
}

impl<'a> Dialogue<'a> {
    /// The conversation that `program` calls for.
    pub(crate) fn new(program: &'a Program) -> Self {
        let declared = match &program.tests {
            Tests::Nothing => 0,
            Tests::Calls { cases, .. } => cases.len() as u32,
            Tests::Script { .. } => 1,
        };
        let seen = Transcript { declared, ..Transcript::default() };
        Self { program, seen, sent: 0, answered: 0, captured: 0, tester: script::Tester::default() }
    }

    /// What the program's harness is to do.
    pub(crate) fn mode(&self) -> Mode {
        if matches!(self.program.tests, Tests::Nothing) { Mode::Run } else { Mode::Calls }
    }

    /// The end of the conversation: what was seen in it.
    pub(crate) fn finish(mut self) -> Transcript {
        if let Tests::Calls { cases, .. } = &self.program.tests {
            // The one after the last answer was started, if the program got as far as serving calls.
            let started = self.answered + usize::from(self.seen.loaded);
            self.seen.executed = started.min(cases.len()) as u32;
        }
        if self.program.capture {
            // A call that was sent and not answered, and calls that were never sent, did not come back.
            let declared = self.cases().len();
            self.seen.values.resize(declared, CallOutcome::Lost);
        }
        self.seen
    }

    /// Takes in one frame.
    ///
    /// # Errors
    /// Where no harness sends such a frame at this point.
    pub(crate) fn hear(&mut self, from: Side, frame: &Frame) -> Result<Vec<Step>, Garbled> {
        match from {
            Side::Program => self.hear_program(frame),
            Side::Tester => self.hear_tester(frame),
        }
    }

    /// Whether the values that the program gave are more than one record may hold.
    pub(crate) fn holds_too_much(&self) -> bool {
        self.captured > MAX_CAPTURED
    }

    fn cases(&self) -> &'a [Case] {
        match &self.program.tests {
            Tests::Calls { cases, .. } => cases,
            Tests::Nothing | Tests::Script { .. } => &[],
        }
    }

    fn hear_program(&mut self, frame: &Frame) -> Result<Vec<Step>, Garbled> {
        let seen = &mut self.seen;
        match (frame.kind, seen.started, seen.loaded) {
            (b'S', false, _) => {
                seen.started = true;
                Ok(Vec::new())
            }
            (b'C', true, false) => {
                self.fail(Failure::Compile(Report::read(&frame.text)));
                Ok(Vec::new())
            }
            (b'X', true, false) => {
                self.fail(Failure::Body(Report::read(&frame.text)));
                Ok(Vec::new())
            }
            (b'N', true, false) => {
                self.fail(Failure::NoEntry);
                Ok(vec![end()])
            }
            // It asked to be ended; how it ends shows the rest.
            (b'Q', true, _) => Ok(Vec::new()),
            (b'L', true, false) => {
                seen.loaded = true;
                Ok(match self.program.tests {
                    Tests::Nothing => return Err(Garbled("it claimed to serve calls")),
                    Tests::Calls { .. } => self.next_calls(),
                    Tests::Script { .. } => vec![Step::StartTester],
                })
            }
            (b'V' | b'R' | b'U', true, true) => self.hear_answer(frame),
            _ => Err(Garbled("it sent a frame out of turn")),
        }
    }

    /// Notes a failure; the first one decides.
    fn fail(&mut self, failure: Failure) {
        self.seen.failure.get_or_insert(failure);
    }
}

/// Tells the program's harness that there are no more calls.
fn end() -> Step {
    Step::Say { to: Side::Program, kind: b'e', text: String::new() }
}

/// The value that a harness sent as a literal. A harness sends nothing else.
fn plain(text: &str) -> Result<Value, Garbled> {
    Value::parse(text).map_err(|_| Garbled("it sent a value that is not one"))
}
