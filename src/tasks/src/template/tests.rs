use super::*;

fn parameters() -> Parameters {
    Parameters { k: 7, m: 3, t: 2, c: 9, a: 'e', b: 's', j: "-" }
}

#[test]
fn placeholders_are_filled() {
    let variables = Variables { input: "xs", output: "out" };
    for (template, text) in [
        ("{in}[:{t-1}]", "xs[:1]"),
        ("'{j}'.join({in})", "'-'.join(xs)"),
        ("{out} = {}", "out = {}"),
        ("{in}.replace('{a}', '{b}')", "xs.replace('e', 's')"),
        ("{k} {m} {t+2} {c}", "7 3 4 9"),
        ("plain", "plain"),
    ] {
        assert_eq!(Template::parse(template).unwrap().fill(&parameters(), variables), text);
    }
}

#[test]
fn a_wrong_template_is_named() {
    assert!(matches!(Template::parse("{in"), Err(TemplateError::Unclosed { .. })));
    for wrong in ["{x}", "{k+}", "{k+12}", "{a+1}", "{k1}"] {
        let error = Template::parse(wrong).unwrap_err();
        assert!(error.to_string().contains(wrong), "{error}");
    }
}

#[test]
fn lines_make_a_block() {
    assert!(matches!(Code::try_from("len({in})".to_owned()), Ok(Code::Expression(_))));
    let block = Code::try_from("total = 0\nfor x in {in}:\n    total += x\n".to_owned()).unwrap();
    assert_eq!(block.lines().len(), 3);
}
