//! The command that is exercised: its words, and what stands for the engine in them.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;

use crate::sys::console_server::PORT_VARIABLE;

/// Stands for the path of the engine's socket.
const SOCKET: &str = "{socket}";
/// Stands for a container's name: there is one process per container then.
const CONTAINER: &str = "{container}";

/// A command as its user wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    words: Vec<String>,
    /// What is set in its environment beside DOCKER_HOST.
    environment: Vec<(String, String)>,
}

impl CommandLine {
    /// A command of these words, the program first.
    ///
    /// # Errors
    /// Where there is no word.
    pub fn new(words: Vec<String>, environment: Vec<(String, String)>) -> Result<Self, String> {
        match words.first() {
            Some(program) if !program.is_empty() => Ok(Self { words, environment }),
            _ => {
                Err("write the command after --, as in `-- ./my-shipper --docker {socket}`".into())
            }
        }
    }

    /// Its words.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// The name of its program.
    pub fn program(&self) -> &str {
        let program = self.words.first().map_or("", String::as_str);
        let name = Path::new(program)
            .file_name()
            .and_then(|name| name.to_str());
        name.unwrap_or(program)
    }

    /// Whether there is to be a process for each container.
    pub fn is_per_container(&self) -> bool {
        self.words.iter().any(|word| word.contains(CONTAINER))
    }

    /// The process to start for this engine, and, where there is one for each, for this container.
    pub fn process(&self, socket: &Path, container: Option<&str>) -> tokio::process::Command {
        let socket = socket.to_string_lossy();
        let expanded = |word: &String| -> OsString {
            let word = word.replace(SOCKET, &socket);
            word.replace(CONTAINER, container.unwrap_or(CONTAINER))
                .into()
        };
        let mut words = self.words.iter().map(expanded);
        let mut process = tokio::process::Command::new(words.next().unwrap_or_default());
        process
            .args(words)
            .env("DOCKER_HOST", format!("unix://{socket}"))
            // Whatever would lead a client elsewhere.
            .env_remove("DOCKER_CONTEXT")
            .env_remove("DOCKER_TLS_VERIFY")
            .env_remove("DOCKER_API_VERSION")
            .env_remove(PORT_VARIABLE)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            // Signals at the terminal are leakcheck's; what it starts is ended by group.
            .process_group(0);
        process
    }

    /// Parses `NAME=VALUE`.
    ///
    /// # Errors
    /// Says how it is to be written.
    pub fn parse_variable(text: &str) -> Result<(String, String), String> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
            _ => Err("write NAME=VALUE, as in LOG_LEVEL=debug".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_and_the_container_stand_where_they_are_named() {
        let words = ["sh", "-c", "x --docker=unix://{socket} {container}"];
        let words = words.map(String::from).to_vec();
        let command = CommandLine::new(words, Vec::new()).expect("has words");
        assert!(command.is_per_container());
        let process = command.process(Path::new("/run/e.sock"), Some("web-07"));
        let words: Vec<_> = process.as_std().get_args().collect();
        assert_eq!(words, ["-c", "x --docker=unix:///run/e.sock web-07"]);
        assert!(CommandLine::new(Vec::new(), Vec::new()).is_err());
    }
}
