//! What an API server adds to an object.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Resource;

/// Gives a new object its identity.
pub(super) fn created<K: Resource<DynamicType = ()>>(mut object: K, serial: u64, now: Timestamp) -> K {
    let meta = object.meta_mut();
    meta.uid = Some(format!("{}-{serial}", K::kind(&())));
    meta.creation_timestamp = Some(Time(Timestamp::from_second(now.as_second()).unwrap_or(now)));
    meta.generation = Some(1);
    meta.resource_version = Some("1".into());
    object
}

/// Notes that an object changed: what was read before is out of date.
pub(super) fn changed<K: Resource<DynamicType = ()>>(object: &mut K) {
    let meta = object.meta_mut();
    let version: u64 = meta.resource_version.as_deref().unwrap_or("0").parse().unwrap_or(0);
    meta.resource_version = Some((version + 1).to_string());
}
