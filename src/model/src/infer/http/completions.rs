//! `/v1/completions`: continue a text, or score it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{ApiError, Body};
use super::generation::{Part, Plan, Usage, off_the_reactor};
use super::parameters::Parameters;
use super::prompt::Prompts;
use super::stream::{Chunks, respond};
use super::{App, Header, logprobs, models};
use crate::infer::answer::FinishReason;
use crate::infer::sampling::TokenScore;

/// OpenAI's default.
const DEFAULT_MAX_TOKENS: usize = 16;

#[derive(Deserialize)]
pub(super) struct CompletionRequest {
    prompt: Prompts,
    max_tokens: Option<usize>,
    logprobs: Option<usize>,
    #[serde(default)]
    echo: bool,
    #[serde(flatten)]
    parameters: Parameters,
}

pub(super) async fn create(State(app): State<Arc<App>>, body: Body<CompletionRequest>) -> Result<Response, ApiError> {
    let Json(CompletionRequest { prompt, max_tokens, logprobs, echo, parameters }) = body?;
    let adapter = models::resolve(&app, parameters.model.as_deref())?;
    let max_tokens = max_tokens.unwrap_or(DEFAULT_MAX_TOKENS);
    let samples = parameters.samples(app.engine.options().limits.sequences)?;
    let sampling = parameters.sampling(max_tokens, logprobs)?;
    prompt.check_count(app.engine.options().queue)?;
    let model = Arc::clone(&app);
    let prompts = off_the_reactor(move || prompt.into_list(&model.model, max_tokens)).await?;
    let beginnings = || prompts.iter().map(|prompt| (prompt.text.clone(), prompt.tokens.first().copied()));
    let echoed = echo.then(|| beginnings().collect());
    let count = prompts.len();
    let (score_prompt, seeded) = (echo && logprobs.is_some(), parameters.seed.is_some());
    let plan = Plan { prompts, adapter, samples, sampling, seeded, score_prompt, stream: parameters.stream };
    let generation = plan.start(&app)?;
    // Only what the engine has taken is worth the memory for its choices.
    let mut writer = Writer::new(Arc::clone(&app), &parameters, (count, samples), echoed, logprobs.is_some());
    if parameters.stream {
        return Ok(respond(generation, writer));
    }
    let answers = generation.collect().await?;
    writer.prompt_scores = answers.prompt_scores;
    let choices = answers.choices.into_iter().enumerate();
    let choices = choices.map(|(index, choice)| writer.choice(index, &choice.text, &choice.scores, choice.finish));
    let choices = choices.collect();
    Ok(Json(writer.object(choices, Some(answers.usage))).into_response())
}

/// Writes choices, whole or in pieces.
struct Writer {
    app: Arc<App>,
    header: Header,
    /// Text and first token of each prompt, if the choices begin with it.
    echo: Option<Vec<(String, Option<u32>)>>,
    scored: bool,
    samples: usize,
    with_usage: bool,
    prompt_scores: Vec<Vec<TokenScore>>,
    /// For each choice that was begun: the characters written so far.
    offsets: Vec<Option<usize>>,
}

impl Writer {
    fn new(
        app: Arc<App>,
        parameters: &Parameters,
        (prompts, samples): (usize, usize),
        echo: Option<Vec<(String, Option<u32>)>>,
        scored: bool,
    ) -> Self {
        Self {
            header: Header::new("cmpl", parameters.model.as_deref(), &app),
            app,
            echo,
            scored,
            samples,
            with_usage: parameters.stream_options.as_ref().is_some_and(|options| options.include_usage),
            prompt_scores: vec![Vec::new(); prompts],
            offsets: vec![None; prompts * samples],
        }
    }

    fn choice(&mut self, index: usize, text: &str, scores: &[TokenScore], finish: Option<FinishReason>) -> Value {
        let prompt = index / self.samples;
        let begins = self.offsets[index].is_none();
        let (beginning, first) = match &self.echo {
            Some(prompts) if begins => (prompts[prompt].0.as_str(), prompts[prompt].1),
            _ => ("", None),
        };
        let mut offset = self.offsets[index].unwrap_or(0);
        let logprobs = self.scored.then(|| {
            let mut all = if first.is_some() { self.prompt_scores[prompt].clone() } else { Vec::new() };
            all.extend_from_slice(scores);
            logprobs::of_completion(first, &all, &self.app.model.vocabulary, &mut offset)
        });
        let value = json!({
            "index": index,
            "text": format!("{beginning}{text}"),
            "logprobs": logprobs,
            "finish_reason": finish,
        });
        self.offsets[index] = Some(offset);
        value
    }

    fn object(&self, choices: Vec<Value>, usage: Option<Usage>) -> Value {
        self.header.object("text_completion", choices, usage)
    }
}

impl Chunks for Writer {
    fn part(&mut self, part: Part) -> Vec<Value> {
        match part {
            Part::Prompt { prompt, scores } => {
                self.prompt_scores[prompt] = scores;
                Vec::new()
            }
            Part::Text { choice, text, scores, finish } => {
                let choice = self.choice(choice, &text, &scores, finish);
                vec![self.object(vec![choice], None)]
            }
        }
    }

    fn usage(&self, usage: Usage) -> Option<Value> {
        self.with_usage.then(|| self.object(Vec::new(), Some(usage)))
    }
}
