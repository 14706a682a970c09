//! Events of Jobs. An event is answered with 2xx only after it stands in the object's status.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use genesis_api::{Evaluation, TrainingRun};
use genesis_core::wire::JobEvent;
use jiff::Timestamp;
use kube::core::object::HasStatus;
use kube::{Api, ResourceExt};

use super::{App, Refusal, bearer};
use crate::apply::{Object, Writer};
use crate::context::Context;
use crate::error::StatusError;
use crate::token::{JobKind, Subject};
use crate::training_run::event::Rejected;
use crate::{evaluation, training_run};

/// Times that a status is tried again when the object changed between reading and writing.
const TRIES: usize = 20;

/// `POST /internal/v1/jobs/{trainingruns|evaluations}/{namespace}/{name}`
pub(super) async fn take(
    State(App { ctx, .. }): State<App>,
    Path((kind, namespace, name)): Path<(String, String, String)>,
    headers: HeaderMap,
    Json(event): Json<JobEvent>,
) -> Result<StatusCode, Refusal> {
    let kind: JobKind = kind.parse().map_err(|_| Refusal::NotFound(format!("kind {kind:?} of Job")))?;
    let token = bearer(&headers).ok_or(Refusal::Unauthorised)?;
    let target = Target { kind, namespace: &namespace, name: &name, token };
    match kind {
        JobKind::TrainingRuns => {
            store::<TrainingRun>(&ctx, &target, |run, now| {
                training_run::event::apply(run.status.get_or_insert_default(), &event, now)
            })
            .await?;
        }
        JobKind::Evaluations => {
            store::<Evaluation>(&ctx, &target, |evaluation, now| {
                let gate = evaluation.spec.gate.clone();
                evaluation::event::apply(evaluation.status.get_or_insert_default(), &gate, &event, now)
            })
            .await?;
        }
    }
    ctx.metrics.job_event(match kind {
        JobKind::TrainingRuns => "TrainingRun",
        JobKind::Evaluations => "Evaluation",
    });
    Ok(StatusCode::NO_CONTENT)
}

struct Target<'a> {
    kind: JobKind,
    namespace: &'a str,
    name: &'a str,
    token: &'a str,
}

/// Reads, changes and writes the status, again if the reconciler wrote in between.
async fn store<K>(
    ctx: &Context,
    target: &Target<'_>,
    apply: impl Fn(&mut K, Timestamp) -> Result<(), Rejected>,
) -> Result<(), Refusal>
where
    K: Object + HasStatus,
    K::Status: Clone + PartialEq,
{
    let api = Api::<K>::namespaced(ctx.client.clone(), target.namespace);
    for _ in 0..TRIES {
        // An unknown object and a wrong token are told apart by nobody who has no token.
        let mut object = api.get_opt(target.name).await?.ok_or(Refusal::Unauthorised)?;
        let uid = object.uid().unwrap_or_default();
        let subject = Subject { kind: target.kind, namespace: target.namespace, name: target.name, uid: &uid };
        if !subject.accepts(&ctx.settings.service_token, target.token) {
            return Err(Refusal::Unauthorised);
        }
        let before = object.status().cloned();
        apply(&mut object, ctx.now()).map_err(|rejected| match rejected {
            Rejected::WrongKind(_) => Refusal::Invalid(rejected.to_string()),
            Rejected::OtherResult(_) | Rejected::HasEnded => Refusal::Conflict(rejected.to_string()),
        })?;
        if object.status().cloned() == before {
            return Ok(());
        }
        match Writer(&ctx.client).replace_status(&object).await {
            Ok(()) => return Ok(()),
            Err(StatusError::Conflict) => {}
            Err(StatusError::Kubernetes(error)) => return Err(Refusal::Unavailable(error.to_string())),
        }
    }
    Err(Refusal::Unavailable("the object changed too often".to_owned()))
}
