//! When a certificate is asked for, and what is said meanwhile: on a clock of our own, with an authority
//! that answers what it is told to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ranchette::acme::{Authority, Fault, Issued, Order};
use ranchette::archive::Places;
use ranchette::clock::{Clock, Entropy, ManualClock};
use ranchette::controller::issuance;
use ranchette::model::resource::{NewResource, Resource};
use ranchette::process::balancer;
use ranchette::process::runner::Runner;
use ranchette::process::tasks::Found;
use ranchette::server::core::{Core, Outside};
use ranchette::vault::{self, Vault};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::tls::certificate;

/// Longest a test waits for something that ought to happen: a failure, not a pace.
const DEADLINE: std::time::Duration = std::time::Duration::from_secs(60);
const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 86_400_000;

/// Answers in turn, and remembers what it was asked for.
#[derive(Default)]
struct Scripted {
    answers: Mutex<VecDeque<Result<Issued, Fault>>>,
    asked: Mutex<Vec<Order>>,
}

#[async_trait]
impl Authority for Scripted {
    async fn issue(&self, order: &Order) -> Result<Issued, Fault> {
        self.asked.lock().unwrap().push(order.clone());
        let next = self.answers.lock().unwrap().pop_front();
        next.unwrap_or_else(|| Err(Fault { message: "no answer".to_owned(), limited: false }))
    }
}

/// A server of which only processes run.
struct Desk {
    core: Core,
    hands: Arc<ManualClock>,
    authority: Arc<Scripted>,
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("db");
        let (clock, hands) = Clock::manual(Clock::System.now_ms());
        let authority = Arc::new(Scripted::default());
        let key = path.with_file_name(vault::FILE);
        let outside = Outside {
            machines: Arc::new(ranchette::engine::sim::SimFleet::new(1, clock.clone())),
            vault: Vault::open(&key, Entropy::System).expect("a vault").into(),
            archives: Places::beside(&path),
            authority: Arc::clone(&authority) as Arc<dyn Authority>,
        };
        let limits = crate::world::limits();
        let core = Core::open_with(&path, clock, Entropy::System, limits, outside);
        let core = core.expect("a core");
        tokio::spawn(Runner::new(Arc::clone(&core.site), core.stop.clone()).run());
        Self { core, hands, authority, folder }
    }

    async fn insert(&self, row: NewResource) -> i64 {
        let row = self.core.site.store.write(move |tx| tx.insert(row)).await;
        row.expect("a row").id
    }

    async fn set(&self, id: i64, field: &'static str, value: Value) {
        let write = move |tx: &mut ranchette::store::Tx<'_>| {
            tx.update(id, |row| {
                row.set(field, value);
                Ok(())
            })
        };
        self.core.site.store.write(write).await.expect("written");
    }

    async fn setting(&self, name: &'static str, value: &'static str) {
        let write = move |tx: &mut ranchette::store::Tx<'_>| tx.set_setting(name, Some(value));
        self.core.site.store.write(write).await.expect("written");
    }

    /// Does the job now.
    async fn look(&self) -> Found {
        let job = issuance::tasks().into_iter().next().expect("the job");
        (job.run)(Arc::clone(&self.core.site)).await.expect("done")
    }

    fn get(&self, id: i64) -> Resource {
        self.core.site.store.read(|read| read.require("service", id)).expect("a row")
    }

    /// The message of the balancer, after a look.
    async fn trouble(&self, balancer: i64) -> String {
        self.look().await;
        self.get(balancer).str("acmeTrouble").unwrap_or_default().to_owned()
    }

    fn certificates(&self) -> Vec<Resource> {
        let read = |read: &ranchette::store::Read<'_>| {
            let mut found = Vec::new();
            read.for_each("certificate", |row| {
                found.push(row);
                Ok(())
            })?;
            Ok(found)
        };
        self.core.site.store.read(read).expect("read")
    }

    /// Waits until the one certificate is as it ought to be.
    async fn until(&self, what: &str, holds: impl Fn(&Resource) -> bool) -> Resource {
        let mut changes = self.core.site.store.feed().listen();
        let wait = async {
            loop {
                if let [row] = self.certificates().as_slice()
                    && holds(row)
                {
                    return row.clone();
                }
                let _ = changes.recv().await;
            }
        };
        let found = tokio::time::timeout(DEADLINE, wait).await;
        found.unwrap_or_else(|_| panic!("{what}: {:#?}", self.certificates()))
    }

    fn asked(&self) -> usize {
        self.authority.asked.lock().unwrap().len()
    }

    fn answer(&self, answer: Result<Issued, Fault>) {
        self.authority.answers.lock().unwrap().push_back(answer);
    }

    /// A certificate for ninety days from now on.
    fn issued(&self, name: &str) -> Issued {
        let (cert, key) = certificate(self.folder.path(), name, 90);
        Issued { cert, chain: String::new(), key }
    }
}

