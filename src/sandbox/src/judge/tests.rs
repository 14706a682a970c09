use proptest::prelude::*;

use super::*;
use crate::dialogue::{Failure, Report};

const EXIT_0: i32 = 0;
const EXIT_1: i32 = 1 << 8;

fn passed() -> Transcript {
    Transcript {
        started: true,
        loaded: true,
        declared: 2,
        executed: 2,
        passed: 2,
        complete: true,
        ..Transcript::default()
    }
}

fn failed_by(failure: Failure) -> Transcript {
    Transcript { passed: 1, failure: Some(failure), ..passed() }
}

fn raised(class: &str, errno: Option<i32>) -> Transcript {
    let report = Report { class: class.to_owned(), errno, message: String::new() };
    failed_by(Failure::Raised { call: 2, report })
}

fn ending(status: i32) -> Ending {
    Ending { stop: None, status, usage: Usage::default(), out_of_processor: false }
}

fn stopped(stop: Stop) -> Ending {
    Ending { stop: Some(stop), ..ending(libc::SIGKILL) }
}

fn spent(ending: Ending) -> Ending {
    Ending { out_of_processor: true, ..ending }
}

fn used(change: impl Fn(&mut Usage), status: i32) -> Ending {
    let mut ending = ending(status);
    change(&mut ending.usage);
    ending
}

#[test]
fn each_way_to_end_has_its_verdict() {
    use Verdict::{
        CompileError, DiskLimit, Infra, MemoryLimit, NoRun, OutputLimit, Pass, ProcessLimit, Rejected, RuntimeError,
        Tamper, TimeLimit, Unverified, WrongAnswer,
    };
    let left = Transcript { executed: 1, passed: 0, complete: false, ..passed() };
    let oom = |status| used(|usage| usage.out_of_memory = true, status);
    let pids = |status| used(|usage| usage.out_of_processes = true, status);
    let table: Vec<(Transcript, Ending, bool, Verdict, Termination)> = vec![
        (passed(), ending(EXIT_0), true, Pass, Termination::Exit(0)),
        (passed(), ending(EXIT_1), true, RuntimeError, Termination::Exit(1)),
        (passed(), ending(libc::SIGSEGV), true, RuntimeError, Termination::Signal(11)),
        (passed(), stopped(Stop::Tamper("wrote")), true, Tamper, Termination::Signal(9)),
        (passed(), stopped(Stop::Processor), true, TimeLimit, Termination::CpuTime),
        (passed(), ending(libc::SIGXCPU), true, TimeLimit, Termination::CpuTime),
        (passed(), stopped(Stop::Wall), true, TimeLimit, Termination::WallTime),
        (passed(), spent(ending(EXIT_0)), true, TimeLimit, Termination::CpuTime),
        (passed(), spent(ending(libc::SIGKILL)), true, TimeLimit, Termination::CpuTime),
        (passed(), spent(stopped(Stop::Wall)), true, TimeLimit, Termination::CpuTime),
        (passed(), spent(stopped(Stop::Tamper("wrote"))), true, Tamper, Termination::Signal(9)),
        (passed(), stopped(Stop::Output("stdout")), true, OutputLimit, Termination::Output),
        (passed(), oom(EXIT_0), true, MemoryLimit, Termination::Memory),
        (passed(), pids(EXIT_0), true, Pass, Termination::Exit(0)),
        (passed(), pids(EXIT_1), true, ProcessLimit, Termination::Pids),
        (passed(), ending(libc::SIGXFSZ), true, DiskLimit, Termination::Disk),
        (left.clone(), ending(EXIT_0), true, NoRun, Termination::Exit(0)),
        (left, ending(EXIT_1), true, RuntimeError, Termination::Exit(1)),
        (
            failed_by(Failure::Wrong { call: 1, got: "3".into() }),
            ending(EXIT_0),
            true,
            WrongAnswer,
            Termination::Exit(0),
        ),
        (
            failed_by(Failure::NotPlain { call: 1, what: "a map".into() }),
            ending(EXIT_0),
            true,
            WrongAnswer,
            Termination::Exit(0),
        ),
        (failed_by(Failure::Check("no".into())), ending(EXIT_0), true, WrongAnswer, Termination::Exit(0)),
        (failed_by(Failure::Tests("no".into())), ending(EXIT_0), true, Rejected, Termination::Exit(0)),
        (passed(), stopped(Stop::Decided), true, Rejected, Termination::Signal(9)),
        (failed_by(Failure::NoEntry), ending(EXIT_0), true, RuntimeError, Termination::Exit(0)),
        (
            failed_by(Failure::Compile(Report { class: "SyntaxError".into(), ..Report::default() })),
            ending(EXIT_1),
            true,
            CompileError,
            Termination::LaunchError,
        ),
        (raised("IndexError", None), ending(EXIT_0), true, RuntimeError, Termination::Exit(0)),
        (raised("MemoryError", None), ending(EXIT_0), true, MemoryLimit, Termination::Memory),
        (raised("OSError", Some(libc::ENOSPC)), ending(EXIT_0), true, DiskLimit, Termination::Disk),
        (raised("OSError", Some(libc::EFBIG)), ending(EXIT_0), true, DiskLimit, Termination::Disk),
        (raised("BlockingIOError", Some(libc::EAGAIN)), pids(EXIT_0), true, ProcessLimit, Termination::Pids),
        (Transcript::default(), ending(EXIT_1), true, Infra, Termination::Infra),
        (
            Transcript { started: true, ..Transcript::default() },
            ending(EXIT_0),
            false,
            Unverified,
            Termination::Exit(0),
        ),
        (
            Transcript { started: true, ..Transcript::default() },
            ending(EXIT_1),
            false,
            RuntimeError,
            Termination::Exit(1),
        ),
        (
            Transcript { declared: 0, executed: 0, passed: 0, ..passed() },
            ending(EXIT_0),
            true,
            Unverified,
            Termination::Exit(0),
        ),
        (Transcript { unjudged: 1, passed: 1, ..passed() }, ending(EXIT_0), true, Unverified, Termination::Exit(0)),
    ];
    for (seen, ending, tested, verdict, termination) in table {
        let judgement = judge(&seen, &ending, tested);
        assert_eq!((judgement.verdict, judgement.termination), (verdict, termination), "{seen:?} {ending:?}");
        assert!(!judgement.reason.is_empty());
    }
}

