//! Reading an object freshly, and writing its status back: compare and swap.

use std::fmt::Debug;
use std::time::Duration;

use k8s_openapi::NamespaceResourceScope;
use kube::core::object::HasStatus;
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;

use crate::apply::{Object, Writer};
use crate::context::Context;
use crate::error::{ObserveError, StatusError, observing};
use crate::words::Wording;

/// The object as it is now, not as a cache remembers it; nothing if it is gone or going.
pub(crate) async fn fresh<K>(ctx: &Context, object: &K) -> Result<Option<K>, ObserveError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let api = Api::<K>::namespaced(ctx.client.clone(), object.namespace().as_deref().unwrap_or_default());
    let found = api.get_opt(&object.name_any()).await.map_err(observing("reading the object"))?;
    Ok(found.filter(|found| found.uid() == object.uid() && found.meta().deletion_timestamp.is_none()))
}

/// Writes a status, if it says something new, and only if the object is still the one that was read.
pub(crate) async fn write<K>(ctx: &Context, object: &K, status: K::Status) -> Result<(), StatusError>
where
    K: Object + HasStatus,
    K::Status: Wording,
{
    let uid = object.uid().unwrap_or_default();
    let patience = ctx.settings.poll.max(Duration::from_secs(1));
    if !ctx.written.should_write(&uid, object.status(), &status, patience) {
        return Ok(());
    }
    let mut next = object.clone();
    *next.status_mut() = Some(status);
    Writer(&ctx.client).replace_status(&next).await
}
