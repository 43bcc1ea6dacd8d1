//! What an experiment's containers are: their rates, their lines, their restarts and their faults, as data.
//! Whoever serves them, the lines are the same.

pub mod containers;
pub mod fault_choice;
pub mod faults;
