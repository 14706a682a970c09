//! What a container needs before it can be started.

use kube::ResourceExt as _;

use super::ContainerRun;
use crate::node::{
    environment::{self, Sources},
    log_path, orphans,
    process::Program,
    volumes,
};

impl ContainerRun {
    /// What to run, or why it cannot be said yet.
    pub(super) async fn prepare(&self) -> Result<Program, String> {
        let namespace = self.pod.namespace().unwrap_or_default();
        let sources =
            Sources::fetch(&self.context.client, &namespace, &self.container).await.map_err(|e| e.to_string())?;
        let own =
            environment::variables(&self.pod, &self.container, &self.pod_ip, &sources).map_err(|e| e.to_string())?;
        let words = environment::command(&self.container, &own).map_err(|e| e.to_string())?;
        volumes::prepare(&self.pod, &self.container)?;
        let options = &self.context.options;
        let scratch = self.context.pod_dir(&self.pod.uid().unwrap_or_default());
        std::fs::create_dir_all(&scratch).map_err(|e| format!("{}: {e}", scratch.display()))?;
        let mut all = Vec::from([
            ("PATH".to_owned(), std::env::var("PATH").unwrap_or_default()),
            ("HOSTNAME".to_owned(), self.pod.name_any()),
            ("HOME".to_owned(), scratch.display().to_string()),
            (orphans::MARK.to_owned(), options.data_dir.display().to_string()),
        ]);
        let passed = options.pass_environment.iter().filter_map(|n| Some((n.clone(), std::env::var(n).ok()?)));
        all.extend(passed);
        all.extend(own);
        let path = all.iter().rev().find(|(n, _)| n == "PATH").map(|(_, v)| v.clone()).unwrap_or_default();
        let (word, arguments) = words.split_first().ok_or("the container has no command")?;
        let found = environment::find_executable(word, &options.bin_dir, &path);
        Ok(Program {
            path: found.unwrap_or_else(|| word.into()),
            arguments: arguments.to_vec(),
            environment: all,
            directory: self.container.working_dir.as_ref().map_or(scratch, Into::into),
            log: log_path(&options.data_dir, &namespace, &self.pod.name_any(), &self.container.name),
        })
    }
}
