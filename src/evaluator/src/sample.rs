use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use genesis_client::{Choice, CompletionRequest, InferenceClient};
use genesis_core::Digest;
use genesis_core::task::Task;

use crate::Error;

/// Requests under way at one time: enough to fill a batch, few enough to keep the queue short.
const IN_FLIGHT: usize = 48;

/// Times a request is sent before its failure is the evaluation's: enough for a pod that is replaced.
const ATTEMPTS: usize = 8;
/// Pause before the second attempt; doubled for each further one.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// Longest pause between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How answers are drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// Samples per task; 8 gives pass@8.
    pub samples: u32,
    /// Temperature of the samples. One more answer is drawn greedily for the must-pass core.
    pub temperature: f64,
    /// Most tokens of an answer.
    pub max_tokens: u32,
    /// Seed. Both arms draw task `t` with the same seed, so that they differ by the model alone.
    pub seed: u64,
}

/// One of the two models compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arm {
    /// What serves now.
    Champion,
    /// What wants to.
    Candidate,
}

/// The programs one arm wrote for one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answers {
    pub task: usize,
    pub arm: Arm,
    /// Whole programs: prompt and continuation.
    pub samples: Vec<String>,
    pub greedy: String,
}

/// Draws all answers of both arms, telling `progress` after each.
pub(crate) async fn draw(
    servers: &[InferenceClient],
    names: [(Arm, &str); 2],
    tasks: &[Task],
    sampling: &Sampling,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Vec<Answers>, Error> {
    if servers.is_empty() {
        return Err(Error::NoEndpoint("inference"));
    }
    let work =
        tasks.iter().enumerate().flat_map(|(index, task)| names.map(|(arm, name)| (index, task, arm, name.to_owned())));
    let done = std::sync::atomic::AtomicU64::new(0);
    let done = &done;
    stream::iter(work.enumerate().map(|(turn, (index, task, arm, name))| async move {
        let answers = one(servers, turn, &name, task, index, arm, sampling).await?;
        progress(done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1);
        Ok::<_, Error>(answers)
    }))
    .buffer_unordered(IN_FLIGHT)
    .try_collect()
    .await
}

async fn one(
    servers: &[InferenceClient],
    turn: usize,
    name: &str,
    task: &Task,
    index: usize,
    arm: Arm,
    sampling: &Sampling,
) -> Result<Answers, Error> {
    let request = CompletionRequest {
        model: name.to_owned(),
        prompt: task.prompt.clone(),
        n: sampling.samples,
        max_tokens: sampling.max_tokens,
        temperature: sampling.temperature,
        top_p: 1.0,
        seed: seed_of(&task.id, sampling.seed),
    };
    let greedy = CompletionRequest { n: 1, temperature: 0.0, ..request.clone() };
    let (samples, greedy) = futures::try_join!(ask(servers, turn, &request, task), ask(servers, turn, &greedy, task))?;
    let program = |text: &str| format!("{}{text}", task.prompt);
    Ok(Answers {
        task: index,
        arm,
        samples: samples.iter().map(|choice| program(&choice.text)).collect(),
        greedy: greedy.iter().map(|choice| program(&choice.text)).collect(),
    })
}

/// Asks one server after the other, beginning with number `turn`, until one answers. All of them have both models.
async fn ask(
    servers: &[InferenceClient],
    turn: usize,
    request: &CompletionRequest,
    task: &Task,
) -> Result<Vec<Choice>, Error> {
    let mut wait = FIRST_WAIT;
    let mut attempt = 0;
    let choices = loop {
        match servers[(turn + attempt) % servers.len()].complete(request).await {
            Err(error) if error.is_transient() && attempt + 1 < ATTEMPTS => {
                tracing::warn!(%error, "An inference server did not answer; trying again.");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
                attempt += 1;
            }
            answered => break answered?,
        }
    };
    let (wanted, got) = (request.n as usize, choices.len());
    if got == wanted {
        Ok(choices)
    } else {
        Err(Error::Answers { model: request.model.clone(), task: task.id.clone(), wanted, got })
    }
}

/// A seed of its own for every task, the same in both arms and in every run. JSON numbers carry 53 bits.
fn seed_of(task: &str, seed: u64) -> u64 {
    let digest = Digest::of_bytes(format!("{seed}/{task}").as_bytes());
    u64::from_str_radix(&digest.hex()[..13], 16).unwrap_or(seed)
}

#[cfg(test)]
mod tests;
