//! Where things are: the repository, and the cache that outlives it.

use std::path::{Path, PathBuf};

/// The root of the repository this program was built from.
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

/// Cache for builds that take minutes, outside the checkout: `$GENESIS_CACHE`, `$XDG_CACHE_HOME/genesis` or
/// `~/.cache/genesis`.
pub fn cache() -> PathBuf {
    let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    from("GENESIS_CACHE")
        .or_else(|| from("XDG_CACHE_HOME").map(|path| path.join("genesis")))
        .or_else(|| from("HOME").map(|path| path.join(".cache/genesis")))
        .unwrap_or_else(|| std::env::temp_dir().join("genesis-cache"))
}

/// The folder that this program, and so every other binary of the workspace, was built into.
pub fn binaries() -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    let folder = own.parent().unwrap_or(Path::new(".")).to_owned();
    // Test binaries lie one folder deeper.
    if folder.ends_with("deps") { folder.parent().map_or(folder.clone(), Path::to_owned) } else { folder }
}

/// Where reports of checks and benchmarks are written.
pub fn reports() -> PathBuf {
    root().join("target/reports")
}
