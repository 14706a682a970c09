use genesis_core::execution::{ExecutionRequest, Limits};
use serde_json::json;

use super::*;
use crate::admission::admit;

fn program(tests: serde_json::Value, capture: bool) -> Program {
    let request: ExecutionRequest = serde_json::from_value(
        json!({"id": "a", "source": "pass", "tests": tests, "capture": capture, "limits": Limits::default()}),
    )
    .unwrap();
    admit(&request).unwrap()
}

fn calls(capture: bool) -> Program {
    let cases = json!([{"args": ["1"], "expected": "2"}, {"args": ["2"], "expected": "4"}]);
    program(json!({"kind": "calls", "entry": "f", "cases": cases}), capture)
}

fn script() -> Program {
    program(json!({"kind": "script", "entry": "f", "setup": "", "check": "def check(c): pass"}), false)
}

/// Plays frames `P` (program) or `T` (tester), kind and text; returns what was said and seen.
fn play(program: &Program, frames: &[(char, char, &str)]) -> Result<(Vec<String>, Transcript), Garbled> {
    let mut dialogue = Dialogue::new(program);
    let mut said = Vec::new();
    for &(from, kind, text) in frames {
        let side = if from == 'P' { Side::Program } else { Side::Tester };
        let frame = Frame { kind: kind as u8, text: text.to_owned() };
        said.extend(dialogue.hear(side, &frame)?.into_iter().map(|step| match step {
            Step::Say { to, kind, text } => format!("{to:?} {} {text}", char::from(kind)),
            Step::StartTester => "start tester".to_owned(),
        }));
    }
    Ok((said, dialogue.finish()))
}

#[test]
fn calls_are_sent_without_their_expected_values() {
    let (said, seen) =
        play(&calls(false), &[('P', 'S', ""), ('P', 'L', ""), ('P', 'V', "2"), ('P', 'V', "4")]).unwrap();
    assert_eq!(said, ["Program c ((1,), {})", "Program c ((2,), {})", "Program e "]);
    assert_eq!((seen.declared, seen.executed, seen.passed, seen.complete), (2, 2, 2, true));
    assert_eq!(seen.failure, None);
}

#[test]
fn only_so_many_calls_are_on_their_way() {
    let case = |number: usize| json!({"args": [number.to_string()], "expected": "0"});
    let cases: Vec<_> = (0..WINDOW + 2).map(case).collect();
    let program = program(json!({"kind": "calls", "entry": "f", "cases": cases}), false);
    let start = [('P', 'S', ""), ('P', 'L', "")];
    let said = |answers: usize| play(&program, &[&start[..], &vec![('P', 'V', "0"); answers]].concat()).unwrap();
    assert_eq!(said(0).0.len(), WINDOW);
    assert_eq!(said(1).0.len(), WINDOW + 1);
    assert_eq!(said(2).0.last().unwrap(), "Program e ");
    assert_eq!((said(2).0.len(), said(2).1.executed), (WINDOW + 3, 3));
    assert!(said(WINDOW + 2).1.complete && !said(WINDOW + 1).1.complete);
    assert!(play(&program, &[&start[..], &vec![('P', 'V', "0"); WINDOW + 3]].concat()).is_err());
}

#[test]
fn the_first_failure_decides_and_the_other_calls_still_run() {
    let raised = "IndexError\n\nlist index out of range";
    for (frame, failure) in [
        (('P', 'V', "2.0"), Failure::Wrong { call: 1, got: "2.0".to_owned() }),
        (('P', 'U', "a generator"), Failure::NotPlain { call: 1, what: "a generator".to_owned() }),
        (('P', 'R', raised), Failure::Raised { call: 1, report: Report::read(raised) }),
    ] {
        let (_, seen) = play(&calls(false), &[('P', 'S', ""), ('P', 'L', ""), frame, ('P', 'V', "4")]).unwrap();
        assert_eq!((seen.executed, seen.passed, seen.complete), (2, 1, true));
        assert_eq!(seen.failure, Some(failure));
    }
}

#[test]
fn equal_values_pass_whatever_their_order() {
    let cases = json!([{"args": [], "expected": "{'a': {1, 2}, 'b': 0.0}"}]);
    let program = program(json!({"kind": "calls", "entry": "f", "cases": cases}), false);
    let (_, seen) = play(&program, &[('P', 'S', ""), ('P', 'L', ""), ('P', 'V', "{'b': -0.0, 'a': {2, 1}}")]).unwrap();
    assert_eq!((seen.passed, seen.failure), (1, None));
}

#[test]
fn captured_values_are_canonical_and_missing_ones_are_lost() {
    let (_, seen) = play(&calls(true), &[('P', 'S', ""), ('P', 'L', ""), ('P', 'V', "{2, 1}")]).unwrap();
    assert_eq!(seen.values, [CallOutcome::Value("{1, 2}".to_owned()), CallOutcome::Lost]);
}

