use proptest::prelude::*;

use super::*;

fn canonical(text: &str) -> String {
    Value::parse(text).map_or_else(|error| error.to_string(), |value| value.canonical())
}

#[test]
fn literals_become_what_cpython_prints() {
    for (literal, expected) in [
        ("None", "None"),
        (" [1,2] ", "[1, 2]"),
        ("[1,2,]", "[1, 2]"),
        ("(1)", "1"),
        ("(1,)", "(1,)"),
        ("()", "()"),
        ("(1,2)", "(1, 2)"),
        ("{}", "{}"),
        ("set()", "set()"),
        ("{1: 2, 3:4}", "{1: 2, 3: 4}"),
        ("{'b': 1, 'a': [True]}", "{'a': [True], 'b': 1}"),
        ("{3, 1, 2}", "{1, 2, 3}"),
        ("{10, 9}", "{10, 9}"),
        ("{1, True, 1.0}", "{1}"),
        ("{1: 'a', True: 'b'}", "{1: 'b'}"),
        ("{(1, 2): 3, (1.0, 2): 4}", "{(1, 2): 4}"),
        ("- 5", "-5"),
        ("-0", "0"),
        ("-0.0", "0.0"),
        ("0x_ff", "255"),
        ("0xFFFFFFFFFFFFFFFFFFFF", "1208925819614629174706175"),
        ("0b101", "5"),
        ("1_000", "1000"),
        ("1.", "1.0"),
        (".5", "0.5"),
        ("1e5", "100000.0"),
        ("1e16", "1e+16"),
        ("1e-5", "1e-05"),
        ("0.0001", "0.0001"),
        ("123456789012345680.0", "1.2345678901234568e+17"),
        ("9007199254740993.0", "9007199254740992.0"),
        ("5e-324", "5e-324"),
        ("0.1", "0.1"),
        ("float('inf')", "inf"),
        ("-inf", "-inf"),
        ("[nan]", "[nan]"),
        ("'a' \"b\"", "'ab'"),
        ("\"it's\"", "\"it's\""),
        ("'\\'\"'", "'\\'\"'"),
        ("'\\x41\\u00e9\\U0001F600\\n\\0\\101'", "'A\\xe9\\U0001f600\\n\\x00A'"),
        ("'é😀'", "'\\xe9\\U0001f600'"),
        ("'\\ud800'", "'\\ud800'"),
        ("r'\\n'", "'\\\\n'"),
        ("b'\\xff\\'a'", "b\"\\xff'a\""),
        ("'''a\nb'''", "'a\\nb'"),
        ("'\\d'", "'\\\\d'"),
    ] {
        assert_eq!(canonical(literal), expected, "{literal}");
    }
}

#[test]
fn a_literal_keeps_what_equality_ignores() {
    for literal in ["{'b': 1, 'a': -0.0}", "[inf, -inf, nan]", "{2, 1}"] {
        assert_eq!(Value::parse(literal).unwrap().literal(), literal);
    }
}

#[test]
fn anything_but_one_literal_is_refused_with_its_place() {
    for bad in [
        "",
        "1 2",
        "[1",
        "[1 2]",
        "{[1]: 2}",
        "{1: 2, 3}",
        "{1, 2: 3}",
        "f(1)",
        "__import__('os')",
        "a",
        "1 + 1",
        "1j",
        "01",
        "1__0",
        "'a",
        "'\\x4'",
        "'\\N{BULLET}'",
        "b'é'",
        "-'a'",
        "-True",
        "[,]",
        "lambda: 0",
        "f'a'",
        "é",
        "0x",
        "1e",
        "set([1])",
        "float(1)",
        "'a' b'b'",
        "..",
        "1.2.3",
        "{1:}",
        "infinity",
        "b'\\777'",
    ] {
        assert!(Value::parse(bad).is_err(), "{bad} gave {}", canonical(bad));
    }
    let error = Value::parse("[1, x]").unwrap_err();
    assert_eq!(error.at, 4);
    assert!(error.to_string().contains("the name \"x\""), "{error}");
}

#[test]
fn depth_and_size_are_bounded() {
    assert!(Value::parse(&format!("{}{}", "[".repeat(60), "]".repeat(60))).is_ok());
    assert!(Value::parse(&"[".repeat(100_000)).is_err());
    assert!(Value::parse(&"1".repeat(4_301)).is_err());
    assert!(Value::parse(&format!("'{}'", "a".repeat(MAX_TEXT))).is_err());
}

#[test]
fn integers_of_other_bases_are_bounded_before_they_are_converted() {
    let largest = "9".repeat(MAX_DIGITS);
    for (prefix, digits) in [("0x", 3_572), ("0o", 4_762), ("0b", 14_285)] {
        // With a first digit of 1 the value has the fewest digits that this many can have.
        let rest = |count: usize| format!("{prefix}1{}", "0".repeat(count - 1));
        assert!(canonical(&rest(digits - 8)).len() <= largest.len(), "{prefix}");
        let error = Value::parse(&rest(digits + 1)).unwrap_err();
        assert!(error.to_string().contains("more than 4300 digits"), "{error}");
        // Zeros in front count for nothing.
        assert_eq!(canonical(&format!("{prefix}{}101", "0".repeat(100_000))), canonical(&format!("{prefix}101")));
    }
    assert_eq!(canonical("0x123456789abcdef0123456789"), "90144042682896311822508713865");
}

/// A text as long as a frame allows, full of the longest integers, takes moments and not minutes.
#[test]
fn many_long_integers_are_read_quickly() {
    let number = format!("0b{}", "1".repeat(14_000));
    let text = format!("[{}]", vec![number; MAX_TEXT / 14_003].join(","));
    let begun = std::time::Instant::now();
    assert!(Value::parse(&text).is_ok());
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn a_value_with_nan_says_so() {
    for (literal, expected) in [("nan", true), ("[(1, {2: nan})]", true), ("[1.0, inf]", false)] {
        assert_eq!(Value::parse(literal).unwrap().has_nan(), expected, "{literal}");
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::None),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|number| Value::Int(number.to_string())),
        any::<f64>().prop_filter("NaN equals nothing", |number| !number.is_nan()).prop_map(Value::Float),
        any::<String>().prop_map(|text| Value::Str(text.chars().map(u32::from).collect())),
        any::<Vec<u8>>().prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Tuple),
            // A map has each key once, as a dict does.
            prop::collection::btree_map(any::<i16>(), inner, 0..4).prop_map(|items| Value::Dict(
                items.into_iter().map(|(key, value)| (Value::Int(key.to_string()), value)).collect()
            )),
        ]
    })
}

proptest! {
    #[test]
    fn canonical_text_is_a_fixed_point(value in values()) {
        let text = value.canonical();
        prop_assert!(text.is_ascii());
        prop_assert_eq!(canonical(&text), canonical(&canonical(&text)));
    }

    #[test]
    fn a_literal_reads_back_as_the_same_value(value in values()) {
        let again = Value::parse(&value.literal()).unwrap();
        prop_assert_eq!(again.literal(), Value::parse(&again.literal()).unwrap().literal());
        prop_assert_eq!(again.canonical(), Value::parse(&value.canonical()).unwrap().canonical());
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,40}|[\\[\\](){},:'\"0-9.eEx+-]{0,24}") {
        let _ = Value::parse(&text);
    }
}
