//! The part of a conversation in which a test program calls a program in another cell.

use super::{Dialogue, Failure, Report, Side, Step, end, plain, shown};
use crate::line::{Frame, Garbled};

/// Where the tests stand.
#[derive(Debug, Default)]
pub(super) struct Tester {
    started: bool,
    ended: bool,
    /// Calls made by the check.
    calls: u32,
    /// A call is with the program.
    waiting: bool,
    /// What the last answer was, if it was an exception or not plain.
    last: Option<Failure>,
}

impl Dialogue<'_> {
    /// Takes in a frame of the tester.
    pub(super) fn hear_tester(&mut self, frame: &Frame) -> Result<Vec<Step>, Garbled> {
        let tester = &mut self.tester;
        if tester.ended || tester.waiting || tester.started == (frame.kind == b'S') {
            return Err(Garbled("the tests broke the conversation"));
        }
        match frame.kind {
            b'S' => {
                tester.started = true;
                return Ok(Vec::new());
            }
            b'k' => {
                tester.calls += 1;
                tester.waiting = true;
                self.seen.executed = 1;
                return Ok(vec![Step::Say { to: Side::Program, kind: b'c', text: plain(&frame.text)?.literal() }]);
            }
            b'd' if tester.calls > 0 => {
                self.seen.passed = 1;
                self.seen.complete = true;
            }
            b'd' => self.fail(Failure::Tests("the check never called the program".to_owned())),
            b'a' | b'f' => {
                let last = self.tester.last.take();
                self.fail(last.unwrap_or_else(|| Failure::Check(Report::read(&frame.text).to_string())));
            }
            b's' => self.fail(Failure::Tests(format!("the tests do not start: {}", Report::read(&frame.text)))),
            b'u' => self.fail(Failure::Tests(format!("the tests pass {} as an argument", shown(&frame.text)))),
            _ => return Err(Garbled("the tests broke the conversation")),
        }
        self.tester.ended = true;
        Ok(vec![end()])
    }

    /// Passes an answer of the program on to the tester, as a literal of the parsed value.
    pub(super) fn hear_answer_for_tester(&mut self, frame: &Frame) -> Result<Vec<Step>, Garbled> {
        let tester = &mut self.tester;
        if !std::mem::take(&mut tester.waiting) {
            return Err(Garbled("it answered a call that was not made"));
        }
        let call = tester.calls;
        let (kind, text) = match frame.kind {
            b'V' => {
                tester.last = None;
                (b'v', plain(&frame.text)?.literal())
            }
            b'R' => {
                tester.last = Some(Failure::Raised { call, report: Report::read(&frame.text) });
                (b'r', frame.text.clone())
            }
            _ => {
                tester.last = Some(Failure::NotPlain { call, what: shown(&frame.text) });
                (b'r', format!("NotPlain\n\n{}", frame.text))
            }
        };
        Ok(vec![Step::Say { to: Side::Tester, kind, text }])
    }

    /// Notes that the tester ended without a word, with this in its place.
    pub(crate) fn tester_lost(&mut self, why: &str) {
        if !self.tester.ended {
            self.tester.ended = true;
            let failure = if self.tester.calls == 0 {
                Failure::Tests(format!("the tests {why}"))
            } else {
                // The program's values came before: an end like this is never the program's gain.
                Failure::Check(format!("the tests {why} with this program's values"))
            };
            self.seen.failure.get_or_insert(failure);
        }
    }
}
