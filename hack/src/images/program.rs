//! The programs of this workspace, as they go into an image.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use object::Endianness;
use object::elf::{FileHeader64, PT_INTERP};
use object::read::elf::{FileHeader, ProgramHeader};

use crate::paths;

/// Where the program called `name` was built, if it can run in an image that has no libraries.
pub fn built(name: &str) -> Result<PathBuf> {
    let path = paths::binaries().join(name);
    if !path.is_file() {
        bail!("{} is not built: run `make build` first", path.display());
    }
    let loader = is_dynamic(&path)?;
    ensure!(!loader, "{} asks for a dynamic loader, which the image has not: build it with crt-static", path.display());
    Ok(path)
}

/// Whether the program at `path` needs a dynamic loader.
pub fn is_dynamic(path: &Path) -> Result<bool> {
    let image = fs::read(path).with_context(|| format!("read {}", path.display()))?;
    asks_for_loader(&image).with_context(|| format!("{} is not a 64-bit ELF program", path.display()))
}

fn asks_for_loader(image: &[u8]) -> object::Result<bool> {
    let header = FileHeader64::<Endianness>::parse(image)?;
    let endian = header.endian()?;
    Ok(header.program_headers(endian, image)?.iter().any(|part| part.p_type(endian) == PT_INTERP))
}

/// The program at `path` without what only a debugger reads, which is half of it. A panic still names its file and line;
/// a back trace has no names of functions.
pub fn stripped(path: &Path) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir().context("make a folder for a program")?;
    let output = folder.path().join("program");
    // It comes with the linker that the program was built by.
    let done = Command::new("strip").arg("--strip-all").arg("-o").args([output.as_path(), path]).output();
    let done = done.context("run strip, which is part of binutils")?;
    ensure!(done.status.success(), "strip {}: {}", path.display(), String::from_utf8_lossy(&done.stderr).trim());
    fs::read(&output).with_context(|| format!("read {}", output.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_needs_a_loader_is_told_from_one_that_does_not() {
        assert!(!is_dynamic(&std::env::current_exe().unwrap()).unwrap(), "the workspace is linked statically");
        assert!(is_dynamic(Path::new("/usr/bin/env")).unwrap());
        let error = is_dynamic(Path::new("/etc/passwd")).unwrap_err();
        assert!(error.to_string().contains("/etc/passwd is not a 64-bit ELF program"), "{error}");
    }

    #[test]
    fn what_is_not_built_is_told() {
        let error = built("genesis-nothing").unwrap_err();
        assert!(error.to_string().contains("run `make build` first"), "{error}");
    }
}
