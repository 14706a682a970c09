//! Hostile shapes: too long, too deep, not text. The gate answers, and soon.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

#[test]
fn sources_that_are_too_long_are_refused_unread() {
    assert_blocked(&"x = 1\n".repeat(11_000), "G001");
}

#[test]
fn deep_sources_are_refused_on_a_small_stack() {
    let fits = |unit: &str, rest: &str| unit.repeat(65_000 / unit.len() - rest.len()) + rest;
    let sources = [
        fits("(", "1"),
        fits("[", "1"),
        fits("{", "1"),
        fits("-", "1"),
        fits("not ", "1"),
        fits("lambda:", "1"),
        fits("f(", "1"),
        fits("a if b else ", "1"),
        fits("await ", "1"),
        format!("x = a{}", ".a".repeat(30_000)),
        format!("x = f{}", "()".repeat(30_000)),
        format!("x = 1{}", "+1".repeat(30_000)),
        format!("x = {}1{}", "(".repeat(32_000), ")".repeat(32_000)),
        format!("x = {}1{}", "[".repeat(32_000), "]".repeat(32_000)),
        format!("x = {}{}", "f'{".repeat(140), "}'".repeat(140)),
        format!("with {}a{}:\n    pass\n", "(".repeat(1_000), ")".repeat(1_000)),
        (0..300).map(|i| format!("{}if a:\n", " ".repeat(i))).collect::<String>() + &" ".repeat(300) + "pass\n",
        format!("match a:\n    case {}1{}:\n        pass\n", "[".repeat(10_000), "]".repeat(10_000)),
        format!("if a:\n    b\n{}", "elif a:\n    b\n".repeat(4_000)),
    ];
    let small = std::thread::Builder::new().stack_size(256 << 10);
    let refused = small.spawn(move || {
        for source in sources {
            let started = Instant::now();
            let verdict = check(&source);
            assert!(!verdict.passed || source.starts_with("if a:"), "{}…", &source[..20]);
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "{} ms for {}…",
                verdict.micros / 1_000,
                &source[..20]
            );
        }
    });
    refused.unwrap().join().unwrap();
}

#[test]
fn long_flat_sources_are_analysed() {
    assert_passes(&format!("table = [{}]\n", "1, ".repeat(15_000)));
    assert_passes(&"def f(a):\n    return a + 1\n\n\n".repeat(5).replace("f(", "g("));
    assert_passes(&(0..1_500).map(|i| format!("def f{i}(a):\n    return a\n\n")).collect::<String>());
}

#[test]
fn bytes_that_are_no_program_are_answered() {
    for source in ["\0", "\u{feff}x = 1\n", "\r\n\r\r\n", "\u{202e}", "💥", "x = '\\ud800'\n", "\\", "\t\tx", "é = 1\n"]
    {
        check(source);
    }
    assert_passes("");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever is put together from pieces of programs, the gate neither fails nor contradicts itself.
    #[test]
    fn any_mixture_of_pieces_is_answered(pieces in proptest::collection::vec(prop_oneof![
        Just("def f(a, b=1):\n    "), Just("return "), Just("eval("), Just(")"), Just("\n"), Just("'"), Just("\"\"\""),
        Just("f'{"), Just("}'"), Just("import os\n"), Just("os.system"), Just("["), Just("for x in "), Just("lambda: "),
        Just("class A:\n    "), Just("match x:\n  case "), Just("# noqa\n"), Just("async "), Just("\\"), Just("\t"), Just("é"),
    ], 0..40)) {
        let source = pieces.concat();
        let verdict = check(&source);
        prop_assert_eq!(verdict.passed, verdict.blocked_by().is_none());
        prop_assert_eq!(&check(&source).findings, &verdict.findings);
        prop_assert!(verdict.findings.iter().all(|finding| finding.rule != "G003"), "{:?}", verdict.findings);
    }
}
