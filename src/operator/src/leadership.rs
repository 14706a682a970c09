//! Which operator acts where several run: the one that holds the Lease. The others serve Jobs and probes, and wait.

use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};
use kube_lease_manager::{LeaseManager, LeaseManagerBuilder, LeaseManagerError};
use tokio::sync::watch::Receiver;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Name of the Lease.
pub const LEASE: &str = "genesis-operator";
/// Seconds after which a leader that is not heard of has lost the Lease.
const DURATION: u64 = 10;
/// Seconds before that at which a leader renews it.
const GRACE: u64 = 4;

/// Where the Lease is, and who asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Election {
    /// Namespace of the Lease.
    pub namespace: String,
    /// Unlike that of any other operator: the name of the pod.
    pub identity: String,
}

/// Held for as long as this operator leads.
pub(crate) struct Leadership {
    leads: Receiver<bool>,
    manager: JoinHandle<Result<LeaseManager, LeaseManagerError>>,
    number: u64,
}

/// How often the Lease has changed hands, as its newest holder finds it.
async fn number(client: &Client, election: &Election) -> Result<u64, LeaseManagerError> {
    let lease = Api::<Lease>::namespaced(client.clone(), &election.namespace).get(LEASE).await;
    let spec = lease.map_err(LeaseManagerError::KubeError)?.spec.unwrap_or_default();
    let transitions = spec.lease_transitions.unwrap_or(0);
    Ok(u64::try_from(transitions).unwrap_or(0))
}

impl Leadership {
    /// Waits until this operator leads; nothing if it is asked to stop before.
    pub(crate) async fn gain(
        client: &Client,
        election: &Election,
        shutdown: &CancellationToken,
    ) -> Result<Option<Self>, LeaseManagerError> {
        let builder = LeaseManagerBuilder::new(client.clone(), LEASE)
            .with_namespace(&election.namespace)
            .with_identity(&election.identity)
            .with_duration(DURATION)
            .with_grace(GRACE);
        let (mut leads, manager) = builder.build().await?.watch().await;
        tracing::info!(identity = election.identity, "Waiting for the Lease.");
        let leading = tokio::select! {
            leading = leads.wait_for(|leads| *leads) => Some(leading.is_ok()),
            () = shutdown.cancelled() => None,
        };
        match leading {
            Some(true) => {}
            // The manager has ended without being asked to.
            Some(false) => return manager.await.map_or(Ok(None), |ended| ended.map(|_| None)),
            None => {
                Self { leads, manager, number: 0 }.release().await;
                return Ok(None);
            }
        }
        let number = number(client, election).await?;
        tracing::info!(identity = election.identity, number, "This operator leads.");
        Ok(Some(Self { leads, manager, number }))
    }

    /// Higher than that of every leader before: the ledger refuses writes of an earlier one.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Resolves when another operator may lead.
    pub(crate) async fn lost(&mut self) {
        // An error means that the manager has ended: then nobody renews the Lease any more.
        let _ = self.leads.wait_for(|leads| !*leads).await;
    }

    /// Gives the Lease back, so that the next operator need not wait until it runs out.
    pub(crate) async fn release(self) {
        let Self { leads, manager, .. } = self;
        drop(leads);
        if let Ok(Err(error)) = manager.await {
            tracing::warn!(%error, "The Lease was not given back; it runs out in {DURATION} s.");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use genesis_minicluster::cluster::Cluster;

    use super::*;

    fn election(identity: &str) -> Election {
        Election { namespace: "default".into(), identity: identity.into() }
    }

    #[tokio::test]
    async fn one_leads_and_the_next_follows_as_soon_as_it_ends() {
        let cluster = Cluster::in_memory().unwrap();
        let go_on = CancellationToken::new();
        let first = Leadership::gain(&cluster.client(), &election("a"), &go_on).await.unwrap().unwrap();
        let (client, waiting) = (cluster.client(), go_on.clone());
        let second = tokio::spawn(async move { Leadership::gain(&client, &election("b"), &waiting).await });
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!second.is_finished(), "two lead at once");
        let number = first.number();
        first.release().await;
        let second = tokio::time::timeout(Duration::from_secs(DURATION), second).await.unwrap();
        let second = second.unwrap().unwrap().unwrap();
        assert!(second.number() > number, "{} after {number}", second.number());
        second.release().await;
    }

    #[tokio::test]
    async fn who_waits_can_be_asked_to_stop() {
        let cluster = Cluster::in_memory().unwrap();
        let stop = CancellationToken::new();
        let first = Leadership::gain(&cluster.client(), &election("a"), &stop).await.unwrap().unwrap();
        let (client, waiting) = (cluster.client(), stop.clone());
        let second = tokio::spawn(async move { Leadership::gain(&client, &election("b"), &waiting).await });
        stop.cancel();
        assert!(second.await.unwrap().unwrap().is_none());
        first.release().await;
    }
}
