//! What `leakcheck watch TARGET…` is to watch, by the words that name it.

use std::path::Path;

use leakcheck_report::exit_code::Failure;
use url::Url;

use super::process_sources::ProcessSources;
use crate::probe::pprof::Pprof;
use crate::sys::http::{GetError, Getter, parse_url_or_socket, without_password};

/// What a word names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TargetWord {
    /// A process of this machine, by its number.
    Pid(u32),
    /// An address, or a unix socket.
    Address(Url),
}

/// What answers at an address.
enum Served {
    Pprof(Url),
    Metrics(Url),
}

impl TargetWord {
    /// Parses a word: a number is a PID, a path a unix socket, and all else an address.
    ///
    /// # Errors
    /// Says how each of them is written.
    pub(super) fn parse(word: &str) -> Result<Self, String> {
        if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()) {
            return match word.parse() {
                Ok(pid) if pid > 0 => Ok(Self::Pid(pid)),
                _ => Err(format!("{word} is no process's number")),
            };
        }
        let address = match Path::new(word).is_absolute() {
            true => format!("unix://{word}"),
            false => word.to_owned(),
        };
        parse_url_or_socket(&address)
            .map(Self::Address)
            .map_err(|error| {
                format!("{error}; write a PID, HOST:PORT, a URL, or unix:///PATH of a socket")
            })
    }
}

/// Finds out what is served at the addresses among these words, and adds it to the sources; returns the PID among
/// them.
///
/// # Errors
/// Where two words name the same kind of source, and where an address serves nothing that can be watched.
pub(super) fn resolve(
    words: &[TargetWord],
    sources: &mut ProcessSources,
) -> Result<Option<u32>, Failure> {
    let mut found = None;
    for word in words {
        match word {
            TargetWord::Pid(pid) => {
                if let Some(other) = found.replace(*pid) {
                    return Err(Failure::usage(format!(
                        "{other} and {pid} are two processes: watch each by itself"
                    )));
                }
            }
            TargetWord::Address(url) => {
                let added = match served(url, &sources.getter())? {
                    Served::Pprof(url) => sources.add_pprof(url),
                    Served::Metrics(url) => sources.add_metrics(url),
                };
                added.map_err(|url| {
                    Failure::usage(format!(
                        "{}: there is another address of that kind: watch each process by itself",
                        without_password(&url)
                    ))
                })?;
            }
        }
    }
    Ok(found)
}

/// What an address serves, by its path, or by what answers there.
fn served(url: &Url, getter: &Getter) -> Result<Served, Failure> {
    let path = url.path().trim_end_matches('/');
    if url.scheme() == "unix" || path.contains("/pprof") {
        return Ok(Served::Pprof(url.clone()));
    }
    if !path.is_empty() {
        return Ok(Served::Metrics(url.clone()));
    }
    match Pprof::new(url, getter.clone()).command_line() {
        Ok(_) => return Ok(Served::Pprof(url.clone())),
        Err(GetError::NotFound) => {}
        Err(GetError::Other(error)) => return Err(unreachable(url, &error)),
    }
    let mut metrics = url.clone();
    metrics.set_path("/metrics");
    match getter.get(&metrics, 0) {
        Ok(_) => Ok(Served::Metrics(metrics)),
        Err(GetError::NotFound) => Err(Failure::environment(format!(
            "{url} serves neither /debug/pprof nor /metrics: name what it serves with --pprof, --console or \
             --metrics",
            url = without_password(url)
        ))),
        Err(GetError::Other(error)) => Err(unreachable(url, &error)),
    }
}

fn unreachable(url: &Url, error: &anyhow::Error) -> Failure {
    let url = without_password(url);
    Failure::environment(format!(
        "{url}: {error:#} (what a tokio program serves to tokio-console is named with --console)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_a_number_a_socket_or_an_address() {
        assert_eq!(TargetWord::parse("4711"), Ok(TargetWord::Pid(4711)));
        let address = |word: &str| match TargetWord::parse(word) {
            Ok(TargetWord::Address(url)) => url.to_string(),
            other => panic!("{word}: {other:?}"),
        };
        assert_eq!(address("localhost:6060"), "http://localhost:6060/");
        assert_eq!(address("/run/docker.sock"), "unix:///run/docker.sock");
        assert_eq!(
            address("unix:///run/docker.sock"),
            "unix:///run/docker.sock"
        );
        for wrong in ["0", "99999999999", "", "unix://run/x", "ftp://x"] {
            assert!(TargetWord::parse(wrong).is_err(), "{wrong}");
        }
    }
}
