//! Mutation: solutions that differ from a right one in one operator or one integer.

use super::tokens::{Kind, Token, tokens};

/// A changed body and what was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceMutant {
    /// Line of the change within the body, counted from 1.
    pub line: usize,
    /// What stood there.
    pub from: String,
    /// What stands there now.
    pub to: String,
    /// The whole body.
    pub body: String,
}

/// Words after which an operator has no left operand, so that `*` unpacks and `-` is a sign.
const KEYWORDS: [&str; 18] = [
    "and", "assert", "await", "del", "elif", "else", "for", "from", "if", "import", "in", "is", "lambda", "not", "or",
    "return", "while", "yield",
];

/// Every mutant of a body, in the order of the text: comparison and arithmetical operators that have two operands
/// (also as `+=`) become a neighbour, integers grow by one. Strings and comments stay as they are.
pub fn mutants(body: &str) -> Vec<SourceMutant> {
    let tokens = tokens(body);
    let before = std::iter::once(None).chain(tokens.iter().map(Some));
    let changes = tokens.iter().zip(before).filter_map(|(token, before)| Some((token, replacement(*token, before)?)));
    changes
        .map(|(token, to)| SourceMutant {
            line: 1 + body[..token.start].matches('\n').count(),
            from: token.text.to_owned(),
            body: [&body[..token.start], &to, &body[token.start + token.text.len()..]].concat(),
            to,
        })
        .collect()
}

fn replacement(token: Token<'_>, before: Option<&Token<'_>>) -> Option<String> {
    match token.kind {
        Kind::Integer => token.text.parse::<u64>().ok()?.checked_add(1).map(|next| next.to_string()),
        Kind::Operator if before.is_some_and(ends_operand) => operator(token.text).map(str::to_owned),
        _ => None,
    }
}

/// Whether an expression can end here.
fn ends_operand(token: &Token<'_>) -> bool {
    match token.kind {
        Kind::Word => !KEYWORDS.contains(&token.text),
        Kind::Integer | Kind::Number | Kind::String => true,
        Kind::Operator => [")", "]", "}"].contains(&token.text),
    }
}

/// A neighbour that is easily mistaken for it.
fn operator(text: &str) -> Option<&'static str> {
    Some(match text {
        "==" => "!=",
        "!=" => "==",
        "<" => "<=",
        "<=" => "<",
        ">" => ">=",
        ">=" => ">",
        "+" => "-",
        "-" | "*" => "+",
        "/" | "//" | "%" | "**" => "*",
        "+=" => "-=",
        "-=" | "*=" => "+=",
        "/=" | "//=" | "%=" | "**=" => "*=",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(body: &str) -> Vec<String> {
        mutants(body).into_iter().map(|mutant| format!("{}→{}", mutant.from, mutant.to)).collect()
    }

    #[test]
    fn operators_and_integers_are_changed_one_at_a_time() {
        let found = mutants("    if n < 2:\n        return n * 10\n");
        let bodies: Vec<&str> = found.iter().map(|mutant| mutant.body.as_str()).collect();
        assert_eq!(
            bodies,
            [
                "    if n <= 2:\n        return n * 10\n",
                "    if n < 3:\n        return n * 10\n",
                "    if n < 2:\n        return n + 10\n",
                "    if n < 2:\n        return n * 11\n",
            ]
        );
        assert_eq!(found.iter().map(|mutant| mutant.line).collect::<Vec<_>>(), [1, 1, 2, 2]);
    }

    #[test]
    fn what_is_no_operator_between_two_values_stays() {
        assert_eq!(changes("return -x"), Vec::<String>::new());
        assert_eq!(changes("f(*a, **b)"), Vec::<String>::new());
        assert_eq!(changes("lambda *a: a"), Vec::<String>::new());
        assert_eq!(changes("s = '1 + 2'  # 3 - 4"), Vec::<String>::new());
        assert_eq!(changes("x = f'{1 + n}' + \"\"\"2 * 3\"\"\""), ["+→-"]);
        assert_eq!(changes("y = 1.5 + z"), ["+→-"]);
        assert_eq!(changes("total += a[-1]"), ["+=→-=", "1→2"]);
    }
}
