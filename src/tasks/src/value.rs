//! Types and values of the task language, and how Python writes them.

use serde::Deserialize;

/// The type of a value that passes between two operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueType {
    /// `list[int]`, the variable `xs`.
    List,
    /// `list[str]`, the variable `words`.
    Words,
    /// `str`, the variable `s`.
    Text,
    /// `int`, the variable `n`.
    Integer,
    /// `bool`; only a last operation gives one.
    Boolean,
    /// `dict` from a value to how often it occurs; only a last operation gives one.
    Counts,
}

impl ValueType {
    /// The types a task may take as its input, in the order in which families are listed.
    pub const INPUTS: [Self; 4] = [Self::List, Self::Words, Self::Text, Self::Integer];

    /// The letter that a family's id begins with.
    pub fn letter(self) -> char {
        match self {
            Self::List => 'L',
            Self::Words => 'W',
            Self::Text => 'S',
            Self::Integer => 'N',
            Self::Boolean => 'B',
            Self::Counts => 'D',
        }
    }

    /// The Python annotation.
    pub fn annotation(self) -> &'static str {
        match self {
            Self::List => "list[int]",
            Self::Words => "list[str]",
            Self::Text => "str",
            Self::Integer => "int",
            Self::Boolean => "bool",
            Self::Counts => "dict",
        }
    }

    /// The variable that holds a value of this type in a program.
    pub fn variable(self) -> &'static str {
        match self {
            Self::List => "xs",
            Self::Words => "words",
            Self::Text => "s",
            Self::Integer => "n",
            Self::Boolean => "flag",
            Self::Counts => "counts",
        }
    }

    /// How a prompt calls its input; empty for types that are never an input.
    pub fn nouns(self) -> &'static [&'static str] {
        match self {
            Self::List => &["a list of integers", "a list of numbers", "the integers in xs"],
            Self::Words => &["a list of words", "a list of strings", "the strings in words"],
            Self::Text => &["a string", "a piece of text", "the text s"],
            Self::Integer => &["an integer", "a positive number", "a whole number n"],
            Self::Boolean | Self::Counts => &[],
        }
    }

    /// Literals that stand in for a step in the mutants that replace a step with a constant.
    pub fn constants(self) -> &'static [&'static str] {
        match self {
            Self::List => &["[]", "[0]"],
            Self::Words => &["[]", "['a']"],
            Self::Text => &["''", "'a'"],
            Self::Integer => &["0", "1"],
            Self::Boolean => &["False", "True"],
            Self::Counts => &["{}"],
        }
    }
}

/// A candidate input of a task.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// A list of integers.
    List(Vec<i64>),
    /// A list of strings.
    Words(Vec<String>),
    /// A string.
    Text(String),
    /// An integer.
    Integer(i64),
}

impl Value {
    /// The value as Python's `repr` writes it.
    pub fn literal(&self) -> String {
        match self {
            Self::List(items) => bracketed(items.iter().map(ToString::to_string)),
            Self::Words(items) => bracketed(items.iter().map(|item| string_literal(item))),
            Self::Text(text) => string_literal(text),
            Self::Integer(number) => number.to_string(),
        }
    }
}

fn bracketed(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

/// A Python string literal, quoted and escaped as `repr` does it: single quotes unless the text holds one and
/// no double quote. Characters beyond ASCII are written as they are unless they are control characters.
pub fn string_literal(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push(quote);
    for character in text.chars() {
        match character {
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            c if c == quote => literal.extend(['\\', c]),
            c if c.is_control() => literal.extend(format!("\\x{:02x}", u32::from(c)).chars()),
            c => literal.push(c),
        }
    }
    literal.push(quote);
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_as_python_quotes_them() {
        for (text, literal) in [
            ("abc", "'abc'"),
            ("it's", "\"it's\""),
            ("say \"hi\"", "'say \"hi\"'"),
            ("it's \"it\"", "'it\\'s \"it\"'"),
            ("a\\b\n\r\t\0\x7f", "'a\\\\b\\n\\r\\t\\x00\\x7f'"),
            ("é\u{85}", "'é\\x85'"),
            ("", "''"),
        ] {
            assert_eq!(string_literal(text), literal);
        }
    }

    #[test]
    fn lists_and_integers_are_written_as_python_writes_them() {
        assert_eq!(Value::List(vec![1, -2, 0]).literal(), "[1, -2, 0]");
        assert_eq!(Value::List(vec![]).literal(), "[]");
        assert_eq!(Value::Words(vec!["a".into(), "it's".into()]).literal(), "['a', \"it's\"]");
        assert_eq!(Value::Integer(-7).literal(), "-7");
    }
}
