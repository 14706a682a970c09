//! The forms in which an answer can be had.

use anyhow::Result;
use serde::Serialize;

/// For what has a text of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// Lines for people
    #[default]
    Text,
    /// JSON
    Json,
    /// YAML
    Yaml,
}

/// For what is drawn from objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum View {
    /// For people, short enough for a terminal
    #[default]
    Text,
    /// For people, with whole sentences
    Wide,
    /// The objects as JSON
    Json,
    /// The objects as YAML
    Yaml,
    /// Their names, one a line
    Name,
}

impl Form {
    /// A value in this form; `text` is asked where it is for people.
    pub fn of(self, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<String> {
        Ok(match self {
            Self::Text => text(),
            Self::Json => serde_json::to_string_pretty(value)? + "\n",
            Self::Yaml => serde_yaml::to_string(value)?,
        })
    }
}
