//! The query string, with Docker's ideas of booleans, numbers and times.

use jiff::Timestamp;

use crate::errors::ApiError;

/// A decoded query string.
#[derive(Debug, Default)]
pub struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Decodes a query string; `None` is an empty one.
    pub fn parse(query: Option<&str>) -> Self {
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
        Self { pairs }
    }

    /// The first value of a key; `None` where it is missing or empty.
    pub fn get(&self, key: &str) -> Option<&str> {
        (self.pairs.iter().find(|(k, _)| k == key))
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// Docker's idea of a boolean: all is true but nothing, `0`, `no`, `false` and `none`.
    pub fn flag(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| {
            let value = value.trim().to_ascii_lowercase();
            !matches!(value.as_str(), "" | "0" | "no" | "false" | "none")
        })
    }

    /// A whole number.
    ///
    /// # Errors
    /// 400 with Docker's text (Go's `strconv`).
    pub fn integer(&self, key: &str) -> Result<Option<i64>, ApiError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        match value.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(ApiError::bad_parameter(format!(
                "strconv.Atoi: parsing {value:?}: invalid syntax"
            ))),
        }
    }

    /// A moment in ns of unix time, written as unix seconds with an optional fraction or as
    /// RFC 3339. `None` where it is missing or `0`, which clients send for "no bound".
    ///
    /// # Errors
    /// 400 that names the parameter and shows both forms.
    pub fn moment_ns(&self, key: &str) -> Result<Option<i64>, ApiError> {
        match self.get(key) {
            None | Some("0") => Ok(None),
            Some(value) => parse_moment_ns(value).map(Some).ok_or_else(|| {
                ApiError::bad_parameter(format!(
                    "invalid value for {key:?}: {value:?} is neither unix seconds, as in \
                     1700000000.5, nor RFC 3339, as in 2023-11-14T22:13:20Z"
                ))
            }),
        }
    }
}

/// Times outside of what 64 bits of ns hold (years 1677 to 2262) become the nearest they hold.
fn parse_moment_ns(text: &str) -> Option<i64> {
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(saturate(timestamp.as_nanosecond()));
    }
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let seconds: i64 = seconds.parse().ok()?;
    if fraction.is_empty() || fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nanos: i128 = format!("{fraction:0<9}").parse().ok()?;
    // As in Docker, the fraction counts forwards also before 1970.
    Some(saturate(i128::from(seconds) * 1_000_000_000 + nanos))
}

fn saturate(ns: i128) -> i64 {
    i64::try_from(ns).unwrap_or(if ns < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_exact_to_the_nanosecond_in_every_form() {
        for text in ["1700000000.000000005", "2023-11-14T22:13:20.000000005Z"] {
            assert_eq!(
                parse_moment_ns(text),
                Some(1_700_000_000_000_000_005),
                "{text}"
            );
        }
        assert_eq!(
            parse_moment_ns("1700000000.5"),
            Some(1_700_000_000_500_000_000)
        );
        assert_eq!(
            parse_moment_ns("2023-11-14T23:13:20+01:00"),
            Some(1_700_000_000_000_000_000)
        );
    }

    #[test]
    fn a_moment_that_is_none_is_refused_and_a_far_one_saturates() {
        for text in ["x", "1.", "1.x", "1.0000000001", "10m", "--5", ".5"] {
            assert_eq!(parse_moment_ns(text), None, "{text}");
        }
        assert_eq!(parse_moment_ns(&i64::MAX.to_string()), Some(i64::MAX));
        assert_eq!(parse_moment_ns(&i64::MIN.to_string()), Some(i64::MIN));
    }

    #[test]
    fn zero_and_nothing_are_no_bound() {
        let query = Query::parse(Some("since=0&until="));
        assert_eq!(query.moment_ns("since"), Ok(None));
        assert_eq!(query.moment_ns("until"), Ok(None));
    }

    #[test]
    fn flags_are_true_as_in_docker() {
        let query = Query::parse(Some("a=1&b=0&c=true&d=False&e&f=x"));
        let set: String = ["a", "b", "c", "d", "e", "f", "g"]
            .into_iter()
            .filter(|k| query.flag(k))
            .collect();
        assert_eq!(set, "acf");
    }
}
