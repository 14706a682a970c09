//! Words for the four kinds, as a person may write them.

use anyhow::{Result, bail};

/// The four kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::Display, serde::Serialize)]
pub enum Kind {
    /// GenesisModel.
    #[strum(to_string = "GenesisModel")]
    #[serde(rename = "GenesisModel")]
    Model,
    /// TrainingRun.
    TrainingRun,
    /// Evaluation.
    Evaluation,
    /// Rollout.
    Rollout,
}

impl Kind {
    /// From a word: the kind, its plural, its short name, with or without the group.
    pub fn from_word(word: &str) -> Option<Self> {
        let word = word.to_lowercase();
        let suffix = format!(".{}", genesis_api::names::GROUP);
        Some(match word.strip_suffix(&suffix).unwrap_or(&word) {
            "model" | "models" | "genesismodel" | "genesismodels" | "gm" => Self::Model,
            "run" | "trainingrun" | "trainingruns" | "trun" => Self::TrainingRun,
            "eval" | "evaluation" | "evaluations" | "geval" => Self::Evaluation,
            "rollout" | "rollouts" | "gro" => Self::Rollout,
            _ => return None,
        })
    }

    /// The resource in addresses and in RBAC.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Model => "genesismodels",
            Self::TrainingRun => "trainingruns",
            Self::Evaluation => "evaluations",
            Self::Rollout => "rollouts",
        }
    }

    /// `genesismodel.genesis.truth.si/NAME`, as kubectl prints it.
    pub fn full_name(self, name: &str) -> String {
        format!("{}.{}/{name}", self.to_string().to_lowercase(), genesis_api::names::GROUP)
    }
}

/// What a person names: `NAME`, `KIND/NAME` or `KIND NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The kind, where it is told.
    pub kind: Option<Kind>,
    /// The name.
    pub name: String,
}

impl Target {
    /// From one or two words.
    pub fn from_words(words: &[String]) -> Result<Self> {
        let (kind, name) = match words {
            [word] => match word.split_once('/') {
                Some((kind, name)) => (Some(known(kind)?), name),
                None => (None, word.as_str()),
            },
            [kind, name] => (Some(known(kind)?), name.as_str()),
            _ => bail!("name one object: NAME, KIND/NAME or KIND NAME"),
        };
        if name.is_empty() || name.contains('/') {
            bail!("'{}' names no object: write NAME, KIND/NAME or KIND NAME", words.join(" "));
        }
        Ok(Self { kind, name: name.to_owned() })
    }
}

fn known(word: &str) -> Result<Kind> {
    match Kind::from_word(word) {
        Some(kind) => Ok(kind),
        None => bail!("'{word}' is no kind of Genesis: write model, trainingrun, evaluation or rollout"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(words: &[&str]) -> Result<(Option<Kind>, String)> {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        Target::from_words(&words).map(|target| (target.kind, target.name))
    }

    #[test]
    fn an_object_is_named_in_three_ways() {
        assert_eq!(target(&["coder"]).unwrap(), (None, "coder".into()));
        assert_eq!(target(&["gro/coder-r1"]).unwrap(), (Some(Kind::Rollout), "coder-r1".into()));
        assert_eq!(target(&["evaluation", "coder-r1"]).unwrap(), (Some(Kind::Evaluation), "coder-r1".into()));
        let full = Kind::Model.full_name("coder");
        assert_eq!(full, "genesismodel.genesis.truth.si/coder");
        assert_eq!(target(&[&full]).unwrap(), (Some(Kind::Model), "coder".into()));
    }

    #[test]
    fn what_names_nothing_is_refused_with_the_way_out() {
        for words in [&["pod/x"][..], &["model/"], &["a", "b"], &["model/a/b"], &[]] {
            assert!(target(words).unwrap_err().to_string().contains("write") || words.is_empty(), "{words:?}");
        }
    }
}
