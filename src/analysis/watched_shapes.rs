//! What the judge of watched processes makes of processes whose right answer is known: shapes, seeds and
//! lengths, replayed reading by reading.
//!
//! `scripts/verdicts` runs [`the_judge_is_right_about_every_shape`] with many seeds and prints its table.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use leakcheck_report::model::process_gauges::ProcessGauges;
use leakcheck_report::model::report::Verdict;
use leakcheck_report::readings::{Ages, Kind, Lives, Reading, Recording, Site};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use super::watched::Watch;

/// So many seeds of each shape and length; `LEAKCHECK_VERDICT_SEEDS` asks for others.
const SEEDS: u64 = 1;
/// Of the healthy runs of a shape, at most this share may be called leaking.
const MOST_FALSE: f64 = 0.01;
/// Of the leaks that a shape must show, at least this share must be found.
const LEAST_FOUND: f64 = 0.95;
/// A time that never comes.
const NEVER: f64 = f64::INFINITY;

/// What is right to say of a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Right {
    /// `clean`, or that the evidence does not suffice.
    Clean,
    /// `leaking`; a leak that only shows late or in noise may be left open, and is never clean.
    Leaking,
    /// The same, and it must be found.
    Found,
    /// It is neither clean nor leaking: what has stopped working, or may have.
    Neither,
    /// Whatever but `leaking`.
    NotLeaking,
    /// The same where members are told apart; counts alone do not tell a ramp of work from a leak.
    Ramp,
}

/// A goroutine: of which site, and from when to when it lives, in seconds of the watch.
#[derive(Debug, Clone, Copy)]
struct Member {
    site: &'static str,
    born: f64,
    dies: f64,
}

/// How a process is read.
#[derive(Debug, Clone, Copy)]
struct Length {
    every: f64,
    lasting: f64,
    rotation: Option<f64>,
}

/// Chance, and how long the process is watched.
struct Sim {
    random: ChaCha8Rng,
    lasting: f64,
    members: Vec<Member>,
}

impl Sim {
    fn uniform(&mut self) -> f64 {
        self.random.random::<f64>()
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.uniform()).ln()
    }

    fn add(&mut self, site: &'static str, born: f64, dies: f64) {
        self.members.push(Member { site, born, dies });
    }

    /// So many that stay from the beginning to the end.
    fn stay(&mut self, site: &'static str, count: usize) {
        (0..count).for_each(|_| self.add(site, -1.0, NEVER));
    }

    /// Workers that are replaced at once, each after this time, until then.
    fn replaced(&mut self, site: &'static str, count: usize, each: f64, until: f64) {
        for _ in 0..count {
            let mut born = -self.uniform() * each;
            while born < self.lasting {
                let dies = if born + each < until {
                    born + each
                } else {
                    NEVER
                };
                self.add(site, born, dies);
                born = dies;
            }
        }
    }

    /// Requests that come by chance and go after a time that is exponential: M/M/∞, stationary from the
    /// beginning, or empty at first; the rate is multiplied by that of the time.
    fn requests(
        &mut self,
        site: &'static str,
        mean: f64,
        lifetime: f64,
        rate: impl Fn(f64) -> f64,
    ) {
        let most = (0..=100)
            .map(|at| rate(self.lasting * f64::from(at) / 100.0))
            .fold(0.0, f64::max);
        // Those that are there at first were born long before.
        let mut born = -8.0 * lifetime;
        while born < self.lasting {
            born += self.exponential(lifetime / (mean * most));
            let dies = born + self.exponential(lifetime);
            let happens = self.uniform() * most < rate(born.max(0.0));
            if dies > 0.0 && happens && (born > 0.0 || rate(0.0) > 0.0) {
                self.add(site, born, dies);
            }
        }
    }

    /// As many that stay as this says at each time; those that are too many go, the youngest first.
    fn level(&mut self, site: &'static str, level: impl Fn(f64) -> f64) {
        let step = 0.05;
        let mut live: Vec<Member> = Vec::new();
        let mut at = -step;
        while at < self.lasting {
            at += step;
            let due = level(at.max(0.0)).floor().max(0.0) as usize;
            while live.len() < due {
                live.push(Member {
                    site,
                    born: at,
                    dies: NEVER,
                });
            }
            while live.len() > due {
                let Some(gone) = live.pop() else { break };
                self.members.push(Member { dies: at, ..gone });
            }
        }
        self.members.extend(live);
    }
}

