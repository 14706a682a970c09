//! A program without what does not change its meaning: comments, blank lines, layout.

use ruff_python_ast::token::{TokenKind, Tokens};
use ruff_text_size::Ranged as _;

/// The program's tokens, each after a tag, in a form in which equal programs have equal bytes.
pub(super) fn normalise(source: &str, tokens: &Tokens) -> Vec<u8> {
    let mut normal = Vec::with_capacity(source.len());
    for token in tokens {
        match token.kind() {
            TokenKind::Comment | TokenKind::NonLogicalNewline | TokenKind::EndOfFile => {}
            TokenKind::Newline => normal.push(b'\n'),
            // The width of an indentation does not matter, that there is one does.
            TokenKind::Indent => normal.push(1),
            TokenKind::Dedent => normal.push(2),
            _ => {
                let range = token.start().to_usize()..token.end().to_usize();
                normal.extend_from_slice(source.get(range).unwrap_or_default().as_bytes());
                // So that `ab` and `a b` differ.
                normal.push(0);
            }
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use ruff_python_parser::parse_module;

    use super::*;

    fn normal(source: &str) -> Vec<u8> {
        normalise(source, parse_module(source).unwrap().tokens())
    }

    #[test]
    fn layout_and_comments_do_not_matter_and_tokens_do() {
        let plain = normal("def f(a):\n    return a+1\n");
        assert_eq!(plain, normal("# why\ndef f( a ):\n\n  return a + 1  # that\n"));
        assert_ne!(plain, normal("def f(a):\n    return a+2\n"));
        assert_ne!(normal("if a:\n  b\n  c\n"), normal("if a:\n  b\nc\n"));
        assert_ne!(normal("x = 'a b'"), normal("x = 'ab'"));
    }
}
