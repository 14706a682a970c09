//! The verdict: a function of what was seen and how the program ended.

#[cfg(test)]
mod tests;

use genesis_core::execution::{ExecutionVerdict as Verdict, Termination};

use crate::cell::Usage;
use crate::dialogue::{Failure, Report, Transcript, shown};

/// Why the supervisor stopped a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Its clocks: processor time first where both ran out between two looks.
    Processor,
    Wall,
    /// It wrote more than it may.
    Output(&'static str),
    /// It wrote on the line to its judge.
    Tamper(&'static str),
    /// It used more memory than it may, in a cell that the kernel does not bound.
    Memory,
    /// It had more processes and threads than it may, in such a cell.
    Processes,
    /// It is no longer needed: the verdict does not depend on it.
    Decided,
}

/// How a program ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    pub(crate) stop: Option<Stop>,
    /// Wait status of its process.
    pub(crate) status: i32,
    pub(crate) usage: Usage,
    /// It used all processor time it was given, by the clock of its group.
    pub(crate) out_of_processor: bool,
}

/// The scorer's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub(crate) verdict: Verdict,
    pub(crate) termination: Termination,
    pub(crate) reason: String,
}

/// Judges a program. `tested` says whether there were tests.
pub(crate) fn judge(seen: &Transcript, ending: &Ending, tested: bool) -> Judgement {
    let (verdict, reason) = verdict(seen, ending, tested);
    Judgement { verdict, termination: termination(ending, verdict), reason }
}

/// The judgement of a program that was stopped and whose cell then was lost; nothing where it had only become needless.
pub(crate) fn of_stop(stop: Stop) -> Option<Judgement> {
    let (verdict, termination, reason) = match stop {
        Stop::Processor => (Verdict::TimeLimit, Termination::CpuTime, "out of processor time".to_owned()),
        Stop::Wall => (Verdict::TimeLimit, Termination::WallTime, "out of time on the wall".to_owned()),
        Stop::Output(stream) => (Verdict::OutputLimit, Termination::Output, format!("too much on {stream}")),
        Stop::Tamper(what) => (Verdict::Tamper, Termination::Signal(libc::SIGKILL), what.to_owned()),
        Stop::Memory => (Verdict::MemoryLimit, Termination::Memory, "out of memory".to_owned()),
        Stop::Processes => (Verdict::ProcessLimit, Termination::Pids, "too many processes or threads".to_owned()),
        Stop::Decided => return None,
    };
    Some(Judgement { verdict, termination, reason })
}

fn verdict(seen: &Transcript, ending: &Ending, tested: bool) -> (Verdict, String) {
    let say = |verdict, reason: &str| (verdict, reason.to_owned());
    let exit = exit_of(ending.status);
    if let Some(Stop::Tamper(what)) = ending.stop {
        return say(Verdict::Tamper, what);
    }
    if ending.usage.out_of_memory || ending.stop == Some(Stop::Memory) {
        return say(Verdict::MemoryLimit, "out of memory");
    }
    if !seen.started {
        return say(Verdict::Infra, "the program's process was not set up");
    }
    if let Some(Stop::Output(stream)) = ending.stop {
        return (Verdict::OutputLimit, format!("too much on {stream}"));
    }
    if spent_its_processor_time(ending) {
        return say(Verdict::TimeLimit, "out of processor time");
    }
    if ending.stop == Some(Stop::Wall) {
        return say(Verdict::TimeLimit, "out of time on the wall");
    }
    if ending.stop == Some(Stop::Processes) {
        return say(Verdict::ProcessLimit, "too many processes or threads");
    }
    if let Some(failure) = &seen.failure {
        return bounded_by(failure, ending).unwrap_or_else(|| failed(failure));
    }
    if ending.stop.is_some() {
        // Only its tests can have this done to a program; whatever had passed by then does not count.
        return say(Verdict::Rejected, "the tests broke off");
    }
    let clean = exit == Termination::Exit(0);
    match (clean, tested) {
        (false, _) if ending.usage.out_of_processes => say(Verdict::ProcessLimit, "too many processes or threads"),
        (false, _) if exit == Termination::Signal(libc::SIGXFSZ) => say(Verdict::DiskLimit, "a file grew too large"),
        (false, _) => (Verdict::RuntimeError, ended(exit)),
        (true, false) => say(Verdict::Unverified, "ran to its end; there were no tests"),
        (true, true) if !seen.complete => say(Verdict::NoRun, "ended before its tests had run"),
        (true, true) if seen.declared == 0 || seen.unjudged > 0 => {
            say(Verdict::Unverified, "ran to its end; not every call had an expected value")
        }
        (true, true) if seen.passed == seen.declared => {
            (Verdict::Pass, format!("passed {} of {}", seen.passed, seen.declared))
        }
        // A failure is always noted with the call that did not pass; this arm keeps the rule in one place.
        (true, true) => (Verdict::WrongAnswer, format!("passed {} of {}", seen.passed, seen.declared)),
    }
}

