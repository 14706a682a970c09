//! The Python of the sandbox image: the parts of this machine's interpreter that a cell shows, and no others.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use genesis_sandbox::runtime::Runtime;
use sha2::{Digest, Sha256};

use super::tree::{Content, Node, Tree};

const COMPILE: &str = include_str!("python/compile.py");

/// The interpreter that `genesis-sandbox` looks for.
pub const INTERPRETER: &str = "/usr/bin/python3";

/// The interpreter at `python` with its standard library. Compiled modules are kept in `cache`.
pub fn tree(python: &Path, cache: &Path) -> Result<Tree> {
    let runtime = Runtime::discover(python)
        .context("the sandbox image is made from this machine's Python, CPython 3.9 or newer: install it first")?;
    let mut tree = Tree::default();
    for folder in &runtime.trees {
        tree.folder(folder, folder, is_left_out)?;
    }
    for file in &runtime.files {
        tree.copy(file, file)?;
    }
    for (path, target) in &runtime.links {
        tree.put(path, Node::Link(target.clone()));
    }
    let modules = modules(&tree);
    let compiled = compiled(&runtime.executable, &modules, cache)?;
    tree.folder(Path::new("/"), &compiled, |_| false)?;
    Ok(tree)
}

/// What no program can import, what a cell does not show, and what is compiled anew.
fn is_left_out(name: &str) -> bool {
    matches!(name, "__pycache__" | "dist-packages" | "site-packages" | "test") || name.starts_with("config-")
}

fn modules(tree: &Tree) -> Vec<PathBuf> {
    let is_module = |path: &Path| path.extension().is_some_and(|extension| extension == "py");
    let file = |(path, node): (&Path, Node)| match node {
        Node::File(_, Content::Copy(_)) if is_module(path) => Some(path.to_owned()),
        _ => None,
    };
    tree.nodes().into_iter().filter_map(file).collect()
}

/// The folder with `modules` compiled by `python`, each where the interpreter looks for it.
fn compiled(python: &Path, modules: &[PathBuf], cache: &Path) -> Result<PathBuf> {
    let mut hash = Sha256::new_with_prefix(COMPILE);
    for path in [python].into_iter().chain(modules.iter().map(PathBuf::as_path)) {
        hash.update(path.as_os_str().as_encoded_bytes());
        hash.update(Sha256::digest(fs::read(path).with_context(|| format!("read {}", path.display()))?));
    }
    let folder = cache.join(format!("bytecode-{:.16}", hex::encode(hash.finalize())));
    if folder.is_dir() {
        return Ok(folder);
    }
    let staged = tempfile::tempdir_in(cache).with_context(|| format!("make a folder in {}", cache.display()))?;
    compile(python, modules, staged.path())?;
    let moved = fs::rename(staged.path(), &folder);
    // Another process may have been quicker.
    if !folder.is_dir() {
        moved.with_context(|| format!("write {}", folder.display()))?;
    }
    Ok(folder)
}

fn compile(python: &Path, modules: &[PathBuf], folder: &Path) -> Result<()> {
    let mut child = Command::new(python)
        .args(["-S", "-s", "-B", "-c", COMPILE])
        .arg(folder)
        .env_clear()
        // The order of sets is part of what is compiled.
        .env("PYTHONHASHSEED", "0")
        .stdin(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {}", python.display()))?;
    let list: String = modules.iter().map(|path| format!("{}\n", path.display())).collect();
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(list.as_bytes()).context("name the modules to compile")?;
    }
    let status = child.wait().context("compile the standard library")?;
    ensure!(status.success(), "{} cannot compile its standard library: {status}", python.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_interpreter_there_is_no_image_and_the_error_says_what_to_do() {
        let cache = tempfile::tempdir().unwrap();
        let error = tree(Path::new("/nonexistent/python3"), cache.path()).unwrap_err();
        let told = format!("{error:#}");
        assert!(told.contains("install it first") && told.contains("/nonexistent/python3"), "{told}");
    }

    #[test]
    fn modules_compile_to_the_same_bytes_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("module.py");
        fs::write(&source, "def f(x):\n    return x in {'a', 'b', 'c', 'd'}\n").unwrap();
        let compile = || {
            let cache = tempfile::tempdir().unwrap();
            let compiled = compiled(Path::new(INTERPRETER), std::slice::from_ref(&source), cache.path()).unwrap();
            let files = walkdir::WalkDir::new(compiled).into_iter().map(Result::unwrap);
            let files: Vec<_> = files.filter(|entry| entry.file_type().is_file()).collect();
            assert_eq!(files.len(), 1);
            fs::read(files[0].path()).unwrap()
        };
        let bytes = compile();
        // The second word says: decided by content, and not to be compared with the source.
        assert_eq!(bytes[4..8], [1, 0, 0, 0]);
        assert_eq!(bytes, compile());
    }
}
