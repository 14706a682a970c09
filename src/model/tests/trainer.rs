//! `genesis-trainer lora` as a Job sees it: exit codes, events to the operator, signals, resumption.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use genesis_artifacts::Store;
use genesis_core::wire::{ArtifactRef, EXIT_INTERRUPTED, EXIT_USER_ERROR, JobEvent};

#[path = "../src/testing/operator.rs"]
#[allow(dead_code, reason = "the tests in src use the rest")]
mod operator;
#[path = "../src/testing/place.rs"]
mod place;

use operator::Operator;

/// A base model, a dataset and a store in a folder of their own.
struct Workplace {
    folder: tempfile::TempDir,
    dataset: ArtifactRef,
    store: Store,
}

impl Workplace {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        place::write_base(&folder.path().join("base"));
        let store = Store::at(&folder.path().join("store")).unwrap();
        let dataset = place::put_dataset(&store);
        Self { folder, dataset, store }
    }

    fn command(&self, epochs: usize) -> Command {
        self.command_with(epochs, 2)
    }

    fn command_with(&self, epochs: usize, rank: usize) -> Command {
        let base = format!("file://{}", self.folder.path().join("base").display());
        let mut command = Command::new(env!("CARGO_BIN_EXE_genesis-trainer"));
        command.args(["--threads", "1", "lora", "--base", &base, "--store", &self.store.uri()]);
        command.args(["--dataset", &self.dataset.uri, "--dataset-digest", self.dataset.digest.as_str()]);
        command.args(["--rank", &rank.to_string(), "--alpha", "4"]);
        command.args(["--batch-size", "3", "--epochs", &epochs.to_string()]);
        command.env_remove("GENESIS_REPORT_URL").stdout(Stdio::piped()).stderr(Stdio::null());
        command
    }
}

fn events(output: &[u8]) -> Vec<JobEvent> {
    output.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
}

#[test]
fn a_finished_job_ends_with_zero_and_the_operator_has_heard_it() {
    let place = Workplace::new();
    let operator = Operator::answering(&[]);
    let output = place.command(2).env("GENESIS_REPORT_URL", &operator.url).output().unwrap();
    assert!(output.status.success());
    let printed = events(&output.stdout);
    assert!(matches!(printed.first(), Some(JobEvent::Started { total_steps: 4, resumed_from: 0 })));
    assert!(matches!(printed.last(), Some(JobEvent::Trained { rank: 2, steps: 4, .. })));
    assert_eq!(operator.heard().last(), printed.last());
}

#[test]
fn an_adapter_nobody_heard_of_is_a_failure_until_it_is_heard_of() {
    let place = Workplace::new();
    let operator = Operator::answering(&[403; 32]);
    assert_eq!(place.command(2).env("GENESIS_REPORT_URL", &operator.url).output().unwrap().status.code(), Some(1));
    let operator = Operator::answering(&[]);
    assert!(place.command(2).env("GENESIS_REPORT_URL", &operator.url).output().unwrap().status.success());
    // It was not trained a second time.
    assert!(matches!(operator.heard().as_slice(), [JobEvent::Trained { .. }]));
}

#[test]
fn wrong_input_ends_with_the_code_for_it_and_a_message() {
    let place = Workplace::new();
    let operator = Operator::answering(&[]);
    let output = place.command_with(2, 64).env("GENESIS_REPORT_URL", &operator.url).output().unwrap();
    assert_eq!(output.status.code(), Some(EXIT_USER_ERROR));
    let heard = operator.heard();
    let [JobEvent::Failed { reason, message, retriable: false }] = heard.as_slice() else { panic!("{heard:?}") };
    assert_eq!(reason, "RecipeInvalid");
    assert!(message.contains("rank is 64"), "{message}");
}

#[test]
fn a_command_line_that_cannot_be_read_is_wrong_input_too() {
    let place = Workplace::new();
    assert_eq!(place.command(2).arg("--ranks").output().unwrap().status.code(), Some(EXIT_USER_ERROR));
    assert!(place.command(2).arg("--help").output().unwrap().status.success());
}

/// A process that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended: then there is nothing to kill.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a run that would take minutes, and asks it to stop once it has told of its progress.
fn interrupt(place: &Workplace, operator: &Operator) -> Vec<JobEvent> {
    let mut command = place.command(200_000);
    let mut child = Running(command.env("GENESIS_REPORT_URL", &operator.url).spawn().unwrap());
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    let mut heard = Vec::new();
    while !matches!(heard.last(), Some(JobEvent::Progress { .. })) {
        heard.push(serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap());
    }
    assert!(Command::new("kill").arg(child.0.id().to_string()).status().unwrap().success());
    heard.extend(lines.map(|line| serde_json::from_str::<JobEvent>(&line.unwrap()).unwrap()));
    assert_eq!(child.0.wait().unwrap().code(), Some(EXIT_INTERRUPTED));
    heard
}

#[test]
fn a_job_that_is_asked_to_stop_saves_its_work_and_goes_on_later() {
    let place = Workplace::new();
    // It is busy when the run begins, and has heard of the last checkpoint all the same when the process has ended.
    let operator = Operator::answering(&[503, 503, 503]);
    let first = interrupt(&place, &operator);
    let Some(JobEvent::Checkpoint { step, checkpoint }) = first.last() else { panic!("{first:?}") };
    assert!(Store::verify_directory(&checkpoint.uri, &checkpoint.digest).is_ok());
    let heard = operator.heard();
    let told = heard.iter().rev().find(|event| matches!(event, JobEvent::Checkpoint { .. }));
    assert_eq!(told, first.last());
    let second = interrupt(&place, &operator);
    assert!(matches!(&second[0], JobEvent::Started { resumed_from, .. } if resumed_from == step), "{:?}", second[0]);
}
