//! From rows to what the scheduler is told: pure.

use std::net::IpAddr;

use serde_json::Value;

use super::addresses::Subnet;
use super::agent::SIMULATED;
use super::storage;
use crate::model::names::label;
use crate::model::port::PortSpec;
use crate::model::resource::Resource;
use crate::model::storage::{LOCAL, built_in};
use crate::scheduler::{
    AccessMode, Dependency, Health, HostFacts, HostStanding, Images, InstanceFacts,
    InstanceStanding, Labels, Member, PoolMapping, PortBinding, Request, VolumeFacts, VolumeNeed,
};

/// A host's facts. A host whose engine is away still takes containers: they wait for it.
pub fn host(row: &Resource) -> HostFacts {
    let standing = match row.state.as_str() {
        "active" | "updating-active" => match row.str("agentState") {
            None | Some("" | "active") if row.flag("remote") => HostStanding::Inactive,
            None | Some("" | "active" | "connecting") => HostStanding::Eligible,
            Some("registering" | "activating" | "inactive") => HostStanding::Activating,
            Some("finishing-reconnect" | "reconnected") => HostStanding::Reconnected,
            Some(_) => HostStanding::Disconnected,
        },
        "activating" => HostStanding::Activating,
        "removing" | "removed" | "purging" | "purged" => HostStanding::Removing,
        _ => HostStanding::Inactive,
    };
    let own = row.list("poolIds").iter().filter_map(Value::as_i64);
    let own = own.map(|pool| PoolMapping { pool, driver: LOCAL.to_owned() });
    let shared = row.map(storage::HOST_POOLS).into_iter().flatten().filter_map(|(pool, driver)| {
        Some(PoolMapping { pool: pool.parse().ok()?, driver: driver.as_str()?.to_owned() })
    });
    let pools = own.chain(shared).collect();
    HostFacts {
        id: row.id,
        environment: row.account_id.unwrap_or(0),
        name: row
            .name
            .clone()
            .or_else(|| row.str("hostname").map(str::to_owned))
            .unwrap_or_default(),
        standing,
        labels: labels(row),
        memory_bytes: number(row, "memory"),
        milli_cpu: number(row, "milliCpu"),
        local_storage_mb: number(row, "localStorageMb"),
        pools,
        images: images(row),
    }
}

/// Which images a host runs: a simulated host beside real ones runs nothing else, and an engine that is
/// no simulation never does.
fn images(row: &Resource) -> Images {
    let simulated = row.str("engineUrl").is_some_and(|url| url.starts_with(SIMULATED));
    match (simulated, row.flag("simulatedOnly")) {
        (true, true) => Images::Simulated,
        (true, false) => Images::Any,
        (false, _) => Images::Real,
    }
}

/// How a host is doing, for what runs on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostMark {
    /// Its containers run.
    Active,
    /// It ought to be active, and its engine is away. What changes on it is given up from `given_up` on, in
    /// milliseconds since 1970: an engine that fails to answer once is no reason to start over.
    Unreachable {
        /// 0: already.
        given_up: i64,
    },
    /// Somebody has deactivated it.
    Inactive,
    /// It is being removed.
    Gone,
}

/// The field of a host whose engine does not answer that says from when on what changes on it is given up, in
/// milliseconds since 1970. Those whose agent is asked by events have none: they were asked for long enough.
pub const GIVEN_UP: &str = "givenUpAt";

/// How a host is doing.
pub fn host_mark(row: &Resource) -> HostMark {
    match row.state.as_str() {
        "active" | "updating-active" | "activating" => match row.str("agentState") {
            Some("disconnected" | "disconnecting") => HostMark::Unreachable { given_up: 0 },
            Some("reconnecting") => {
                HostMark::Unreachable { given_up: row.int(GIVEN_UP).unwrap_or(0) }
            }
            _ => HostMark::Active,
        },
        "removing" | "removed" | "purging" | "purged" => HostMark::Gone,
        _ => HostMark::Inactive,
    }
}

/// A subnet row's network, with its id and addresses.
pub fn subnet(row: &Resource) -> Option<(i64, (i64, Subnet))> {
    let text = format!("{}/{}", row.str("networkAddress")?, row.int("cidrSize")?);
    Some((row.int("networkId")?, (row.id, Subnet::parse(&text)?)))
}

/// What an instance holds in its state; `None` for one that holds nothing for good.
pub fn standing(row: &Resource) -> Option<InstanceStanding> {
    let old = row.flag("retired");
    match row.state.as_str() {
        // It may run until its host is back, whatever has become of its unit meanwhile.
        "stopping" if old => Some(InstanceStanding::SupersededStopping),
        "stopping" => Some(InstanceStanding::Stopping),
        "stopped" | "updating-stopped" if old => Some(InstanceStanding::SupersededStopped),
        "stopped" | "updating-stopped" => Some(InstanceStanding::Stopped),
        "error" | "erroring" | "removed" | "removing" | "purging" | "purged" => None,
        _ if old => Some(InstanceStanding::SupersededRunning),
        _ => Some(InstanceStanding::Running),
    }
}

