//! One mutation after the other, on a system that goes on running.

use super::canonical::difference;
use super::kinds::Kind;
use super::mutate::Mutation;
use super::refusal;
use super::running::{LASTING, Running, said, until};

/// What came of a mutation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::Display)]
pub enum Outcome {
    /// The schema forbids it.
    #[strum(to_string = "refused by the schema")]
    RefusedBySchema,
    /// A rule forbids it.
    #[strum(to_string = "refused by a rule")]
    RefusedByRule,
    /// It was taken, and the system did as if it had never been otherwise.
    #[strum(to_string = "taken over")]
    TakenOver,
}

impl Running {
    /// Tries a mutation, and goes back; `base` is the end that it comes back to.
    pub async fn attempt(&self, mutation: &Mutation, base: &str) -> Result<Outcome, String> {
        let spec = self.moved(&mutation.spec);
        let before = self.object().await.map_err(said)?;
        let updated = self.replace(spec.clone()).await.map_err(said)?;
        let outcome = match updated {
            Err(error) => {
                let after = self.object().await.map_err(said)?;
                if after.data["spec"] != before.data["spec"] || after.metadata.generation != before.metadata.generation
                {
                    return Err("it was refused, and has changed something".into());
                }
                refusal::names(&error, mutation)?
            }
            Ok(()) if mutation.problems.is_empty() => Outcome::TakenOver,
            Ok(()) => return Err(format!("it was accepted in spite of {:?}", mutation.problems)),
        };
        if self.kind == Kind::GenesisModel {
            if outcome == Outcome::TakenOver {
                self.as_if_new(mutation).await?;
                let reverted = self.replace(self.spec().map_err(said)?).await.map_err(said)?;
                reverted.map_err(|error| format!("going back is refused: {error}"))?;
            }
        } else {
            // Most fields of these cannot change: they are tried with a new object.
            self.delete().await.map_err(said)?;
            match self.create(spec).await {
                Ok(()) if mutation.problems.is_empty() => {
                    self.as_if_new(mutation).await?;
                    self.delete().await.map_err(said)?;
                }
                Ok(()) => return Err(format!("it was created in spite of {:?}", mutation.problems)),
                Err(error) => {
                    refusal::names(&error, mutation)?;
                }
            }
            self.create(self.spec().map_err(said)?).await.map_err(|error| format!("going back is refused: {error}"))?;
        }
        self.comes_to(base).await.map_err(|why| format!("after going back:\n{why}"))?;
        if self.stage.has_ended() { Err("the operator has ended".into()) } else { Ok(outcome) }
    }

    /// It comes to the same end as a new system that never had another spec.
    async fn as_if_new(&self, mutation: &Mutation) -> Result<(), String> {
        let new = Self::begin(self.kind, Some(&mutation.spec)).await.map_err(said)?;
        let alike = until(LASTING, async || {
            let (changed, made) = (self.now().await?, new.now().await?);
            if changed == made { Ok(()) } else { Err(difference(&made, &changed)) }
        });
        let alike = alike.await.map_err(|why| format!("unlike a new one:\n{why}"));
        new.finish().await.map_err(said)?;
        alike
    }
}
