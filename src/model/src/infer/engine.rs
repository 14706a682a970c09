//! The engine: one thread that advances all sequences together, step by step.
//!
//! A step computes one token of every answer that is being written and a share of the prompts that wait
//! ([`scheduler`](super::scheduler)). Requests join and leave between steps, so none waits for another to finish.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::{mpsc, oneshot};

use super::answer::FinishReason;
use super::metrics::Metrics;
use super::runner::ModelRunner;
use super::sampling::{Sampling, TokenScore};
use super::scheduler::Limits;
use super::vocabulary::Vocabulary;
use crate::backend::Compute;
use crate::lora::LoraWeights;

mod sequence;
mod worker;

#[cfg(test)]
mod tests;

/// Names an adapter that the engine holds. Never used twice.
pub type AdapterId = u64;

/// What an engine is started with.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Limits of one step.
    pub limits: Limits,
    /// Requests that may wait.
    pub queue: usize,
    /// Tokens that end an answer.
    pub end: Vec<u32>,
    /// Bytes of the tokens.
    pub vocabulary: Arc<Vocabulary>,
}

/// A prompt to be continued or scored.
#[derive(Debug)]
pub struct Request {
    /// At least one token, and together with `max_tokens` not more than the model takes.
    pub prompt: Vec<u32>,
    /// `None` is the base model.
    pub adapter: Option<AdapterId>,
    /// Answers to generate from the one prompt.
    pub samples: usize,
    /// How; with `max_tokens` 0 the prompt is scored and nothing generated.
    pub sampling: Sampling,
    /// Score the prompt's tokens, with as many alternatives as `sampling.scores` says.
    pub score_prompt: bool,
    /// Hand out text as it settles.
    pub stream: bool,
    /// Where the events go. Dropping the receiver cancels the request.
    pub events: mpsc::UnboundedSender<Event>,
}

/// What the engine reports about a request.
#[derive(Debug)]
pub enum Event {
    /// Scores of the prompt's tokens after the first.
    Prompt(Vec<TokenScore>),
    /// The next piece of sample `index`; only where the request asked for a stream.
    Piece {
        /// Which sample.
        index: usize,
        /// Text, possibly empty.
        text: String,
        /// Scores of the tokens generated since the last piece.
        scores: Vec<TokenScore>,
    },
    /// Sample `index` is complete.
    Finished {
        /// Which sample.
        index: usize,
        /// The text that was not handed out in pieces.
        text: String,
        /// The scores that were not handed out in pieces.
        scores: Vec<TokenScore>,
        /// Why it ended.
        reason: FinishReason,
        /// Tokens generated.
        tokens: usize,
    },
    /// The request failed; nothing follows.
    Failed(EngineError),
}

/// Why the engine does not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// Too many requests wait.
    #[error("{limit} requests are waiting, which is the limit: try again later, or start more replicas")]
    QueueFull {
        /// The limit.
        limit: usize,
    },
    /// The server is being stopped.
    #[error("the server is shutting down and takes no new requests")]
    ShuttingDown,
    /// The adapter was unloaded while the request was on its way.
    #[error("the adapter was unloaded before the request started")]
    AdapterGone,
    /// The model could not be computed.
    #[error("the model could not be computed: {0}")]
    Failed(String),
    /// The engine's thread has ended.
    #[error("the engine has stopped")]
    Stopped,
}

enum Command {
    Generate(Request),
    Load(LoraWeights<Compute>, oneshot::Sender<Result<AdapterId, EngineError>>),
    Unload(AdapterId),
}

/// Handle of a running engine. The engine's thread ends when the last handle is dropped and its work is done.
#[derive(Clone)]
pub struct Engine {
    commands: mpsc::UnboundedSender<Command>,
    shared: Arc<Shared>,
}

/// What the handles and the thread both see.
struct Shared {
    options: EngineOptions,
    metrics: Metrics,
    /// Requests sent and not yet started.
    queued: AtomicUsize,
    draining: AtomicBool,
}

impl Engine {
    /// Starts the thread.
    pub fn start<R: ModelRunner>(runner: R, options: EngineOptions) -> std::io::Result<Self> {
        let (commands, receiver) = mpsc::unbounded_channel();
        let (queued, draining) = (AtomicUsize::new(0), AtomicBool::new(false));
        let shared = Arc::new(Shared { options, metrics: Metrics::default(), queued, draining });
        let worker = worker::Worker::new(runner, receiver, Arc::clone(&shared));
        std::thread::Builder::new().name("engine".to_owned()).spawn(|| worker.run())?;
        Ok(Self { commands, shared })
    }

    /// Queues a request. Its answers arrive as events.
    pub fn submit(&self, request: Request) -> Result<(), EngineError> {
        if self.shared.draining.load(Ordering::Acquire) {
            return Err(EngineError::ShuttingDown);
        }
        let limit = self.shared.options.queue;
        let take = |queued: usize| (queued < limit).then_some(queued + 1);
        if self.shared.queued.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).is_err() {
            return Err(EngineError::QueueFull { limit });
        }
        self.shared.metrics.count_request(request.adapter, 1, 0);
        let adapter = request.adapter;
        self.commands.send(Command::Generate(request)).map_err(|_| {
            self.shared.queued.fetch_sub(1, Ordering::AcqRel);
            self.shared.metrics.count_request(adapter, -1, 0);
            EngineError::Stopped
        })
    }

    /// Prepares an adapter, whose shapes were checked, for requests.
    pub async fn load(&self, weights: LoraWeights<Compute>) -> Result<AdapterId, EngineError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Load(weights, reply)).map_err(|_| EngineError::Stopped)?;
        answer.await.map_err(|_| EngineError::Stopped)?
    }

    /// Forgets an adapter. Answers that are being written with it are finished.
    pub fn unload(&self, adapter: AdapterId) {
        // An engine that has stopped holds no adapters either.
        let _ = self.commands.send(Command::Unload(adapter));
    }

    /// Takes no more requests; those that wait or run are finished.
    pub fn drain(&self) {
        self.shared.draining.store(true, Ordering::Release);
    }

    /// Whether [`Self::drain`] was called.
    pub fn is_draining(&self) -> bool {
        self.shared.draining.load(Ordering::Acquire)
    }

    /// Whether the thread still runs.
    pub fn is_alive(&self) -> bool {
        !self.commands.is_closed()
    }

    /// Its counters.
    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// What it was started with.
    pub fn options(&self) -> &EngineOptions {
        &self.shared.options
    }
}
