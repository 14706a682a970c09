//! Just enough of Python's lexical analysis to change an operator without touching a string or a comment.

/// What kind of token a piece of source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A name or a keyword.
    Word,
    /// A decimal integer.
    Integer,
    /// Any other number.
    Number,
    /// A string with its prefix and quotes; an f-string is one token.
    String,
    /// An operator or a bracket.
    Operator,
}

/// A token and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// Its kind.
    pub kind: Kind,
    /// Its text.
    pub text: &'a str,
    /// Byte offset of its first character.
    pub start: usize,
}

/// Operators of more than one character, the longest first.
const LONG_OPERATORS: [&str; 23] = [
    "**=", "//=", ">>=", "<<=", "...", "**", "//", ">>", "<<", "<=", ">=", "==", "!=", "->", "+=", "-=", "*=", "/=",
    "%=", "&=", "|=", "^=", ":=",
];

/// The tokens of a source text, without white space, line ends and comments.
pub fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut start = 0;
    while let Some(first) = source[start..].chars().next() {
        let rest = &source[start..];
        let (kind, length) = if first.is_whitespace() || first == '\\' {
            (None, first.len_utf8())
        } else if first == '#' {
            (None, rest.find('\n').unwrap_or(rest.len()))
        } else if let Some(length) = string_length(rest) {
            (Some(Kind::String), length)
        } else if is_word(first) && !first.is_ascii_digit() {
            (Some(Kind::Word), prefix_length(rest, is_word))
        } else if starts_number(rest) {
            let length = number_length(rest);
            let integer = rest[..length].bytes().all(|byte| byte.is_ascii_digit());
            (Some(if integer { Kind::Integer } else { Kind::Number }), length)
        } else {
            let long = LONG_OPERATORS.iter().find(|operator| rest.starts_with(**operator));
            (Some(Kind::Operator), long.map_or(first.len_utf8(), |operator| operator.len()))
        };
        if let Some(kind) = kind {
            tokens.push(Token { kind, text: &rest[..length], start });
        }
        start += length;
    }
    tokens
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn prefix_length(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|character| !belongs(character)).unwrap_or(text.len())
}

fn starts_number(text: &str) -> bool {
    let digits = text.strip_prefix('.').unwrap_or(text);
    digits.starts_with(|character: char| character.is_ascii_digit())
}

/// Length of a number: digits, letters (`0x1f`, `1e5`, `2j`), points, and the sign of an exponent.
fn number_length(text: &str) -> usize {
    let mut length = prefix_length(text, |character| is_word(character) || character == '.');
    let is_hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    if !is_hexadecimal && text[..length].ends_with(['e', 'E']) && text[length..].starts_with(['+', '-']) {
        length += 1;
        length += prefix_length(&text[length..], is_word);
    }
    length
}

/// Length of the string literal that the text begins with, to the end of the text where it is not closed.
fn string_length(text: &str) -> Option<usize> {
    let prefix = text
        .find(['"', '\''])
        .filter(|&prefix| prefix <= 2 && text[..prefix].bytes().all(|byte| b"rRbBuUfF".contains(&byte)))?;
    let quote = &text[prefix..=prefix];
    let triple = quote.repeat(3);
    let delimiter = if text[prefix..].starts_with(&triple) { triple.as_str() } else { quote };
    let mut position = prefix + delimiter.len();
    while let Some(next) = text[position..].chars().next() {
        if text[position..].starts_with(delimiter) {
            return Some(position + delimiter.len());
        }
        position += next.len_utf8();
        if next == '\\' {
            position += text[position..].chars().next().map_or(0, char::len_utf8);
        }
    }
    Some(text.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(source: &str) -> Vec<&str> {
        tokens(source).iter().map(|token| token.text).collect()
    }

    #[test]
    fn strings_and_comments_are_not_operators() {
        assert_eq!(texts("a = 'x + 1' # y - 2\nb"), ["a", "=", "'x + 1'", "b"]);
        assert_eq!(
            texts(r#"f"{a + 1}" rb'\'' """q " q""" '' "open - "#),
            [r#"f"{a + 1}""#, r"rb'\''", r#""""q " q""""#, "''", r#""open - "#]
        );
        assert_eq!(texts("def f(*a) -> int:"), ["def", "f", "(", "*", "a", ")", "->", "int", ":"]);
    }

    #[test]
    fn numbers_keep_their_kind() {
        let kinds: Vec<(Kind, &str)> =
            tokens("12 1.5 1e-5 0x1F .5 2j x1 3-4 1.").iter().map(|token| (token.kind, token.text)).collect();
        assert_eq!(
            kinds,
            [
                (Kind::Integer, "12"),
                (Kind::Number, "1.5"),
                (Kind::Number, "1e-5"),
                (Kind::Number, "0x1F"),
                (Kind::Number, ".5"),
                (Kind::Number, "2j"),
                (Kind::Word, "x1"),
                (Kind::Integer, "3"),
                (Kind::Operator, "-"),
                (Kind::Integer, "4"),
                (Kind::Number, "1."),
            ]
        );
    }

    #[test]
    fn long_operators_are_one_token() {
        assert_eq!(texts("a//=b**c>>1!=d"), ["a", "//=", "b", "**", "c", ">>", "1", "!=", "d"]);
    }

    proptest! {
        #[test]
        fn any_text_is_cut_at_its_own_characters(source in ".*") {
            for token in tokens(&source) {
                prop_assert!(!token.text.is_empty());
                prop_assert_eq!(&source[token.start..token.start + token.text.len()], token.text);
            }
        }
    }
}
