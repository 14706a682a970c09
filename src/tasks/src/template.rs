//! Templates: text with placeholders, as the table of operations holds them.
//!
//! | placeholder | stands for |
//! |---|---|
//! | `{in}` | the variable that holds the step's input |
//! | `{out}` | the variable in which a block leaves its result |
//! | `{k}` | an integer from 1 to 12, a threshold or a summand |
//! | `{m}` | an integer from 2 to 6, a factor or a modulus |
//! | `{t}` | an integer from 1 to 4, a count of items |
//! | `{c}` | an integer from 4 to 12, an upper bound |
//! | `{a}`, `{b}` | two different letters |
//! | `{j}` | a separator |
//! | `{t+2}`, `{t-1}` | a number with an offset of one digit |
//! | `{}` | itself: Python's empty dict |

#[cfg(test)]
mod tests;

use serde::Deserialize;

use crate::parameters::Parameters;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    K,
    M,
    T,
    C,
}

impl Number {
    fn of(self, parameters: &Parameters) -> i64 {
        match self {
            Self::K => parameters.k,
            Self::M => parameters.m,
            Self::T => parameters.t,
            Self::C => parameters.c,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Input,
    Output,
    Number { number: Number, offset: i64 },
    LetterA,
    LetterB,
    Separator,
}

/// One line of text with placeholders.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Template(Vec<Piece>);

/// Why a string is not a template.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TemplateError {
    /// A `{` without its `}`.
    #[error("template {template:?} opens a brace that it does not close")]
    Unclosed {
        /// The template.
        template: String,
    },
    /// A placeholder outside the list.
    #[error(
        "template {template:?} holds {{{placeholder}}}: write in, out, k, m, t, c, a, b or j, a number also with an offset as in t+2"
    )]
    Unknown {
        /// The template.
        template: String,
        /// What stands between the braces.
        placeholder: String,
    },
}

/// The variables that a piece of code reads and writes.
#[derive(Clone, Copy, Debug)]
pub struct Variables<'a> {
    /// What `{in}` stands for.
    pub input: &'a str,
    /// What `{out}` stands for.
    pub output: &'a str,
}

impl Template {
    /// Reads a template.
    pub fn parse(template: &str) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut rest = template;
        while let Some(open) = rest.find('{') {
            let length =
                rest[open..].find('}').ok_or_else(|| TemplateError::Unclosed { template: template.to_owned() })?;
            if open > 0 {
                pieces.push(Piece::Text(rest[..open].to_owned()));
            }
            let placeholder = &rest[open + 1..open + length];
            pieces.push(piece(placeholder).ok_or_else(|| TemplateError::Unknown {
                template: template.to_owned(),
                placeholder: placeholder.to_owned(),
            })?);
            rest = &rest[open + length + 1..];
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    /// Puts values in the places.
    pub fn fill(&self, parameters: &Parameters, variables: Variables<'_>) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(fixed) => text.push_str(fixed),
                Piece::Input => text.push_str(variables.input),
                Piece::Output => text.push_str(variables.output),
                Piece::Number { number, offset } => text.push_str(&(number.of(parameters) + offset).to_string()),
                Piece::LetterA => text.push(parameters.a),
                Piece::LetterB => text.push(parameters.b),
                Piece::Separator => text.push_str(parameters.j),
            }
        }
        text
    }

    /// Whether `{in}` occurs.
    pub fn reads_input(&self) -> bool {
        self.0.contains(&Piece::Input)
    }

    /// Whether `{out}` occurs.
    pub fn names_output(&self) -> bool {
        self.0.contains(&Piece::Output)
    }
}

impl TryFrom<String> for Template {
    type Error = TemplateError;

    fn try_from(template: String) -> Result<Self, Self::Error> {
        Self::parse(&template)
    }
}

fn piece(placeholder: &str) -> Option<Piece> {
    let simple = match placeholder {
        "" => Piece::Text("{}".to_owned()),
        "in" => Piece::Input,
        "out" => Piece::Output,
        "a" => Piece::LetterA,
        "b" => Piece::LetterB,
        "j" => Piece::Separator,
        number => return numbered(number),
    };
    Some(simple)
}

fn numbered(placeholder: &str) -> Option<Piece> {
    let number = match placeholder.chars().next()? {
        'k' => Number::K,
        'm' => Number::M,
        't' => Number::T,
        'c' => Number::C,
        _ => return None,
    };
    let offset = match placeholder.as_bytes() {
        [_] => 0,
        [_, b'+', digit @ b'0'..=b'9'] => i64::from(digit - b'0'),
        [_, b'-', digit @ b'0'..=b'9'] => -i64::from(digit - b'0'),
        _ => return None,
    };
    Some(Piece::Number { number, offset })
}

/// How a step is programmed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Code {
    /// One expression; the renderer assigns or returns it.
    Expression(Template),
    /// Statements that leave their result in `{out}`, or in `total` where the result is an integer.
    Block(Vec<Template>),
}

impl Code {
    /// The lines, one for an expression.
    pub fn lines(&self) -> &[Template] {
        match self {
            Self::Expression(line) => std::slice::from_ref(line),
            Self::Block(lines) => lines,
        }
    }
}

impl TryFrom<String> for Code {
    type Error = TemplateError;

    /// Several lines are a block.
    fn try_from(code: String) -> Result<Self, Self::Error> {
        if code.trim_end().contains('\n') {
            code.lines().map(Template::parse).collect::<Result<_, _>>().map(Self::Block)
        } else {
            Template::parse(code.trim_end()).map(Self::Expression)
        }
    }
}
