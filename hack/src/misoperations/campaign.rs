//! One mutation after the other, on a system that goes on running.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use genesis_api::GenesisModel;
use genesis_minicluster::faults::FaultPlan;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, DynamicObject, ListParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::Value;

use super::canonical::{self, difference, objects, says_how_it_stands};
use super::kinds::Kind;
use super::mutate::Mutation;
use super::refusal;
use crate::faults::{Restart, Scenario, Stage};

/// Longest wait for an end.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long an end must last: longer than the operator's own poll.
const LASTING: Duration = Duration::from_millis(350);
/// How long nothing changes where nobody knows the end: longer than any step takes.
const SETTLED: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(25);

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

/// A system with one object of a kind.
pub struct Running {
    stage: Stage,
    kind: Kind,
}

impl Running {
    /// A new system whose object has this spec; without one, the spec that the campaign starts from.
    pub async fn begin(kind: Kind, spec: Option<&Value>) -> Result<Self> {
        let changed = spec.filter(|_| kind == Kind::GenesisModel).cloned();
        let stage = Stage::with(Scenario::Rejected, FaultPlan::none(), Restart::Fresh, |store| {
            changed.map_or_else(|| Kind::GenesisModel.spec(store), Ok)
        });
        let running = Self { stage: stage.await?, kind };
        if kind != Kind::GenesisModel {
            let serves = |model: &GenesisModel| model.status.as_ref().is_some_and(|status| status.ready_replicas == 1);
            running.stage.wait(Kind::GenesisModel.object(), serves).await?;
            // This makes the artifacts too that a spec names.
            let base = running.spec()?;
            running.create(spec.map_or(base, |spec| running.moved(spec))).await?;
        }
        Ok(running)
    }

    /// The spec that the campaign starts from.
    pub fn spec(&self) -> Result<Value> {
        self.kind.spec(&self.stage.store)
    }

    /// The store of one stage is nowhere on another.
    fn moved(&self, spec: &Value) -> Value {
        let text = spec.to_string();
        serde_json::from_str(&text.replace(super::STORE, &self.stage.store.uri())).unwrap_or_else(|_| spec.clone())
    }

    /// Where its store is.
    pub fn store(&self) -> String {
        self.stage.store.uri()
    }

    fn api(&self) -> Api<DynamicObject> {
        objects(&self.stage, self.kind)
    }

    async fn object(&self) -> Result<DynamicObject> {
        self.api().get(self.kind.object()).await.context("reading the object")
    }

    fn made(&self, spec: Value) -> DynamicObject {
        let mut object = DynamicObject::new(self.kind.object(), &self.kind.resource()).within("default");
        object.data["spec"] = spec;
        object
    }

    async fn create(&self, spec: Value) -> Result<(), kube::Error> {
        self.api().create(&PostParams::default(), &self.made(spec)).await.map(drop)
    }

    async fn replace(&self, spec: Value) -> Result<Result<(), kube::Error>> {
        for _ in 0..20 {
            let mut object = self.object().await?;
            object.data["spec"] = spec.clone();
            match self.api().replace(self.kind.object(), &PostParams::default(), &object).await {
                // The operator has written its status in between.
                Err(kube::Error::Api(status)) if status.code == 409 => tokio::time::sleep(PAUSE).await,
                answer => return Ok(answer.map(drop)),
            }
        }
        bail!("the object changes faster than it can be written")
    }

    /// The end that it comes to, and stays at for longer than anything takes.
    pub async fn end(&self) -> Result<String, String> {
        let mut last = None;
        let end = until(SETTLED, async || {
            let now = self.now().await?;
            let same = last.as_ref() == Some(&now);
            last = Some(now);
            if same { Ok(()) } else { Err("it does not come to rest".to_owned()) }
        });
        end.await?;
        last.ok_or_else(|| "it was not looked at".to_owned())
    }

    /// Comes back to an end.
    pub async fn comes_to(&self, end: &str) -> Result<(), String> {
        until(LASTING, async || {
            let now = self.now().await?;
            if now == end { Ok(()) } else { Err(difference(end, &now)) }
        })
        .await
    }

    /// How it stands, if it says so.
    async fn now(&self) -> Result<String, String> {
        let object = self.object().await.map_err(said)?;
        says_how_it_stands(&object)?;
        canonical::of(&self.stage, self.kind).await.map_err(said)
    }

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

    /// Deletes the object with what it made, as the garbage collector would.
    async fn delete(&self) -> Result<()> {
        let uid = self.object().await?.uid();
        self.api().delete(self.kind.object(), &DeleteParams::background()).await?;
        let owned = |object: &dyn Fn() -> Vec<String>| object().into_iter().any(|owner| Some(owner) == uid);
        let jobs = Api::<Job>::namespaced(self.stage.client.clone(), "default");
        for job in jobs.list(&ListParams::default()).await? {
            if owned(&|| job.owner_references().iter().map(|owner| owner.uid.clone()).collect()) {
                jobs.delete(&job.name_any(), &DeleteParams::background()).await?;
            }
        }
        let secrets = Api::<Secret>::namespaced(self.stage.client.clone(), "default");
        for secret in secrets.list(&ListParams::default()).await? {
            if owned(&|| secret.owner_references().iter().map(|owner| owner.uid.clone()).collect()) {
                secrets.delete(&secret.name_any(), &DeleteParams::background()).await?;
            }
        }
        Ok(())
    }

    /// Ends it.
    pub async fn finish(self) -> Result<()> {
        self.stage.end().await
    }
}

/// Waits until something holds, and goes on to hold for so long; otherwise what stood in the way last.
async fn until(lasting: Duration, holds: impl AsyncFnMut() -> Result<(), String>) -> Result<(), String> {
    let mut holds = holds;
    let (begun, mut since) = (Instant::now(), None::<Instant>);
    loop {
        match holds().await {
            Ok(()) if since.get_or_insert_with(Instant::now).elapsed() > lasting => return Ok(()),
            Ok(()) => {}
            Err(why) if begun.elapsed() > PATIENCE => return Err(why),
            Err(_) => since = None,
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn said(error: anyhow::Error) -> String {
    format!("{error:#}")
}