/// A placed instance's facts.
pub fn instance(row: &Resource, standing: InstanceStanding) -> InstanceFacts {
    let unhealthy = row.str("healthState") == Some("unhealthy");
    InstanceFacts {
        id: row.id,
        name: row.name.clone().unwrap_or_default(),
        uuid: row.uuid.clone(),
        unit: row.str("deploymentUnitUuid").map(str::to_owned),
        labels: labels(row),
        ports: ports(row),
        memory_bytes: number(row, "memoryReservation"),
        milli_cpu: number(row, "milliCpuReservation"),
        storage_mb: 0,
        volumes: volume_ids(row),
        standing,
        health: if unhealthy { Health::Unhealthy } else { Health::Fine },
    }
}

/// A volume's facts.
pub fn volume(row: &Resource) -> VolumeFacts {
    let access = match row.str("accessMode") {
        Some("singleHostRW") => AccessMode::SingleHostRw,
        Some("singleInstanceRW") => AccessMode::SingleInstanceRw,
        _ => AccessMode::MultiHostRw,
    };
    VolumeFacts {
        id: row.id,
        environment: row.account_id.unwrap_or(0),
        name: row.name.clone().unwrap_or_default(),
        driver: needing_pools(row.str("driver")).unwrap_or(LOCAL).to_owned(),
        pool: row.int(storage::POOL),
        host: row.int("hostId"),
        last_host: row.int(storage::LAST_HOST).or(row.int("hostId")),
        access,
    }
}

/// The driver, if only hosts that are mapped to its pools have it.
fn needing_pools(driver: Option<&str>) -> Option<&str> {
    driver.filter(|driver| built_in(driver).is_none())
}

/// The request that places instances which must share a host: one container, or a deployment unit.
pub fn request(environment: i64, members: &[Resource], dependencies: Vec<Dependency>) -> Request {
    let first = members.first();
    let stack_name = first.and_then(|row| row.label(label::STACK_NAME)).map(str::to_owned);
    let unit = first.and_then(|row| row.str("deploymentUnitUuid")).map(str::to_owned);
    let mut members: Vec<Member> = members.iter().map(member).collect();
    if let Some(first) = members.first_mut() {
        first.dependencies = dependencies;
    }
    Request { environment, stack_name, unit, mandatory_host: None, members }
}

fn member(row: &Resource) -> Member {
    let service_name = row
        .label(label::STACK_SERVICE_NAME)
        .and_then(|name| name.split_once('/'))
        .map(|(_, service)| service.to_owned());
    let variables = row
        .map("environment")
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect();
    Member {
        name: row.name.clone().unwrap_or_default(),
        uuid: row.uuid.clone(),
        service_name,
        labels: labels(row),
        variables,
        ports: ports(row),
        memory_bytes: number(row, "memoryReservation"),
        milli_cpu: number(row, "milliCpuReservation"),
        volumes: volume_ids(row).into_iter().map(VolumeNeed::Existing).collect(),
        volume_driver: needing_pools(row.str("volumeDriver")).map(str::to_owned),
        simulated: row.str("imageUuid").is_some_and(|image| image.starts_with("sim:")),
        requested_host: row.int("requestedHostId"),
        dependencies: Vec::new(),
    }
}

/// Public ports a row wants on its host; a mode without a network of its own has none.
fn ports(row: &Resource) -> Vec<PortBinding> {
    if matches!(row.str("networkMode"), Some("host" | "none" | "container")) {
        return Vec::new();
    }
    row.strings("ports")
        .into_iter()
        .filter_map(|text| text.parse::<PortSpec>().ok())
        .filter_map(|spec| PortBinding::of_spec(&spec))
        .collect()
}

/// The labels of a row.
pub fn labels(row: &Resource) -> Labels {
    row.map("labels")
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

fn volume_ids(row: &Resource) -> Vec<i64> {
    row.map("dataVolumeMounts").into_iter().flatten().filter_map(|(_, id)| id.as_i64()).collect()
}

fn number(row: &Resource, field: &str) -> u64 {
    row.int(field).and_then(|value| u64::try_from(value).ok()).unwrap_or(0)
}

/// The address of an `ipAddress` row with the network it is of.
pub fn address(row: &Resource) -> Option<(i64, std::net::Ipv4Addr)> {
    let network = row.int("networkId")?;
    match row.str("address")?.parse().ok()? {
        IpAddr::V4(address) => Some((network, address)),
        IpAddr::V6(_) => None,
    }
}
