//! The part of a conversation in which the supervisor calls a program by value.

use genesis_core::execution::CallOutcome;

use super::{Dialogue, Failure, Report, Side, Step, WINDOW, end, plain, shown};
use crate::admission::{Case, Expected, Tests};
use crate::line::{Frame, Garbled};

impl Dialogue<'_> {
    /// The next calls of a suite of calls, as many as may be on their way, and after the last one the end.
    pub(super) fn next_calls(&mut self) -> Vec<Step> {
        let cases = self.cases();
        self.seen.complete = self.answered == cases.len();
        let was_open = self.sent < cases.len() || cases.is_empty();
        let until = cases.len().min(self.answered + WINDOW);
        let calls = cases.get(self.sent..until).unwrap_or_default();
        self.sent = until;
        let say = |case: &Case| Step::Say { to: Side::Program, kind: b'c', text: case.arguments.clone() };
        let last = was_open && self.sent == cases.len();
        calls.iter().map(say).chain(last.then(end)).collect()
    }

    pub(super) fn hear_answer(&mut self, frame: &Frame) -> Result<Vec<Step>, Garbled> {
        if matches!(self.program.tests, Tests::Script { .. }) {
            return self.hear_answer_for_tester(frame);
        }
        if self.answered >= self.sent {
            return Err(Garbled("it answered a call that was not made"));
        }
        let expected = self.cases().get(self.answered).and_then(|case| case.expected.as_ref());
        self.answered += 1;
        let at = self.answered as u32;
        let outcome = match frame.kind {
            b'V' => self.hear_value(at, expected, &frame.text)?,
            b'R' => {
                let report = Report::read(&frame.text);
                let class = report.class.clone();
                self.fail(Failure::Raised { call: at, report });
                CallOutcome::Raised(class)
            }
            _ => {
                let what = shown(&frame.text);
                self.fail(Failure::NotPlain { call: at, what: what.clone() });
                CallOutcome::Raised(format!("not a plain value: {what}"))
            }
        };
        if self.program.capture {
            self.captured += match &outcome {
                CallOutcome::Value(text) | CallOutcome::Raised(text) => text.len(),
                CallOutcome::Lost => 0,
            };
            self.seen.values.push(outcome);
        }
        Ok(self.next_calls())
    }

    /// Compares a returned value with the expected one; gives it back as canonical text.
    fn hear_value(&mut self, call: u32, expected: Option<&Expected>, text: &str) -> Result<CallOutcome, Garbled> {
        if !self.program.capture && expected.is_some_and(|expected| expected.is_text(text)) {
            self.seen.passed += 1;
            return Ok(CallOutcome::Value(text.to_owned()));
        }
        let value = plain(text)?;
        let got = value.canonical();
        match expected {
            Some(expected) if expected.is(&value) => self.seen.passed += 1,
            Some(_) => self.fail(Failure::Wrong { call, got: got.clone() }),
            None => self.seen.unjudged += 1,
        }
        Ok(CallOutcome::Value(got))
    }
}
