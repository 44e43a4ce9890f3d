//! The packet filter of a simulated host: it keeps which tables there are, and the transcript records what
//! was asked of it.

use super::SimEngine;

impl SimEngine {
    /// Names of the tables there are.
    pub fn filter_tables(&self) -> Vec<String> {
        self.host.lock().tables.iter().cloned().collect()
    }

    /// A script that makes or changes a table.
    pub fn filter_change(&self, table: &str, script: &str) {
        self.host.lock().tables.insert(table.to_owned());
        self.note(format_args!("filter {table}\n{script}"));
    }

    /// Removes a table.
    pub fn filter_remove(&self, table: &str) {
        if self.host.lock().tables.remove(table) {
            self.note(format_args!("filter {table} removed"));
        }
    }
}
