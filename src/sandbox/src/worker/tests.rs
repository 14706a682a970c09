//! What happens when the sandbox itself fails: needs real cells, and says so where there are none.

#[path = "../../tests/granted/mod.rs"]
mod granted;

use std::time::Duration;

use granted::or_skip;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::*;

fn worker() -> Option<Worker> {
    let start = || Worker::start(Arc::new(Workshop::open("/usr/bin/python3".as_ref())?));
    or_skip(start(), SetupError::is_not_granted)
}

fn request(source: &str) -> ExecutionRequest {
    serde_json::from_value(serde_json::json!({"id": "a", "source": source, "tests": {
        "kind": "calls", "entry": "f", "cases": [{"args": ["3"], "expected": "9"}]}}))
    .unwrap()
}

/// Whether a process is pid 1 of the innermost namespace that it is in: the zygote, and no program of its cell.
fn is_zygote(process: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
    let numbers: Vec<_> = numbers.split_whitespace().collect();
    numbers.len() > 1 && numbers.last() == Some(&"1")
}

/// Kills the zygotes of the cells of `worker`, present and later ones, every `pause`, `times` times, from another thread.
fn kill_zygotes(worker: &Worker, pause: Duration, times: usize) -> std::thread::JoinHandle<()> {
    assert!(worker.zygote().is_some_and(|zygote| is_zygote(&zygote.to_string())));
    let group = worker.workshop.hierarchy_path();
    std::thread::spawn(move || {
        for _ in 0..times {
            std::thread::sleep(pause);
            for cell in std::fs::read_dir(&group).into_iter().flatten().flatten() {
                let members = std::fs::read_to_string(cell.path().join("cgroup.procs")).unwrap_or_default();
                let zygotes = members.lines().filter(|process| is_zygote(process));
                for zygote in zygotes.filter_map(|process| process.parse().ok()) {
                    let _ = kill(Pid::from_raw(zygote), Signal::SIGKILL);
                }
            }
        }
    })
}

const SLOW: &str = "import time\ntime.sleep(1)\ndef f(x): return x * x";

#[test]
fn a_program_whose_fork_server_dies_is_run_once_more() {
    let Some(mut worker) = worker() else { return };
    let first = worker.zygote();
    let killer = kill_zygotes(&worker, Duration::from_millis(300), 1);
    let record = worker.execute(&request(SLOW));
    killer.join().unwrap();
    assert_eq!(record.verdict, ExecutionVerdict::Pass, "{record:#?}");
    assert_ne!(worker.zygote(), first);
}

#[test]
fn where_it_dies_again_the_verdict_is_infra_and_the_next_program_is_judged() {
    let Some(mut worker) = worker() else { return };
    let killer = kill_zygotes(&worker, Duration::from_millis(150), 30);
    let record = worker.execute(&request(&SLOW.replace("sleep(1)", "sleep(3)")));
    assert_eq!((record.verdict, record.termination), (ExecutionVerdict::Infra, Termination::Infra), "{record:#?}");
    assert_eq!(record.tests.passed, 0);
    killer.join().unwrap();
    let record = worker.execute(&request("def f(x): return x * x"));
    assert_eq!(record.verdict, ExecutionVerdict::Pass, "{record:#?}");
}

#[test]
fn groups_are_removed_with_their_worker() {
    let Some(mut worker) = worker() else { return };
    let path = worker.workshop.hierarchy_path();
    worker.execute(&request("def f(x): return x * x"));
    assert!(path.is_dir());
    drop(worker);
    assert!(!path.exists());
}

#[test]
fn an_interpreter_that_cannot_be_used_is_named() {
    let error = Workshop::open("/bin/sh".as_ref()).unwrap_err();
    assert!(error.to_string().contains("/bin/sh is not a usable CPython"), "{error}");
}
