//! What is in the cluster before anybody uses it: runtime classes, the name server, volumes.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::layout::{DNS_ADDRESS, DOMAIN, Layout};
use super::programs::COREDNS;

/// Folders that claims may take. One that was released is not given out again.
const VOLUMES: usize = 24;

/// Everything, as YAML documents.
pub(super) fn all(layout: &Layout) -> Result<String> {
    let mut text = include_str!("objects.yaml")
        .replace("COREDNS", COREDNS)
        .replace("DOMAIN", DOMAIN)
        .replace("ADDRESS", DNS_ADDRESS);
    for number in 0..VOLUMES {
        let folder = layout.file(&format!("volumes/{number}"));
        fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        // The kubelet gives no folder of the machine to a pod's group: whoever runs in the pod must be able to write.
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777))?;
        text.push_str("---\n");
        text.push_str(&serde_yaml::to_string(&volume(number, &folder.display().to_string()))?);
    }
    Ok(text)
}

fn volume(number: usize, folder: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": { "name": format!("folder-{number}") },
        "spec": {
            "storageClassName": "folders",
            // Nobody counts: a claim gets what the disk has.
            "capacity": { "storage": "100Gi" },
            // With one node, what one node may write, all may.
            "accessModes": ["ReadWriteOnce", "ReadWriteMany", "ReadOnlyMany"],
            "persistentVolumeReclaimPolicy": "Retain",
            "hostPath": { "path": folder, "type": "Directory" },
        },
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[test]
    fn every_document_has_a_kind_and_no_placeholder() {
        let folder = tempfile::tempdir().unwrap();
        let text = all(&Layout::new(folder.path())).unwrap();
        let kinds: Vec<String> = serde_yaml::Deserializer::from_str(&text)
            .map(|document| Value::deserialize(document).unwrap()["kind"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(kinds.iter().filter(|kind| *kind == "PersistentVolume").count(), VOLUMES);
        for placeholder in ["COREDNS", "DOMAIN", "ADDRESS"] {
            assert!(!text.contains(placeholder), "{placeholder}");
        }
    }

    #[test]
    fn a_volume_is_a_folder() {
        insta::assert_yaml_snapshot!(volume(3, "/node/volumes/3"));
    }
}
