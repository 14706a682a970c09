use std::sync::Arc;

use genesis_api::{Evaluation, GenesisModel, Rollout};
use genesis_core::AdapterRef;
use genesis_core::wire::{AppliedRoute, ArmStatistics};
use jiff::Timestamp;
use kube::{Api, ResourceExt};

use crate::config::Settings;
use crate::context::Context;
use crate::error::{ObserveError, observing};
use crate::model::observe::children;
use crate::serving::{self, Replica};

/// Everything a decision about a rollout is taken from.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The rollout as it was read.
    pub rollout: Rollout,
    /// Its model.
    pub model: Option<GenesisModel>,
    /// The other Rollouts of the model that have not ended.
    pub others: Vec<Rollout>,
    /// The Evaluation it names.
    pub evaluation: Option<Evaluation>,
    /// The ready serving pods, with the candidate's standing.
    pub replicas: Vec<Replica>,
    /// What the gateway says.
    pub traffic: Traffic,
    /// The configuration.
    pub settings: Arc<Settings>,
}

/// What the gateway says.
#[derive(Clone, Debug, PartialEq)]
pub enum Traffic {
    /// The operator was started without a gateway.
    NoGateway,
    /// It does not answer.
    Unreachable(String),
    /// It answers.
    Seen {
        /// What it routes for the model; nothing if it does not know the model yet.
        route: Option<AppliedRoute>,
        /// Statistics since the candidate first took traffic.
        since_start: Vec<ArmStatistics>,
        /// Statistics since the present step began.
        since_step: Vec<ArmStatistics>,
    },
}

/// Reads it.
pub(super) async fn observe(ctx: &Context, rollout: &Rollout) -> Result<Observed, ObserveError> {
    let namespace = rollout.namespace().unwrap_or_default();
    let name = &rollout.spec.model_ref.name;
    let models = Api::<GenesisModel>::namespaced(ctx.client.clone(), &namespace);
    let model = models.get_opt(name).await.map_err(observing("reading the GenesisModel"))?;
    let uid = rollout.uid();
    let mut others: Vec<Rollout> = children(ctx, &namespace, name).await?;
    others.retain(|other| other.uid() != uid && !other.is_finished());
    let evaluation = match &rollout.spec.evaluation_ref {
        Some(reference) => {
            let evaluations = Api::<Evaluation>::namespaced(ctx.client.clone(), &namespace);
            evaluations.get_opt(&reference.name).await.map_err(observing("reading the Evaluation"))?
        }
        None => None,
    };
    let candidate = [AdapterRef::from(rollout.spec.candidate.clone())];
    let replicas = async {
        match &model {
            Some(model) => serving::observe(ctx, &namespace, name, &model.spec.served_model_name, &candidate).await,
            None => Ok(Vec::new()),
        }
    };
    // Harm must be seen while a replica is slow to answer.
    let (replicas, traffic) = futures::join!(replicas, traffic(ctx, rollout, &namespace, name));
    let replicas = replicas?;
    Ok(Observed {
        rollout: rollout.clone(),
        model,
        others,
        evaluation,
        replicas,
        traffic,
        settings: ctx.settings.clone(),
    })
}

async fn traffic(ctx: &Context, rollout: &Rollout, namespace: &str, model: &str) -> Traffic {
    let Some(gateway) = &ctx.gateway else { return Traffic::NoGateway };
    let status = rollout.status.as_ref();
    let start = status.and_then(|status| status.start_time);
    let step = status.and_then(|status| status.step_start_time);
    let arms = |since: Option<Timestamp>| async move {
        match since {
            Some(time) => gateway.arms(namespace, model, time.as_millisecond()).await,
            None => Ok(Vec::new()),
        }
    };
    let asked = futures::future::try_join3(gateway.routes(), arms(start), arms(step)).await;
    asked.map_or_else(
        |error| Traffic::Unreachable(error.to_string()),
        |(routes, since_start, since_step)| {
            let route = routes.into_iter().find(|route| route.namespace == namespace && route.model == model);
            Traffic::Seen { route, since_start, since_step }
        },
    )
}
