//! A Go process's goroutines, through its `net/http/pprof`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use anyhow::{Context, bail, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use goroutine_dump::read_either;
use goroutine_dump::{Dump, Keep};
use url::Url;

use crate::sys::http::{GetError, Getter, socket_of, without_password};

/// A dump that is larger than this is not read: 512 MiB, a million goroutines or so.
const LARGEST_DUMP: u64 = 512 << 20;
/// Where Go's own package serves them.
const FOLDER: &str = "/debug/pprof";
/// What a unix socket's server is called: the name goes nowhere.
const SOCKETS_HOST: &str = "http://localhost/debug/pprof/";
/// Neither is a name.
const LARGEST_NAME: u64 = 64 << 10;

/// A pprof endpoint.
#[derive(Debug, Clone)]
pub struct Pprof {
    getter: Getter,
    /// The folder of the profiles, with a slash at its end.
    profiles: Url,
    /// As it was given.
    at: Url,
    /// What is shown of it.
    shown: String,
}

impl Pprof {
    /// The endpoint at a server's address or unix socket, at its folder of profiles (`/debug/pprof`), or at
    /// one profile of that folder.
    pub fn new(url: &Url, getter: Getter) -> Self {
        if let Some(socket) = socket_of(url) {
            let mut profiles = url.clone();
            profiles.set_path(FOLDER);
            return Self {
                getter: getter.over(&socket),
                profiles: Url::parse(SOCKETS_HOST).unwrap_or(profiles),
                shown: url.to_string(),
                at: url.clone(),
            };
        }
        let mut profiles = url.clone();
        profiles.set_query(None);
        profiles.set_fragment(None);
        let path = match url.path().trim_end_matches('/') {
            "" => FOLDER.into(),
            path => path.strip_suffix("/goroutine").unwrap_or(path).to_owned(),
        };
        profiles.set_path(&format!("{path}/"));
        Self {
            getter,
            shown: without_password(&profiles).to_string(),
            at: url.clone(),
            profiles,
        }
    }

    /// Where it is asked: at a host, or a unix socket.
    pub fn url(&self) -> &Url {
        &self.at
    }

    /// Where it is asked, as it may be shown.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The process's command line, its words apart by zero bytes.
    ///
    /// # Errors
    /// Where it is not served.
    pub fn command_line(&self) -> Result<Vec<u8>, GetError> {
        let mut words = Vec::new();
        let mut body = self
            .getter
            .get(&self.profile("cmdline", ""), LARGEST_NAME)?;
        let read = body.read_to_end(&mut words);
        read.map_err(|error| GetError::Other(error.into()))?;
        Ok(words)
    }

    /// The name of the process's program; `None` where it is not served.
    pub fn name(&self) -> Option<String> {
        let words = self.command_line().ok()?;
        let program = words.split(|byte| *byte == 0).next()?;
        let program = Path::new(std::str::from_utf8(program).ok()?);
        Some(program.file_name()?.to_str()?.to_owned())
    }

    /// Reads the goroutines with their numbers, and keeps the dump as a gzipped file where one is
    /// named.
    ///
    /// # Errors
    /// Where nothing answers in time, the answer is none, or the file cannot be written.
    pub fn goroutines(&self, keep_as: Option<&Path>) -> anyhow::Result<Dump> {
        let url = self.profile("goroutine", "debug=2");
        let body = self.getter.get(&url, LARGEST_DUMP)?;
        let dump = match keep_as {
            None => read_either(body, Keep::Ids)?,
            Some(path) => {
                let said = || path.display().to_string();
                let file = File::create(path).with_context(said)?;
                let mut copied = Copied {
                    from: body,
                    to: GzEncoder::new(file, Compression::fast()),
                };
                let dump = read_either(&mut copied, Keep::Ids)?;
                copied.to.finish().with_context(said)?;
                dump
            }
        };
        ensure!(
            dump.goroutines > 0,
            "what it answers holds no goroutine: is {} the address of a Go program's pprof?",
            self.shown
        );
        Ok(dump)
    }

    /// Reads Go's own profile of leaked goroutines; `None` where it is not served.
    ///
    /// It makes the process collect its garbage once.
    ///
    /// # Errors
    /// As [`Pprof::goroutines`], and where what answers is no such profile: a server may answer every
    /// path, and nothing read is not nothing leaked.
    pub fn leaked(&self) -> anyhow::Result<Option<Dump>> {
        const HEAD: &[u8] = b"goroutineleak profile: total ";
        let url = self.profile("goroutineleak", "debug=1");
        let body = match self.getter.get(&url, LARGEST_DUMP) {
            Ok(body) => body,
            Err(GetError::NotFound) => return Ok(None),
            Err(GetError::Other(error)) => return Err(error),
        };
        let mut head = Vec::new();
        let mut body = body.take(HEAD.len() as u64);
        body.read_to_end(&mut head)?;
        ensure!(
            head == HEAD,
            "{} answers something else",
            without_password(&url)
        );
        let whole = head.chain(body.into_inner());
        let dump = read_either(whole, Keep::Counts)?;
        if let Some(error) = dump.errors.first() {
            bail!("it could not be read whole: {}", error.message);
        }
        Ok(Some(dump))
    }

    fn profile(&self, name: &str, query: &str) -> Url {
        let mut url = self.profiles.clone();
        url.set_path(&format!("{}{name}", self.profiles.path()));
        url.set_query((!query.is_empty()).then_some(query));
        url
    }
}

/// A reader whose text is also written.
struct Copied<R, W> {
    from: R,
    to: W,
}

impl<R: Read, W: Write> Read for Copied<R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.to.write_all(&buffer[..read])?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sys::http::parse_url;

    #[test]
    fn an_address_may_be_the_servers_the_folders_or_the_profiles() {
        for (given, asked) in [
            (
                "localhost:6060",
                "http://localhost:6060/debug/pprof/goroutine?debug=2",
            ),
            (
                "http://x/debug/pprof/",
                "http://x/debug/pprof/goroutine?debug=2",
            ),
            (
                "http://x/debug/pprof/goroutine?debug=1",
                "http://x/debug/pprof/goroutine?debug=2",
            ),
            (
                "https://x/admin/pprof",
                "https://x/admin/pprof/goroutine?debug=2",
            ),
        ] {
            let getter = Getter::new(Duration::from_secs(1), Vec::new());
            let pprof = Pprof::new(&parse_url(given).expect("a URL"), getter);
            assert_eq!(pprof.profile("goroutine", "debug=2").as_str(), asked);
        }
    }
}