fn launch(names: &str) -> Value {
    json!({ "imageUuid": "docker:haproxy", "labels": { "io.ranchette.acme": names } })
}

/// A balancer, and a container that runs with whatever configuration it ought to have.
async fn balancer(desk: &Desk, names: &str) -> (i64, i64) {
    let environment = NewResource::new("account", "env".to_owned()).kind("project").state("active");
    let environment = desk.insert(environment).await;
    let service = NewResource::new("service", "lb".to_owned())
        .kind("loadBalancerService")
        .account(environment)
        .name("front")
        .state("active")
        .with("launchConfig", launch(names))
        .with("lbConfig", json!({ "portRules": [] }));
    let service = desk.insert(service).await;
    let container = NewResource::new("instance", "one".to_owned())
        .kind("container")
        .account(environment)
        .state("running")
        .with("serviceId", service);
    (service, desk.insert(container).await)
}

/// Gives the container the configuration it ought to have.
async fn apply(desk: &Desk, service: i64, container: i64) {
    let wanted = desk.core.site.store.read(|read| {
        let service = read.require("service", service)?;
        balancer::configuration(read, &service, &read.require("instance", container)?)
    });
    let hash = balancer::hash(&wanted.expect("a configuration"));
    desk.set(container, "lbHash", hash.into()).await;
}

#[tokio::test]
async fn a_certificate_is_asked_for_when_its_time_has_come() {
    let desk = Desk::new();
    let (service, container) = balancer(&desk, "a.example, *.b.example").await;
    let wildcard = desk.trouble(service).await;
    assert_eq!(
        wildcard,
        "`*.b.example` in the label `io.ranchette.acme` is no name that can be proved over HTTP"
    );
    desk.set(service, "launchConfig", launch("A.example")).await;
    let terms = desk.trouble(service).await;
    assert!(terms.contains("`acme.terms.agreed`") && terms.contains("letsencrypt"), "{terms}");
    desk.setting("acme.terms.agreed", "true").await;
    desk.setting("acme.email", "ops@a.example").await;
    assert_eq!(desk.trouble(service).await, "");
    // It is not asked for before a container answers for the name.
    assert_eq!((desk.certificates().len(), desk.asked()), (0, 0));

    desk.answer(Err(Fault { message: "the name leads nowhere".to_owned(), limited: false }));
    apply(&desk, service, container).await;
    desk.look().await;
    let row = desk.until("the first try", |row| row.str("acmeFault").is_some()).await;
    let told = row.str("transitioningMessage").unwrap_or_default().to_owned();
    let begins = "no certificate for `a.example` yet: the name leads nowhere; asked for again at ";
    assert!(told.starts_with(begins), "{told}");
    assert_eq!(desk.trouble(service).await, told);
    let order = desk.authority.asked.lock().unwrap()[0].clone();
    assert_eq!((order.name.as_str(), order.email.as_deref()), ("a.example", Some("ops@a.example")));
    let served = desk.core.site.store.read(|read| balancer::balancer(read, &desk.get(service)));
    assert_eq!(served.expect("a balancer").certificates, Vec::<String>::new());

    desk.answer(Ok(desk.issued("a.example")));
    desk.hands.advance(4 * MINUTE_MS);
    assert_eq!(desk.asked(), 1, "it is too early");
    desk.hands.advance(2 * MINUTE_MS);
    let row = desk.until("the certificate", |row| row.state == "active").await;
    assert_eq!((desk.asked(), row.str("CN")), (2, Some("a.example")));
    assert_eq!(desk.trouble(service).await, "");
    let from = row.str("description").unwrap_or_default();
    assert!(
        from.starts_with("from acme-v02.api.letsencrypt.org; renewed by itself from "),
        "{from}"
    );
    let served = desk.core.site.store.read(|read| balancer::balancer(read, &desk.get(service)));
    assert_eq!(served.expect("a balancer").certificates.len(), 1);

    desk.hands.advance(59 * DAY_MS);
    assert_eq!(desk.look().await, Found::Nothing);
    let (first, next) = (row.str("cert").map(str::to_owned), desk.issued("a.example"));
    desk.answer(Ok(next));
    desk.hands.advance(2 * DAY_MS);
    assert_eq!(desk.look().await, Found::Work);
    let new = |row: &Resource| row.state == "active" && row.str("cert") != first.as_deref();
    desk.until("the next certificate", new).await;
    assert_eq!(desk.asked(), 3);

    // What no balancer wants is not asked for any more.
    desk.set(service, "launchConfig", launch("")).await;
    desk.hands.advance(61 * DAY_MS);
    assert_eq!(desk.look().await, Found::Nothing);
    desk.core.shut_down().await;
}
