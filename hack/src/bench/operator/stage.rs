//! Everything around the operator.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use jiff::Timestamp;
use kube::Client;

use super::definitions;
use super::mix::Mix;
use super::objects::Store;
use super::played::Played;
use super::simulated::{self, Kwok};
use crate::cluster::ControlPlane;

/// Namespace of the operator's Lease.
pub(super) const SYSTEM: &str = "genesis-system";
/// What operator and played gateway share.
pub(super) const TOKEN: &str = "a-secret-of-the-benchmark";

/// Endpoints may not be of the loopback, where simulated pods have their addresses: these would try without end.
const ENDPOINTS: [&str; 3] = ["endpoints-controller", "endpointslice-controller", "endpointslice-mirroring-controller"];

/// A cluster without an operator. Dropping it ends everything.
pub(super) struct Stage {
    /// The administrator's.
    pub client: Client,
    /// For the operator.
    pub operator_kubeconfig: PathBuf,
    /// The played gateway.
    pub gateway_url: String,
    /// What objects refer to.
    pub store: Store,
    /// Logs are here.
    pub folder: PathBuf,
    _played: Played,
    _kwok: Kwok,
    _plane: ControlPlane,
}

impl Stage {
    /// Starts all of it, with fresh data under `folder`.
    pub(super) async fn set_up(folder: &Path, mix: &Mix) -> Result<Self> {
        if folder.exists() {
            std::fs::remove_dir_all(folder).with_context(|| format!("empty {}", folder.display()))?;
        }
        std::fs::create_dir_all(folder)?;
        let folder = folder.canonicalize()?;
        let plane = ControlPlane::start_without(&folder.join("control-plane"), &ENDPOINTS)?;
        let client = definitions::client(plane.kubeconfig()).await?;
        definitions::install(plane.kubeconfig(), &client).await?;
        let operator_kubeconfig = definitions::operator_kubeconfig(plane.kubeconfig(), &client, &folder).await?;
        let kwok = Kwok::start(plane.kubeconfig(), &folder)?;
        // A server and a sandbox for each model, and room for Jobs and what the churn makes.
        simulated::nodes(&client, 2 * mix.models + mix.total() / 10 + 200).await?;

        let artifacts = genesis_artifacts::Store::at(&folder.join("artifacts"))?;
        let (played, [champion, candidate]) = Played::start(&artifacts).await?;
        let store = Store { uri: artifacts.uri(), champion, candidate, ended: Timestamp::now() };
        let gateway_url = played.gateway_url();
        Ok(Self {
            client,
            operator_kubeconfig,
            gateway_url,
            store,
            folder,
            _played: played,
            _kwok: kwok,
            _plane: plane,
        })
    }
}
