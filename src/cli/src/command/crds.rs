use anyhow::Result;

/// Prints the four definitions as YAML documents, for `kubectl apply -f -`.
pub fn run() -> Result<()> {
    for crd in genesis_api::crds() {
        println!("---\n{}", serde_yaml::to_string(&crd)?);
    }
    Ok(())
}
