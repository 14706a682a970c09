//! Context assembly: patterns before the prompt, under a budget of tokens.

use thiserror::Error;

/// A pattern as the model is shown it.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// Id in the ledger.
    pub id: String,
    /// A whole program that passed its tests.
    pub source: String,
}

/// What a model is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    /// Examples, then the prompt.
    pub text: String,
    /// Ids of the examples in it, best first.
    pub shown: Vec<String>,
}

/// The prompt does not fit.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("the prompt takes about {tokens} tokens and the model has room for {budget}")]
pub struct PromptTooLong {
    /// Estimated tokens of the prompt.
    pub tokens: usize,
    /// Tokens there are room for.
    pub budget: usize,
}

/// Tokens a text takes at most, roughly: three bytes a token, which is pessimistic for code in every tokenizer met so far.
pub fn estimate_tokens(text: &str) -> usize {
    text.len().div_ceil(3)
}

/// Puts the examples before the prompt, best last so that it stands next to what is asked.
///
/// Takes examples in the order given as long as they fit; the prompt itself is never cut.
pub fn assemble(prompt: &str, examples: &[Example], budget: usize) -> Result<Context, PromptTooLong> {
    let tokens = estimate_tokens(prompt);
    if tokens > budget {
        return Err(PromptTooLong { tokens, budget });
    }
    let mut text = prompt.to_owned();
    let mut shown = Vec::new();
    for example in examples {
        let longer = format!("{}\n{text}", with_newline(&example.source));
        if estimate_tokens(&longer) <= budget {
            text = longer;
            shown.push(example.id.clone());
        }
    }
    Ok(Context { text, shown })
}

fn with_newline(source: &str) -> String {
    format!("{}\n", source.trim_end())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn example(id: &str, source: &str) -> Example {
        Example { id: id.into(), source: source.into() }
    }

    #[test]
    fn the_best_example_stands_next_to_the_prompt() {
        let got = assemble("def f():\n", &[example("best", "b = 1"), example("next", "n = 1\n\n")], 100).unwrap();
        assert_eq!(got.text, "n = 1\n\nb = 1\n\ndef f():\n");
        assert_eq!(got.shown, ["best", "next"]);
    }

    #[test]
    fn an_example_that_does_not_fit_is_passed_over() {
        let long = "x".repeat(300);
        let got = assemble("p", &[example("long", &long), example("short", "y")], 10).unwrap();
        assert_eq!(got.shown, ["short"]);
    }

    #[test]
    fn a_prompt_that_does_not_fit_is_an_error_with_both_numbers() {
        assert_eq!(assemble(&"x".repeat(31), &[], 10), Err(PromptTooLong { tokens: 11, budget: 10 }));
    }

    proptest! {
        #[test]
        fn the_budget_is_never_exceeded_and_the_prompt_is_whole(
            prompt in ".{0,80}",
            sources in proptest::collection::vec("\\PC{0,120}", 0..5),
            budget in 0usize..120,
        ) {
            let examples: Vec<Example> = sources.iter().enumerate().map(|(i, s)| example(&i.to_string(), s)).collect();
            match assemble(&prompt, &examples, budget) {
                Ok(context) => {
                    prop_assert!(estimate_tokens(&context.text) <= budget);
                    prop_assert!(context.text.ends_with(&prompt));
                }
                Err(error) => prop_assert!(error.tokens > budget),
            }
        }
    }
}
