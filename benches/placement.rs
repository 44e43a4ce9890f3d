//! Placements a second of the scheduler alone: every request is placed and recorded in the fleet
//! before the next one. One thread; seeded data; building the requests is not measured.

use std::process::ExitCode;

use ranchette::model::port::Protocol;
use ranchette::scheduler::{
    Fleet, HostFacts, HostStanding, Images, InstanceFacts, Labels, Member, PortBinding, Request,
};
use support::{Report, Seeded, Target, median, timed};

mod support;

const RUNS: usize = 5;
const REQUESTS: usize = 10_000;
const GB: u64 = 1 << 30;

fn main() -> ExitCode {
    let mut report = Report::default();
    for (hosts, target) in [(1_000, 100_000.0), (10_000, 50_000.0)] {
        let name = format!("placements, {hosts} hosts, {REQUESTS} requests");
        report.report(&name, rate(hosts, plain), "/s", Target::AtLeast(target));
    }
    let name = format!("placements with affinity rules and ports, {} hosts", 1_000);
    report.report(&name, rate(1_000, ruled), "/s", Target::AtLeast(5_000.0));
    let name = format!("placements beyond a soft one-per-host rule, {} hosts", 1_000);
    report.report(&name, rate(1_000, crowded), "/s", Target::AtLeast(5_000.0));
    let name = format!("refusals explained, {} hosts", 1_000);
    report.report(&name, refusals(1_000), "/s", Target::AtLeast(500.0));
    report.finish()
}

/// The median rate at which requests are placed and recorded on an empty fleet.
fn rate(hosts: i64, member: fn(&mut Seeded, i64) -> Member) -> f64 {
    median(RUNS, |run| {
        let mut random = Seeded(run as u64);
        let mut fleet = fleet(hosts, &mut random);
        let work: Vec<(Request, InstanceFacts)> = (0..REQUESTS as i64)
            .map(|id| {
                let member = member(&mut random, id);
                let facts = recorded(id, &member);
                (request(id, member), facts)
            })
            .collect();
        let (elapsed, placed) = timed(|| {
            let mut placed = 0;
            for (request, facts) in work {
                if let Ok(placement) = fleet.place(&request)
                    && fleet.instance_place(placement.host, facts).is_ok()
                {
                    placed += 1;
                }
            }
            placed
        });
        assert!(placed > REQUESTS * 9 / 10, "only {placed} of {REQUESTS} were placed");
        REQUESTS as f64 / elapsed.as_secs_f64()
    })
}

/// The median rate of requests that fit nowhere, each with its sentence.
fn refusals(hosts: i64) -> f64 {
    median(RUNS, |run| {
        let mut random = Seeded(run as u64);
        let fleet = fleet(hosts, &mut random);
        let mut member = plain(&mut random, 1);
        member.memory_bytes = 1_000 * GB;
        let request = request(1, member);
        let count = 200;
        let (elapsed, length) = timed(|| {
            let sentence = || fleet.place(&request).err().map_or(0, |no| no.to_string().len());
            (0..count).map(|_| sentence()).sum::<usize>()
        });
        assert!(length > 0, "a request for 1,000 GB was placed");
        f64::from(count) / elapsed.as_secs_f64()
    })
}

fn fleet(hosts: i64, random: &mut Seeded) -> Fleet {
    let mut fleet = Fleet::new();
    for id in 1..=hosts {
        fleet.host_upsert(&HostFacts {
            id,
            environment: 1,
            name: format!("host{id}"),
            standing: HostStanding::Eligible,
            labels: pairs(&[
                ("io.rancher.host.docker_version", "20.10"),
                ("io.rancher.host.linux_kernel_version", "6.1"),
                ("io.rancher.host.os", "linux"),
                ("zone", ["a", "b", "c"][random.below(3) as usize]),
                ("gpu", ["true", "false", "false", "false"][random.below(4) as usize]),
            ]),
            memory_bytes: (32 + random.below(4) * 32) * GB,
            milli_cpu: 16_000,
            local_storage_mb: 0,
            pools: Vec::new(),
            images: Images::default(),
        });
    }
    fleet
}

/// A service container without rules, with the labels every service container has.
fn plain(random: &mut Seeded, id: i64) -> Member {
    let service = id / 100;
    let name = format!("stack{}-service{service}-{}", service / 10, id % 100 + 1);
    let full = format!("stack{}/service{service}", service / 10);
    Member {
        uuid: format!("{:08x}-0000-4000-8000-{id:012x}", random.below(1 << 32)),
        service_name: Some(format!("service{service}")),
        labels: pairs(&[
            ("io.rancher.stack.name", &format!("stack{}", service / 10)),
            ("io.rancher.stack_service.name", &full),
            ("io.rancher.project_service.name", &full),
            ("io.rancher.service.deployment.unit", &format!("unit-{id}")),
            ("io.rancher.service.launch.config", "io.rancher.service.primary.launch.config"),
            ("io.rancher.environment.uuid", "adminProject"),
            ("app", &format!("app{}", service % 20)),
        ]),
        memory_bytes: random.below(4) * (GB / 16),
        name,
        ..Member::default()
    }
}

/// A service container with one of the usual rules.
fn ruled(random: &mut Seeded, id: i64) -> Member {
    let mut member = plain(random, id);
    let own = "io.rancher.stack_service.name=${stack_name}/${service_name}".to_owned();
    let another = format!("app=app{}", (id / 100) % 20);
    let (key, value) = match (id / 100) % 6 {
        0 => ("container_label_ne", own),
        1 => ("host_label", format!("zone={}", ["a", "b", "c"][random.below(3) as usize])),
        2 => ("host_label", "gpu=true".to_owned()),
        3 => ("container_label_soft", another),
        4 => ("container_label_soft_ne", own),
        _ => ("host_label_ne", "gpu=true,zone=a".to_owned()),
    };
    member.labels.push((format!("io.rancher.scheduler.affinity:{key}"), value));
    if id % 5 == 0 {
        let port = 8_000 + (id / 100) as u16;
        member.ports.push(PortBinding { address: None, port, protocol: Protocol::Tcp });
    }
    member
}

/// A container of one service that would rather be alone on its host, and after the first thousand
/// cannot be.
fn crowded(random: &mut Seeded, id: i64) -> Member {
    let mut member = plain(random, id);
    let key = "io.rancher.scheduler.affinity:container_label_soft_ne".to_owned();
    member.labels.push(("role".to_owned(), "worker".to_owned()));
    member.labels.push((key, "role=worker".to_owned()));
    member
}

fn request(id: i64, member: Member) -> Request {
    Request {
        environment: 1,
        stack_name: Some(format!("stack{}", id / 1_000)),
        unit: Some(format!("unit-{id}")),
        mandatory_host: None,
        members: vec![member],
    }
}

fn recorded(id: i64, member: &Member) -> InstanceFacts {
    InstanceFacts {
        id,
        name: member.name.clone(),
        uuid: member.uuid.clone(),
        unit: Some(format!("unit-{id}")),
        labels: member.labels.clone(),
        ports: member.ports.clone(),
        memory_bytes: member.memory_bytes,
        ..InstanceFacts::default()
    }
}

fn pairs(labels: &[(&str, &str)]) -> Labels {
    labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}
