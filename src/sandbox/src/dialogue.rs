//! The conversation with a program and its tests, as a state machine without I/O.
//!
//! Frames go in, messages come out, and what was seen is kept as a [`Transcript`]. Each call is sent only
//! after the one before was answered, so that a count of calls is a count of answers.

mod report;
mod script;

#[cfg(test)]
mod tests;

use genesis_core::execution::CallOutcome;

pub(crate) use report::{Failure, Report, line as shown};

use crate::admission::{Case, Program, Tests};
use crate::line::{Frame, Garbled, Mode};
use crate::literal::Value;

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
    /// The program asked to be ended.
    pub(crate) quit: bool,
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
        Self { program, seen, tester: script::Tester::default() }
    }

    /// What the program's harness is to do.
    pub(crate) fn mode(&self) -> Mode {
        if matches!(self.program.tests, Tests::Nothing) { Mode::Run } else { Mode::Calls }
    }

    /// The end of the conversation: what was seen in it.
    pub(crate) fn finish(mut self) -> Transcript {
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
            (b'Q', true, _) => {
                seen.quit = true;
                Ok(Vec::new())
            }
            (b'L', true, false) => {
                seen.loaded = true;
                Ok(match self.program.tests {
                    Tests::Nothing => return Err(Garbled("it claimed to serve calls")),
                    Tests::Calls { .. } => vec![self.next_call()],
                    Tests::Script { .. } => vec![Step::StartTester],
                })
            }
            (b'V' | b'R' | b'U', true, true) => self.hear_answer(frame),
            _ => Err(Garbled("it sent a frame out of turn")),
        }
    }

    /// The next call of a suite of calls, or the end.
    fn next_call(&mut self) -> Step {
        match self.cases().get(self.seen.executed as usize) {
            Some(case) => {
                self.seen.executed += 1;
                Step::Say { to: Side::Program, kind: b'c', text: case.arguments.clone() }
            }
            None => {
                self.seen.complete = true;
                end()
            }
        }
    }

    fn hear_answer(&mut self, frame: &Frame) -> Result<Vec<Step>, Garbled> {
        if matches!(self.program.tests, Tests::Script { .. }) {
            return self.hear_answer_for_tester(frame);
        }
        let at = self.seen.executed;
        if at == 0 || self.seen.complete {
            return Err(Garbled("it answered a call that was not made"));
        }
        let cases = self.cases();
        let expected = cases.get(at as usize - 1).and_then(|case| case.expected.as_ref());
        let outcome = match frame.kind {
            b'V' if !self.program.capture && expected.is_some_and(|expected| expected.is(&frame.text)) => {
                self.seen.passed += 1;
                return Ok(vec![self.next_call()]);
            }
            b'V' => CallOutcome::Value(plain(&frame.text)?),
            b'R' => CallOutcome::Raised(Report::read(&frame.text).class),
            _ => CallOutcome::Raised(format!("not a plain value: {}", shown(&frame.text))),
        };
        match (&outcome, expected) {
            (CallOutcome::Value(text), Some(expected)) if expected.is(text) => self.seen.passed += 1,
            (CallOutcome::Value(text), Some(_)) => self.fail(Failure::Wrong { call: at, got: text.clone() }),
            (CallOutcome::Value(_), None) => self.seen.unjudged += 1,
            (CallOutcome::Raised(_) | CallOutcome::Lost, _) if frame.kind == b'R' => {
                self.fail(Failure::Raised { call: at, report: Report::read(&frame.text) });
            }
            (CallOutcome::Raised(_) | CallOutcome::Lost, _) => {
                self.fail(Failure::NotPlain { call: at, what: shown(&frame.text) });
            }
        }
        if self.program.capture {
            self.seen.values.push(outcome);
        }
        Ok(vec![self.next_call()])
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

/// The canonical text of a value that a harness sent. A harness sends nothing else.
fn plain(text: &str) -> Result<String, Garbled> {
    let value = Value::parse(text).map_err(|_| Garbled("it sent a value that is not one"))?;
    Ok(value.canonical())
}
