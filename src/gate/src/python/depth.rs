//! An upper bound of a tree's depth, taken from its tokens without recursion.
//!
//! Everything after this step walks the tree by recursion, and generated code may be nested as deep as it is long:
//! `((((…`, `----…1`, `a.a.a.a…`, `1+1+1+…`, `f()()()…`.

use ruff_python_ast::token::{TokenKind, Tokens};
use ruff_text_size::{Ranged as _, TextSize};

/// The offset at which the bound is passed, if it is.
///
/// Within a bracket every operator, dot and call may add a level, and a comma begins anew at the bracket's level.
/// Blocks add theirs. The true depth is never larger, apart from a constant factor for each level.
pub(super) fn deeper_than(tokens: &Tokens, limit: usize) -> Option<TextSize> {
    // For each open bracket: the depth outside, and the level to which a comma returns.
    let mut outside: Vec<(usize, usize)> = Vec::new();
    let (mut depth, mut base, mut blocks) = (0_usize, 0_usize, 0_usize);
    for token in tokens {
        match token.kind() {
            TokenKind::Indent => blocks += 1,
            TokenKind::Dedent => blocks = blocks.saturating_sub(1),
            TokenKind::Newline if outside.is_empty() => (depth, base) = (0, 0),
            TokenKind::Comma => depth = base,
            TokenKind::Lpar
            | TokenKind::Lsqb
            | TokenKind::Lbrace
            | TokenKind::FStringStart
            | TokenKind::TStringStart => {
                outside.push((depth, base));
                depth += 1;
                base = depth;
            }
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace | TokenKind::FStringEnd | TokenKind::TStringEnd => {
                let (before, level) = outside.pop().unwrap_or((0, 0));
                // What was in brackets is now one operand, and what follows is wrapped around it.
                (depth, base) = (before + 1, level);
            }
            kind if wraps(kind) => depth += 1,
            _ => {}
        }
        if depth + blocks > limit {
            return Some(token.start());
        }
    }
    None
}

/// Whether the token may put a node around, or under, what stands beside it.
///
/// `and`, `or` and comparisons are not among them: a chain of these is one flat node. `else` and `elif` are, for
/// conditional expressions and for `elif` chains.
fn wraps(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Plus
            | TokenKind::Minus
            | TokenKind::Star
            | TokenKind::DoubleStar
            | TokenKind::Slash
            | TokenKind::DoubleSlash
            | TokenKind::Percent
            | TokenKind::At
            | TokenKind::Vbar
            | TokenKind::Amper
            | TokenKind::CircumFlex
            | TokenKind::LeftShift
            | TokenKind::RightShift
            | TokenKind::Tilde
            | TokenKind::Dot
            | TokenKind::Not
            | TokenKind::Await
            | TokenKind::Lambda
            | TokenKind::Yield
            | TokenKind::If
            | TokenKind::Else
            | TokenKind::ColonEqual
            | TokenKind::Async
    )
}

#[cfg(test)]
mod tests {
    use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};

    use super::*;

    fn deep(source: &str, limit: usize) -> bool {
        let parsed = stacker::grow(256 << 20, || {
            let parsed = parse_unchecked(source, ParseOptions::from(Mode::Module));
            let tokens = parsed.tokens().clone();
            drop(parsed);
            tokens
        });
        deeper_than(&parsed, limit).is_some()
    }

    #[test]
    fn every_way_to_nest_is_seen() {
        let ways = [
            format!("x = {}1{}", "(".repeat(300), ")".repeat(300)),
            format!("x = {}1{}", "[".repeat(300), "]".repeat(300)),
            format!("x = {}1", "-".repeat(300)),
            format!("x = {}1", "not ".repeat(300)),
            format!("x = a{}", ".a".repeat(300)),
            format!("x = f{}", "()".repeat(300)),
            format!("x = a{}", "[0]".repeat(300)),
            format!("x = 1{}", " + 1".repeat(300)),
            format!("x = {}1", "lambda: ".repeat(300)),
            format!("x = 1{}", " if a else 1".repeat(300)),
            format!("x = {}1{}", "f(a, ".repeat(300), ")".repeat(300)),
            format!("x = a{}", ".f(b, c)".repeat(300)),
            (0..300).map(|i| format!("{}if a:\n", " ".repeat(i))).collect::<String>() + &" ".repeat(300) + "pass\n",
        ];
        for source in ways {
            assert!(deep(&source, 200), "{}…", &source[..40.min(source.len())]);
        }
    }

    #[test]
    fn long_flat_sources_are_not_deep() {
        let flat = [
            format!("x = [{}]", "1, ".repeat(5_000)),
            format!("x = [{}]", "(1 + 2, -3), ".repeat(2_000)),
            "x = f(1).g(2)\n".repeat(2_000),
            format!("x = a{}", " and b".repeat(2_000)),
            format!("x = {{{}}}", "'a': [1, 2], ".repeat(1_000)),
            "def f(a, b):\n    if a:\n        return b\n    return a\n\n".repeat(500),
        ];
        for source in flat {
            assert!(!deep(&source, 40), "{}…", &source[..40]);
        }
    }
}
