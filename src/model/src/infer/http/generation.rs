//! The way of a request through the engine, the same for completions and chat.

use axum::http::StatusCode;
use futures::stream::{self, SelectAll, StreamExt as _};
use rand::Rng as _;
use serde::Serialize;
use tokio::sync::mpsc;

use super::App;
use super::error::ApiError;
use super::prompt::Prompt;
use crate::infer::answer::FinishReason;
use crate::infer::engine::{AdapterId, EngineError, Event, Request};
use crate::infer::sampling::{Sampling, TokenScore};

/// What is asked of the engine.
pub(super) struct Plan {
    pub prompts: Vec<Prompt>,
    pub adapter: Option<AdapterId>,
    /// Answers to each prompt.
    pub samples: usize,
    pub sampling: Sampling,
    /// The seed is the client's: it is every prompt's. Otherwise each prompt draws its own.
    pub seeded: bool,
    pub score_prompt: bool,
    pub stream: bool,
}

/// What arrives, with the number of the choice it belongs to.
#[derive(Debug)]
pub(super) enum Part {
    /// Scores of prompt number `prompt`, before any of its choices.
    Prompt { prompt: usize, scores: Vec<TokenScore> },
    /// More of choice number `choice`; with `finish` it is complete.
    Text { choice: usize, text: String, scores: Vec<TokenScore>, finish: Option<FinishReason> },
}

/// A complete choice.
#[derive(Debug, Default)]
pub(super) struct Choice {
    pub text: String,
    pub scores: Vec<TokenScore>,
    pub finish: Option<FinishReason>,
}

/// A complete answer.
pub(super) struct Answers {
    /// `samples` for each prompt, in order.
    pub choices: Vec<Choice>,
    /// Scores of each prompt, where they were asked for.
    pub prompt_scores: Vec<Vec<TokenScore>>,
    pub usage: Usage,
}

/// Tokens that were used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Usage {
    pub prompt_tokens: usize,
    pub completion_tokens: usize,
    pub total_tokens: usize,
}

/// A running request. Dropping it cancels what is not complete.
pub(super) struct Generation {
    events: SelectAll<stream::BoxStream<'static, (usize, Event)>>,
    samples: usize,
    prompts: usize,
    /// Choices that are not complete.
    open: usize,
    pub usage: Usage,
}

/// Runs what takes long on a thread of its own, so that probes and other requests are answered meanwhile.
pub(super) async fn off_the_reactor<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())))
}

impl Plan {
    /// Hands the prompts to the engine: all of them, or none if one is refused.
    pub fn start(self, app: &App) -> Result<Generation, ApiError> {
        let prompt_tokens = self.prompts.iter().map(|prompt| prompt.tokens.len()).sum();
        let usage = Usage { prompt_tokens, completion_tokens: 0, total_tokens: prompt_tokens };
        let mut generation = Generation {
            events: SelectAll::new(),
            samples: self.samples,
            prompts: self.prompts.len(),
            open: self.samples * self.prompts.len(),
            usage,
        };
        for (index, prompt) in self.prompts.into_iter().enumerate() {
            let (events, receiver) = mpsc::unbounded_channel();
            let mut sampling = self.sampling.clone();
            if !self.seeded {
                sampling.seed = rand::rng().random();
            }
            app.engine.submit(Request {
                prompt: prompt.tokens,
                adapter: self.adapter,
                samples: self.samples,
                sampling,
                score_prompt: self.score_prompt,
                stream: self.stream,
                events,
            })?;
            let next = move |mut receiver: mpsc::UnboundedReceiver<Event>| async move {
                receiver.recv().await.map(|event| ((index, event), receiver))
            };
            generation.events.push(stream::unfold(receiver, next).boxed());
        }
        Ok(generation)
    }
}

impl Generation {
    /// What arrives next; `None` after the last choice is complete or the request has failed.
    pub async fn next(&mut self) -> Option<Result<Part, ApiError>> {
        if self.open == 0 {
            return None;
        }
        let part = match self.events.next().await {
            Some((prompt, Event::Prompt(scores))) => Part::Prompt { prompt, scores },
            Some((prompt, Event::Piece { index, text, scores })) => {
                Part::Text { choice: prompt * self.samples + index, text, scores, finish: None }
            }
            Some((prompt, Event::Finished { index, text, scores, reason, tokens })) => {
                self.open -= 1;
                self.usage.completion_tokens += tokens;
                self.usage.total_tokens += tokens;
                Part::Text { choice: prompt * self.samples + index, text, scores, finish: Some(reason) }
            }
            Some((_, Event::Failed(error))) => return Some(Err(self.failed(error))),
            None => return Some(Err(self.failed(EngineError::Stopped))),
        };
        Some(Ok(part))
    }

    /// Nothing more follows.
    fn failed(&mut self, error: EngineError) -> ApiError {
        self.open = 0;
        error.into()
    }

    /// Everything, once it is complete.
    pub async fn collect(mut self) -> Result<Answers, ApiError> {
        let mut choices: Vec<Choice> = (0..self.samples * self.prompts).map(|_| Choice::default()).collect();
        let mut prompt_scores = vec![Vec::new(); self.prompts];
        while let Some(part) = self.next().await {
            match part? {
                Part::Prompt { prompt, scores } => prompt_scores[prompt] = scores,
                Part::Text { choice, text, scores, finish } => {
                    let choice = &mut choices[choice];
                    choice.text.push_str(&text);
                    choice.scores.extend(scores);
                    choice.finish = finish;
                }
            }
        }
        Ok(Answers { choices, prompt_scores, usage: self.usage })
    }
}
