//! Events of Jobs. An event is answered with 2xx only after it stands in the object's status.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::StatusCode;
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
///
/// The body is read only for who has the token: anybody can reach this address.
pub(super) async fn take(
    State(App { ctx, .. }): State<App>,
    path: Result<Path<(String, String, String)>, PathRejection>,
    request: Request,
) -> Result<StatusCode, Refusal> {
    let Path((kind, namespace, name)) = path?;
    let kind: JobKind = kind.parse().map_err(|_| Refusal::NotFound(format!("kind {kind:?} of Job")))?;
    let token = bearer(request.headers()).ok_or(Refusal::Unauthorised)?.to_owned();
    let target = Target { kind, namespace: &namespace, name: &name, token: &token };
    match kind {
        JobKind::TrainingRuns => {
            target.read::<TrainingRun>(&ctx).await?;
            let Json(event) = Json::<JobEvent>::from_request(request, &()).await?;
            store::<TrainingRun>(&ctx, &target, |run, now| {
                training_run::event::apply(run.status.get_or_insert_default(), &event, now)
            })
            .await?;
            ctx.metrics.job_event("TrainingRun");
        }
        JobKind::Evaluations => {
            target.read::<Evaluation>(&ctx).await?;
            let Json(event) = Json::<JobEvent>::from_request(request, &()).await?;
            store::<Evaluation>(&ctx, &target, |evaluation, now| {
                let gate = evaluation.spec.gate.clone();
                evaluation::event::apply(evaluation.status.get_or_insert_default(), &gate, &event, now)
            })
            .await?;
            ctx.metrics.job_event("Evaluation");
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

struct Target<'a> {
    kind: JobKind,
    namespace: &'a str,
    name: &'a str,
    token: &'a str,
}

impl Target<'_> {
    /// Reads the object, if the token is the one for it. An unknown object and a wrong token are told apart by nobody
    /// who has no token.
    async fn read<K: Object>(&self, ctx: &Context) -> Result<K, Refusal> {
        let api = Api::<K>::namespaced(ctx.client.clone(), self.namespace);
        let object = api.get_opt(self.name).await?.ok_or(Refusal::Unauthorised)?;
        let uid = object.uid().unwrap_or_default();
        let subject = Subject { kind: self.kind, namespace: self.namespace, name: self.name, uid: &uid };
        let good = subject.accepts(&ctx.settings.service_token, self.token);
        if good { Ok(object) } else { Err(Refusal::Unauthorised) }
    }
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
    for _ in 0..TRIES {
        let mut object: K = target.read(ctx).await?;
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
