//! Reports written to files: opened before the run, rewritten after each rotation.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::ValueEnum;

/// A file to write a report to, as `--export FORMAT=PATH` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export<F> {
    format: F,
    path: PathBuf,
    /// The flag that named it.
    flag: &'static str,
}

impl<F: ValueEnum + Copy> Export<F> {
    /// Reads `FORMAT=PATH`.
    ///
    /// # Errors
    /// Says which part is wrong and which formats there are.
    pub fn parse(text: &str) -> Result<Self, String> {
        let formats = || {
            let names: Vec<String> = F::value_variants()
                .iter()
                .filter_map(|format| format.to_possible_value())
                .map(|value| value.get_name().to_owned())
                .collect();
            names.join(", ")
        };
        let (format, path) = text
            .split_once('=')
            .ok_or_else(|| "write FORMAT=PATH, as in json=report.json".to_owned())?;
        if path.is_empty() {
            return Err("the path is missing: write FORMAT=PATH, as in json=report.json".into());
        }
        let format = F::from_str(format, false)
            .map_err(|_| format!("there is no format {format:?}; there are {}", formats()))?;
        Ok(Self {
            format,
            path: path.into(),
            flag: "--export",
        })
    }

    /// The file that another flag names for a document in one format.
    pub fn by_flag(flag: &'static str, path: PathBuf, format: F) -> Self {
        Self { format, path, flag }
    }

    /// The format that is written.
    pub fn format(&self) -> F {
        self.format
    }

    /// Makes sure that the file can be written, without changing what stands in it.
    ///
    /// # Errors
    /// Says why it cannot be written.
    pub fn open(&self) -> anyhow::Result<()> {
        let path = &self.path;
        let refused = || format!("cannot write {} ({})", path.display(), self.flag);
        let was_there = path.try_exists().with_context(refused)?;
        let mut options = OpenOptions::new();
        let opened = options.append(true).create(true).open(path);
        opened.map(drop).with_context(refused)?;
        if !was_there {
            // A run that ends before it measures leaves no empty report.
            std::fs::remove_file(path).with_context(refused)?;
        }
        Ok(())
    }

    /// Writes a document, rendered in the file's format, in place of what stands in the file.
    ///
    /// A regular file is replaced as a whole, so that a reader never sees half a report and a
    /// full disk leaves the last whole one.
    ///
    /// # Errors
    /// Says why it cannot be written, or rendered.
    pub fn write(&self, render: impl FnOnce(F) -> anyhow::Result<String>) -> anyhow::Result<()> {
        let text = render(self.format)?;
        let path = &self.path;
        write_whole(path, &text)
            .with_context(|| format!("cannot write {} ({})", path.display(), self.flag))
    }
}

fn write_whole(path: &Path, text: &str) -> anyhow::Result<()> {
    // A link is followed, so that it goes on to point where it did.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let existing = std::fs::metadata(&path).ok();
    let special = existing
        .as_ref()
        .is_some_and(|metadata| !metadata.is_file());
    let folder = path.parent().ok_or_else(|| anyhow!("it has no folder"))?;
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let temporary = if special {
        None
    } else {
        // As readable as any new file: whoever collects it is somebody else.
        let permissions = std::fs::Permissions::from_mode(0o666);
        let mut builder = tempfile::Builder::new();
        match builder.permissions(permissions).tempfile_in(folder) {
            Ok(temporary) => Some(temporary),
            Err(error) if takes_no_other_file(&error) => None,
            // Writing in place would first empty the file, and then fail for the same reason.
            Err(error) => return Err(error.into()),
        }
    };
    match temporary {
        Some(mut temporary) => {
            temporary.write_all(text.as_bytes())?;
            if let Some(existing) = existing {
                temporary
                    .as_file()
                    .set_permissions(existing.permissions())?;
            }
            match temporary.persist(&path) {
                Ok(_) => {}
                // A file that is a mount of its own cannot be replaced, only rewritten.
                Err(refused) if is_mount(&refused.error) => {
                    File::create(&path)?.write_all(text.as_bytes())?;
                }
                Err(refused) => return Err(refused.error.into()),
            }
        }
        // A pipe, a device, or a file in a folder that takes no other file.
        None => File::create(&path)?.write_all(text.as_bytes())?,
    }
    Ok(())
}

/// Whether a file could not be replaced because something is mounted on it.
fn is_mount(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{CrossesDevices, ResourceBusy};
    matches!(error.kind(), CrossesDevices | ResourceBusy)
}

/// Whether it is the folder that refuses another file, and not the disk or the process.
fn takes_no_other_file(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use crate::render::format::Format;

    type Export = super::Export<Format>;

    #[test]
    fn a_misspelt_format_is_answered_with_the_formats_there_are() {
        let message = Export::parse("jsn=x").expect_err("no such format");
        assert!(
            message.contains("table, json, csv, markdown, html, svg, junit"),
            "{message}"
        );
    }

    #[test]
    fn opening_an_export_leaves_an_older_report_as_it_is() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), "older").expect("writable");
        let export = Export::parse(&format!("json={}", file.path().display())).expect("valid");
        export.open().expect("writable");
        assert_eq!(
            std::fs::read_to_string(file.path()).expect("readable"),
            "older"
        );
    }

    #[test]
    fn opening_an_export_leaves_no_empty_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("report.json");
        let export = Export::parse(&format!("json={}", path.display())).expect("valid");
        export.open().expect("writable");
        assert!(!path.exists());
    }

    #[test]
    fn a_new_export_is_as_readable_as_any_new_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mode = |path: &Path| {
            let metadata = std::fs::metadata(path).expect("a file");
            metadata.permissions().mode()
        };
        let plain = folder.path().join("plain");
        std::fs::write(&plain, "").expect("writable");
        let path = folder.path().join("x.prom");
        let export = Export::parse(&format!("openmetrics={}", path.display())).expect("valid");
        export.write(|_| Ok(String::new())).expect("writable");
        assert_eq!(mode(&path), mode(&plain));
    }

    #[test]
    fn an_export_into_a_folder_that_is_not_there_is_refused_before_the_run() {
        let export = Export::parse("json=/no/such/folder/x.json").expect("well-formed");
        let message = format!("{:#}", export.open().expect_err("no folder"));
        assert!(message.contains("--export"), "{message}");
    }
}
