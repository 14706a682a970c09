//! The two pathways: what each is asked, and sampling both at once.

use genesis_client::CompletionRequest;
use genesis_core::confidence::Exposure;
use genesis_ledger::types::generation::Pathway;

use super::candidate::Samples;
use super::context::{self, Example, PromptTooLong};
use super::request::Request;
use super::retrieve::Draw;
use super::settings::{PathwaySettings, Settings};
use crate::inference::{Model, ModelError};
use crate::routing::ModelKey;

/// What one pathway will ask of the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Which pathway.
    pub pathway: Pathway,
    /// Context and prompt.
    pub text: String,
    /// A part of the answer that is given already, at the end of `text`.
    pub given: String,
    /// Patterns in the context.
    pub shown: Vec<String>,
    /// Patterns that would have been in the context.
    pub withheld: Vec<String>,
    /// How many samples, how hot.
    pub settings: PathwaySettings,
    /// Seed of the sampling.
    pub seed: u64,
}

/// Plans both pathways: analytical with the patterns, creative with or without them, as the lot says.
pub fn plan(
    request: &Request,
    settings: &Settings,
    examples: &[Example],
    draw: &Draw,
) -> Result<Vec<Plan>, PromptTooLong> {
    let start = &request.start.text;
    let with = context::assemble(start, examples, settings.context_tokens)?;
    let analytical = (with.text.clone(), with.shown.clone(), Vec::new());
    let creative = match draw.exposure {
        Exposure::Shown => (with.text, with.shown, Vec::new()),
        Exposure::Withheld => (start.clone(), Vec::new(), with.shown),
    };
    let plans =
        [(Pathway::Analytical, settings.analytical, analytical), (Pathway::Creative, settings.creative, creative)];
    Ok(plans
        .into_iter()
        .filter(|(_, settings, _)| settings.samples > 0)
        .map(|(pathway, settings, (text, shown, withheld))| Plan {
            pathway,
            text,
            given: String::new(),
            shown,
            withheld,
            settings,
            seed: request.seed(&pathway.to_string()),
        })
        .collect())
}

/// Plans the third pass: from the lines on which both pathways agree, with the patterns, between the two temperatures.
pub fn plan_fusion(
    request: &Request,
    settings: &Settings,
    examples: &[Example],
    given: String,
) -> Result<Plan, PromptTooLong> {
    let start = format!("{}{given}", request.start.text);
    let context = context::assemble(&start, examples, settings.context_tokens)?;
    let temperature = f64::midpoint(settings.analytical.temperature, settings.creative.temperature);
    Ok(Plan {
        pathway: Pathway::Fusion,
        text: context.text,
        given,
        shown: context.shown,
        withheld: Vec::new(),
        settings: PathwaySettings { samples: settings.fusion_samples, temperature },
        seed: request.seed("fusion"),
    })
}

/// Samples all plans at once from one served name.
pub async fn sample(
    model: &dyn Model,
    key: &ModelKey,
    served_name: &str,
    settings: &Settings,
    plans: &[Plan],
) -> Result<Vec<Samples>, ModelError> {
    let sampled = plans.iter().map(|plan| async move {
        let request = CompletionRequest {
            model: served_name.to_owned(),
            prompt: plan.text.clone(),
            n: plan.settings.samples,
            max_tokens: settings.max_tokens,
            temperature: plan.settings.temperature,
            top_p: settings.top_p,
            seed: plan.seed,
        };
        let completions = model.complete(key, &request).await?;
        Ok(Samples {
            pathway: plan.pathway,
            completions: completions.into_iter().map(|text| format!("{}{text}", plan.given)).collect(),
            shown: plan.shown.clone(),
            withheld: plan.withheld.clone(),
        })
    });
    futures::future::try_join_all(sampled).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::request::Asked;

    fn request() -> Request {
        Request::new(Asked { prompt: "def f():\n".into(), ..Asked::default() }, None, None, || "k".into()).unwrap()
    }

    fn example() -> Example {
        Example { id: "p".into(), source: "def g(): pass".into() }
    }

    fn planned(exposure: Exposure) -> Vec<Plan> {
        plan(&request(), &Settings::default(), &[example()], &Draw { exposure, propensity: 0.5 }).unwrap()
    }

    #[test]
    fn both_pathways_see_patterns_where_the_lot_shows_them() {
        let plans = planned(Exposure::Shown);
        for plan in &plans {
            assert_eq!(
                (plan.text.as_str(), plan.shown.as_slice()),
                ("def g(): pass\n\ndef f():\n", &["p".to_owned()][..])
            );
        }
        assert!(plans[0].settings.temperature < plans[1].settings.temperature);
        assert_ne!(plans[0].seed, plans[1].seed);
    }

    #[test]
    fn what_the_creative_pathway_is_not_shown_is_what_it_would_have_been() {
        let plans = planned(Exposure::Withheld);
        assert_eq!(plans[0].shown, ["p"]);
        assert_eq!((plans[1].text.as_str(), plans[1].shown.len()), ("def f():\n", 0));
        assert_eq!(plans[1].withheld, ["p"]);
    }

    #[test]
    fn a_third_pass_goes_on_from_what_is_given() {
        let plan = plan_fusion(&request(), &Settings::default(), &[], "    x = 1\n".into()).unwrap();
        assert_eq!(plan.text, "def f():\n    x = 1\n");
        assert_eq!(plan.settings, PathwaySettings { samples: 2, temperature: 0.5 });
    }
}
