//! A system that runs, with one object of a kind.

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
use crate::faults::{Restart, Scenario, Stage};

/// Longest wait for an end.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long an end must last: longer than the operator's own poll.
pub(super) const LASTING: Duration = Duration::from_millis(350);
/// How long nothing changes where nobody knows the end: longer than any step takes.
const SETTLED: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(25);

/// A system with one object of a kind.
pub struct Running {
    pub(super) stage: Stage,
    pub(super) kind: Kind,
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
    pub(super) fn moved(&self, spec: &Value) -> Value {
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

    pub(super) async fn object(&self) -> Result<DynamicObject> {
        self.api().get(self.kind.object()).await.context("reading the object")
    }

    pub(super) fn made(&self, spec: Value) -> DynamicObject {
        let mut object = DynamicObject::new(self.kind.object(), &self.kind.resource()).within("default");
        object.data["spec"] = spec;
        object
    }

    pub(super) async fn create(&self, spec: Value) -> Result<(), kube::Error> {
        self.api().create(&PostParams::default(), &self.made(spec)).await.map(drop)
    }

    pub(super) async fn replace(&self, spec: Value) -> Result<Result<(), kube::Error>> {
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
    pub(super) async fn now(&self) -> Result<String, String> {
        let object = self.object().await.map_err(said)?;
        says_how_it_stands(&object)?;
        canonical::of(&self.stage, self.kind).await.map_err(said)
    }

    /// Deletes the object with what it made, as the garbage collector would. The servers start anew: what they have
    /// loaded is as that of a new system.
    pub(super) async fn delete(&self) -> Result<()> {
        let uid = self.object().await?.uid();
        self.api().delete(self.kind.object(), &DeleteParams::background()).await?;
        let owned = |object: &dyn Fn() -> Vec<String>| object().into_iter().any(|owner| Some(owner) == uid);
        self.stage.inference.forget();
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
pub(super) async fn until(lasting: Duration, holds: impl AsyncFnMut() -> Result<(), String>) -> Result<(), String> {
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

pub(super) fn said(error: anyhow::Error) -> String {
    format!("{error:#}")
}