/// What is replayed: a name, what is right, and how its members come and go.
struct Shape {
    name: String,
    right: Right,
    /// Whether members are told apart, as by pprof, or counts alone are told, as by metrics.
    members: bool,
    make: Box<dyn Fn(&mut Sim)>,
}

fn shapes() -> Vec<Shape> {
    let mut shapes: Vec<Shape> = Vec::new();
    let mut shape = |name: &str, right: Right, make: fn(&mut Sim)| {
        for members in [true, false] {
            shapes.push(Shape {
                name: name.into(),
                // Counts alone show no life, and no turnover.
                right: match right {
                    Right::Found if !members => Right::Leaking,
                    Right::Ramp if members => Right::NotLeaking,
                    right => right,
                },
                members,
                make: Box::new(make),
            });
        }
    };
    use Right::{Clean, Found, Leaking, Neither, NotLeaking, Ramp};
    shape("flat", Clean, |_| {});
    shape("short requests, 100 busy", Clean, |sim| {
        sim.requests("serve", 100.0, 0.05, |_| 1.0)
    });
    shape("M/M/inf, lifetime 5 s", Clean, |sim| {
        sim.requests("serve", 100.0, 5.0, |_| 1.0)
    });
    shape("M/M/inf, lifetime 20 s", Clean, |sim| {
        sim.requests("serve", 100.0, 20.0, |_| 1.0)
    });
    shape("M/M/inf, lifetime 60 s", Clean, |sim| {
        sim.requests("serve", 100.0, 60.0, |_| 1.0)
    });
    shape("M/M/inf, lifetime 180 s", Clean, |sim| {
        sim.requests("serve", 100.0, 180.0, |_| 1.0)
    });
    shape("M/M/inf, lifetime 1 h", Clean, |sim| {
        sim.requests("serve", 100.0, 3600.0, |_| 1.0)
    });
    shape("M/M/inf, 10 busy, lifetime 60 s", Clean, |sim| {
        sim.requests("serve", 10.0, 60.0, |_| 1.0);
    });
    shape("load that doubles, lifetime 1 s", Ramp, |sim| {
        let lasting = sim.lasting;
        sim.requests("serve", 50.0, 1.0, move |at| 1.0 + at / lasting);
    });
    shape("load as of day and night", NotLeaking, |sim| {
        let (lasting, phase) = (sim.lasting, sim.uniform());
        sim.requests("serve", 50.0, 1.0, move |at| {
            1.0 + 0.5 * (std::f64::consts::TAU * (2.0 * at / lasting + phase)).sin()
        });
    });
    shape("saw tooth, 10 in the watch", NotLeaking, |sim| {
        let (period, phase) = (sim.lasting / 10.0, sim.uniform());
        sim.level("pool", move |at| 100.0 * (at / period + phase).fract());
    });
    shape("saw tooth, 2 in the watch", NotLeaking, |sim| {
        let (period, phase) = (sim.lasting / 2.0, sim.uniform());
        sim.level("pool", move |at| 100.0 * (at / period + phase).fract());
    });
    shape("plateau: a ramp, then level", NotLeaking, |sim| {
        let until = sim.lasting * (0.2 + 0.35 * sim.uniform());
        sim.level("pool", move |at| 35.0 * (at / until).min(1.0));
    });
    shape(
        "a pool that fills up slower and slower",
        NotLeaking,
        |sim| {
            let lifetime = sim.lasting / 6.0;
            sim.level("pool", move |at| 100.0 * (1.0 - (-at / lifetime).exp()));
        },
    );
    shape("one step", NotLeaking, |sim| {
        let when = sim.lasting * (0.2 + 0.6 * sim.uniform());
        sim.level("pool", move |at| if at > when { 50.0 } else { 0.0 });
    });
    shape("a dip, and back", NotLeaking, |sim| {
        let lasting = sim.lasting;
        sim.level("pool", move |at| 60.0 * (1.0 - 2.0 * at / lasting).abs());
    });
    shape("jobs in batches", NotLeaking, |sim| {
        for _ in 0..6 {
            let (from, jobs) = (sim.uniform() * sim.lasting, 5.0 + 30.0 * sim.uniform());
            let until = from + 0.2 * sim.uniform() * sim.lasting;
            sim.level(
                "job",
                move |at| if from < at && at < until { jobs } else { 0.0 },
            );
        }
    });
    shape("connections come once, and stay", NotLeaking, |sim| {
        let from = 0.1 * sim.lasting * sim.uniform();
        sim.level("conn", move |at| (50.0 * (at - from)).clamp(0.0, 50.0));
    });

    shape("leak: 60 over the watch", Found, |sim| {
        let lasting = sim.lasting;
        sim.level("leaked", move |at| 60.0 * at / lasting);
    });
    shape("leak: 600 over the watch", Found, |sim| {
        let lasting = sim.lasting;
        sim.level("leaked", move |at| 600.0 * at / lasting);
    });
    shape("leak: one in each 12 readings or so", Found, |sim| {
        let (lasting, phase) = (sim.lasting, sim.uniform());
        sim.level("leaked", move |at| 5.0 * at / lasting + phase);
    });
    shape("leak: by chance, 60 over the watch", Found, |sim| {
        let lasting = sim.lasting;
        let mut at = sim.exponential(lasting / 60.0);
        while at < lasting {
            sim.add("leaked", at, NEVER);
            at += sim.exponential(lasting / 60.0);
        }
    });
    shape("leak: one request of ten stays", Found, |sim| {
        let mut at = 0.0;
        while at < sim.lasting {
            at += sim.exponential(sim.lasting / 600.0);
            let stays = sim.uniform() < 0.1;
            let dies = if stays {
                NEVER
            } else {
                at + sim.exponential(sim.lasting / 300.0)
            };
            sim.add("serve", at, dies);
        }
    });
    shape("leak: 60 in M/M/inf, lifetime 5 s", Leaking, |sim| {
        let lasting = sim.lasting;
        sim.requests("serve", 100.0, 5.0, |_| 1.0);
        sim.level("leaked", move |at| 60.0 * at / lasting);
    });
    shape("leak: 60 in M/M/inf, lifetime 60 s", Leaking, |sim| {
        let lasting = sim.lasting;
        sim.requests("serve", 100.0, 60.0, |_| 1.0);
        sim.level("leaked", move |at| 60.0 * at / lasting);
    });
    shape("leak: from half of the watch on", Leaking, |sim| {
        let lasting = sim.lasting;
        sim.level("leaked", move |at| 120.0 * (at / lasting - 0.5));
    });
    shape("leak: from 70 % of the watch on", Leaking, |sim| {
        let lasting = sim.lasting;
        sim.level("leaked", move |at| 200.0 * (at / lasting - 0.7));
    });
    shape("leak: from 87 % of the watch on", Leaking, |sim| {
        let lasting = sim.lasting;
        sim.level("leaked", move |at| 300.0 * (at / lasting - 0.87));
    });
    shape("leak: in six steps", Leaking, |sim| {
        let (lasting, phase) = (sim.lasting, sim.uniform());
        sim.level("leaked", move |at| {
            150.0 * (6.0 * at / lasting + phase).floor()
        });
    });
    shape("leak: under a saw tooth", Leaking, |sim| {
        let lasting = sim.lasting;
        sim.level("pool", move |at| 100.0 * (10.0 * at / lasting).fract());
        sim.level("leaked", move |at| 60.0 * at / lasting);
    });
    for (name, from) in [
        ("20 %", 0.2),
        ("50 %", 0.5),
        ("70 %", 0.7),
        ("80 %", 0.8),
        ("90 %", 0.9),
    ] {
        shapes.push(Shape {
            name: format!("it stops working at {name} of the watch"),
            right: Neither,
            members: true,
            make: Box::new(move |sim| {
                // Workers that live on are those that do not come back.
                let until = from * sim.lasting;
                sim.members.clear();
                let each = (sim.lasting / 40.0).min(2.0);
                sim.replaced("worker", 20, each, until);
            }),
        });
    }
    shapes
}