#[test]
fn captured_values_have_a_budget() {
    let case = |number: usize| json!({"args": [number.to_string()], "expected": ""});
    let cases: Vec<_> = (0..40).map(case).collect();
    let program = program(json!({"kind": "calls", "entry": "f", "cases": cases}), true);
    let mut dialogue = Dialogue::new(&program);
    let mut say = |kind: u8, text: &str| {
        dialogue.hear(Side::Program, &Frame { kind, text: text.to_owned() }).unwrap();
        dialogue.holds_too_much()
    };
    assert!(!say(b'S', "") && !say(b'L', ""));
    let value = format!("'{}'", "x".repeat(1_000_000));
    let kept = (0..40).take_while(|_| !say(b'V', &value)).count();
    assert_eq!(kept, MAX_CAPTURED / value.len());
}

#[test]
fn frames_out_of_turn_are_noticed() {
    for frames in [
        &[('P', 'L', "")][..],
        &[('P', 'S', ""), ('P', 'S', "")],
        &[('P', 'S', ""), ('P', 'V', "2")],
        &[('P', 'S', ""), ('P', 'L', ""), ('P', 'L', "")],
        &[('P', 'S', ""), ('P', 'L', ""), ('P', 'V', "2"), ('P', 'V', "4"), ('P', 'V', "6")],
        &[('P', 'S', ""), ('P', 'L', ""), ('P', 'V', "print(1)")],
        &[('P', 'S', ""), ('P', '?', "")],
    ] {
        assert!(play(&calls(false), frames).is_err(), "{frames:?}");
    }
    let nothing = program(serde_json::Value::Null, false);
    assert!(play(&nothing, &[('P', 'S', ""), ('P', 'L', "")]).is_err());
}

#[test]
fn a_test_program_calls_through_the_supervisor() {
    let start = [('P', 'S', ""), ('P', 'L', ""), ('T', 'S', "")];
    let frames = [&start[..], &[('T', 'k', "(([1,2],), {})"), ('P', 'V', "{2,1}"), ('T', 'd', "")]].concat();
    let (said, seen) = play(&script(), &frames).unwrap();
    assert_eq!(said, ["start tester", "Program c (([1, 2],), {})", "Tester v {2, 1}", "Program e "]);
    assert_eq!((seen.declared, seen.executed, seen.passed, seen.complete), (1, 1, 1, true));
}

#[test]
fn a_check_that_says_no_or_never_asks_is_no_pass() {
    let start = [('P', 'S', ""), ('P', 'L', ""), ('T', 'S', "")];
    let asked = [('T', 'k', "((), {})"), ('P', 'R', "KeyError\n\n'a'")];
    for (rest, failure) in [
        (vec![('T', 'd', "")], Failure::Tests("the check never called the program".to_owned())),
        (vec![('T', 'a', "AssertionError\n\n")], Failure::Check("AssertionError".to_owned())),
        (vec![('T', 's', "NameError\n\nx")], Failure::Tests("the tests do not start: NameError: x".to_owned())),
        (
            [&asked[..], &[('T', 'f', "KeyError\n\n")]].concat(),
            Failure::Raised { call: 1, report: Report::read("KeyError\n\n'a'") },
        ),
    ] {
        let (_, seen) = play(&script(), &[&start[..], &rest].concat()).unwrap();
        assert_eq!((seen.passed, seen.complete), (0, false));
        assert_eq!(seen.failure, Some(failure));
    }
}

#[test]
fn the_two_sides_of_a_script_speak_in_turn() {
    let start = [('P', 'S', ""), ('P', 'L', ""), ('T', 'S', "")];
    for rest in [
        &[('P', 'V', "1")][..],
        &[('T', 'k', "((), {})"), ('T', 'd', "")],
        &[('T', 'S', "")],
        &[('T', 'd', ""), ('T', 'd', "")],
    ] {
        assert!(play(&script(), &[&start[..], rest].concat()).is_err(), "{rest:?}");
    }
}

#[test]
fn tests_that_break_off_never_help_the_program() {
    let program = script();
    for (frames, failure) in [
        (vec![('T', 'S', "")], Failure::Tests("the tests ended early".to_owned())),
        (
            vec![('T', 'S', ""), ('T', 'k', "((), {})")],
            Failure::Check("the tests ended early with this program's values".to_owned()),
        ),
    ] {
        let mut dialogue = Dialogue::new(&program);
        for (from, kind, text) in [&[('P', 'S', ""), ('P', 'L', "")][..], &frames].concat() {
            let side = if from == 'P' { Side::Program } else { Side::Tester };
            dialogue.hear(side, &Frame { kind: kind as u8, text: text.to_owned() }).unwrap();
        }
        dialogue.tester_lost("ended early");
        assert_eq!(dialogue.finish().failure, Some(failure));
    }
}
