//! The incident's post-mortem as data: `scenarios/reference/post-mortem.toml`, embedded.

use std::fmt::Write;
use std::sync::LazyLock;
use std::time::Duration;

use leakcheck_text::{duration, embedded_toml};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};

const FILE: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/scenarios/reference/post-mortem.toml"
));

/// The document.
pub(super) static POST_MORTEM: LazyLock<PostMortem> = LazyLock::new(|| {
    #[expect(
        clippy::expect_used,
        reason = "the file is part of the program, and a test reads it"
    )]
    embedded_toml::parse(FILE).expect("the post-mortem can be read")
});

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PostMortem {
    pub(super) observed: Incident,
    pub(super) document: PostMortemDocument,
    #[serde(rename = "claim")]
    pub(super) claims: Vec<PostMortemClaim>,
}

/// The conditions, and the growth under them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Incident {
    pub(super) containers: u64,
    #[serde(deserialize_with = "duration::deserialize")]
    pub(super) rotation: Duration,
    #[serde(deserialize_with = "duration::deserialize")]
    pub(super) duration: Duration,
    pub(super) goroutines: u64,
    pub(super) fds: u64,
}

/// What the document works out, or takes for granted, and uses again.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PostMortemDocument {
    pub(super) rotations_at_once: f64,
    pub(super) factor: f64,
    pub(super) rotations_per_container: f64,
    pub(super) product: f64,
}

/// One claim, and what to say of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PostMortemClaim {
    pub(super) section: u8,
    pub(super) claim: String,
    pub(super) says: String,
    pub(super) means: Option<Meaning>,
    #[serde(default)]
    pub(super) implied: bool,
    pub(super) gives: Figure,
    pub(super) why: Template,
}

/// What a figure says that is no plain number.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Meaning {
    /// From the one to the other, both included.
    Between(f64, f64),
    /// Less than this, by 5 % at most.
    Almost(f64),
    /// Less than this.
    Below(f64),
}

/// A figure that is worked out, or that stands in the document, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Figure {
    Containers,
    Minutes,
    Goroutines,
    Fds,
    RotationsAtOnce,
    DocumentFactor,
    DocumentFactorWithoutReader,
    DocumentFactorWithoutReaderPerMinute,
    MultipliedRotations,
    Product,
    Missed,
    MissedPercent,
    RotationsOfEach,
    WholeRotationsOfEach,
    Rotations,
    WholeRotations,
    RotationsPerHour,
    RotationsPerMinute,
    Factor,
    FactorOfWholeRotations,
    FactorWithoutReader,
    GoroutinesPerFd,
    FdsPerRotation,
    FdsWithoutStream,
    FdsWithoutWholeRotation,
    GrowthPerMinute,
    GrowthPerMinuteOfAnHour,
    LeftInGo,
    LeftInGoWithoutReader,
    LeftInGoPerHour,
    LeftInGoBesideTheFds,
    LeftByOneStreamOfEach,
    LineFixInGo,
    LineFixInGoPerMinute,
}

/// A text with figures in it: `{name}` or, with two decimals, `{name:2}`.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, PartialEq)]
enum Piece {
    Words(String),
    Figure {
        figure: Figure,
        decimals: Option<usize>,
    },
}

impl Template {
    /// The text, each figure with the value that it has.
    pub(super) fn fill(&self, value: impl Fn(Figure) -> f64) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            // Writing to a string does not fail.
            let _ = match piece {
                Piece::Words(words) => write!(text, "{words}"),
                Piece::Figure {
                    figure,
                    decimals: Some(decimals),
                } => write!(text, "{:.decimals$}", value(*figure)),
                Piece::Figure {
                    figure,
                    decimals: None,
                } => write!(text, "{}", value(*figure)),
            };
        }
        text
    }
}

impl TryFrom<String> for Template {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text.as_str();
        while let Some((words, after)) = rest.split_once('{') {
            let (place, after) = after
                .split_once('}')
                .ok_or_else(|| format!("{{{after} has no end"))?;
            pieces.push(Piece::Words(words.into()));
            pieces.push(Piece::parse(place)?);
            rest = after;
        }
        pieces.push(Piece::Words(rest.into()));
        Ok(Self(pieces))
    }
}

impl Piece {
    /// Reads what stands between two braces.
    fn parse(place: &str) -> Result<Self, String> {
        let (name, decimals) = match place.split_once(':') {
            None => (place, None),
            Some((name, decimals)) => {
                let decimals = decimals.parse();
                let decimals = decimals.map_err(|_| format!("{place:?}: how many decimals?"))?;
                (name, Some(decimals))
            }
        };
        let name: StrDeserializer<'_, Error> = name.into_deserializer();
        let figure = Figure::deserialize(name).map_err(|error| error.to_string())?;
        Ok(Self::Figure { figure, decimals })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> Result<Template, String> {
        Template::try_from(text.to_owned())
    }

    #[test]
    fn the_file_is_valid_and_has_each_claim_once() {
        let document: PostMortem = embedded_toml::parse(FILE).expect("valid");
        let mut claims: Vec<_> = document.claims.iter().map(|claim| &claim.claim).collect();
        claims.sort();
        claims.dedup();
        assert_eq!(claims.len(), document.claims.len());
    }

    #[test]
    fn a_figure_stands_where_its_name_stood() {
        let filled = template("{fds} of {factor:2}, {factor:0}.").expect("valid");
        let value = |figure| match figure {
            Figure::Fds => 937.0,
            _ => 3.155,
        };
        assert_eq!(filled.fill(value), "937 of 3.15, 3.");
    }

    #[test]
    fn a_figure_without_a_name_an_end_or_a_number_of_decimals_is_refused() {
        for (text, says) in [
            ("{fsd}", "unknown variant `fsd`"),
            ("{fds", "has no end"),
            ("{fds:.2}", "how many decimals?"),
        ] {
            let message = template(text).expect_err(text);
            assert!(message.contains(says), "{text}: {message}");
        }
    }
}
