//! String and bytes literals: prefixes, quotes and escapes.

use super::Value;

/// Reads one string literal at the start of `text`; returns the value and the bytes it took.
pub(super) fn parse(text: &str) -> Result<(Value, usize), String> {
    let prefix_len = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let prefix = text[..prefix_len].to_ascii_lowercase();
    let (bytes, raw) = match prefix.as_str() {
        "" | "u" => (false, false),
        "r" => (false, true),
        "b" => (true, false),
        "br" | "rb" => (true, true),
        _ => return Err(format!("the string prefix {prefix:?}")),
    };
    let body = &text[prefix_len..];
    let quote = ["'''", "\"\"\"", "'", "\""].into_iter().find(|quote| body.starts_with(quote));
    let quote = quote.ok_or_else(|| "a word".to_owned())?;
    let mut points = Vec::new();
    let mut rest = &body[quote.len()..];
    loop {
        if let Some(after) = rest.strip_prefix(quote) {
            let taken = text.len() - after.len();
            return if bytes { as_bytes(&points).map(|value| (value, taken)) } else { Ok((Value::Str(points), taken)) };
        }
        let mut chars = rest.chars();
        match chars.next() {
            None => return Err("a string without its closing quote".to_owned()),
            Some('\n') if quote.len() == 1 => return Err("a line break in a string".to_owned()),
            Some('\\') if raw => {
                points.push(u32::from('\\'));
                points.extend(chars.next().map(u32::from));
                rest = chars.as_str();
            }
            Some('\\') => rest = escape(chars.as_str(), bytes, &mut points)?,
            Some(other) if bytes && !other.is_ascii() => return Err("a character beyond ASCII in bytes".to_owned()),
            Some(other) => {
                points.push(u32::from(other));
                rest = chars.as_str();
            }
        }
    }
}

/// Reads what follows a backslash; returns the rest.
fn escape<'a>(text: &'a str, bytes: bool, points: &mut Vec<u32>) -> Result<&'a str, String> {
    let mut chars = text.chars();
    let Some(letter) = chars.next() else { return Err("a string without its closing quote".to_owned()) };
    let rest = chars.as_str();
    let simple = match letter {
        '\n' => return Ok(rest),
        '\\' | '\'' | '"' => Some(u32::from(letter)),
        'a' => Some(7),
        'b' => Some(8),
        't' => Some(9),
        'n' => Some(10),
        'v' => Some(11),
        'f' => Some(12),
        'r' => Some(13),
        _ => None,
    };
    if let Some(point) = simple {
        points.push(point);
        return Ok(rest);
    }
    let (digits, radix, exact) = match letter {
        'x' => (rest, 16, Some(2)),
        'u' if !bytes => (rest, 16, Some(4)),
        'U' if !bytes => (rest, 16, Some(8)),
        'N' if !bytes => return Err("a character by its name: write it as \\u and its number".to_owned()),
        '0'..='7' => (text, 8, None),
        _ => {
            points.extend([u32::from('\\'), u32::from(letter)]);
            return Ok(rest);
        }
    };
    let count = digits.chars().take(exact.unwrap_or(3)).take_while(|digit| digit.is_digit(radix)).count();
    let number = u32::from_str_radix(&digits[..count], radix).ok().filter(|&number| number <= 0x10_FFFF);
    match number {
        Some(number) if exact.is_none_or(|exact| exact == count) => {
            points.push(number);
            Ok(&digits[count..])
        }
        _ => Err(format!("an incomplete escape \\{letter}")),
    }
}

fn as_bytes(points: &[u32]) -> Result<Value, String> {
    let bytes: Result<Vec<u8>, _> = points.iter().map(|&point| u8::try_from(point)).collect();
    bytes.map(Value::Bytes).map_err(|_| "an octal escape above \\377 in bytes".to_owned())
}

/// Joins adjacent literals: `'a' 'b'` is `'ab'`.
pub(super) fn join(left: Value, right: Value) -> Result<Value, String> {
    match (left, right) {
        (Value::Str(mut left), Value::Str(right)) => {
            left.extend(right);
            Ok(Value::Str(left))
        }
        (Value::Bytes(mut left), Value::Bytes(right)) => {
            left.extend(right);
            Ok(Value::Bytes(left))
        }
        _ => Err("a string beside bytes".to_owned()),
    }
}
