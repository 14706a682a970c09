//! Answers as server-sent events.

use std::convert::Infallible;

use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::stream::{self, StreamExt as _};
use serde_json::Value;

use super::generation::{Generation, Part, Usage};

/// Writes the chunks of one protocol.
pub(super) trait Chunks: Send + 'static {
    /// The chunks for one part, possibly none.
    fn part(&mut self, part: Part) -> Vec<Value>;

    /// The last chunk, where the client asked for the usage.
    fn usage(&self, usage: Usage) -> Option<Value>;
}

/// Sends parts as they arrive, then `[DONE]`. An error inside the stream is sent as an error object.
pub(super) fn respond(generation: Generation, chunks: impl Chunks) -> Response {
    let batches = stream::unfold(Some((generation, chunks)), |state| async move {
        let (mut generation, mut chunks) = state?;
        Some(match generation.next().await {
            Some(Err(error)) => (vec![error.body()], None),
            Some(Ok(part)) => (chunks.part(part), Some((generation, chunks))),
            None => (chunks.usage(generation.usage).into_iter().collect(), None),
        })
    });
    let data = batches.flat_map(stream::iter).map(|chunk| chunk.to_string());
    let data = data.chain(stream::once(async { "[DONE]".to_owned() }));
    Sse::new(data.map(|data| Ok::<_, Infallible>(Event::default().data(data)))).into_response()
}
