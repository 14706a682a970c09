//! Tells people: events, logs and metrics through one place.

use kube::Resource;
use kube::core::error_boundary::InvalidObject;
use kube::runtime::controller::Action;
use kube::runtime::events::{Event, EventType};

use crate::context::Context;
use crate::error::Error;
use crate::plan::{Notice, shortened};

/// Tells what was done. That an event cannot be written is no reason to fail: the work is done.
pub(crate) async fn notices<K: Resource<DynamicType = ()>>(ctx: &Context, object: &K, notices: &[Notice]) {
    for notice in notices {
        let name = object.meta().name.as_deref().unwrap_or_default();
        tracing::info!(kind = %K::kind(&()), name, reason = notice.reason, message = %notice.message, "Something happened.");
        publish(ctx, object, notice).await;
    }
}

/// Tells that a reconcile ended early.
pub(crate) async fn failure<K: Resource<DynamicType = ()>>(ctx: &Context, object: &K, error: &Error) {
    if error.is_worth_an_event() {
        let name = object.meta().name.as_deref().unwrap_or_default();
        tracing::warn!(kind = %K::kind(&()), name, reason = error.reason(), %error, "A reconcile ended early; it is tried again.");
        publish(ctx, object, &Notice::warning(error.reason(), error.to_string())).await;
    }
}

/// Tells that an object cannot be read, and waits until someone changes it.
pub(crate) async fn invalid<K: Resource<DynamicType = ()>>(
    ctx: &Context,
    object: &K,
    invalid: &InvalidObject,
) -> Action {
    let message = format!("the object cannot be read: {}; compare it with the samples", invalid.error);
    notices(ctx, object, &[Notice::warning("InvalidObject", message)]).await;
    Action::await_change()
}

async fn publish<K: Resource<DynamicType = ()>>(ctx: &Context, object: &K, notice: &Notice) {
    let event = Event {
        type_: match notice.severity {
            EventType::Normal => EventType::Normal,
            EventType::Warning => EventType::Warning,
        },
        reason: notice.reason.into(),
        note: Some(shortened(&notice.message)),
        action: "Reconcile".into(),
        secondary: None,
    };
    if let Err(error) = ctx.recorder.publish(&event, &object.object_ref(&())).await {
        tracing::debug!(%error, reason = notice.reason, "An event could not be written.");
    }
}
