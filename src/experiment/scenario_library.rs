//! The scenarios that the program brings along: the files of `scenarios/`, embedded.

use std::path::Path;

use leakcheck_report::exit_code::Failure;
use leakcheck_text::nearest::nearest;

use super::scenario::Scenario;

macro_rules! embedded {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../scenarios/", $name, ".toml")))),+]
    };
}

/// Names and texts, in the order in which the story is told.
const FILES: &[(&str, &str)] = embedded![
    // The post-mortem: hypotheses, bugs, theories.
    "context-race",
    "rotation-contention",
    "blocked-channel",
    "wrong-parent",
    "wrong-parent-hang",
    "full-channel",
    "drop-when-full",
    "hidden-goroutines",
    "ticker-leak",
    // Its actions and fixes.
    "line-fix",
    "buffer-100",
    "fix-with-drain",
    "drain-without-close",
    "full-fix",
    // What its project tried.
    "frozen-success",
    "wait-before-close",
    "own-wait-group",
    "nested-read",
    "close-after-loop",
    "close-skipped",
    "no-wait",
    "untracked-heartbeat",
    "client-per-rotation",
    "stream-limit",
    "health-check-client",
    "shared-client",
    // What was seen elsewhere.
    "short-lived-containers",
    "mutex-across-read",
    "silent-stream",
    "moby-37391",
    "moby-51801",
    "argo-cd-27243",
    "testcontainers-1407",
    "testcontainers-3660",
    "loki-9495",
    "bollard-251",
];

/// Every scenario of the library.
///
/// # Errors
/// Only where a file of the library is wrong, which a test rules out.
pub fn all() -> Result<Vec<Scenario>, Failure> {
    FILES
        .iter()
        .map(|(name, text)| {
            let parsed = Scenario::parse(name, text);
            parsed.map_err(|error| Failure::usage(format!("the scenario {name}: {error}")))
        })
        .collect()
}

/// The file of a scenario of the library, as it stands.
///
/// # Errors
/// A usage failure that names the nearest scenario.
pub fn text(name: &str) -> Result<&'static str, Failure> {
    if let Some((_, text)) = FILES.iter().find(|(known, _)| *known == name) {
        return Ok(text);
    }
    let hint = match nearest(name, FILES.iter().map(|(known, _)| *known)) {
        Some(nearest) => format!("did you mean {nearest}? "),
        None => String::new(),
    };
    Err(Failure::usage(format!(
        "there is no scenario {name:?}; {hint}`leakcheck scenarios` lists them; a file's name ends \
         in .toml"
    )))
}

impl Scenario {
    /// Finds a scenario: a name of the library, or the path of a file.
    ///
    /// # Errors
    /// A usage failure that names the nearest scenario, or says where the file is wrong.
    pub fn find(name_or_path: &str) -> Result<Self, Failure> {
        let path = Path::new(name_or_path);
        let is_path = name_or_path.contains(std::path::MAIN_SEPARATOR)
            || path.extension().is_some_and(|ending| ending == "toml");
        if !is_path {
            return find(name_or_path);
        }
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::usage(format!("cannot read the scenario {name_or_path}: {error}"))
        })?;
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        Self::parse(&name, &text)
            .map_err(|error| Failure::usage(format!("the scenario {name_or_path}: {error}")))
    }
}

/// The scenario of a name.
///
/// # Errors
/// As [`text`].
fn find(name: &str) -> Result<Scenario, Failure> {
    let text = text(name)?;
    Scenario::parse(name, text)
        .map_err(|error| Failure::usage(format!("the scenario {name}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_library_is_embedded_and_valid() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .expect("the folder of scenarios")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.is_file())
            .map(|path| {
                path.file_stem()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        files.sort();
        let mut embedded: Vec<String> = all()
            .expect("valid")
            .into_iter()
            .map(|scenario| scenario.name)
            .collect();
        embedded.sort();
        assert_eq!(embedded, files);
    }

    #[test]
    fn a_misspelt_scenario_is_answered_with_the_nearest_name() {
        let refusal = find("ful-fix").expect_err("no such scenario");
        assert!(
            refusal.to_string().contains("did you mean full-fix?"),
            "{refusal}"
        );
    }
}
