//! Where a dump comes from: a file, standard input or a URL; gzipped or not.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use goroutine_dump::{Dump, Keep, read_either};
use url::Url;

use crate::sys::http::{Getter, Header, parse_url, without_password};

/// A server that sends a dump for longer than this is not waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// A server's dump that is larger than this is not read: 1 GiB, some million goroutines.
const LARGEST: u64 = 1 << 30;

/// Where a dump is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DumpSource {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
    /// What a server says.
    Url(Url),
}

impl DumpSource {
    /// Parses `-`, a URL of HTTP or a path.
    ///
    /// # Errors
    /// Says what is wrong with a URL.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "-" {
            return Ok(Self::Stdin);
        }
        if text.starts_with("http://") || text.starts_with("https://") {
            return parse_url(text).map(Self::Url);
        }
        Ok(Self::File(text.into()))
    }

    /// Reads the dump; a server is asked with these headers.
    ///
    /// # Errors
    /// As the system's, or the server's.
    pub fn read(&self, headers: &[Header], keep: Keep) -> anyhow::Result<Dump> {
        Ok(match self {
            Self::Stdin => read_either(io::stdin().lock(), keep)?,
            Self::File(path) => read_either(File::open(path)?, keep)?,
            Self::Url(url) => {
                let getter = Getter::new(PATIENCE, headers.to_vec());
                let body = getter.get(url, LARGEST)?;
                read_either(body, keep).context("its answer breaks off")?
            }
        })
    }
}

impl fmt::Display for DumpSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("standard input"),
            Self::File(path) => path.display().fmt(f),
            Self::Url(url) => without_password(url).fmt(f),
        }
    }
}
