//! The engine's thread.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::mpsc::error::TryRecvError;

use super::sequence::{Job, Prompt, Sequence};
use super::{AdapterId, Command, EngineError, Event, Request, Shared};
use crate::infer::answer::{Answer, FinishReason};
use crate::infer::runner::ModelRunner;
use crate::infer::scheduler::{admitted, prompt_shares};

/// Owns the model and all that is being computed.
pub(super) struct Worker<R: ModelRunner> {
    runner: R,
    commands: UnboundedReceiver<Command>,
    shared: Arc<Shared>,
    adapters: HashMap<AdapterId, Arc<R::Adapter>>,
    next_adapter: AdapterId,
    waiting: VecDeque<Job<R::Adapter>>,
    prompts: Vec<Prompt<R>>,
    running: Vec<Sequence<R>>,
    work: Vec<f32>,
}

impl<R: ModelRunner> Worker<R> {
    pub fn new(runner: R, commands: UnboundedReceiver<Command>, shared: Arc<Shared>) -> Self {
        Self {
            runner,
            commands,
            shared,
            adapters: HashMap::new(),
            next_adapter: 1,
            waiting: VecDeque::new(),
            prompts: Vec::new(),
            running: Vec::new(),
            work: Vec::new(),
        }
    }

    /// Works until all handles are gone and nothing is left to do.
    pub fn run(mut self) {
        while self.receive() {
            self.forget_cancelled();
            self.admit();
            if let Err(error) = self.step() {
                self.fail(&error);
            }
            self.shared.metrics.running.set(self.running.len() as i64);
        }
    }

    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.prompts.is_empty() && self.running.is_empty()
    }

    /// Handles what was sent; sleeps if there is nothing else to do. False if nobody is left to ask for anything.
    fn receive(&mut self) -> bool {
        if self.is_idle() {
            match self.commands.blocking_recv() {
                Some(command) => self.handle(command),
                None => return false,
            }
        }
        loop {
            match self.commands.try_recv() {
                Ok(command) => self.handle(command),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return !self.is_idle(),
            }
        }
    }

    fn handle(&mut self, command: Command) {
        match command {
            Command::Generate(request) => {
                let adapter = request.adapter.map(|id| self.adapters.get(&id).cloned());
                let shared = Arc::clone(&self.shared);
                match adapter {
                    Some(None) => {
                        dequeue(&shared, request.adapter);
                        shared.metrics.count_request(request.adapter, 0, -1);
                        // The client may be gone too.
                        let _ = request.events.send(Event::Failed(EngineError::AdapterGone));
                    }
                    adapter => {
                        self.waiting.push_back(Job::new(request, adapter.flatten(), shared));
                    }
                }
            }
            Command::Load(weights, reply) => {
                let prepared = self.runner.adapter(&weights).map_err(|error| EngineError::Failed(error.to_string()));
                let answer = prepared.map(|adapter| {
                    let id = self.next_adapter;
                    self.next_adapter += 1;
                    self.adapters.insert(id, Arc::new(adapter));
                    id
                });
                // Nobody waits for the answer any more: nobody can use the adapter.
                if let Err(Ok(id)) = reply.send(answer) {
                    self.adapters.remove(&id);
                }
            }
            Command::Unload(id) => {
                self.adapters.remove(&id);
            }
        }
    }

    /// Drops what nobody listens to any more.
    fn forget_cancelled(&mut self) {
        let metrics = &self.shared.metrics;
        let heard = |request: &Request, samples: usize| {
            let heard = !request.events.is_closed();
            (0..if heard { 0 } else { samples }).for_each(|_| metrics.count_finished(None));
            heard
        };
        let shared = &self.shared;
        self.waiting.retain(|job| {
            let heard = heard(&job.request, job.request.samples);
            if !heard {
                dequeue(shared, job.request.adapter);
            }
            heard
        });
        self.prompts.retain(|prompt| heard(&prompt.job.request, prompt.job.request.samples));
        self.running.retain(|sequence| heard(&sequence.job.request, 1));
    }

    /// Starts the requests for which there is room.
    fn admit(&mut self) {
        let reserved: usize = self.prompts.iter().map(|prompt| prompt.job.request.samples).sum();
        let samples = self.waiting.iter().map(|job| job.request.samples);
        let count = admitted(samples, self.running.len() + reserved, self.shared.options.limits);
        for job in self.waiting.drain(..count) {
            dequeue(&self.shared, job.request.adapter);
            let request = &job.request;
            let positions = request.prompt.len() + if request.samples == 1 { request.sampling.max_tokens } else { 0 };
            let cache = self.runner.cache(positions);
            self.prompts.push(Prompt { job, cache, done: 0, logits: Vec::new(), scores: Vec::new() });
        }
    }

    /// Computes one token of every answer and a share of the prompts.
    fn step(&mut self) -> Result<(), EngineError> {
        let remaining = self.prompts.iter().map(Prompt::remaining);
        let shares = prompt_shares(remaining, self.shared.options.limits);
        let answers = self.running.iter_mut().map(Sequence::segment);
        let prompts = self.prompts.iter_mut().zip(&shares).filter(|(_, share)| **share > 0);
        let mut batch: Vec<_> = answers.chain(prompts.map(|(prompt, share)| prompt.segment(*share))).collect();
        if batch.is_empty() {
            return Ok(());
        }
        self.runner.forward(&mut batch).map_err(|error| EngineError::Failed(error.to_string()))?;
        self.shared.metrics.prompt_tokens.inc_by(shares.iter().sum::<usize>() as u64);
        self.advance();
        let shares = shares.into_iter();
        for (prompt, share) in std::mem::take(&mut self.prompts).into_iter().zip(shares) {
            self.continue_prompt(prompt, share);
        }
        Ok(())
    }

    /// Takes the next token of every answer.
    fn advance(&mut self) {
        let work = &mut self.work;
        self.running.retain_mut(|sequence| !sequence.advance(work));
    }

    /// Takes note of `share` more computed tokens; a complete prompt becomes its samples.
    fn continue_prompt(&mut self, mut prompt: Prompt<R>, share: usize) {
        prompt.note_scores(share, self.shared.options.vocabulary.len());
        prompt.done += share;
        if prompt.done < prompt.job.request.prompt.len() {
            return self.prompts.push(prompt);
        }
        let Prompt { job, cache, logits, scores, .. } = prompt;
        if job.request.score_prompt {
            job.send(Event::Prompt(scores));
        }
        let Request { samples, ref sampling, .. } = job.request;
        if sampling.max_tokens == 0 {
            for index in 0..samples {
                let (text, scores, reason) = (String::new(), Vec::new(), FinishReason::Length);
                job.count_finished(reason);
                job.send(Event::Finished { index, text, scores, reason, tokens: 0 });
            }
            return;
        }
        job.shared.metrics.first_token.observe(job.arrived.elapsed().as_secs_f64());
        let positions = job.request.prompt.len() + sampling.max_tokens;
        let job = Arc::new(job);
        let copies: Vec<R::Cache> = (1..samples).map(|_| self.runner.fork(&cache, positions)).collect();
        for (index, cache) in std::iter::once(cache).chain(copies).enumerate() {
            let answer = Answer::new(&job.request.sampling, index);
            let mut sequence = Sequence { job: Arc::clone(&job), index, cache, answer, logits: logits.clone() };
            self.shared.metrics.running.inc();
            if !sequence.advance(&mut self.work) {
                self.running.push(sequence);
            }
        }
    }

    /// Reports a failed step to everyone who was in it.
    fn fail(&mut self, error: &EngineError) {
        tracing::error!(%error, "a step failed: its requests are answered with an error");
        self.prompts.drain(..).for_each(|prompt| prompt.job.fail(error.clone()));
        self.running.drain(..).for_each(|sequence| sequence.job.fail(error.clone()));
    }
}

/// A request left the queue.
fn dequeue(shared: &Shared, adapter: Option<AdapterId>) {
    shared.queued.fetch_sub(1, Ordering::AcqRel);
    shared.metrics.count_request(adapter, -1, 1);
}
