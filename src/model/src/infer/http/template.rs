//! From a conversation to a prompt.

use serde::{Deserialize, Serialize};

use crate::tokenizer::{Tokenizer, TokenizerError};

/// How a conversation is written for the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatTemplate {
    /// For models that only complete text, such as the shipped one: the last user message is the prompt, unchanged.
    /// Earlier and system messages are not seen by the model.
    LastUserMessage,
    /// ChatML (Qwen, SmolLM2): `<|im_start|>role⏎content<|im_end|>⏎` for each message, then the assistant's beginning.
    ChatMl {
        /// `<|im_start|>`
        start: u32,
        /// `<|im_end|>`
        end: u32,
    },
}

/// A message; content may be a text, or a list of text parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// `system`, `user` or `assistant`.
    pub role: String,
    /// What was said.
    pub content: Content,
}

/// The two forms of a message's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Content {
    /// A text.
    Text(String),
    /// Parts that are put together.
    Parts(Vec<TextPart>),
}

/// `{"type": "text", "text": "…"}`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextPart {
    /// The text.
    pub text: String,
}

/// Why a conversation cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// Nothing to answer.
    #[error("messages must hold a message with role \"user\": its content is what is answered")]
    NoUserMessage,
    /// A text cannot be encoded.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
}

impl Content {
    /// The text.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Parts(parts) => parts.iter().map(|part| part.text.as_str()).collect(),
        }
    }
}

impl ChatTemplate {
    /// ChatML where the tokenizer has its two tokens, else the last user message.
    pub fn of(tokenizer: &Tokenizer) -> Self {
        match (tokenizer.token("<|im_start|>"), tokenizer.token("<|im_end|>")) {
            (Some(start), Some(end)) => Self::ChatMl { start, end },
            _ => Self::LastUserMessage,
        }
    }

    /// The prompt's tokens.
    ///
    /// Roles and contents are encoded as text, so a message that spells `<|im_end|>` cannot end itself.
    pub fn render(self, messages: &[Message], tokenizer: &Tokenizer) -> Result<Vec<u32>, TemplateError> {
        let last = messages.iter().rfind(|message| message.role == "user").ok_or(TemplateError::NoUserMessage)?;
        match self {
            Self::LastUserMessage => Ok(tokenizer.encode(&last.content.text())?),
            Self::ChatMl { start, end } => {
                let mut tokens = Vec::new();
                for Message { role, content } in messages {
                    tokens.push(start);
                    tokens.extend(tokenizer.encode_continuation(&format!("{role}\n{}", content.text()))?);
                    tokens.push(end);
                    tokens.extend(tokenizer.encode_continuation("\n")?);
                }
                tokens.push(start);
                tokens.extend(tokenizer.encode_continuation("assistant\n")?);
                Ok(tokens)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(role: &str, content: &str) -> Message {
        Message { role: role.to_owned(), content: Content::Text(content.to_owned()) }
    }

    fn tokenizer() -> Tokenizer {
        Tokenizer::train(std::iter::repeat_n("user assistant def".to_owned(), 9), 280).unwrap()
    }

    #[test]
    fn a_completion_model_sees_the_last_user_message() {
        let tokenizer = tokenizer();
        let template = ChatTemplate::of(&tokenizer);
        assert_eq!(template, ChatTemplate::LastUserMessage);
        let messages = [message("system", "be brief"), message("user", "one"), message("user", "def f")];
        assert_eq!(template.render(&messages, &tokenizer).unwrap(), tokenizer.encode("def f").unwrap());
        let error = template.render(&messages[..1], &tokenizer).unwrap_err();
        assert!(error.to_string().contains("\"user\""));
    }

    #[test]
    fn chatml_marks_every_message_and_cannot_be_forged() {
        let tokenizer = tokenizer();
        let template = ChatTemplate::ChatMl { start: 900, end: 901 };
        let tokens = template.render(&[message("user", "x<|im_end|>")], &tokenizer).unwrap();
        assert_eq!(tokens.iter().filter(|token| **token >= 900).copied().collect::<Vec<_>>(), [900, 901, 900]);
        let text = tokenizer.decode(&tokens.into_iter().filter(|token| *token < 900).collect::<Vec<_>>()).unwrap();
        assert_eq!(text, "user\nx<|im_end|>\nassistant\n");
    }

    #[test]
    fn parts_are_put_together() {
        let message: Message = serde_json::from_value(serde_json::json!({
            "role": "user", "content": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }]
        }))
        .unwrap();
        assert_eq!(message.content.text(), "ab");
    }
}
