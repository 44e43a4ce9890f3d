//! Drives the engines of machines that became hosts, from the tables alone: what is there is attached,
//! whose login changed is attached anew, and what was removed is let go. Whoever looks after agents
//! watches what is attached.

use std::collections::HashMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::hosts;
use crate::engine::machine::Login;
use crate::error::Result;
use crate::process::machine::login;
use crate::process::site::Site;

/// The engines that are attached.
pub struct Attacher {
    site: Arc<Site>,
    stop: CancellationToken,
    attached: HashMap<i64, Login>,
}

impl Attacher {
    /// Nothing is attached yet.
    pub fn new(site: Arc<Site>, stop: CancellationToken) -> Attacher {
        Attacher { site, stop, attached: HashMap::new() }
    }

    /// Attaches and lets go until the token is cancelled.
    pub async fn run(mut self) {
        let mut changes = self.site.store.feed().listen();
        let stop = self.stop.clone();
        loop {
            self.sync().await;
            tokio::select! {
                () = stop.cancelled() => return,
                () = touched(&mut changes) => {}
            }
        }
    }

    /// Makes what is attached what the tables say.
    async fn sync(&mut self) {
        let before: Vec<i64> = self.attached.keys().copied().collect();
        let hopeless = self.attach_ready();
        let fresh = self.attached.keys().copied().filter(|host| !before.contains(host));
        let fresh: Vec<i64> = fresh.collect();
        if !fresh.is_empty() {
            // Whoever watches engines is told that there are more.
            let told = self.site.store.write(move |tx| {
                for host in fresh {
                    if let Some(host) = tx.get(host)? {
                        tx.touch(&host);
                    }
                }
                Ok(())
            });
            if let Err(error) = told.await {
                tracing::error!(%error, "cannot tell of new engines");
            }
        }
        for (host, why) in hopeless {
            if let Err(error) = hosts::away(&self.site, host, why).await {
                tracing::error!(%error, "cannot record that a host is away");
            }
        }
    }

    /// The same at once; hosts that cannot be attached are returned with the reason.
    pub fn attach_ready(&mut self) -> Vec<(i64, String)> {
        let wanted = match self.wanted() {
            Ok(wanted) => wanted,
            Err(error) => {
                tracing::error!(%error, "cannot read which machines are hosts");
                return Vec::new();
            }
        };
        let mut gone: Vec<i64> = self.attached.keys().copied().collect();
        gone.retain(|host| wanted.iter().all(|(wanted, ..)| wanted != host));
        for host in gone {
            self.let_go(host);
        }
        let mut hopeless = Vec::new();
        for (host, login) in wanted {
            match login {
                Ok(login) => self.attach(host, login),
                Err(error) => {
                    hopeless
                        .push((host, error.detail.clone().unwrap_or_else(|| error.to_string())));
                }
            }
        }
        hopeless
    }

    /// Hosts whose machine is ready, with its login.
    fn wanted(&self) -> Result<Vec<(i64, Result<Login>)>> {
        self.site.store.read(|read| {
            let mut ready = Vec::new();
            read.for_each("host", |host| {
                if let Some(machine) = host.int("physicalHostId")
                    && host.str("engineUrl").is_some()
                {
                    ready.push((host.id, machine));
                }
                Ok(())
            })?;
            let mut wanted = Vec::new();
            for (host, machine) in ready {
                let machine = read.get(machine)?;
                if let Some(machine) = machine.filter(|machine| machine.str("driver").is_some()) {
                    let login = login::login(&self.site.vault, &machine);
                    wanted.push((host, login.map(|(login, _)| login)));
                }
            }
            Ok(wanted)
        })
    }

    fn attach(&mut self, host: i64, login: Login) {
        if self.attached.get(&host) == Some(&login) {
            return;
        }
        self.let_go(host);
        tracing::info!(host, ?login, "driving the Docker of a machine");
        let engine = self.site.machines.engine(&login);
        self.site.engines.insert(host, engine, self.site.limits.concurrency);
        self.attached.insert(host, login);
    }

    fn let_go(&mut self, host: i64) {
        if self.attached.remove(&host).is_some() {
            self.site.engines.remove(host);
        }
    }
}

/// Waits for a commit that touches a host or a machine.
async fn touched(changes: &mut tokio::sync::broadcast::Receiver<crate::events::Changes>) {
    use tokio::sync::broadcast::error::RecvError;
    loop {
        match changes.recv().await {
            Ok(heard) => {
                if heard.iter().any(|change| matches!(change.ty, "host" | "physicalHost")) {
                    return;
                }
            }
            Err(RecvError::Lagged(_)) => return,
            // The store outlives everyone who listens to it.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}
