//! Which volumes a local process can have.
//!
//! A process sees the machine's own file system, so a volume can only be what is already at its mount path: a host
//! path mounted at the same path, or an empty directory at an absolute path that can be created.

use std::{fs, path::Path};

use k8s_openapi::api::core::v1::{Container, Pod, Volume, VolumeMount};

/// Where a real API server mounts a service account's token into every pod.
const ACCOUNT_MOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Prepares the volumes `container` mounts.
///
/// # Errors
/// Says which volume cannot be offered, and why.
pub fn prepare(pod: &Pod, container: &Container) -> Result<(), String> {
    let volumes = pod.spec.as_ref().and_then(|s| s.volumes.as_deref()).unwrap_or_default();
    // A process of this machine has no mount of its own for a token, and what runs here does not ask for one.
    let asked = |mount: &&VolumeMount| mount.mount_path != ACCOUNT_MOUNT;
    for mount in container.volume_mounts.iter().flatten().filter(asked) {
        let Some(volume) = volumes.iter().find(|volume| volume.name == mount.name) else { continue };
        prepare_one(volume, Path::new(&mount.mount_path))
            .map_err(|why| format!("volume {:?} at {}: {why}", volume.name, mount.mount_path))?;
    }
    Ok(())
}

fn prepare_one(volume: &Volume, mount_path: &Path) -> Result<(), String> {
    if let Some(host_path) = &volume.host_path {
        if Path::new(&host_path.path) != mount_path {
            return Err(format!("a local process sees the host path {} only at the same path", host_path.path));
        }
        if matches!(host_path.type_.as_deref(), Some("DirectoryOrCreate")) {
            fs::create_dir_all(mount_path).map_err(|e| e.to_string())?;
        }
        return if mount_path.exists() { Ok(()) } else { Err("the host path does not exist".to_owned()) };
    }
    if volume.empty_dir.is_some() {
        return fs::create_dir_all(mount_path).map_err(|e| e.to_string());
    }
    Err("this node offers hostPath and emptyDir volumes only".to_owned())
}
