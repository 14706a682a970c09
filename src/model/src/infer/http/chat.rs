//! `/v1/chat/completions`: answer a conversation.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{ApiError, Body};
use super::generation::{Part, Plan, Usage, off_the_reactor};
use super::parameters::Parameters;
use super::prompt::{Prompt, check_bytes, check_length};
use super::stream::{Chunks, respond};
use super::template::Message;
use super::{App, Header, logprobs, models};

#[derive(Deserialize)]
pub(super) struct ChatRequest {
    messages: Vec<Message>,
    max_tokens: Option<usize>,
    /// OpenAI's newer name of `max_tokens`.
    max_completion_tokens: Option<usize>,
    #[serde(default)]
    logprobs: bool,
    top_logprobs: Option<usize>,
    #[serde(flatten)]
    parameters: Parameters,
}

pub(super) async fn create(State(app): State<Arc<App>>, body: Body<ChatRequest>) -> Result<Response, ApiError> {
    let Json(mut request) = body?;
    let messages = std::mem::take(&mut request.messages);
    let parameters = &request.parameters;
    let adapter = models::resolve(&app, parameters.model.as_deref())?;
    let samples = parameters.samples(app.engine.options().limits.sequences)?;
    let of = Arc::clone(&app);
    let tokens = off_the_reactor(move || {
        for message in &messages {
            check_bytes(&message.content.text(), &of.model)?;
        }
        let tokens = of.model.template.render(&messages, &of.model.tokenizer);
        tokens.map_err(|error| ApiError::invalid("messages", error.to_string()))
    })
    .await?;
    // Without a limit, an answer may fill the context.
    let limit = request.max_completion_tokens.or(request.max_tokens);
    let max_tokens = limit.unwrap_or_else(|| app.model.max_model_len.saturating_sub(tokens.len()));
    check_length(tokens.len(), max_tokens, &app.model)?;
    let sampling = parameters.sampling(max_tokens, request.logprobs.then_some(request.top_logprobs.unwrap_or(0)))?;
    let prompts = vec![Prompt { text: String::new(), tokens }];
    let (seeded, stream) = (parameters.seed.is_some(), parameters.stream);
    let plan = Plan { prompts, adapter, samples, sampling, seeded, score_prompt: false, stream };
    let generation = plan.start(&app)?;
    let writer = Writer {
        header: Header::new("chatcmpl", parameters.model.as_deref(), &app),
        app: Arc::clone(&app),
        scored: request.logprobs,
        with_usage: parameters.stream_options.as_ref().is_some_and(|options| options.include_usage),
        begun: vec![false; samples],
    };
    if parameters.stream {
        return Ok(respond(generation, writer));
    }
    let answers = generation.collect().await?;
    let choices = answers.choices.iter().enumerate().map(|(index, choice)| {
        json!({
            "index": index,
            "message": { "role": "assistant", "content": choice.text },
            "logprobs": writer.scored.then(|| logprobs::of_chat(&choice.scores, &app.model.vocabulary)),
            "finish_reason": choice.finish,
        })
    });
    Ok(Json(writer.header.object("chat.completion", choices.collect(), Some(answers.usage))).into_response())
}

/// Writes deltas.
struct Writer {
    app: Arc<App>,
    header: Header,
    scored: bool,
    with_usage: bool,
    /// Choices whose role was sent.
    begun: Vec<bool>,
}

impl Chunks for Writer {
    fn part(&mut self, part: Part) -> Vec<Value> {
        match part {
            Part::Prompt { .. } => Vec::new(),
            Part::Text { choice, text, scores, finish } => {
                let mut delta = json!({ "content": text });
                if !std::mem::replace(&mut self.begun[choice], true) {
                    delta["role"] = "assistant".into();
                }
                let logprobs = self.scored.then(|| logprobs::of_chat(&scores, &self.app.model.vocabulary));
                let choice = json!({ "index": choice, "delta": delta, "logprobs": logprobs, "finish_reason": finish });
                vec![self.header.object("chat.completion.chunk", vec![choice], None)]
            }
        }
    }

    fn usage(&self, usage: Usage) -> Option<Value> {
        self.with_usage.then(|| self.header.object("chat.completion.chunk", Vec::new(), Some(usage)))
    }
}
