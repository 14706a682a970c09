//! Every namespace has a ServiceAccount called `default`.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::{
    Api, Client, ResourceExt as _,
    api::{ObjectMeta, PostParams},
    runtime::{Controller, controller::Action, reflector::ObjectRef, watcher},
};

use super::common::{ReconcileError, Shared, drive, retry};

/// Runs the controller.
pub async fn run(client: Client) {
    let shared = Arc::new(Shared { client: client.clone(), options: super::ControllerOptions::default() });
    let controller = Controller::new(Api::<Namespace>::all(client.clone()), watcher::Config::default()).watches(
        Api::<ServiceAccount>::all(client),
        watcher::Config::default(),
        |account| account.namespace().map(|namespace| ObjectRef::<Namespace>::new(&namespace)),
    );
    drive("accounts", controller.run(reconcile, retry, shared)).await;
}

async fn reconcile(namespace: Arc<Namespace>, shared: Arc<Shared>) -> Result<Action, ReconcileError> {
    if namespace.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    let accounts: Api<ServiceAccount> = Api::namespaced(shared.client.clone(), &namespace.name_any());
    if accounts.get_opt("default").await?.is_none() {
        let metadata = ObjectMeta { name: Some("default".to_owned()), ..ObjectMeta::default() };
        let account = ServiceAccount { metadata, ..ServiceAccount::default() };
        match accounts.create(&PostParams::default(), &account).await {
            Ok(_) => {}
            // Somebody was faster, or the namespace is going away.
            Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404 | 409) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Action::await_change())
}
