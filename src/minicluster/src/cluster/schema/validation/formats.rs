//! String formats a real API server checks and Genesis uses.

use serde_json::{Value, json};

use super::{At, Violation};
use crate::cluster::error::Cause;

/// Checks `format` of a string; formats not listed are annotations only.
pub fn check_text(schema: &Value, text: &str, at: &At, found: &mut Vec<Violation>) {
    let Some(format) = schema["format"].as_str() else { return };
    let valid = match format {
        "date-time" => text.parse::<jiff::Timestamp>().is_ok(),
        "date" => text.parse::<jiff::civil::Date>().is_ok(),
        "uuid" => uuid::Uuid::try_parse(text).is_ok(),
        "ipv4" => text.parse::<std::net::Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<std::net::Ipv6Addr>().is_ok(),
        "byte" => {
            use base64::{Engine as _, engine::general_purpose::STANDARD};
            STANDARD.decode(text).is_ok()
        }
        "uri" => text.contains(':') && text.parse::<http::Uri>().is_ok(),
        _ => true,
    };
    if !valid {
        let detail = format!("{} in body must be of type {format}: {text:?}", at.shown());
        let cause = Cause::invalid(at.shown(), &json!(text), &detail);
        found.push(at.broken(Cause { reason: "FieldValueInvalid", ..cause }));
    }
}
