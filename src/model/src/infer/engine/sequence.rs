//! What the engine's thread keeps for each request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use super::{EngineError, Event, Request, Shared};
use crate::infer::answer::{Answer, FinishReason};
use crate::infer::runner::{ModelRunner, Segment, Want};
use crate::infer::sampling::{TokenScore, score};

/// Prompt tokens scored at once: bounds the logits that are held for models with a large vocabulary.
const SCORED_AT_ONCE: usize = 128;

/// A request with its adapter, which lives as long as the request needs it.
pub(super) struct Job<A> {
    pub request: Request,
    pub adapter: Option<Arc<A>>,
    pub arrived: Instant,
    pub shared: Arc<Shared>,
    /// Samples that are not complete.
    open: AtomicUsize,
    /// Whether the end was counted.
    ended: AtomicBool,
}

/// A request whose prompt is being computed, once for all its samples.
pub(super) struct Prompt<R: ModelRunner> {
    pub job: Job<R::Adapter>,
    pub cache: R::Cache,
    /// Tokens computed.
    pub done: usize,
    pub logits: Vec<f32>,
    pub scores: Vec<TokenScore>,
}

/// A sample that is being generated.
pub(super) struct Sequence<R: ModelRunner> {
    pub job: Arc<Job<R::Adapter>>,
    pub index: usize,
    pub cache: R::Cache,
    pub answer: Answer,
    pub logits: Vec<f32>,
}

impl<A> Job<A> {
    pub fn new(request: Request, adapter: Option<Arc<A>>, shared: Arc<Shared>) -> Self {
        let open = AtomicUsize::new(request.samples);
        Self { request, adapter, arrived: Instant::now(), shared, open, ended: AtomicBool::new(false) }
    }

    /// Counts a complete sample, and the request with its last one. To be called before the answer is sent: whoever
    /// has the answer finds it in the metrics.
    pub fn count_finished(&self, reason: FinishReason) {
        self.shared.metrics.count_finished(Some(reason));
        if self.open.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.end();
        }
    }

    /// Tells the client that nothing follows.
    pub fn fail(&self, error: EngineError) {
        self.end();
        self.send(Event::Failed(error));
    }

    fn end(&self) {
        if !self.ended.swap(true, Ordering::Relaxed) {
            self.shared.metrics.count_request(self.request.adapter, 0, -1);
            self.shared.metrics.latency.observe(self.arrived.elapsed().as_secs_f64());
        }
    }

    pub fn send(&self, event: Event) {
        // A client that hung up is noticed before the next step.
        let _ = self.request.events.send(event);
    }
}

impl<A> Drop for Job<A> {
    fn drop(&mut self) {
        self.end();
    }
}

impl<R: ModelRunner> Prompt<R> {
    /// Tokens left, and how many may be computed at once.
    pub fn remaining(&self) -> (usize, usize) {
        let at_once = if self.job.request.score_prompt { SCORED_AT_ONCE } else { usize::MAX };
        (self.job.request.prompt.len() - self.done, at_once)
    }

    pub fn segment(&mut self, share: usize) -> Segment<'_, R::Cache, R::Adapter> {
        let request = &self.job.request;
        let last = self.done + share == request.prompt.len();
        let want = match (request.score_prompt, last) {
            (true, _) => Want::All,
            (false, true) => Want::Last,
            (false, false) => Want::Nothing,
        };
        Segment {
            tokens: &request.prompt[self.done..self.done + share],
            adapter: self.job.adapter.as_deref(),
            cache: &mut self.cache,
            want,
            logits: &mut self.logits,
        }
    }

    /// Scores the tokens that follow the `share` computed ones; leaves the logits of the last position.
    pub fn note_scores(&mut self, share: usize, vocabulary: usize) {
        let request = &self.job.request;
        if !request.score_prompt || share == 0 {
            return;
        }
        let following = request.prompt[self.done + 1..].iter();
        for (logits, token) in self.logits.chunks_exact(vocabulary).take(share).zip(following) {
            self.scores.push(score(logits, *token, request.sampling.scores.unwrap_or(0)));
        }
        self.logits.drain(..self.logits.len().saturating_sub(vocabulary));
    }
}

impl<R: ModelRunner> Sequence<R> {
    pub fn segment(&mut self) -> Segment<'_, R::Cache, R::Adapter> {
        Segment {
            tokens: std::slice::from_ref(&self.answer.last),
            adapter: self.job.adapter.as_deref(),
            cache: &mut self.cache,
            want: Want::Last,
            logits: &mut self.logits,
        }
    }

    /// Takes the next token; true if it was the last.
    pub fn advance(&mut self, work: &mut Vec<f32>) -> bool {
        let Shared { options, metrics, .. } = &*self.job.shared;
        let sampling = &self.job.request.sampling;
        let finished = self.answer.advance(&self.logits, sampling, (&options.end, &options.vocabulary), work);
        metrics.generation_tokens.inc();
        let index = self.index;
        if let Some(reason) = finished {
            let (text, scores) = self.answer.rest();
            metrics.running.dec();
            self.job.count_finished(reason);
            self.job.send(Event::Finished { index, text, scores, reason, tokens: self.answer.tokens });
        } else if self.job.request.stream {
            let (text, scores) = self.answer.settled(sampling);
            if !text.is_empty() || !scores.is_empty() {
                self.job.send(Event::Piece { index, text, scores });
            }
        }
        finished.is_some()
    }
}
