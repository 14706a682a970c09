//! One program from start to end: the loop that reads, forwards, watches the clocks and stops.

mod clocks;
mod participant;

use std::time::{Duration, Instant};

use genesis_core::execution::{Capture, Limits};
use nix::errno::Errno;
use nix::poll::{PollFd, PollTimeout, poll};

use crate::admission::{Program, Tests};
use crate::cell::{Cell, CellError, Sink};
use crate::dialogue::{Dialogue, Side, Step, Transcript};
use crate::judge::{Ending, Stop};
use crate::line::{Garbled, Job, Mode};
use participant::Participant;

/// How long killing every process of a cell may take.
const KILL_PATIENCE: Duration = Duration::from_secs(5);
/// The shortest pause between two looks at the processor clock.
const SHORTEST_LOOK: Duration = Duration::from_millis(5);

/// The longest pause between two looks at a cell whose bounds are not the kernel's.
const OFTEN: Duration = Duration::from_millis(20);

/// Everything about one run.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) transcript: Transcript,
    pub(crate) ending: Ending,
    pub(crate) wall: Duration,
    pub(crate) stdout: Capture,
    pub(crate) stderr: Capture,
}

/// A run that broke off, and whether the program's memory broke it.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub(crate) struct Broken {
    pub(crate) error: CellError,
    pub(crate) out_of_memory: bool,
    /// Why the program had been stopped before.
    pub(crate) stop: Option<Stop>,
}

/// Runs one program in `cell`, and its test program, where it has one, in `tests`.
pub(crate) fn run(cell: &mut Cell, tests: Option<&mut Cell>, program: &Program) -> Result<Outcome, Broken> {
    let unbroken = |error| Broken { error, out_of_memory: false, stop: None };
    let dialogue = Dialogue::new(program);
    let entry = match &program.tests {
        Tests::Nothing => "",
        Tests::Calls { entry, .. } | Tests::Script { entry, .. } => entry,
    };
    let job = Job { mode: dialogue.mode(), entry, source: &program.source, extra: "" };
    let running = cell.start(&program.limits, &job, Sink::Read).map_err(unbroken)?;
    let looks_often = !cell.is_bounded_by_the_kernel();
    let first_look = Duration::from_millis(program.limits.cpu_ms);
    let mut session = Session {
        limits: &program.limits,
        program: Participant::new(cell, running),
        waiting_tests: tests,
        tester: None,
        tests: &program.tests,
        dialogue,
        stop: None,
        killed_at: None,
        next_look: if looks_often { first_look.min(OFTEN) } else { first_look },
        looks_often,
    };
    match session.drive() {
        Ok(()) => session.finish().map_err(unbroken),
        Err(error) => Err(Broken { error, out_of_memory: session.program.ran_out_of_memory(), stop: session.stop }),
    }
}

struct Session<'a> {
    limits: &'a Limits,
    program: Participant<'a>,
    /// The cell for the test program, until it is started.
    waiting_tests: Option<&'a mut Cell>,
    tester: Option<Participant<'a>>,
    tests: &'a Tests,
    dialogue: Dialogue<'a>,
    stop: Option<Stop>,
    killed_at: Option<Instant>,
    /// When the processor clock is looked at next, after the start.
    next_look: Duration,
    /// Nobody but the supervisor holds the cell to its bounds.
    looks_often: bool,
}

