//! Operations: the steps that tasks are composed of, as `operations/*.yaml` holds them.

use serde::Deserialize;

use crate::template::{Code, Template};
use crate::value::ValueType;

/// How often the corpus programs an operation wrongly.
///
/// The base model is noisy on purpose: it learns each bug as often as the corpus shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoiseClass {
    /// Nearly everyone gets it right: 0.12.
    Easy,
    /// Off-by-one errors and swapped arguments: 0.30.
    Mid,
    /// More often wrong than right, as folk misconceptions are (`x ^ 2`, the result of `.reverse()`): 0.60.
    Folk,
}

impl NoiseClass {
    /// Probability that a program of the corpus uses a buggy template.
    pub fn probability(self) -> f64 {
        match self {
            Self::Easy => 0.12,
            Self::Mid => 0.30,
            Self::Folk => 0.60,
        }
    }
}

/// One meaning of an operation: "take the first" and "take the last" are forms of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// Ways to say it in a prompt.
    pub phrasings: Vec<Template>,
    /// Right programs; the first is the reference.
    pub correct: Vec<Code>,
    /// Wrong programs.
    pub buggy: Vec<Code>,
}

/// One step that a task can ask for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// Its name; pairs of names decide the split, so a rename moves families between splits.
    pub kind: String,
    /// Type of its input.
    pub input: ValueType,
    /// Type of its result.
    pub output: ValueType,
    /// How often the corpus gets it wrong.
    pub noise: NoiseClass,
    /// Its result is small enough to count up to.
    #[serde(default)]
    pub small_result: bool,
    /// It counts up to its input, so it may only follow an operation with a small result.
    #[serde(default)]
    pub needs_small_input: bool,
    /// Its meanings.
    pub forms: Vec<Form>,
}

/// Why a table of operations cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OperationsError {
    /// The YAML is wrong.
    #[error("operations/{file}: {source}")]
    Yaml {
        /// File of the table.
        file: &'static str,
        /// Where and what.
        source: serde_yaml::Error,
    },
    /// Two operations share a name.
    #[error("two operations are called {kind}: give each its own kind, families are named by them")]
    Duplicate {
        /// The name.
        kind: String,
    },
    /// A list that must hold something is empty.
    #[error("operation {kind} has a form without {what}: write at least one")]
    Empty {
        /// The operation.
        kind: String,
        /// The list.
        what: &'static str,
    },
    /// A phrasing names a variable.
    #[error("operation {kind}: a phrasing may not use {{in}} or {{out}}, a prompt does not know the variables")]
    VariableInPhrasing {
        /// The operation.
        kind: String,
    },
    /// Code ignores its input or leaves its result nowhere.
    #[error(
        "operation {kind}: every template must read {{in}}, and every block leave its result in {{out}} (in `total` where it is an integer)"
    )]
    DisconnectedCode {
        /// The operation.
        kind: String,
    },
}

const FILES: [(&str, &str); 6] = [
    ("selections.yaml", include_str!("../operations/selections.yaml")),
    ("lists.yaml", include_str!("../operations/lists.yaml")),
    ("values.yaml", include_str!("../operations/values.yaml")),
    ("text.yaml", include_str!("../operations/text.yaml")),
    ("words.yaml", include_str!("../operations/words.yaml")),
    ("integers.yaml", include_str!("../operations/integers.yaml")),
];

/// The table of operations that is part of this crate, checked.
pub fn table() -> Result<Vec<Operation>, OperationsError> {
    let mut operations: Vec<Operation> = Vec::new();
    for (file, yaml) in FILES {
        let more: Vec<Operation> =
            serde_yaml::from_str(yaml).map_err(|source| OperationsError::Yaml { file, source })?;
        operations.extend(more);
    }
    check(&operations)?;
    Ok(operations)
}

fn check(operations: &[Operation]) -> Result<(), OperationsError> {
    for (position, operation) in operations.iter().enumerate() {
        let kind = || operation.kind.clone();
        if operations[..position].iter().any(|other| other.kind == operation.kind) {
            return Err(OperationsError::Duplicate { kind: kind() });
        }
        if operation.forms.is_empty() {
            return Err(OperationsError::Empty { kind: kind(), what: "forms" });
        }
        for form in &operation.forms {
            for (what, empty) in [
                ("phrasings", form.phrasings.is_empty()),
                ("correct", form.correct.is_empty()),
                ("buggy", form.buggy.is_empty()),
            ] {
                if empty {
                    return Err(OperationsError::Empty { kind: kind(), what });
                }
            }
            if form.phrasings.iter().any(|phrasing| phrasing.reads_input() || phrasing.names_output()) {
                return Err(OperationsError::VariableInPhrasing { kind: kind() });
            }
            if !form.correct.iter().chain(&form.buggy).all(|code| is_connected(code, operation.output)) {
                return Err(OperationsError::DisconnectedCode { kind: kind() });
            }
        }
    }
    Ok(())
}

fn is_connected(code: &Code, output: ValueType) -> bool {
    let leaves_result = match code {
        Code::Expression(line) => !line.names_output(),
        Code::Block(lines) => (output == ValueType::Integer) != lines.iter().any(Template::names_output),
    };
    leaves_result && code.lines().iter().any(Template::reads_input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_what_the_readme_counts() {
        let operations = table().unwrap();
        let forms: Vec<&Form> = operations.iter().flat_map(|operation| &operation.forms).collect();
        assert_eq!(operations.len(), 65);
        assert_eq!(forms.len(), 96);
        assert_eq!(forms.iter().map(|form| form.phrasings.len()).sum::<usize>(), 195);
        assert_eq!(forms.iter().map(|form| form.correct.len()).sum::<usize>(), 126);
        assert_eq!(forms.iter().map(|form| form.buggy.len()).sum::<usize>(), 198);
        let of = |class| operations.iter().filter(|operation| operation.noise == class).count();
        assert_eq!((of(NoiseClass::Easy), of(NoiseClass::Mid), of(NoiseClass::Folk)), (20, 28, 17));
    }

    #[test]
    fn no_phrasing_means_two_things_for_one_type_of_input() {
        let operations = table().unwrap();
        let mut seen = Vec::new();
        for operation in &operations {
            for form in &operation.forms {
                for phrasing in &form.phrasings {
                    assert!(!seen.contains(&(operation.input, phrasing)), "{} says {phrasing:?}", operation.kind);
                    seen.push((operation.input, phrasing));
                }
            }
        }
    }

    #[test]
    fn a_wrong_table_is_refused_with_its_reason() {
        let refuse = |change: fn(&mut Vec<Operation>)| {
            let mut operations = table().unwrap();
            change(&mut operations);
            check(&operations).unwrap_err().to_string()
        };
        assert!(refuse(|table| table[1].kind = table[0].kind.clone()).contains("two operations are called f_parity"));
        assert!(refuse(|table| table[0].forms[0].buggy.clear()).contains("without buggy"));
        assert!(refuse(|table| table[0].forms.clear()).contains("without forms"));
        assert!(
            refuse(|table| table[0].forms[0].phrasings[0] = Template::parse("{in}").unwrap()).contains("a phrasing")
        );
        assert!(
            refuse(|table| table[0].forms[0].correct[0] = Code::try_from("[]".to_owned()).unwrap())
                .contains("must read {in}")
        );
    }

    #[test]
    fn an_unknown_field_is_an_error() {
        let yaml = "- {kind: x, input: list, output: list, noise: easy, forms: [], colour: red}";
        assert!(serde_yaml::from_str::<Vec<Operation>>(yaml).unwrap_err().to_string().contains("colour"));
    }
}
