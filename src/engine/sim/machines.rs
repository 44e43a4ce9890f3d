//! Simulated machines: the host of the fleet that the address names.

use std::sync::Arc;

use async_trait::async_trait;

use super::SimFleet;
use crate::engine::machine::{Install, Login, Machines, Progress, Ready};
use crate::engine::{Engine, EngineError};

#[async_trait]
impl Machines for SimFleet {
    async fn prepare(
        &self,
        login: &Login,
        _: Install,
        progress: Progress<'_>,
    ) -> Result<Ready, EngineError> {
        progress(&format!("logging in at {}", login.endpoint()));
        let info = self.host(&login.host).info().await?;
        let host_key = login.host_key.clone().unwrap_or_else(|| format!("SIM:{}", login.host));
        Ok(Ready { host_key, public_key: String::new(), info })
    }

    fn engine(&self, login: &Login) -> Arc<dyn Engine> {
        Arc::new(self.host(&login.host))
    }
}
