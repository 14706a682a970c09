//! The verdict itself: positions, order, digests.

use super::*;

#[test]
fn findings_say_where_and_come_in_the_order_of_the_source() {
    let verdict = check("import os\n\n\ndef f(s):\n    é = eval(s)\n    return é\n");
    let places: Vec<_> = verdict.findings.iter().map(|f| (f.rule.as_str(), f.line, f.column)).collect();
    assert_eq!(places, [("F401", 1, 8), ("G202", 5, 9), ("S307", 5, 9)]);
    assert_eq!((verdict.passed, verdict.warnings(), verdict.blocked_by()), (false, 1, Some("G202")));
}

#[test]
fn the_ruleset_is_the_same_for_every_program_and_every_gate_of_one_policy() {
    let (one, other) = (check("x = 1\n"), Gate::default().check(Language::Python, "y = 2\n"));
    assert_eq!(one.ruleset, other.ruleset);
    let stricter = crate::Limits { depth: 10, ..crate::Limits::default() };
    let gate = Gate::new(crate::GatePolicy { limits: stricter, ..crate::GatePolicy::default() });
    assert_ne!(gate.ruleset(), &one.ruleset);
}

#[test]
fn programs_that_differ_in_layout_only_are_equal() {
    let one = check("def f(a):\n    return a+1\n").normalised;
    assert_eq!(one, check("# a comment\ndef f( a ):\n\n        return a + 1\n").normalised);
    assert_ne!(one, check("def f(a):\n    return a+2\n").normalised);
    assert_ne!(
        check("def f(:\n").normalised,
        check("def f(: \n").normalised,
        "what does not parse is taken by its bytes"
    );
}

#[test]
fn a_verdict_survives_json() {
    let verdict = check("eval('1')\n");
    let json = serde_json::to_string(&verdict).unwrap();
    assert_eq!(serde_json::from_str::<GateVerdict>(&json).unwrap(), verdict);
}

#[test]
fn messages_are_one_short_line_and_what_blocks_is_never_cut_off() {
    let mut source: String = (0..500).map(|i| format!("import m{i}\n")).collect();
    source.push_str(&format!("{} = eval('1')\n", "x".repeat(1_000)));
    let verdict = check(&source);
    assert!(verdict.findings.len() == 100 && !verdict.passed);
    assert!(verdict.findings.iter().all(|finding| finding.message.len() <= 800 && !finding.message.contains('\n')));
}
