//! Objects come, change and go, while the operator's memory is watched.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::Result;
use futures::{StreamExt, TryStreamExt, stream};
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use super::activity::{self, Activity};
use super::fill::{api, create, manifest};
use super::mix::{Child, Kind, Mix, State};
use super::process::Operator;
use super::slope::Slope;
use super::stage::Stage;

/// Between two samples of memory.
const SAMPLE: Duration = Duration::from_secs(10);
/// One of each kind comes in each of these.
const BEAT: Duration = Duration::from_millis(500);
/// Beats that an object lives; in the middle of its life it is changed.
const LIFE: usize = 60;
/// A model comes with every so many beats.
const MODEL: usize = 8;
/// The first samples are left out: caches and pools fill.
const WARM_UP: f64 = 60.0;

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Churned {
    /// Objects that came and went.
    pub objects: usize,
    /// How memory changed, MiB in an hour.
    pub slope: Option<Slope>,
    /// Seconds and MiB.
    pub samples: Vec<(f64, f64)>,
    /// What the operator did meanwhile.
    pub activity: Activity,
}

/// Goes on for a while. At its end nothing of it is left.
pub(super) async fn run(stage: &Stage, mix: &Mix, operator: &Operator, length: Duration) -> Result<Churned> {
    let (objects, samples, activity) =
        futures::try_join!(churn(stage, mix, length), sample(operator, length), activity::watch(operator, length))?;
    let settled: Vec<_> = samples.iter().copied().filter(|(second, _)| *second >= WARM_UP).collect();
    let hourly: Vec<_> = settled.iter().map(|(second, mib)| (second / 3_600.0, *mib)).collect();
    Ok(Churned { objects, slope: Slope::of(&hourly), samples, activity })
}

async fn sample(operator: &Operator, length: Duration) -> Result<Vec<(f64, f64)>> {
    let (begun, mut samples) = (Instant::now(), Vec::new());
    while begun.elapsed() < length {
        samples.push((begun.elapsed().as_secs_f64(), operator.rss_mib()?));
        tokio::time::sleep(SAMPLE).await;
    }
    Ok(samples)
}

/// One object of the churn.
#[derive(Clone, Debug)]
struct Guest {
    kind: String,
    model: usize,
    namespace: String,
    name: String,
    /// What makes it work, or holds it.
    change: serde_json::Value,
}

async fn churn(stage: &Stage, mix: &Mix, length: Duration) -> Result<usize> {
    let (begun, mut there, mut count) = (Instant::now(), VecDeque::<Vec<Guest>>::new(), 0);
    let mut beats = tokio::time::interval(BEAT);
    let mut beat = 0;
    while begun.elapsed() < length {
        beats.tick().await;
        let guests = guests(mix, beat);
        let (half, oldest) =
            (there.get(LIFE / 2).cloned().unwrap_or_default(), (there.len() >= LIFE).then(|| there.pop_back()));
        futures::try_join!(
            each(&guests, |guest| arrive(stage, guest)),
            each(&half, |guest| change(stage, guest)),
            async {
                let going = oldest.flatten().unwrap_or_default();
                each(&going, |guest| leave(stage, guest)).await
            },
        )?;
        count += guests.len();
        there.push_front(guests);
        beat += 1;
    }
    for guests in there {
        each(&guests, |guest| leave(stage, guest)).await?;
    }
    Ok(count)
}

async fn each<'a, F>(guests: &'a [Guest], what: impl Fn(&'a Guest) -> F) -> Result<()>
where
    F: Future<Output = Result<()>>,
{
    stream::iter(guests).map(what).buffer_unordered(8).try_collect().await
}

/// One of each kind, and now and then a model. Every second one is held at first.
fn guests(mix: &Mix, beat: usize) -> Vec<Guest> {
    let (model, held) = (beat % mix.models, beat.is_multiple_of(2));
    let guest = |kind: &str, change| Guest {
        kind: kind.to_owned(),
        model,
        namespace: mix.namespace(model),
        name: format!("churn-{beat}"),
        change,
    };
    let mut guests = vec![
        guest("TrainingRun", json!({ "suspend": !held })),
        guest("Evaluation", json!({ "suspend": !held })),
        guest("Rollout", json!({ "paused": true, "desiredOutcome": "Abort" })),
    ];
    if beat.is_multiple_of(MODEL) {
        guests.push(guest("GenesisModel", json!({ "suspend": true })));
    }
    guests
}

async fn arrive(stage: &Stage, guest: &Guest) -> Result<()> {
    let kind = match guest.kind.as_str() {
        "TrainingRun" => Some(Kind::TrainingRun),
        "Evaluation" => Some(Kind::Evaluation),
        "Rollout" => Some(Kind::Rollout),
        _ => None,
    };
    let mut spec = match kind {
        None => stage.store.model(&guest.name),
        Some(kind) => {
            let child = Child { model: guest.model, kind, state: State::Held, turn: None, name: guest.name.clone() };
            stage.store.spec(&child)
        }
    };
    if guest.change["suspend"] == true && kind.is_some() {
        spec["suspend"] = json!(false);
    }
    let object = manifest(&guest.kind, json!({ "name": guest.name }), spec);
    create(&api(&stage.client, &guest.kind, &guest.namespace), object, None).await.map(drop)
}

async fn change(stage: &Stage, guest: &Guest) -> Result<()> {
    let patch = Patch::Merge(json!({ "spec": guest.change }));
    api(&stage.client, &guest.kind, &guest.namespace).patch(&guest.name, &PatchParams::default(), &patch).await?;
    Ok(())
}

async fn leave(stage: &Stage, guest: &Guest) -> Result<()> {
    api(&stage.client, &guest.kind, &guest.namespace).delete(&guest.name, &DeleteParams::background()).await?;
    Ok(())
}
