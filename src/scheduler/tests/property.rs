//! Random fleets: the index answers as the reference does, after any history of changes, and an
//! index loaded from the final facts answers like the one that lived through them.

use proptest::prelude::*;

use super::reference::Reference;
use crate::model::port::Protocol;
use crate::scheduler::{
    AccessMode, Fleet, Health, HostFacts, HostStanding, Images, InstanceFacts, InstanceStanding,
    Labels, Member, PoolMapping, PortBinding, Request, VolumeFacts, VolumeNeed,
};

/// One change or question.
#[derive(Clone, Debug)]
enum Step {
    Host(HostFacts),
    HostGone(i64),
    Place(Request),
    Standing(i64, InstanceStanding),
    Health(i64, Health),
    Remove(i64),
    Volume(VolumeFacts),
}

fn labels() -> impl Strategy<Value = Labels> {
    let label = (prop::sample::select(vec!["a", "b", "C"]), prop::sample::select(vec!["1", "X"]));
    prop::collection::vec(label.prop_map(|(k, v)| (k.to_owned(), v.to_owned())), 0..3)
}

fn host() -> impl Strategy<Value = HostFacts> {
    let standing = prop_oneof![
        6 => Just(HostStanding::Eligible),
        1 => Just(HostStanding::Inactive),
        1 => Just(HostStanding::Reconnected),
    ];
    let special = prop_oneof![
        6 => Just(None),
        1 => Just(Some(("io.rancher.scheduler.ips", "10.0.0.1,10.0.0.2"))),
        1 => Just(Some(("io.rancher.scheduler.require_any", "a=1,b"))),
    ];
    let amounts = (prop::sample::select(vec![0, 4, 8]), prop::sample::select(vec![0, 5, 9]));
    (1..7_i64, standing, labels(), special, amounts, prop::collection::vec(1..3_i64, 0..2))
        .prop_map(|(id, standing, mut labels, special, (memory_bytes, milli_cpu), pools)| {
            labels.extend(special.map(|(key, value)| (key.to_owned(), value.to_owned())));
            let pool = |pool| PoolMapping { pool, driver: "nfs".to_owned() };
            HostFacts {
                id,
                environment: 1 + id / 6,
                name: format!("h{id}"),
                standing,
                labels,
                memory_bytes,
                milli_cpu,
                local_storage_mb: 0,
                pools: pools.into_iter().map(pool).collect(),
                images: Images::Any,
            }
        })
}

fn ports() -> impl Strategy<Value = Vec<PortBinding>> {
    let address = prop::sample::select(vec![None, Some("0.0.0.0"), Some("10.0.0.1")]);
    let port = (address, 80..82_u16, any::<bool>()).prop_map(|(address, port, udp)| PortBinding {
        address: address.map(|address| address.parse().expect("an address")),
        port,
        protocol: if udp { Protocol::Udp } else { Protocol::Tcp },
    });
    prop::collection::vec(port, 0..2)
}

fn rules() -> impl Strategy<Value = Labels> {
    let rule = (
        prop::sample::select(vec!["host_label", "container_label", "container"]),
        prop::sample::select(vec!["", "_ne", "_soft", "_soft_ne"]),
        prop::sample::select(vec!["a=1", "b=x", "c=1,a=x", "a", "m1", "uuid-3,m2"]),
    );
    let label = rule.prop_map(|(subject, suffix, value)| {
        (format!("io.rancher.scheduler.affinity:{subject}{suffix}"), value.to_owned())
    });
    prop::collection::vec(label, 0..4)
}

fn member() -> impl Strategy<Value = Member> {
    let asked = prop_oneof![9 => Just(None), 1 => (1..7_i64).prop_map(Some)];
    let volumes = prop_oneof![3 => Just(None), 1 => (1..3_i64).prop_map(Some)];
    (labels(), rules(), ports(), 0..4_u64, 0..4_u64, volumes, asked).prop_map(
        |(mut labels, rules, ports, memory_bytes, milli_cpu, volume, requested_host)| {
            labels.extend(rules);
            Member {
                labels,
                ports,
                memory_bytes,
                milli_cpu,
                volumes: volume.map(VolumeNeed::Existing).into_iter().collect(),
                requested_host,
                ..Member::default()
            }
        },
    )
}

fn request() -> impl Strategy<Value = Request> {
    let unit = prop_oneof![2 => Just(None), 1 => (1..4).prop_map(|n| Some(format!("u{n}")))];
    (unit, prop::collection::vec(member(), 1..3)).prop_map(|(unit, mut members)| {
        let asked = members.first().and_then(|member| member.requested_host);
        for member in &mut members {
            member.requested_host = asked;
        }
        Request { environment: 1, unit, members, ..Request::default() }
    })
}

