//! The images that a node has before anybody brings one.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use oci_spec::image::ConfigBuilder;

use super::layout::PAUSE;
use super::programs::{COREDNS, Programs};
use crate::images::archive::Image;
use crate::images::layer::Layer;
use crate::images::tree::Tree;

/// The first process of a pod, and the name server.
pub(super) fn own(folder: &Path, programs: &Programs) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    let (pause, names) = (folder.join("pause.tar"), folder.join("coredns.tar"));
    of_program(&pause, PAUSE, &programs.pod, &["pause"])?;
    of_program(&names, &format!("localhost/coredns:{COREDNS}"), &programs.network.join("coredns"), &[])?;
    Ok(vec![pause, names])
}

/// Writes an image that holds one program without libraries, `/program`, and runs it with these words as an ordinary
/// user.
pub(super) fn of_program(archive: &Path, reference: &str, program: &Path, words: &[&str]) -> Result<()> {
    let mut tree = Tree::default();
    tree.copy("/program", program)?;
    let config = ConfigBuilder::default()
        .user("65532:65532")
        .entrypoint(vec!["/program".to_owned()])
        .cmd(words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>())
        .build()?;
    let layers = vec![Layer { title: "program", tree }.pack(0)?];
    let inputs = layers.iter().map(|layer| layer.digest.clone()).collect();
    Image { reference: reference.to_owned(), config, layers, inputs, epoch: 0 }.write(archive)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::archive::look;

    #[test]
    fn the_archive_names_the_image() {
        let folder = tempfile::tempdir().unwrap();
        let (program, archive) = (folder.path().join("program"), folder.path().join("image.tar"));
        fs::write(&program, "program").unwrap();
        of_program(&archive, "localhost/tool:1", &program, &[]).unwrap();
        assert_eq!(look(&archive).unwrap().reference, "localhost/tool:1");
    }
}