impl Length {
    /// What a watch reads of a shape.
    fn recording(&self, shape: &Shape, seed: u64) -> Recording {
        let mut sim = Sim {
            random: ChaCha8Rng::seed_from_u64(seed),
            lasting: self.lasting,
            members: Vec::new(),
        };
        sim.stay("main", 4);
        sim.replaced("worker", 20, self.rotation.unwrap_or(2.0), NEVER);
        (shape.make)(&mut sim);
        let time = Duration::from_secs_f64;
        let ages = Ages::of(
            time(self.every),
            time(self.lasting),
            self.rotation.map(time),
        );
        let mut lives: Lives<()> = Lives::new(ages);
        let count = (self.lasting / self.every).round() as u32;
        let reading = |number: u32| {
            let at = f64::from(number) * self.every;
            let live = sim.members.iter().enumerate();
            let live = live.filter(|(_, member)| member.born <= at && at < member.dies);
            let live: Vec<(u64, Kind, Option<()>)> = live
                .map(|(number, member)| {
                    let site = Site {
                        label: member.site.into(),
                        location: None,
                    };
                    (number as u64, Kind::Task(site), None)
                })
                .collect();
            let tasks = live.len() as u64;
            let mut sites: BTreeMap<Site, u64> = BTreeMap::new();
            for (_, kind, _) in &live {
                if let Kind::Task(site) = kind {
                    *sites.entry(site.clone()).or_default() += 1;
                }
            }
            let replaced = lives.take(time(at), live);
            Reading {
                at: time(at),
                tasks: Some(tasks),
                goroutines: shape.members,
                fds: Some(20),
                gauges: ProcessGauges {
                    rss_bytes: Some(50 << 20),
                    threads: Some(9),
                    children: Some(0),
                    zombies: Some(0),
                },
                sites,
                replaced: if shape.members {
                    replaced
                } else {
                    BTreeMap::new()
                },
                ..Reading::default()
            }
        };
        Recording {
            readings: (0..=count).map(reading).collect(),
            ages,
            ..Recording::default()
        }
    }

