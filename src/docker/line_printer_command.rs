//! The program that a real container runs: it prints its lines on time and ends by itself.

use std::time::Duration;

use synthetic_engine::workload::containers;
use synthetic_engine::workload::containers::Container;

/// Prints `$1` followed by 0, 1, 2 …, `$5` lines every `$2` microseconds from `$3` microseconds
/// after its start on, and ends `$4` microseconds after its start. A period of 0 prints nothing.
///
/// - Each line is due at a time reckoned from the start, not from the line before it, so that
///   what a line costs does not slow the rate down: a late line is printed at once.
/// - The clock is `/proc/uptime` (10 ms steps), the one that a shell reads without a fork.
/// - As process 1 the shell ignores every signal that it has no trap for, and it runs a trap only
///   between commands: hence `wait`, which a signal interrupts, instead of a sleep in the
///   foreground.
/// - A shell whose `sleep` takes no fractions gets whole seconds and catches up after each.
const SCRIPT: &str = r#"
trap 'exit 0' TERM INT HUP
now() {
    read -r up _ </proc/uptime
    now_us=$(( ${up%.*} * 1000000 + (1${up#*.} - 100) * 10000 ))
}
pause() {
    part=$(( 1000000 + $1 % 1000000 ))
    sleep $(( $1 / 1000000 )).${part#1} &
    wait $! || { sleep 1 & wait $!; }
}
now
due=$(( now_us + $3 ))
end=$(( now_us + $4 ))
[ "$2" -gt 0 ] || due=$end
line=0
while :; do
    now
    [ "$now_us" -lt "$end" ] || exit 0
    if [ "$due" -le "$now_us" ]; then
        burst=$(( line + $5 ))
        while [ "$line" -lt "$burst" ]; do
            echo "$1$line"
            line=$(( line + 1 ))
        done
        due=$(( due + $2 ))
    elif [ "$due" -lt "$end" ]; then
        pause $(( due - now_us ))
    else
        pause $(( end - now_us ))
    fi
done
"#;

/// Takes the arguments of one container out of those of all replicas: `$1` the life, `$2` the lines at
/// once, and from there on three for each slot.
const SLOT_ARGUMENTS: &str = r#"
life=$1 burst=$2
shift $(( 2 + (LEAKCHECK_SLOT - 1) * 3 ))
set -- "$1" "$2" "$3" "$life" "$burst"
"#;

/// The variable that tells a replica of a service its slot, from 1: a service has one command line for all
/// of them.
pub const SLOT: &str = "LEAKCHECK_SLOT";

/// The command line of a service whose replicas are these containers, slot by slot.
pub fn command_by_slot(containers: &[Container], life: Duration) -> Vec<String> {
    let burst = containers.first().map_or(1, |container| container.burst);
    let mut words = ["/bin/sh", "-c"].map(str::to_owned).to_vec();
    words.push(format!("{SLOT_ARGUMENTS}{SCRIPT}"));
    words.push("leakcheck".into());
    words.push(micros(life.as_secs_f64()).to_string());
    words.push(burst.to_string());
    words.extend(containers.iter().flat_map(schedule));
    words
}

/// What a container's lines begin with, the time between two of its bursts, and when its first is due.
fn schedule(container: &Container) -> [String; 3] {
    // The text comes from the fleet, and as an argument no name can break out of the script.
    let first = containers::line_text(&container.name, 0);
    let prefix = first.strip_suffix('0').unwrap_or(&first);
    let period = match container.lines_per_second {
        rate if rate > 0.0 => micros(f64::from(container.burst) / rate).max(1),
        _ => 0,
    };
    [
        prefix.to_owned(),
        period.to_string(),
        micros(container.first_line_s).to_string(),
    ]
}

/// The command line that prints a container's lines, line for line [`containers::line_text`], and
/// ends by itself after `life`.
pub fn command(container: &Container, life: Duration) -> Vec<String> {
    let mut words = ["/bin/sh", "-c", SCRIPT, "leakcheck"]
        .map(str::to_owned)
        .to_vec();
    words.extend(schedule(container));
    words.push(micros(life.as_secs_f64()).to_string());
    words.push(container.burst.to_string());
    words
}

/// Whole microseconds, at most some 30 years of them: what the shell's arithmetic adds up safely.
fn micros(seconds: f64) -> u64 {
    (seconds * 1e6).clamp(0.0, 1e15) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;
    use std::time::Instant;
    use synthetic_engine::workload::containers::line_text;

    fn container(rate: f64) -> Container {
        Container {
            name: "web 'x' $(y)".into(),
            lines_per_second: rate,
            first_line_s: 0.05,
            ..Container::default()
        }
    }

    fn print(rate: f64, life: Duration) -> (String, Duration) {
        print_as(&container(rate), life)
    }

    fn print_as(container: &Container, life: Duration) -> (String, Duration) {
        let command = command(container, life);
        let started = Instant::now();
        let output = Command::new(&command[0])
            .args(&command[1..])
            .output()
            .expect("a shell");
        assert!(output.status.success(), "{output:?}");
        (
            String::from_utf8(output.stdout).expect("text"),
            started.elapsed(),
        )
    }

    #[test]
    fn lines_are_numbered_from_0_and_come_at_their_rate_until_the_life_is_over() {
        let (printed, took) = print(5.0, Duration::from_millis(1200));
        let lines: Vec<_> = printed.lines().collect();
        for (sequence, line) in (0..).zip(&lines) {
            assert_eq!(*line, line_text("web 'x' $(y)", sequence));
        }
        // Due from 0.05 s on, every 0.2 s, before 1.2 s: 6, and fewer on a machine that is too busy.
        assert!((1..=6).contains(&lines.len()), "{} lines", lines.len());
        assert!(took >= Duration::from_millis(1180), "{took:?}");
    }

    #[test]
    fn each_slot_of_a_service_prints_the_lines_of_its_own_container() {
        let named = |name: &str, rate| Container {
            name: name.into(),
            ..container(rate)
        };
        let containers = [named("a", 0.0), named("b 'x' $(y)", 10.0), named("c", 10.0)];
        let command = command_by_slot(&containers, Duration::from_millis(300));
        let print = |slot: &str| {
            let output = Command::new(&command[0])
                .args(&command[1..])
                .env(SLOT, slot)
                .output()
                .expect("a shell");
            String::from_utf8(output.stdout).expect("text")
        };
        assert_eq!(print("1"), "");
        let first = line_text("b 'x' $(y)", 0);
        assert_eq!(print("2").lines().next(), Some(first.as_str()));
        assert_eq!(print("3").lines().next(), Some(line_text("c", 0).as_str()));
    }

    #[test]
    fn a_burst_is_printed_at_once() {
        let bursts = Container {
            burst: 7,
            ..container(10.0)
        };
        // Due at 0.05 s, and every 0.7 s from then on.
        let (printed, _) = print_as(&bursts, Duration::from_millis(400));
        assert_eq!(printed.lines().count(), 7, "{printed}");
    }

    #[test]
    fn a_silent_container_lives_without_a_word() {
        let (printed, took) = print(0.0, Duration::from_millis(300));
        assert_eq!(printed, "");
        assert!(took >= Duration::from_millis(280), "{took:?}");
    }
}