#[test]
fn reasons_never_tell_the_expected_value_and_stay_on_one_line() {
    let wrong = Failure::Wrong { call: 1, got: "x\n".repeat(500) };
    let reason = judge(&failed_by(wrong), &ending(EXIT_0), true).reason;
    assert!(reason.len() < 400 && !reason.contains('\n'), "{reason}");
}

fn stops() -> impl Strategy<Value = Option<Stop>> {
    prop_oneof![
        4 => Just(None),
        1 => Just(Some(Stop::Processor)),
        1 => Just(Some(Stop::Wall)),
        1 => Just(Some(Stop::Output("stderr"))),
        1 => Just(Some(Stop::Tamper("wrote"))),
        1 => Just(Some(Stop::Decided)),
    ]
}

proptest! {
    /// Whatever else happened, `Pass` needs every declared call passed, a clean exit, and no bound broken.
    #[test]
    fn a_pass_needs_everything(
        flags in any::<[bool; 7]>(), counts in (0_u32..3, 0_u32..3, 0_u32..3), stop in stops(),
        status in prop_oneof![Just(EXIT_0), Just(EXIT_1), Just(libc::SIGKILL)], fails in any::<bool>(),
    ) {
        let [started, loaded, out_of_processor, complete, memory, processes, disk] = flags;
        let (declared, executed, passed) = counts;
        let failure = fails.then_some(Failure::NoEntry);
        let seen = Transcript { started, loaded, declared, executed, passed, complete, failure, ..Transcript::default() };
        let usage = Usage { out_of_memory: memory, out_of_processes: processes, out_of_disk: disk, ..Usage::default() };
        let verdict = judge(&seen, &Ending { stop, status, usage, out_of_processor }, true).verdict;
        let deserved = started && complete && declared > 0 && passed == declared && status == EXIT_0
            && stop.is_none() && !memory && !out_of_processor && !fails;
        if verdict == Verdict::Pass {
            prop_assert!(deserved);
        }
    }
}
