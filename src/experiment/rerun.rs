//! The command that measures again what a report tells of.

use std::time::Duration;

use synthetic_engine::workload::containers;
use synthetic_engine::workload::containers::VIRTUAL_LINES_PER_SECOND;

use crate::model::report::{Config, Exercised, Report, Watched};
use crate::text::duration;
use crate::text::printable::printable;

/// A command, and what the report does not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Again {
    /// The command, quoted for a shell.
    pub command: String,
    /// What has to be filled in.
    pub missing: Vec<&'static str>,
}

/// The command that measures a report again.
pub fn of(report: &Report) -> Again {
    let config = &report.config;
    match (&config.watched, &config.exercised) {
        (None, _) => of_run(report),
        (Some(watched), None) => of_watch(report, watched),
        (Some(watched), Some(exercised)) => of_exercise(report, watched, exercised),
    }
}

/// The command that runs scenarios again.
pub fn of_audit<'a>(scenarios: impl IntoIterator<Item = &'a str>) -> Again {
    let mut words = Words::of("audit");
    words.0.extend(scenarios.into_iter().map(String::from));
    words.with_missing(["A scenario of a file is named by the file's path."])
}

fn of_run(report: &Report) -> Again {
    let config = &report.config;
    let mut words = Words::of("run");
    // A scenario's own settings are overridden one by one.
    let in_full = config.scenario.is_some();
    words.value("--scenario", config.scenario.clone());
    if let Some(engine) = config
        .engine
        .as_deref()
        .filter(|engine| *engine != "synthetic")
    {
        words.value("--engine", Some(engine));
    }
    for host in &config.hosts {
        words.value("--host", Some(host));
    }
    words.switch("--agents", config.agents);
    words.value("--attach", config.attach.clone());
    words.value("--image", config.image.clone());
    // Containers that are found are as many as there are.
    let made = config.attach.is_none();
    words.value("--containers", config.containers.filter(|_| made));
    // Several hosts and the nodes of a swarm have a process each by themselves.
    let by_itself = !config.hosts.is_empty() || config.engine.as_deref() == Some("swarm");
    let shards = config.shards.filter(|shards| *shards > 1 && !by_itself);
    words.value("--shards", shards);
    let wirings = report.wirings.iter().map(|wiring| wiring.name.as_str());
    words.conditions(config, wirings);
    words.unless("--seed", config.seed.filter(|_| made), 1, in_full);
    let missing = match (config.engine.as_deref(), &config.scenario) {
        (Some("synthetic"), None) => None,
        (Some("synthetic"), Some(_)) => Some("A scenario of a file is named by the file's path."),
        _ if !config.hosts.is_empty() => None,
        _ => Some("The engine is the one that DOCKER_HOST or --host names."),
    };
    // What was merged of other reports.
    let of_hosts = report.wirings.iter().any(|wiring| !wiring.hosts.is_empty());
    let of_hosts = (of_hosts && !by_itself)
        .then_some("It was measured on several hosts, whose containers these are together.");
    words.with_missing(missing.into_iter().chain(of_hosts))
}

/// The flags of `leakcheck run` that describe the monitor, its wirings and its time.
pub fn conditions<'a>(config: &Config, wirings: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut words = Words(Vec::new());
    words.conditions(config, wirings);
    words.0
}

fn of_watch(report: &Report, watched: &Watched) -> Again {
    let config = &report.config;
    let mut words = Words::of("watch");
    words.value("--pid", watched.pid);
    words.sources(watched);
    words.name(report);
    words.duration("--every", Some(watched.every_ms));
    words.duration("--for", Some(watched.for_ms));
    words.duration("--warm-up", Some(watched.warm_up_ms));
    words.duration("--rotation", config.rotation_ms);
    words.value("--containers", config.rotation_ms.and(config.containers));
    words.with_missing([
        "A process that was started anew has another number; headers and the names of gauges \
        are not kept in a report.",
    ])
}

fn of_exercise(report: &Report, watched: &Watched, exercised: &Exercised) -> Again {
    let config = &report.config;
    let mut words = Words::of("exercise");
    words.value("--containers", config.containers);
    words.duration("--rotation", config.rotation_ms);
    words.value("--rotations", config.rotations);
    words.value("--rotate-by", Some(&exercised.rotate_by));
    words.switch("--keep-ended-streams", config.keep_ended_streams);
    words.faults(config);
    words.unless(
        "--lines-per-second",
        config.lines_per_second,
        containers::DEFAULT_LINES_PER_SECOND,
        false,
    );
    words.unless("--silent", config.silent, 0.5, false);
    words.unless("--seed", config.seed, 1, false);
    words.switch("--restart", exercised.restarted && !exercised.per_container);
    words.sources(watched);
    words.name(report);
    words.0.push("--".into());
    words.0.extend(exercised.command.iter().cloned());
    words.with_missing([
        "Variables of its environment (--env), --tty and --tree are not kept in a report.",
    ])
}