    fn watch<'a>(&self, recording: &'a Recording) -> Watch<'a> {
        Watch {
            name: "process",
            unit: "goroutines",
            source: Some("pprof"),
            recording,
            asked: true,
            scraped: false,
            containers: None,
            rotation: self.rotation.map(Duration::from_secs_f64),
            warm_up: Duration::from_secs_f64(self.rotation.unwrap_or(self.lasting / 10.0)),
            followers: None,
        }
    }

    /// How many readings it takes until the verdict is `leaking`, of a watch that is judged at each.
    fn readings_until_leaking(&self, recording: &Recording) -> Option<usize> {
        let mut so_far = Recording {
            ages: recording.ages,
            ..Recording::default()
        };
        (recording.readings.iter()).position(|reading| {
            so_far.readings.push(reading.clone());
            let lasted = reading.at.as_secs_f64();
            let watch = Watch {
                warm_up: Duration::from_secs_f64(self.rotation.unwrap_or(lasted / 10.0)),
                ..self.watch(&so_far)
            };
            so_far.readings.len() > 4 && watch.report().verdict == Verdict::Leaking
        })
    }

    fn name(&self) -> String {
        let rotation = self.rotation.map_or(String::new(), |rotation| {
            format!(" (rotation {rotation} s)")
        });
        format!("{} s / {} s{rotation}", self.lasting, self.every)
    }
}

/// What came of a shape.
#[derive(Debug, Default, Clone)]
struct Tally {
    verdicts: BTreeMap<&'static str, u64>,
    runs: u64,
    wrong: u64,
    open: u64,
    /// Readings until a leak was found.
    found_after: Vec<usize>,
    example: Option<String>,
}

