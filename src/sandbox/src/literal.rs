//! Literals of Python as values, and the canonical text by which values are compared.
//!
//! Two values have the same canonical text exactly when they have equal types and are equal. The text is
//! what `ascii()` of CPython prints, with four rules added:
//!
//! 1. Items of a set, and items of a dict by their keys, are sorted by their own text (code points).
//! 2. `-0.0` is `0.0`, because the two are equal; infinities are `inf` and `-inf`.
//! 3. `nan` is printed, but a value that holds one equals nothing, as in Python ([`Value::has_nan`]).
//! 4. Only exact built-in types count: `None bool int float str bytes list tuple set dict`.
//!
//! The program's side writes literals (`python/plain.py`), and only this side makes canonical text of them.
//! It never runs Python: it parses.

mod number;
mod parse;
mod string;
mod text;

#[cfg(test)]
mod tests;

/// How deep a literal may be nested. The program's side sends values that are 64 deep at most.
pub const MAX_DEPTH: usize = 80;
/// How many bytes the text of a value may have.
pub const MAX_TEXT: usize = 1 << 20;
/// How many decimal digits an integer may have: the bound CPython puts on its own conversions.
pub const MAX_DIGITS: usize = 4_300;

/// A plain value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An integer in decimal, without leading zeros, with a sign only where it is negative.
    Int(String),
    /// A float.
    Float(f64),
    /// Text as code points, because Python's strings may hold lone surrogates.
    Str(Vec<u32>),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Self>),
    /// A tuple.
    Tuple(Vec<Self>),
    /// A set without duplicates, in the order of the literal.
    Set(Vec<Self>),
    /// A dict without duplicate keys, in the order of the literal.
    Dict(Vec<(Self, Self)>),
}

/// Why a text is not a literal of a plain value.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{what} at byte {at}: write a Python literal made of None, True, False, int, float, str, bytes, list, tuple, set and dict"
)]
pub struct LiteralError {
    /// Offset in the text, in bytes.
    pub at: usize,
    /// What was found there.
    pub what: String,
}

impl Value {
    /// Reads one literal.
    ///
    /// # Errors
    /// Where the text is anything but one literal within the bounds of this module.
    pub fn parse(text: &str) -> Result<Self, LiteralError> {
        parse::literal(text)
    }

    /// The canonical text.
    pub fn canonical(&self) -> String {
        let mut out = String::new();
        text::write(self, text::Style::Canonical, &mut out);
        out
    }

    /// A literal that reads back as the same value, with dicts in the same order.
    pub fn literal(&self) -> String {
        let mut out = String::new();
        text::write(self, text::Style::Exact, &mut out);
        out
    }

    /// Whether a NaN is somewhere in the value; such a value equals nothing.
    pub fn has_nan(&self) -> bool {
        match self {
            Self::Float(number) => number.is_nan(),
            Self::List(items) | Self::Tuple(items) | Self::Set(items) => items.iter().any(Self::has_nan),
            Self::Dict(items) => items.iter().any(|(key, value)| key.has_nan() || value.has_nan()),
            Self::None | Self::Bool(_) | Self::Int(_) | Self::Str(_) | Self::Bytes(_) => false,
        }
    }
}