impl Session<'_> {
    /// Runs until the program, and the tests, have ended.
    fn drive(&mut self) -> Result<(), CellError> {
        while !self.program.ended() || self.tester.as_ref().is_some_and(|tester| !tester.ended()) {
            self.wait()?;
            self.hear(Side::Program)?;
            self.hear(Side::Tester)?;
            if let Some(stream) = self.program.read_outputs(self.limits.output_bytes)? {
                self.stop(Stop::Output(stream))?;
            }
            self.watch_clocks()?;
            if self.program.ended() {
                // The tests may be waiting for an answer that will not come.
                self.kill_tester()?;
            }
        }
        Ok(())
    }

    /// Waits for something to happen, but not beyond the next look at a clock.
    fn wait(&mut self) -> Result<(), CellError> {
        let deadline = match self.killed_at {
            Some(at) => at + KILL_PATIENCE,
            None => self.program.started() + self.next_look.min(Duration::from_millis(self.limits.wall_ms)),
        };
        let pause = deadline.saturating_duration_since(Instant::now()).min(Duration::from_secs(1));
        // Rounded up: a pause that ends before its deadline would be taken again at once.
        let timeout = PollTimeout::try_from(pause + Duration::from_micros(999)).unwrap_or(PollTimeout::MAX);
        let mut polled: Vec<PollFd<'_>> = Vec::with_capacity(8);
        for participant in [Some(&self.program), self.tester.as_ref()].into_iter().flatten() {
            polled.extend(participant.interests().map(|(descriptor, flags)| PollFd::new(descriptor, flags)));
        }
        match poll(&mut polled, timeout) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Takes in what one side has said, and whether it has ended.
    fn hear(&mut self, side: Side) -> Result<(), CellError> {
        let participant = match side {
            Side::Program => Some(&mut self.program),
            Side::Tester => self.tester.as_mut(),
        };
        let Some(participant) = participant.filter(|participant| !participant.ended()) else { return Ok(()) };
        // The status first: what the process wrote before it ended is then surely on the line.
        participant.look_for_end()?;
        participant.fill();
        loop {
            let next = match side {
                Side::Program => self.program.next(),
                Side::Tester => self.tester.as_mut().map_or(Ok(None), Participant::next),
            };
            let steps = match next {
                Ok(None) => break,
                Ok(Some(frame)) => self.dialogue.hear(side, &frame),
                Err(garbled) => Err(garbled),
            };
            match (steps, side) {
                (Ok(steps), _) => {
                    steps.into_iter().try_for_each(|step| self.take(step))?;
                    if self.dialogue.holds_too_much() {
                        return self.stop(Stop::Output("the list of captured values"));
                    }
                    // Reading a frame costs time that the program chose: its clocks go on meanwhile.
                    let killed_before = self.killed_at.is_some();
                    self.watch_clocks()?;
                    if !killed_before && self.killed_at.is_some() {
                        return Ok(());
                    }
                }
                (Err(Garbled(what)), Side::Program) => return self.stop(Stop::Tamper(what)),
                (Err(Garbled(what)), Side::Tester) => {
                    self.dialogue.tester_lost(what);
                    return self.stop(Stop::Decided);
                }
            }
        }
        let ended_itself = |tester: &Participant<'_>| tester.ended() && !tester.killed();
        if side == Side::Tester && self.tester.as_ref().is_some_and(ended_itself) {
            self.dialogue.tester_lost("ended early");
            self.program.say(b'e', "");
        }
        Ok(())
    }

    fn take(&mut self, step: Step) -> Result<(), CellError> {
        match step {
            Step::Say { to: Side::Program, kind, text } => self.program.say(kind, &text),
            Step::Say { to: Side::Tester, kind, text } => {
                if let Some(tester) = &mut self.tester {
                    tester.say(kind, &text);
                }
            }
            Step::StartTester => {
                if let (Some(cell), Tests::Script { entry, setup, check }) = (self.waiting_tests.take(), self.tests) {
                    let job = Job { mode: Mode::Test, entry, source: setup, extra: check };
                    let running = cell.start(&tester_limits(self.limits), &job, Sink::Discard)?;
                    self.tester = Some(Participant::new(cell, running));
                }
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Outcome, CellError> {
        // What was still in the pipes when the last process died.
        if let Some(stream) = self.program.read_outputs(self.limits.output_bytes)? {
            self.stop.get_or_insert(Stop::Output(stream));
        }
        let wall = self.program.started().elapsed();
        if let Some(tester) = &self.tester {
            tester.prove_empty()?;
        }
        let (status, usage, [stdout, stderr]) = self.program.finish()?;
        // Between two looks at the clock a program may have ended, by the kernel's bound or by itself.
        let out_of_processor = usage.processor >= Duration::from_millis(self.limits.cpu_ms);
        let ending = Ending { stop: self.stop, status, usage, out_of_processor };
        Ok(Outcome { transcript: self.dialogue.finish(), ending, wall, stdout, stderr })
    }
}

/// Bounds of a test program: those of the program it tests, but never too small for its own work.
fn tester_limits(limits: &Limits) -> Limits {
    let least = Limits::default();
    Limits {
        cpu_ms: limits.cpu_ms.max(5 * least.cpu_ms),
        memory_bytes: limits.memory_bytes.max(least.memory_bytes),
        processes: 8,
        ..*limits
    }
}
