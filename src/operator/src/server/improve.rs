//! A request to improve now: an annotation that the reconciler serves once.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use genesis_api::names::{IMPROVE_ANNOTATION, turn_name};
use genesis_api::{Evaluation, GenesisModel, Rollout, TrainingRun};
use genesis_client::same_token;
use kube::Api;
use serde::Serialize;
use serde_json::json;

use super::{App, Refusal, bearer};
use crate::apply::Writer;
use crate::model::decide::Numbers;
use crate::model::observe::children;

/// The answer.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Improving {
    training_run: String,
}

/// `POST /internal/v1/models/{namespace}/{name}/improve`
pub(super) async fn improve(
    State(App { ctx, .. }): State<App>,
    path: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Improving>), Refusal> {
    if bearer(&headers).is_none_or(|token| !same_token(token, &ctx.settings.service_token)) {
        return Err(Refusal::Unauthorised);
    }
    let Path((namespace, name)) = path?;
    let api = Api::<GenesisModel>::namespaced(ctx.client.clone(), &namespace);
    let model =
        api.get_opt(&name).await?.ok_or_else(|| Refusal::NotFound(format!("GenesisModel {namespace}/{name}")))?;
    let (runs, evaluations, rollouts) = futures::try_join!(
        children::<TrainingRun>(&ctx, &namespace, &name),
        children::<Evaluation>(&ctx, &namespace, &name),
        children::<Rollout>(&ctx, &namespace, &name),
    )
    .map_err(|error| Refusal::Unavailable(error.to_string()))?;
    let numbers = Numbers { model: &model, runs: &runs, evaluations: &evaluations, rollouts: &rollouts };
    match answer(&numbers)? {
        Answer::AtWork(training_run) => Ok((StatusCode::OK, Json(Improving { training_run }))),
        Answer::Request(revision) => {
            let patch = json!({ "metadata": { "annotations": { IMPROVE_ANNOTATION: revision.to_string() } } });
            let written =
                Writer(&ctx.client).merge::<GenesisModel>("asking to improve", &namespace, &name, &patch).await;
            if !written.map_err(|error| Refusal::Unavailable(error.to_string()))? {
                return Err(Refusal::NotFound(format!("GenesisModel {namespace}/{name}")));
            }
            Ok((StatusCode::ACCEPTED, Json(Improving { training_run: turn_name(&name, revision) })))
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// A training is at work already.
    AtWork(String),
    /// This turn is asked for.
    Request(i64),
}

/// What a request to improve comes to.
fn answer(numbers: &Numbers<'_>) -> Result<Answer, Refusal> {
    let model = numbers.model;
    let refuse = |why: &str| Err(Refusal::Conflict(why.to_owned()));
    if model.spec.suspend {
        return refuse("spec.suspend holds the loop; set it to false first");
    }
    if model.spec.pinned_adapter.is_some() {
        return refuse("spec.pinnedAdapter holds the loop; remove it first");
    }
    let Some(status) = &model.status else { return refuse("the model has just been created; try again in a moment") };
    if let Some(run) = &status.active_training_run {
        return Ok(Answer::AtWork(run.clone()));
    }
    if let Some(evaluation) = &status.active_evaluation {
        return refuse(&format!("Evaluation {evaluation} is at work; wait for its verdict"));
    }
    match &status.learning {
        None => refuse("the operator has not heard from the gateway yet"),
        Some(learning) if learning.verified_rows == 0 => refuse("nothing is verified yet; send tasks with tests first"),
        Some(_) => Ok(Answer::Request(numbers.next())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::{learned, model};

    fn answer_of(model: &GenesisModel, runs: &[TrainingRun]) -> Result<Answer, Refusal> {
        answer(&Numbers { model, runs, evaluations: &[], rollouts: &[] })
    }

    #[test]
    fn a_request_is_served_joined_or_refused_with_the_reason() {
        let mut ready = model();
        ready.status.get_or_insert_default().revision = 3;
        assert!(answer_of(&ready, &[]).unwrap_err().to_string().contains("not heard from the gateway"));
        ready.status.get_or_insert_default().learning = Some(learned(10));
        assert_eq!(answer_of(&ready, &[]).unwrap(), Answer::Request(4));
        let spec = json!({
            "modelRef": { "name": "coder" }, "baseModel": { "uri": "builtin://seedling" },
            "storage": { "uri": "file:///store" },
        });
        let taken = TrainingRun::new("coder-r4", serde_json::from_value(spec).unwrap());
        assert_eq!(answer_of(&ready, &[taken]).unwrap(), Answer::Request(5), "a person has used the name");

        let mut training = ready.clone();
        training.status.get_or_insert_default().active_training_run = Some("coder-r3".into());
        assert_eq!(answer_of(&training, &[]).unwrap(), Answer::AtWork("coder-r3".into()));

        ready.spec.suspend = true;
        assert!(matches!(answer_of(&ready, &[]), Err(Refusal::Conflict(why)) if why.contains("spec.suspend")));
    }
}
