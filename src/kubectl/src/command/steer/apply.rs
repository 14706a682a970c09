use std::io::Write;

use anyhow::Result;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;

use crate::command::fetch::{Readable, explained};
use crate::command::{Ending, Session};
use crate::output::Form;
use crate::verbs::Change;

/// The field manager of what is written here.
const MANAGER: &str = "kubectl-genesis";

impl Session {
    /// Makes the change and tells of it.
    pub(super) async fn apply<K>(&self, name: &str, change: Change, form: Form, out: &mut impl Write) -> Result<Ending>
    where
        K: Readable + serde::Serialize,
    {
        let api = self.api::<K>();
        let name = name_of(&change, name);
        let refused = |error| explained(error, &K::plural(&()));
        let (changed, words) = match change {
            Change::Nothing(words) => (false, words),
            Change::Patch(patch, words) => {
                let parameters = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
                api.patch(&name, &parameters, &Patch::Merge(patch)).await.map_err(refused)?;
                (true, words)
            }
            Change::Create(object, words) => {
                let object: K = serde_json::from_value(*object)?;
                let parameters = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
                api.create(&parameters, &object).await.map_err(refused)?;
                (true, words)
            }
        };
        let value = json!({
            "kind": K::kind(&()), "namespace": self.namespace, "name": name, "changed": changed, "message": words,
        });
        out.write_all(form.of(&value, || format!("{words}\n"))?.as_bytes())?;
        Ok(Ending::Well)
    }
}

/// The name that an object got, for the answer.
fn name_of(change: &Change, name: &str) -> String {
    match change {
        Change::Create(object, _) => object["metadata"]["name"].as_str().unwrap_or(name).to_owned(),
        Change::Patch(..) | Change::Nothing(_) => name.to_owned(),
    }
}
