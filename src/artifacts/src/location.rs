use std::path::{Path, PathBuf};

use crate::Error;

/// The path that `file:///…` names.
pub fn path_of_uri(uri: &str) -> Result<PathBuf, Error> {
    match uri.strip_prefix("file://") {
        Some(path) if path.starts_with('/') => Ok(PathBuf::from(path)),
        _ => Err(Error::Uri(uri.to_owned())),
    }
}

/// The address of an absolute path.
pub fn uri_of_path(path: &Path) -> String {
    format!("file://{}", path.display())
}

/// The directory of a model: `builtin://name` is looked up in the given models folders, `file:///…` is itself.
pub fn directory_of(uri: &str, models: &[PathBuf]) -> Result<PathBuf, Error> {
    let Some(name) = uri.strip_prefix("builtin://") else {
        return path_of_uri(uri);
    };
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
        return Err(Error::Name(name.to_owned()));
    }
    models.iter().map(|folder| folder.join(name)).find(|path| path.is_dir()).ok_or_else(|| Error::UnknownAlias {
        kind: "model",
        name: name.to_owned(),
        root: models.first().cloned().unwrap_or_default(),
    })
}