impl Tally {
    fn add(&mut self, right: Right, verdict: Verdict, told: impl FnOnce() -> String) {
        *self.verdicts.entry(verdict.word()).or_default() += 1;
        self.runs += 1;
        let wrong = match right {
            Right::Clean | Right::NotLeaking => verdict == Verdict::Leaking,
            Right::Leaking | Right::Found => verdict == Verdict::Clean,
            Right::Neither => matches!(verdict, Verdict::Clean | Verdict::Leaking),
            Right::Ramp => false,
        };
        self.wrong += u64::from(wrong);
        self.open += u64::from(verdict == Verdict::Inconclusive);
        let missed = right == Right::Found && verdict != Verdict::Leaking;
        if (wrong || missed) && self.example.is_none() {
            self.example = Some(told());
        }
    }
}

fn median_readings(found_after: &mut [usize]) -> String {
    found_after.sort_unstable();
    let median = found_after.get(found_after.len() / 2);
    median.map_or("-".into(), |readings| format!("{readings} readings"))
}

#[test]
#[expect(clippy::print_stdout, reason = "the table is what the script is for")]
fn the_judge_is_right_about_every_shape() {
    let asked = std::env::var("LEAKCHECK_VERDICT_SEEDS").ok();
    let seeds = asked.and_then(|seeds| seeds.parse().ok()).unwrap_or(SEEDS);
    let only = std::env::var("LEAKCHECK_VERDICT_SHAPE").unwrap_or_default();
    // Each reading of a watch is judged for it, so that a few seeds must do.
    let seeds_of_times = if seeds > SEEDS { 2 } else { 0 };
    let lengths = [
        Length {
            every: 0.5,
            lasting: 30.0,
            rotation: None,
        },
        Length {
            every: 1.0,
            lasting: 60.0,
            rotation: None,
        },
        Length {
            every: 5.0,
            lasting: 300.0,
            rotation: None,
        },
        Length {
            every: 5.0,
            lasting: 600.0,
            rotation: None,
        },
        Length {
            every: 0.2,
            lasting: 28.0,
            rotation: Some(2.0),
        },
    ];
    let mut table = format!(
        "{:42} {:8} {:>6} {:>6} {:>9} {:>6} {:>6} {:>12}\n",
        "shape", "read", "runs", "clean", "leaking", "open", "wrong", "found after"
    );
    let (mut wrong, mut examples, mut runs) = (Vec::new(), Vec::new(), 0);
    for shape in shapes().iter().filter(|shape| shape.name.contains(&only)) {
        let mut tally = Tally::default();
        for length in lengths {
            for seed in 0..seeds {
                let recording = length.recording(shape, seed);
                let report = length.watch(&recording).report();
                let is_leak = matches!(shape.right, Right::Found | Right::Leaking);
                if is_leak && seed < seeds_of_times {
                    let found = length.readings_until_leaking(&recording);
                    tally.found_after.extend(found);
                }
                tally.add(shape.right, report.verdict, || {
                    format!(
                        "{}, seed {seed}: {}: {}",
                        length.name(),
                        report.verdict.word(),
                        report.reason
                    )
                });
            }
        }
        runs += tally.runs;
        let of = |word: &str| tally.verdicts.get(word).copied().unwrap_or(0);
        let read = if shape.members { "members" } else { "counts" };
        let _ = writeln!(
            table,
            "{:42} {read:8} {:>6} {:>6} {:>9} {:>6} {:>6} {:>12}",
            shape.name,
            tally.runs,
            of("clean"),
            of("leaking"),
            tally.open,
            tally.wrong,
            median_readings(&mut tally.found_after)
        );
        let share = |count: u64| count as f64 / tally.runs as f64;
        let too_many = match shape.right {
            Right::Clean | Right::NotLeaking => {
                tally.wrong as f64 > (MOST_FALSE * tally.runs as f64).ceil()
            }
            Right::Leaking | Right::Neither | Right::Ramp => tally.wrong > 0,
            Right::Found => tally.wrong > 0 || share(of("leaking")) < LEAST_FOUND,
        };
        if too_many {
            wrong.push(format!("{} ({read})", shape.name));
        }
        examples.extend(
            tally
                .example
                .map(|example| format!("{} ({read}): {example}", shape.name)),
        );
    }
    println!("{table}\n{}\n{} runs", examples.join("\n"), runs);
    assert!(wrong.is_empty(), "wrong: {wrong:#?}");
}
