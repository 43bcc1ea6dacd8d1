//! Whether there are wirings that a gate is about.

use std::fmt;

use leakcheck_text::nearest::nearest;

use super::expression::Gate;

/// A gate that is about no wiring at all. It would hold for want of anything that fails it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSubject(String);

impl NoSubject {
    pub(super) fn nothing(gate: &Gate) -> Self {
        Self(format!("the gate {gate}: there is no wiring to judge"))
    }
}

impl fmt::Display for NoSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoSubject {}

impl Gate {
    /// Makes sure that the gate is about at least one of these wirings.
    ///
    /// # Errors
    /// Names the wiring that is spelt most like the one that the gate asks for.
    pub fn check_wirings<'a>(
        &self,
        wirings: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), NoSubject> {
        let wirings: Vec<&str> = wirings.into_iter().collect();
        if wirings.iter().any(|wiring| self.subject.includes(wiring)) {
            return Ok(());
        }
        let wanted = &self.subject;
        if wirings.is_empty() {
            return Err(NoSubject::nothing(self));
        }
        let why = match nearest(&wanted.to_string(), wirings.iter().copied()) {
            Some(nearest) => format!("there is no wiring {wanted} here; did you mean {nearest}?"),
            None => format!(
                "there is no wiring {wanted} here; there is {}",
                wirings.join(", ")
            ),
        };
        Err(NoSubject(format!("the gate {self}: {why}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(gate: &str, wirings: &[&str]) -> Option<String> {
        let gate = Gate::parse(gate).expect("valid");
        let checked = gate.check_wirings(wirings.iter().copied());
        checked.err().map(|error| error.to_string())
    }

    #[test]
    fn a_wiring_that_is_not_there_is_answered_with_the_nearest_name_or_with_all() {
        let there = ["old", "fixed"];
        let near = refusal("fixd.verdict == clean", &there).expect("refused");
        assert!(near.contains("did you mean fixed?"), "{near}");
        let far = refusal("zzz.verdict == clean", &there).expect("refused");
        assert!(far.contains("there is old, fixed"), "{far}");
        assert_eq!(refusal("fixed.verdict == clean", &there), None);
    }

    #[test]
    fn a_gate_on_every_wiring_of_none_is_refused() {
        assert!(refusal("*.verdict == clean", &[]).is_some());
        assert!(refusal("old.verdict == clean", &[]).is_some());
    }
}
