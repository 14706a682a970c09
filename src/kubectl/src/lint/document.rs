use serde::Deserialize;
use serde_json::Value;

use super::locate::line_of;

/// One document of a file of YAML.
pub(super) struct Document<'a> {
    /// Lines before it.
    before: usize,
    text: Vec<&'a str>,
}

/// Cuts a file at its document markers.
pub(super) fn split(text: &str) -> Vec<Document<'_>> {
    let mut documents = vec![Document { before: 0, text: Vec::new() }];
    for (number, line) in text.lines().enumerate() {
        if line == "---" || line.starts_with("--- ") {
            documents.push(Document { before: number + 1, text: Vec::new() });
        } else if let Some(last) = documents.last_mut() {
            last.text.push(line);
        }
    }
    documents
}

impl Document<'_> {
    /// The object, or the line and the words of what cannot be read.
    pub(super) fn parse(&self) -> Result<Value, (usize, String)> {
        let text = self.text.join("\n");
        let reader = serde_yaml::Deserializer::from_str(&text);
        Value::deserialize(reader).map_err(|error| {
            let line = error.location().map_or(1, |place| place.line());
            (self.before + line, error.to_string())
        })
    }

    /// The line of a field, or of the nearest one around it that is written down.
    pub(super) fn line(&self, path: &str) -> usize {
        self.before + line_of(&self.text, path)
    }
}
