//! A Docker Swarm: the containers of an experiment as replicas of a service, placed by its scheduler.
//!
//! leakcheck schedules nothing: it creates services through a manager, asks where their tasks run, and
//! removes the services by their labels.

pub mod agent_report;
pub mod agents;
pub mod leftovers;
pub mod manager;
pub mod printers;
pub mod removal;
pub mod replicas;
pub mod tasks;
