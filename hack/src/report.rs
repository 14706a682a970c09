//! Every check and benchmark prints a short table and writes `target/reports/<name>.json`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{ContentArrangement, Table};
use serde::Serialize;

use crate::paths;

/// Writes a report and says where it is.
pub fn write(name: &str, report: &impl Serialize) -> Result<PathBuf> {
    let folder = paths::reports();
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    let path = folder.join(format!("{name}.json"));
    let staged = folder.join(format!(".{name}.json"));
    fs::write(&staged, serde_json::to_vec_pretty(report)?).with_context(|| format!("write {}", staged.display()))?;
    fs::rename(&staged, &path).with_context(|| format!("write {}", path.display()))?;
    Ok(path)
}

/// A table in the style all reports share.
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic).set_header(header);
    table
}
