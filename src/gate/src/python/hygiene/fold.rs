//! The text of an expression, where it can be told without running it: against names that are put together.

use ruff_python_ast::{Expr, FStringPart, InterpolatedStringElement, Number, Operator, UnaryOp};

/// Longest text that is put together: enough for a name, too little to be a cost.
const LONGEST: usize = 4_096;

/// The constant text of the expression: literals, `+`, f-strings, `chr`, `join`, `replace`, `[::-1]` and changes of case.
pub(super) fn text(expr: &Expr) -> Option<String> {
    let folded = match expr {
        Expr::StringLiteral(literal) => literal.value.to_str().to_owned(),
        Expr::BinOp(sum) if sum.op == Operator::Add => text(&sum.left)? + &text(&sum.right)?,
        Expr::FString(string) => {
            let mut whole = String::new();
            for part in &string.value {
                match part {
                    FStringPart::Literal(literal) => whole.push_str(literal.as_str()),
                    FStringPart::FString(string) => {
                        for element in &string.elements {
                            match element {
                                InterpolatedStringElement::Literal(literal) => whole.push_str(&literal.value),
                                InterpolatedStringElement::Interpolation(part) => {
                                    whole.push_str(&text(&part.expression)?);
                                }
                            }
                        }
                    }
                }
            }
            whole
        }
        Expr::Subscript(subscript) => {
            let Expr::Slice(slice) = &*subscript.slice else { return None };
            let backwards = slice.lower.is_none() && slice.upper.is_none() && is_minus_one(slice.step.as_deref()?);
            if !backwards {
                return None;
            }
            text(&subscript.value)?.chars().rev().collect()
        }
        Expr::Call(call) => called(&call.func, &call.arguments.args)?,
        _ => return None,
    };
    (folded.len() <= LONGEST).then_some(folded)
}

fn called(function: &Expr, args: &[Expr]) -> Option<String> {
    match (function, args) {
        (Expr::Name(name), [Expr::NumberLiteral(code)]) if name.id.as_str() == "chr" => {
            let Number::Int(code) = &code.value else { return None };
            char::from_u32(u32::try_from(code.as_u64()?).ok()?).map(String::from)
        }
        (Expr::Attribute(method), _) if method.attr.as_str() == "decode" => {
            let Expr::BytesLiteral(bytes) = &*method.value else { return None };
            String::from_utf8(bytes.value.bytes().collect()).ok()
        }
        (Expr::Attribute(method), args) => {
            let base = text(&method.value)?;
            match (method.attr.as_str(), args) {
                ("lower" | "casefold", []) => Some(base.to_lowercase()),
                ("upper", []) => Some(base.to_uppercase()),
                ("strip", []) => Some(base.trim().to_owned()),
                ("replace", [from, to]) => Some(base.replace(&text(from)?, &text(to)?)),
                ("join", [Expr::List(list)]) => joined(&base, &list.elts),
                ("join", [Expr::Tuple(tuple)]) => joined(&base, &tuple.elts),
                _ => None,
            }
        }
        _ => None,
    }
}

fn joined(separator: &str, parts: &[Expr]) -> Option<String> {
    Some(parts.iter().map(text).collect::<Option<Vec<_>>>()?.join(separator))
}

fn is_minus_one(step: &Expr) -> bool {
    let Expr::UnaryOp(minus) = step else { return false };
    let Expr::NumberLiteral(one) = &*minus.operand else { return false };
    minus.op == UnaryOp::USub && matches!(&one.value, Number::Int(one) if one.as_u64() == Some(1))
}

/// Whether a text that is not constant has a constant part with two underscores: `'__' + name`.
pub(super) fn has_dunder_part(expr: &Expr) -> bool {
    if let Some(text) = text(expr) {
        return text.contains("__");
    }
    match expr {
        Expr::BinOp(sum) => has_dunder_part(&sum.left) || has_dunder_part(&sum.right),
        Expr::FString(string) => string.value.iter().any(|part| match part {
            FStringPart::Literal(literal) => literal.as_str().contains("__"),
            FStringPart::FString(string) => string.elements.literals().any(|literal| literal.value.contains("__")),
        }),
        Expr::Call(call) => match &*call.func {
            Expr::Attribute(method) => {
                has_dunder_part(&method.value) || call.arguments.args.iter().any(has_dunder_part)
            }
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use ruff_python_parser::parse_expression;

    use super::*;

    fn folded(source: &str) -> Option<String> {
        text(parse_expression(source).unwrap().expr())
    }

    #[test]
    fn names_that_are_put_together_are_read() {
        for source in [
            "'__import__'",
            "'__imp' 'ort__'",
            "'__imp' + 'ort' + '__'",
            "f'__{\"import\"}__'",
            "''.join(['__', 'import', '__'])",
            "'__tropmi__'[::-1]",
            "'__IMPORT__'.lower()",
            "'__xmport__'.replace('x', 'i')",
            "chr(95) + '_import__'",
            "b'__import__'.decode()",
        ] {
            assert_eq!(folded(source).as_deref(), Some("__import__"), "{source}");
        }
    }

    #[test]
    fn what_depends_on_a_variable_is_not_constant() {
        for source in ["a", "'a' + b", "f'{a}'", "','.join(parts)", "s[::-1]", "f('a')", "1 + 1"] {
            assert_eq!(folded(source), None, "{source}");
        }
        assert!(has_dunder_part(parse_expression("'__' + name").unwrap().expr()));
        assert!(!has_dunder_part(parse_expression("f'visit_{kind}'").unwrap().expr()));
    }
}
