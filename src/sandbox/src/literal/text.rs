//! Text of a value: its literal, or the canonical one.

use std::fmt::Write as _;

use super::Value;
use super::number::float_text;

/// Which text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// The one text of all equal values.
    Canonical,
    /// A literal that keeps the order of dicts and the sign of zero.
    Exact,
}

/// Appends the text of `value`.
pub(super) fn write(value: &Value, style: Style, out: &mut String) {
    match value {
        Value::None => out.push_str("None"),
        Value::Bool(truth) => out.push_str(if *truth { "True" } else { "False" }),
        Value::Int(digits) => out.push_str(digits),
        Value::Float(number) => {
            // Minus zero equals zero, so both have one canonical text.
            let zero = style == Style::Canonical && *number == 0.0;
            out.push_str(&float_text(if zero { 0.0 } else { *number }));
        }
        Value::Str(points) => quoted(points.iter().copied(), false, out),
        Value::Bytes(bytes) => {
            out.push('b');
            quoted(bytes.iter().map(|&byte| u32::from(byte)), true, out);
        }
        Value::List(items) => enclosed('[', texts(items, style), ']', out),
        Value::Tuple(items) if items.len() == 1 => {
            out.push('(');
            write(&items[0], style, out);
            out.push_str(",)");
        }
        Value::Tuple(items) => enclosed('(', texts(items, style), ')', out),
        Value::Set(items) if items.is_empty() => out.push_str("set()"),
        Value::Set(items) => {
            let mut texts = texts(items, style);
            if style == Style::Canonical {
                texts.sort();
            }
            enclosed('{', texts, '}', out);
        }
        Value::Dict(items) => {
            let mut pairs: Vec<(String, String)> =
                items.iter().map(|(key, value)| (text(key, style), text(value, style))).collect();
            if style == Style::Canonical {
                pairs.sort();
            }
            enclosed('{', pairs.into_iter().map(|(key, value)| format!("{key}: {value}")).collect(), '}', out);
        }
    }
}

fn text(value: &Value, style: Style) -> String {
    let mut out = String::new();
    write(value, style, &mut out);
    out
}

fn texts(items: &[Value], style: Style) -> Vec<String> {
    items.iter().map(|item| text(item, style)).collect()
}

fn enclosed(open: char, items: Vec<String>, close: char, out: &mut String) {
    out.push(open);
    out.push_str(&items.join(", "));
    out.push(close);
}

/// Writes a string or bytes as `ascii()` does: single quotes, unless only single quotes are inside.
fn quoted(points: impl Iterator<Item = u32> + Clone, bytes: bool, out: &mut String) {
    let has = |quote: char| points.clone().any(|point| point == u32::from(quote));
    let quote = if has('\'') && !has('"') { '"' } else { '\'' };
    out.push(quote);
    for point in points {
        // Writing to a string cannot fail.
        let _ = match char::from_u32(point) {
            Some(own @ ('\\' | '\'' | '"')) if own == '\\' || own == quote => write!(out, "\\{own}"),
            Some('\t') => write!(out, "\\t"),
            Some('\n') => write!(out, "\\n"),
            Some('\r') => write!(out, "\\r"),
            Some(printable @ ' '..='~') => write!(out, "{printable}"),
            _ if bytes || point < 0x100 => write!(out, "\\x{point:02x}"),
            _ if point < 0x1_0000 => write!(out, "\\u{point:04x}"),
            _ => write!(out, "\\U{point:08x}"),
        };
    }
    out.push(quote);
}

/// A text that is the same for values that are equal in Python's sense, whatever their types:
/// `1`, `1.0` and `True` are one key of a dict. `None` where the value cannot be a key.
pub(super) fn equality_key(value: &Value) -> Option<String> {
    match value {
        Value::Bool(truth) => Some(u8::from(*truth).to_string()),
        Value::Float(number) if number.is_finite() && number.fract() == 0.0 => Some(format!("{:.0}", number + 0.0)),
        Value::None | Value::Int(_) | Value::Float(_) | Value::Str(_) | Value::Bytes(_) => Some(value.canonical()),
        Value::Tuple(items) => {
            let keys: Option<Vec<String>> = items.iter().map(equality_key).collect();
            keys.map(|keys| format!("({})", keys.join(", ")))
        }
        Value::List(_) | Value::Set(_) | Value::Dict(_) => None,
    }
}
