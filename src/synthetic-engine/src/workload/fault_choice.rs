//! Which faults are asked for, and of how many containers: `NAME` or `NAME=SHARE`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::faults::{Fault, Target};

/// A fault that is to strike a share of the containers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaultChoice {
    /// The fault.
    pub fault: Fault,
    /// The share, above 0 and up to 1.
    pub share: f64,
}

impl FaultChoice {
    /// How many of so many containers it strikes, of which so many print: whole ones. One that strikes the
    /// whole engine does so by way of one container.
    pub fn containers(self, all: usize, printing: usize) -> usize {
        let asked = (all as f64 * self.share).floor() as usize;
        match self.fault.known().target {
            Target::Answer => asked,
            Target::Lines | Target::Timestamps => asked.min(printing),
            Target::Engine => asked.min(printing).min(1),
        }
    }
}

impl FromStr for FaultChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, share) = match text.split_once('=') {
            Some((name, share)) => (name, Some(share)),
            None => (text, None),
        };
        let fault = Fault::find(name)?;
        let share = match share {
            None => 1.0,
            Some(share) => (share.parse().ok())
                .filter(|share| *share > 0.0 && *share <= 1.0)
                .ok_or_else(|| {
                    format!(
                        "{share:?} is no share of the containers: write a number above 0 and up to 1, as in \
                         {name}=0.2"
                    )
                })?,
        };
        Ok(Self { fault, share })
    }
}

impl fmt::Display for FaultChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.fault.name())?;
        match self.share {
            1.0 => Ok(()),
            share => write!(f, "={share}"),
        }
    }
}

impl Serialize for FaultChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FaultChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_read_as_it_is_told() {
        for text in ["stall", "reset-mid-frame=0.2"] {
            let choice: FaultChoice = text.parse().expect(text);
            assert_eq!(choice.to_string(), text);
        }
        let all: FaultChoice = "stall=1".parse().expect("all of them");
        assert_eq!(all.to_string(), "stall");
    }

    #[test]
    fn what_is_no_share_is_refused_with_an_example() {
        for share in ["0", "1.5", "-1", "half", "", "NaN", "inf"] {
            let message = format!("stall={share}").parse::<FaultChoice>();
            let message = message.expect_err(share);
            assert!(message.contains("stall=0.2"), "{message}");
        }
    }

    #[test]
    fn frames_are_damaged_where_there_are_some_and_one_container_restarts_the_engine() {
        let strikes = |text: &str| {
            let choice: FaultChoice = text.parse().expect(text);
            choice.containers(10, 5)
        };
        assert_eq!(strikes("stall"), 10);
        assert_eq!(strikes("garbage"), 5);
        assert_eq!(strikes("garbage=0.25"), 2);
        assert_eq!(strikes("engine-restart"), 1);
        assert_eq!(strikes("stall=0.05"), 0);
    }
}