/// The words of a command.
struct Words(Vec<String>);

impl Words {
    fn of(command: &str) -> Self {
        Self(vec!["leakcheck".into(), command.into()])
    }

    /// What describes the monitor, its wirings and its time, and what its containers print.
    fn conditions<'a>(&mut self, config: &Config, wirings: impl IntoIterator<Item = &'a str>) {
        // A scenario's own settings are overridden one by one.
        let in_full = config.scenario.is_some();
        self.duration("--rotation", config.rotation_ms);
        self.value("--rotations", config.rotations);
        self.value("--until", config.until_verdict.then_some("verdict"));
        for wiring in wirings {
            self.value("--wiring", Some(wiring));
        }
        self.clock(config);
        let default_rate = match config.clock.as_str() {
            "virtual" => VIRTUAL_LINES_PER_SECOND,
            _ => containers::DEFAULT_LINES_PER_SECOND,
        };
        self.unless(
            "--lines-per-second",
            config.lines_per_second,
            default_rate,
            in_full,
        );
        self.unless("--silent", config.silent, 0.5, in_full);
        self.unless("--burst", config.burst, 1, in_full);
        self.duration("--restart", config.restart_ms);
        self.switch("--keep-ended-streams", config.keep_ended_streams);
        self.faults(config);
        self.duration("--health-check", config.health_check_ms);
        self.duration(
            "--consumer-delay",
            config
                .consumer_delay_ms
                .filter(|delay| *delay > 0 || in_full),
        );
    }

    fn value(&mut self, flag: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            let value = value.to_string();
            // A value that looks like a flag is joined to its own.
            match value.starts_with('-') {
                true => self.0.push(format!("{flag}={value}")),
                false => self.0.extend([flag.into(), value]),
            }
        }
    }

    /// A value where it is not the default, or in any case.
    fn unless<T: ToString + PartialEq>(
        &mut self,
        flag: &str,
        value: Option<T>,
        default: T,
        always: bool,
    ) {
        self.value(flag, value.filter(|value| always || *value != default));
    }

    fn duration(&mut self, flag: &str, ms: Option<u64>) {
        let told = |ms| duration::format(Duration::from_millis(ms)).replace(' ', "");
        self.value(flag, ms.map(told));
    }

    fn faults(&mut self, config: &Config) {
        for fault in &config.faults {
            self.value("--fault", Some(fault));
        }
    }

    fn switch(&mut self, flag: &str, on: bool) {
        if on {
            self.0.push(flag.into());
        }
    }

    fn sources(&mut self, watched: &Watched) {
        self.value("--pprof", watched.pprof.as_ref());
        self.value("--console", watched.console.as_ref());
        self.value("--metrics", watched.metrics.as_ref());
    }

    fn name(&mut self, report: &Report) {
        self.value(
            "--name",
            report.wirings.first().map(|process| &process.name),
        );
    }

    /// The clock where it is not the engine's default, and the factor where it is not the one that makes
    /// a rotation take a second.
    fn clock(&mut self, config: &Config) {
        let default = match config.engine.as_deref() {
            Some("synthetic") => "compressed",
            _ => "real",
        };
        if config.clock != default {
            self.value("--clock", Some(&config.clock));
        }
        let natural = config.rotation_ms.map(|ms| (ms as f64 / 1000.0).max(1.0));
        if config.clock == "compressed" && natural != Some(config.time_scale) {
            self.value("--time-scale", Some(config.time_scale));
        }
    }

    fn with_missing(self, missing: impl IntoIterator<Item = &'static str>) -> Again {
        let quoted = self.0.iter().map(|word| {
            let word = printable(word);
            // What no shell can be given is a word with a NUL, and that was made a space.
            shlex::try_quote(&word).map_or_else(|_| String::new(), std::borrow::Cow::into_owned)
        });
        Again {
            command: quoted.collect::<Vec<_>>().join(" "),
            missing: missing.into_iter().collect(),
        }
    }
}
