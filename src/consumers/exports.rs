//! The exports that are rewritten while it goes on: after each rotation of a run, and after each claim of an
//! audit.

use std::sync::{Mutex, PoisonError};

use clap::ValueEnum;
use leakcheck_report::render::export::Export;
use leakcheck_report::render::format;
use leakcheck_report::render::section_text::Terminal;

use crate::audit;
use crate::events::{Consumer, Event};

/// The files, of formats of one kind of document.
pub struct Exports<'a, F> {
    exports: &'a [Export<F>],
    /// Says what could not be written.
    warnings: Box<dyn Consumer + 'a>,
    /// What could not be written last.
    failed: Mutex<Vec<String>>,
}

impl<'a, F: ValueEnum + Copy> Exports<'a, F> {
    /// Files that can be written; where one cannot be any more, `warnings` says so.
    pub fn new(exports: &'a [Export<F>], warnings: impl Consumer + 'a) -> Self {
        Self {
            exports,
            warnings: Box::new(warnings),
            failed: Mutex::default(),
        }
    }

    fn rewrite(&self, are_meant: impl Fn(F) -> bool, render: impl Fn(F) -> anyhow::Result<String>) {
        let mut failed = Vec::new();
        for export in self.exports.iter().filter(|one| are_meant(one.format())) {
            // A disk that is full now may have room the next time, or at the end.
            if let Err(error) = export.write(&render) {
                failed.push(format!("warning: {error:#}"));
            }
        }
        // One that cannot be written this time as the time before is told once.
        let mut told = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        for warning in failed.iter().filter(|warning| !told.contains(warning)) {
            self.warnings.hear(&Event::Said(warning));
        }
        *told = failed;
    }
}

impl Consumer for Exports<'_, format::Format> {
    fn hear(&self, event: &Event<'_>) {
        if let Event::Sampled(so_far) = event {
            self.rewrite(
                |format| !format.is_for_the_end(),
                |format| format.render(so_far.report(), Terminal::PLAIN),
            );
        }
    }
}

impl Consumer for Exports<'_, audit::AuditFormat> {
    fn hear(&self, event: &Event<'_>) {
        if let Event::ClaimWeighed { so_far, .. } = event {
            self.rewrite(|_| true, |format| format.render(so_far, Terminal::PLAIN));
        }
    }
}
