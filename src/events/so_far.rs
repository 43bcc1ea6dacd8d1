//! The report of a run that goes on.

use std::cell::OnceCell;
use std::fmt;

use leakcheck_report::model::report::Report;

/// What is known by now, marked partial. It is worked out once, and only where somebody asks for it: that
/// takes the longer the more samples there are.
pub struct SoFar<'a> {
    work_out: &'a dyn Fn() -> Report,
    report: OnceCell<Report>,
}

impl<'a> SoFar<'a> {
    /// The report that this works out.
    pub fn new(work_out: &'a dyn Fn() -> Report) -> Self {
        Self {
            work_out,
            report: OnceCell::new(),
        }
    }

    /// The report.
    pub fn report(&self) -> &Report {
        self.report.get_or_init(self.work_out)
    }
}

impl fmt::Debug for SoFar<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SoFar").field(&self.report).finish()
    }
}
