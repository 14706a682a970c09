//! From a conversation to a prompt.

use axum::http::StatusCode;
use serde::Deserialize;

use crate::http::error::ApiError;

/// One message of a conversation.
#[derive(Deserialize)]
pub struct Message {
    role: String,
    #[serde(default)]
    content: Option<Content>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    text: Option<String>,
}

/// What is asked: the last words of the user.
pub fn prompt_of(messages: &[Message]) -> Result<String, ApiError> {
    let last =
        messages.iter().rev().find(|message| message.role == "user").and_then(|message| message.content.as_ref());
    match last {
        Some(Content::Text(text)) => Ok(text.clone()),
        Some(Content::Parts(parts)) => {
            Ok(parts.iter().filter_map(|part| part.text.as_deref()).collect::<Vec<_>>().join("\n"))
        }
        None => Err(ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "no_user_message",
            "messages holds no message of the user",
            "add {\"role\": \"user\", \"content\": …}",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(messages: serde_json::Value) -> Option<String> {
        prompt_of(&serde_json::from_value::<Vec<Message>>(messages).unwrap()).ok()
    }

    #[test]
    fn the_last_words_of_the_user_are_the_prompt() {
        let text = serde_json::json!([
            { "role": "user", "content": "first" },
            { "role": "assistant", "content": null },
            { "role": "user", "content": [{ "type": "text", "text": "a" }, { "type": "image_url" }, { "type": "text", "text": "b" }] },
        ]);
        assert_eq!(prompt(text).as_deref(), Some("a\nb"));
        assert_eq!(prompt(serde_json::json!([{ "role": "system", "content": "x" }])), None);
    }
}
