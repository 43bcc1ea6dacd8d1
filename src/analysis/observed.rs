//! A growth that somebody observed, as `--observed` takes it: `tasks=1830,fds=937`.

use leakcheck_text::nearest::nearest;

/// What grew within the time looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observed {
    /// Tasks, or goroutines; at least 1.
    pub tasks: u64,
    /// File descriptors, at least 1; `None` where nobody counted them.
    pub fds: Option<u64>,
}

const EXAMPLE: &str = "as in tasks=1830,fds=937";

impl Observed {
    /// Parses `tasks=N` or `goroutines=N`, with `fds=N` where it is known, in any order.
    ///
    /// # Errors
    /// Says what is wrong with which part: an unknown key (with the nearest one), a value that is
    /// no whole number or is zero, a count that is given twice, no tasks.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (mut tasks, mut fds) = (None, None);
        for part in text.split(',') {
            let Some((key, value)) = part.split_once('=') else {
                return Err(format!(
                    "{part:?} is no KEY=NUMBER; write it {EXAMPLE}, no separator within a number"
                ));
            };
            let (key, value) = (key.trim(), value.trim());
            let count = match key {
                "tasks" | "goroutines" => &mut tasks,
                "fds" => &mut fds,
                unknown => return Err(unknown_key(unknown)),
            };
            if count.replace(number(key, value)?).is_some() {
                let twice = match key {
                    "fds" => "fds is given twice",
                    _ => "tasks is given twice (goroutines is another word for it)",
                };
                return Err(twice.into());
            }
        }
        let tasks = tasks.ok_or_else(|| format!("tasks is missing; write it {EXAMPLE}"))?;
        Ok(Self { tasks, fds })
    }
}

fn unknown_key(key: &str) -> String {
    let hint = match nearest(key, ["tasks", "goroutines", "fds"]) {
        Some(nearest) => format!("; did you mean {nearest}?"),
        None => "; the keys are tasks (or goroutines) and fds".into(),
    };
    format!("there is no count {key:?}{hint}")
}

fn number(key: &str, value: &str) -> Result<u64, String> {
    match value.parse() {
        Ok(0) if key == "fds" => {
            Err("fds=0: no growth has no ratio; leave fds out where they did not grow".into())
        }
        Ok(0) => Err(format!("{key}=0: without growth there is nothing to fit")),
        Ok(count) => Ok(count),
        Err(_) => Err(format!(
            "{key}={value}: not a whole number above 0; write it {EXAMPLE}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn goroutines_is_another_word_for_tasks_and_fds_may_be_unknown() {
        let both = Observed::parse("goroutines=1830, fds=937");
        let fds = Some(937);
        assert_eq!(both, Ok(Observed { tasks: 1830, fds }));
        let fds = None;
        assert_eq!(
            Observed::parse("tasks=1830"),
            Ok(Observed { tasks: 1830, fds })
        );
    }

    #[test]
    fn each_mistake_is_named() {
        for (text, said) in [
            ("task=1830", "did you mean tasks?"),
            ("memory=7", "the keys are tasks (or goroutines) and fds"),
            ("tasks=many", "tasks=many: not a whole number above 0"),
            ("tasks=-3", "tasks=-3: not a whole number above 0"),
            ("tasks=0", "without growth"),
            ("tasks=5,fds=0", "leave fds out"),
            ("tasks=5,goroutines=5", "given twice"),
            ("fds=937", "tasks is missing"),
            ("tasks=1,830", "no separator within a number"),
            ("", "is no KEY=NUMBER"),
        ] {
            let message = Observed::parse(text).expect_err(text);
            assert!(message.contains(said), "{text}: {message}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_in_either_order(
            tasks in 1..=u64::MAX,
            fds in proptest::option::of(1..=u64::MAX),
            word in prop_oneof![Just("tasks"), Just("goroutines")],
            fds_first: bool,
        ) {
            let mut parts = vec![format!("{word}={tasks}")];
            parts.extend(fds.map(|fds| format!("fds={fds}")));
            if fds_first {
                parts.reverse();
            }
            prop_assert_eq!(Observed::parse(&parts.join(",")), Ok(Observed { tasks, fds }));
        }

        #[test]
        fn no_text_panics_and_what_is_accepted_has_grown(text in "[a-z0-9=,. -]{0,24}|(tasks|fds)=[0-9]{1,22}") {
            if let Ok(observed) = Observed::parse(&text) {
                prop_assert!(observed.tasks > 0 && observed.fds != Some(0));
            }
        }
    }
}
