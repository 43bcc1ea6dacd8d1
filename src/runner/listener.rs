//! What is told while a run goes on.

use crate::analysis::wiring_report::Observation;
use crate::docker::image::PullProgress;
use crate::experiment::plan::Plan;
use crate::model::report::Report;
use crate::protocol::Glance;

/// Hears how a run goes on.
pub trait Listener: Sync {
    /// The image is being pulled.
    fn pulling(&self, image: &str, progress: &PullProgress);
    /// So many real containers run.
    fn creating(&self, running: u64);
    /// The agents of so many nodes have reported.
    fn waiting_for_agents(&self, reported: usize, nodes: usize);
    /// The workers start; each wiring's console listens on its port, where one was asked for.
    fn starting(&self, plan: &Plan, console_ports: &[Option<u16>]);
    /// A wiring's live counts in passing, with its baseline once that is taken.
    fn glance(&self, wiring: usize, glance: Glance, observation: &Observation);
    /// A sample was taken or a wiring is done. What is known by now, marked partial, is worked out where
    /// it is asked for: it takes the longer the more samples there are.
    fn measured(&self, so_far: &dyn Fn() -> Report);
}
