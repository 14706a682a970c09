//! A recursive-descent parser for literals, with bounds on size and depth.

use std::collections::HashMap;

use super::text::equality_key;
use super::{LiteralError, MAX_DEPTH, MAX_TEXT, Value, number, string};

/// Reads one literal and nothing else.
pub(super) fn literal(text: &str) -> Result<Value, LiteralError> {
    let mut parser = Parser { text, at: 0 };
    if text.len() > MAX_TEXT {
        return Err(parser.error(format!("a literal of more than {MAX_TEXT} bytes")));
    }
    let value = parser.value(MAX_DEPTH)?;
    parser.skip_space();
    if parser.at < text.len() { Err(parser.error("text after the literal")) } else { Ok(value) }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn error(&self, what: impl Into<String>) -> LiteralError {
        LiteralError { at: self.at, what: what.into() }
    }

    fn skip_space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n', '\u{c}']).len();
    }

    fn peek(&mut self) -> Option<u8> {
        self.skip_space();
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Result<Value, LiteralError> {
        if depth == 0 {
            return Err(self.error(format!("a value nested more than {MAX_DEPTH} deep")));
        }
        match self.peek() {
            None => Err(self.error("the end of the text")),
            Some(b'[') => self.items(b']', depth).map(|(items, _)| Value::List(items)),
            Some(b'(') => {
                let (mut items, comma) = self.items(b')', depth)?;
                Ok(if items.len() == 1 && !comma { items.remove(0) } else { Value::Tuple(items) })
            }
            Some(b'{') => self.braces(depth),
            Some(b'+' | b'-') => self.signed(),
            Some(b'.' | b'0'..=b'9') => self.number(),
            Some(b'\'' | b'"') => self.strings(),
            Some(byte) if byte.is_ascii_alphabetic() => self.word(),
            Some(_) => Err(self.error("an unexpected character")),
        }
    }

    /// The items between brackets, and whether a comma followed the last one.
    fn items(&mut self, close: u8, depth: usize) -> Result<(Vec<Value>, bool), LiteralError> {
        self.at += 1;
        let (mut items, mut comma) = (Vec::new(), false);
        while !self.take(close) {
            if !items.is_empty() && !comma {
                return Err(self.error("a missing comma or bracket"));
            }
            items.push(self.value(depth - 1)?);
            comma = self.take(b',');
        }
        Ok((items, comma))
    }

    /// A dict or a set; `{1, True}` has one item and `{1: 'a', True: 'b'}` is `{1: 'b'}`, as in Python.
    fn braces(&mut self, depth: usize) -> Result<Value, LiteralError> {
        self.at += 1;
        let (mut keys, mut values, mut places) = (Vec::new(), Vec::new(), HashMap::new());
        let (mut comma, mut is_set) = (true, None);
        while !self.take(b'}') {
            if !comma {
                return Err(self.error("a missing comma or bracket"));
            }
            let start = self.at;
            let key = self.value(depth - 1)?;
            let Some(same) = equality_key(&key) else {
                self.at = start;
                return Err(self.error("a list, set or dict as a key"));
            };
            let value = if self.take(b':') { Some(self.value(depth - 1)?) } else { None };
            if *is_set.get_or_insert(value.is_none()) != value.is_none() {
                return Err(self.error("a mixture of set and dict"));
            }
            let place = *places.entry(same).or_insert(keys.len());
            if place == keys.len() {
                keys.push(key);
                values.extend(value);
            } else if let Some(value) = value {
                values[place] = value;
            }
            comma = self.take(b',');
        }
        Ok(if is_set == Some(true) { Value::Set(keys) } else { Value::Dict(keys.into_iter().zip(values).collect()) })
    }

    fn signed(&mut self) -> Result<Value, LiteralError> {
        let mut negative = false;
        while let Some(sign @ (b'+' | b'-')) = self.peek() {
            negative ^= sign == b'-';
            self.at += 1;
        }
        let number =
            if self.peek().is_some_and(|byte| byte.is_ascii_alphabetic()) { self.word() } else { self.number() };
        match number? {
            Value::Int(digits) if negative && digits != "0" => Ok(Value::Int(format!("-{digits}"))),
            Value::Float(number) if negative => Ok(Value::Float(-number)),
            number @ (Value::Int(_) | Value::Float(_)) => Ok(number),
            _ => Err(self.error("a sign before what is not a number")),
        }
    }

    fn number(&mut self) -> Result<Value, LiteralError> {
        self.skip_space();
        let (rest, mut length) = (&self.text.as_bytes()[self.at..], 0);
        let hexadecimal = rest.len() > 1 && rest[1].eq_ignore_ascii_case(&b'x');
        while let Some(&byte) = rest.get(length) {
            let exponent = length > 0 && !hexadecimal && rest[length - 1].eq_ignore_ascii_case(&b'e');
            if !(byte.is_ascii_alphanumeric() || b"._".contains(&byte) || exponent && b"+-".contains(&byte)) {
                break;
            }
            length += 1;
        }
        let value = number::parse(&self.text[self.at..self.at + length]).map_err(|what| self.error(what))?;
        self.at += length;
        Ok(value)
    }

    fn strings(&mut self) -> Result<Value, LiteralError> {
        let mut whole: Option<Value> = None;
        loop {
            let (part, taken) = string::parse(&self.text[self.at..]).map_err(|what| self.error(what))?;
            self.at += taken;
            let joined = match whole {
                None => part,
                Some(left) => string::join(left, part).map_err(|what| self.error(what))?,
            };
            let start = self.at;
            self.skip_space();
            let rest = self.text[self.at..].trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
            if !rest.starts_with(['\'', '"']) {
                self.at = start;
                return Ok(joined);
            }
            whole = Some(joined);
        }
    }

    /// A constant, a prefixed string, or one of the calls without which a value has no literal.
    fn word(&mut self) -> Result<Value, LiteralError> {
        let rest = &self.text[self.at..];
        let word = &rest[..rest.bytes().take_while(u8::is_ascii_alphanumeric).count()];
        if rest[word.len()..].starts_with(['\'', '"']) {
            return self.strings();
        }
        let value = match word {
            "None" => Value::None,
            "True" => Value::Bool(true),
            "False" => Value::Bool(false),
            "inf" => Value::Float(f64::INFINITY),
            "nan" => Value::Float(f64::NAN),
            "set" | "float" => {
                self.at += word.len();
                return self.call(word == "set");
            }
            _ => return Err(self.error(format!("the name {word:?}"))),
        };
        self.at += word.len();
        Ok(value)
    }

    /// `set()` and `float('inf')`, `float('-inf')`, `float('nan')`.
    fn call(&mut self, set: bool) -> Result<Value, LiteralError> {
        if !self.take(b'(') {
            return Err(self.error("a type without its call"));
        }
        let value = match (set, self.peek()) {
            (true, _) => Value::Set(Vec::new()),
            (false, Some(b'\'' | b'"')) => match self.strings()?.canonical().trim_matches('\'') {
                "inf" => Value::Float(f64::INFINITY),
                "-inf" => Value::Float(f64::NEG_INFINITY),
                "nan" => Value::Float(f64::NAN),
                _ => return Err(self.error("float() of another word than inf, -inf or nan")),
            },
            (false, _) => return Err(self.error("float() without a word")),
        };
        if self.take(b')') { Ok(value) } else { Err(self.error("a call with other arguments")) }
    }
}
