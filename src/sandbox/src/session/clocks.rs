//! The clocks of a run, and what happens when one is over.

use std::time::{Duration, Instant};

use super::{KILL_PATIENCE, OFTEN, SHORTEST_LOOK, Session};
use crate::cell::CellError;
use crate::judge::Stop;

impl Session<'_> {
    pub(super) fn watch_clocks(&mut self) -> Result<(), CellError> {
        if self.program.ended() && self.killed_at.is_none() {
            return Ok(());
        }
        let now = Instant::now();
        if let Some(at) = self.killed_at {
            let silent = now.saturating_duration_since(at) >= KILL_PATIENCE;
            return if silent { Err(CellError::Silent { who: "zygote" }) } else { Ok(()) };
        }
        let elapsed = now.saturating_duration_since(self.program.started());
        let wall_is_over = elapsed >= Duration::from_millis(self.limits.wall_ms);
        if elapsed >= self.next_look || wall_is_over {
            let limit = Duration::from_millis(self.limits.cpu_ms);
            let now = self.program.look()?;
            let used = Duration::from_nanos(now.processor_ns);
            if used >= limit {
                return self.stop(Stop::Processor);
            }
            if now.resident > self.limits.memory_bytes {
                return self.stop(Stop::Memory);
            }
            if now.tasks > self.limits.processes {
                return self.stop(Stop::Processes);
            }
            // A cell has one processor, and not much more within one period of its quota.
            let pause = (limit.saturating_sub(used) / 2).max(SHORTEST_LOOK);
            self.next_look = elapsed + if self.looks_often { pause.min(OFTEN) } else { pause };
        }
        if wall_is_over { self.stop(Stop::Wall) } else { Ok(()) }
    }

    /// Kills the program, for the first reason that comes up.
    pub(super) fn stop(&mut self, why: Stop) -> Result<(), CellError> {
        if self.stop.is_none() && !self.program.ended() {
            self.program.kill()?;
            self.killed_at = Some(Instant::now());
        }
        // A program that had already ended is not stopped, but what it wrote still counts against it.
        self.stop.get_or_insert(why);
        self.kill_tester()
    }

    pub(super) fn kill_tester(&mut self) -> Result<(), CellError> {
        if let Some(tester) = self.tester.as_mut().filter(|tester| !tester.ended() && !tester.killed()) {
            tester.kill()?;
            self.killed_at.get_or_insert_with(Instant::now);
        }
        Ok(())
    }
}
