//! Numbers: integers of any size in four bases, and floats as CPython prints them.

use std::fmt::Write as _;

use super::{MAX_DIGITS, Value};

/// Bits of the largest integer of [`MAX_DIGITS`] decimal digits: log₂ 10 is a little less than 3.322.
const MAX_BITS: usize = MAX_DIGITS * 3_322 / 1_000;

/// Reads a number without its sign; `token` is letters, digits, dots, underscores and exponent signs.
pub(super) fn parse(token: &str) -> Result<Value, String> {
    let digits = without_underscores(token)?;
    let lower = digits.to_ascii_lowercase();
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(rest) = lower.strip_prefix(prefix) {
            return in_decimal(rest, radix).map(Value::Int);
        }
    }
    if lower.ends_with('j') {
        return Err("a complex number".to_owned());
    }
    if lower.bytes().all(|byte| byte.is_ascii_digit()) {
        let trimmed = lower.trim_start_matches('0');
        return match (trimmed.is_empty(), trimmed.len() == lower.len(), trimmed.len() <= MAX_DIGITS) {
            (true, ..) => Ok(Value::Int("0".to_owned())),
            (_, false, _) => Err(format!("the integer {token} with leading zeros")),
            (.., false) => Err(format!("an integer of more than {MAX_DIGITS} digits")),
            _ => Ok(Value::Int(lower)),
        };
    }
    let shape = lower.bytes().all(|byte| byte.is_ascii_digit() || b".e+-".contains(&byte));
    match lower.parse::<f64>() {
        Ok(number) if shape && lower.bytes().any(|byte| byte.is_ascii_digit()) => Ok(Value::Float(number)),
        _ => Err(format!("{token:?}, which is not a number")),
    }
}

/// Removes the underscores that Python allows between digits.
fn without_underscores(token: &str) -> Result<String, String> {
    let bytes = token.as_bytes();
    let misplaced = bytes.iter().enumerate().any(|(at, &byte)| {
        let beside = |index: Option<usize>| index.and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_alphanumeric);
        byte == b'_' && !(beside(at.checked_sub(1)) && beside(at.checked_add(1)))
    });
    if misplaced { Err(format!("{token:?}, which is not a number")) } else { Ok(token.replace('_', "")) }
}

/// Rewrites digits of base 2, 8 or 16 in base 10, by the schoolbook method on limbs of nine decimal digits.
///
/// The method takes the square of the length, and programs send these digits: they are counted before any is converted,
/// and 32 bits of them are converted at a time.
fn in_decimal(digits: &str, radix: u32) -> Result<String, String> {
    const LIMB: u64 = 1_000_000_000;
    let too_many = || format!("an integer of more than {MAX_DIGITS} digits");
    if digits.is_empty() {
        return Err("an integer without digits".to_owned());
    }
    let bits_per_digit = radix.trailing_zeros() as usize;
    let digits = digits.trim_start_matches('0').as_bytes();
    if (digits.len().saturating_sub(1)) * bits_per_digit >= MAX_BITS {
        return Err(too_many());
    }
    let mut limbs: Vec<u64> = vec![0];
    for chunk in digits.chunks(32 / bits_per_digit) {
        let mut carry = 0;
        for &digit in chunk {
            let digit = char::from(digit);
            let value = digit.to_digit(radix).ok_or_else(|| format!("the digit {digit:?} in base {radix}"))?;
            carry = (carry << bits_per_digit) | u64::from(value);
        }
        for limb in &mut limbs {
            let value = (*limb << (bits_per_digit * chunk.len())) + carry;
            *limb = value % LIMB;
            carry = value / LIMB;
        }
        while carry > 0 {
            limbs.push(carry % LIMB);
            carry /= LIMB;
        }
    }
    let mut text = limbs.pop().unwrap_or_default().to_string();
    for limb in limbs.iter().rev() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{limb:09}");
    }
    if text.len() > MAX_DIGITS { Err(too_many()) } else { Ok(text) }
}

/// A float as `repr` of CPython prints it: the shortest digits that read back as the same number, in
/// scientific form where the exponent is below -4 or at least 16 (`float_repr_style` "short").
pub(super) fn float_text(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf".to_owned() } else { "-inf".to_owned() };
    }
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..16).contains(&exponent) {
        let fixed = number.to_string();
        return if fixed.contains('.') { fixed } else { fixed + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}