fn volume() -> impl Strategy<Value = VolumeFacts> {
    let access = prop::sample::select(vec![
        AccessMode::MultiHostRw,
        AccessMode::SingleHostRw,
        AccessMode::SingleInstanceRw,
    ]);
    let home = prop_oneof![
        Just((None, None)),
        (1..3_i64).prop_map(|pool| (Some(pool), None)),
        (1..7_i64).prop_map(|host| (None, Some(host))),
    ];
    (1..3_i64, home, prop::option::of(1..7_i64), access).prop_map(
        |(id, (pool, host), last_host, access)| VolumeFacts {
            id,
            environment: 1,
            name: format!("v{id}"),
            driver: String::new(),
            pool,
            host,
            last_host,
            access,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let standing = prop::sample::select(vec![
        InstanceStanding::Running,
        InstanceStanding::Stopping,
        InstanceStanding::Stopped,
        InstanceStanding::SupersededRunning,
        InstanceStanding::SupersededStopping,
        InstanceStanding::SupersededStopped,
    ]);
    let health = prop::sample::select(vec![Health::Fine, Health::Unhealthy]);
    prop_oneof![
        3 => host().prop_map(Step::Host),
        1 => (1..7_i64).prop_map(Step::HostGone),
        8 => request().prop_map(Step::Place),
        2 => (1..20_i64, standing).prop_map(|(id, standing)| Step::Standing(id, standing)),
        1 => (1..20_i64, health).prop_map(|(id, health)| Step::Health(id, health)),
        1 => (1..20_i64).prop_map(Step::Remove),
        1 => volume().prop_map(Step::Volume),
    ]
}

#[derive(Default)]
struct Both {
    fleet: Fleet,
    reference: Reference,
    placed: i64,
}

impl Both {
    fn run(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Host(facts) => {
                self.fleet.host_upsert(facts);
                self.reference.hosts.insert(facts.id, facts.clone());
            }
            Step::HostGone(id) => {
                self.fleet.host_remove(*id);
                self.reference.hosts.remove(id);
                self.reference.instances.retain(|_, (host, _)| host != id);
            }
            Step::Place(request) => self.place(request)?,
            Step::Standing(id, standing) => {
                self.fleet.instance_standing(*id, *standing);
                if let Some((_, facts)) = self.reference.instances.get_mut(id) {
                    facts.standing = *standing;
                }
            }
            Step::Health(id, health) => {
                self.fleet.instance_health(*id, *health);
                if let Some((_, facts)) = self.reference.instances.get_mut(id) {
                    facts.health = *health;
                }
            }
            Step::Remove(id) => {
                self.fleet.instance_remove(*id);
                self.reference.instances.remove(id);
            }
            Step::Volume(facts) => {
                self.fleet.volume_upsert(facts.clone());
                self.reference.volumes.insert(facts.id, facts.clone());
            }
        }
        Ok(())
    }

    fn place(&mut self, request: &Request) -> Result<(), TestCaseError> {
        let mut request = request.clone();
        // The reference knows no volume it was not told about; the fleet lets those pass.
        for member in &mut request.members {
            let known = &self.reference.volumes;
            member.volumes.retain(|need| match need {
                VolumeNeed::Existing(id) => known.contains_key(id),
                VolumeNeed::New { .. } => true,
            });
        }
        let answer = self.fleet.place(&request);
        let shown = answer.as_ref().ok().map(|placed| (placed.host, placed.relaxed.len()));
        prop_assert_eq!(shown, self.reference.place(&request), "{:?}: {:?}", request, answer);
        if let Err(refusal) = &answer {
            prop_assert!(refusal.to_string().starts_with("Allocation failed: "), "{}", refusal);
        }
        let Ok(placement) = answer else { return Ok(()) };
        for (index, mut member) in request.members.into_iter().enumerate() {
            for assigned in placement.ports.iter().filter(|assigned| assigned.member == index) {
                member.ports[assigned.port].address = Some(assigned.address);
            }
            self.placed += 1;
            let facts = InstanceFacts {
                id: self.placed,
                name: format!("M{}", self.placed),
                uuid: format!("uuid-{}", self.placed),
                unit: request.unit.clone(),
                labels: member.labels,
                ports: member.ports,
                memory_bytes: member.memory_bytes,
                milli_cpu: member.milli_cpu,
                volumes: member.volumes.iter().filter_map(existing).collect(),
                ..InstanceFacts::default()
            };
            self.reference.instances.insert(facts.id, (placement.host, facts.clone()));
            prop_assert_eq!(self.fleet.instance_place(placement.host, facts), Ok(()));
        }
        Ok(())
    }

    /// The fleet as a start of the server would load it, last things first.
    fn reloaded(&self) -> Fleet {
        let mut fleet = Fleet::new();
        for facts in self.reference.volumes.values().rev() {
            fleet.volume_upsert(facts.clone());
        }
        for facts in self.reference.hosts.values().rev() {
            fleet.host_upsert(facts);
        }
        for (host, facts) in self.reference.instances.values().rev() {
            fleet.instance_place(*host, facts.clone()).expect("a known host");
        }
        fleet
    }
}

fn existing(need: &VolumeNeed) -> Option<i64> {
    match need {
        VolumeNeed::Existing(id) => Some(*id),
        VolumeNeed::New { .. } => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_index_answers_as_the_reference_does(
        hosts in prop::collection::vec(host(), 1..8),
        steps in prop::collection::vec(step(), 1..40),
        last in prop::collection::vec(request(), 4),
    ) {
        let mut both = Both::default();
        for step in hosts.into_iter().map(Step::Host).chain(steps) {
            both.run(&step)?;
        }
        let reloaded = both.reloaded();
        for request in &last {
            prop_assert_eq!(reloaded.place(request), both.fleet.place(request));
        }
    }
}