/// Whether the supervisor stopped the program for its processor time, or the group's clock or the kernel's bound on its
/// process shows that it would have.
fn spent_its_processor_time(ending: &Ending) -> bool {
    let by_kernel = ending.stop.is_none() && exit_of(ending.status) == Termination::Signal(libc::SIGXCPU);
    ending.stop == Some(Stop::Processor) || ending.out_of_processor || by_kernel
}

/// The bound that a failure shows, where there is one.
fn bounded_by(failure: &Failure, ending: &Ending) -> Option<(Verdict, String)> {
    let report = match failure {
        Failure::Compile(_) | Failure::NoEntry | Failure::Tests(_) => return None,
        Failure::Body(report) | Failure::Raised { report, .. } => Some(report),
        Failure::Wrong { .. } | Failure::NotPlain { .. } | Failure::Check(_) => None,
    };
    let errno = report.and_then(|report| report.errno);
    if matches!(errno, Some(libc::ENOSPC | libc::EFBIG | libc::EDQUOT)) || ending.usage.out_of_disk {
        return Some((Verdict::DiskLimit, "too much on disk".to_owned()));
    }
    if report.is_some_and(|report| report.class == "MemoryError") {
        return Some((Verdict::MemoryLimit, "out of memory".to_owned()));
    }
    let refused =
        ending.usage.out_of_processes || ending.usage.refusals_unseen && report.is_some_and(was_refused_a_process);
    refused.then(|| (Verdict::ProcessLimit, "too many processes or threads".to_owned()))
}

/// What Python raises where `fork` or a new thread is refused.
fn was_refused_a_process(report: &Report) -> bool {
    report.errno == Some(libc::EAGAIN) || report.message == "can't start new thread"
}

fn failed(failure: &Failure) -> (Verdict, String) {
    match failure {
        Failure::Compile(report) => (Verdict::CompileError, report.to_string()),
        Failure::Body(report) => (Verdict::RuntimeError, format!("raised {report}")),
        Failure::NoEntry => (Verdict::RuntimeError, "does not define the entry point".to_owned()),
        Failure::Raised { call, report } => (Verdict::RuntimeError, format!("call {call} raised {report}")),
        Failure::Wrong { call, got } => (Verdict::WrongAnswer, format!("call {call} returned {}", shown(got))),
        Failure::NotPlain { call, what } => {
            (Verdict::WrongAnswer, format!("call {call} returned {what}, which is not a plain value"))
        }
        Failure::Check(why) => (Verdict::WrongAnswer, format!("the check failed: {why}")),
        Failure::Tests(why) => (Verdict::Rejected, why.clone()),
    }
}

fn ended(exit: Termination) -> String {
    match exit {
        Termination::Exit(code) => format!("ended with exit status {code}"),
        Termination::Signal(signal) => {
            let name = nix::sys::signal::Signal::try_from(signal).map_or("an unknown signal", |signal| signal.as_str());
            format!("ended by {name}")
        }
        _ => "ended".to_owned(),
    }
}

/// Exit code or signal of a wait status.
fn exit_of(status: i32) -> Termination {
    if libc::WIFSIGNALED(status) {
        Termination::Signal(libc::WTERMSIG(status))
    } else {
        Termination::Exit(libc::WEXITSTATUS(status))
    }
}

/// How a program ended, for the record: the bound that ended it, or its own status.
fn termination(ending: &Ending, verdict: Verdict) -> Termination {
    match (verdict, ending.stop) {
        (Verdict::MemoryLimit, _) => Termination::Memory,
        (Verdict::DiskLimit, _) => Termination::Disk,
        (Verdict::ProcessLimit, _) => Termination::Pids,
        (Verdict::OutputLimit, _) => Termination::Output,
        (Verdict::Infra, _) => Termination::Infra,
        (Verdict::CompileError, _) => Termination::LaunchError,
        (Verdict::TimeLimit, Some(Stop::Wall)) if !ending.out_of_processor => Termination::WallTime,
        (Verdict::TimeLimit, _) => Termination::CpuTime,
        _ => exit_of(ending.status),
    }
}
