//! Networks, addresses, ports and volumes.

use ranchette::engine::spec::{Endpoint, NetworkAttachment, PortBinding};
use ranchette::engine::{EngineError, NetworkSpec, RemoveVolumes, VolumeSpec};

use super::Ground;

impl Ground {
    fn network(&self, name: &str, third: u32) -> NetworkSpec {
        NetworkSpec {
            name: format!("contract-{name}"),
            subnet: Some(format!("10.{}.{third}.0/24", self.subnet)),
            gateway: Some(format!("10.{}.{third}.1", self.subnet)),
            labels: [("ranchette.test".to_owned(), "contract".to_owned())].into(),
            ..NetworkSpec::default()
        }
    }
}

pub async fn addresses_are_kept(ground: Ground) {
    let engine = &ground.engine;
    let network = ground.network("addresses", 1);
    engine.network_ensure(&network).await.unwrap();
    let address = format!("10.{}.1.77", ground.subnet);
    let endpoint = Endpoint {
        network: network.name.clone(),
        ipv4: Some(address.clone()),
        mac: Some("02:42:0a:63:01:4d".to_owned()),
        aliases: vec!["web.stack".to_owned()],
    };
    let mut first = ground.sleeper("address").await;
    first.network = NetworkAttachment::Named(endpoint);
    let id = ground.run(&first).await;
    for _ in 0..2 {
        let found = ground.look(&id).await;
        assert_eq!(found.ip_on(&network.name), Some(address.as_str()));
        assert_eq!(found.networks[0].mac.as_deref(), Some("02:42:0a:63:01:4d"));
        assert!(found.networks[0].aliases.contains(&"web.stack".to_owned()));
        engine.stop(&id, 0).await.unwrap();
        engine.start(&id).await.unwrap();
    }

    let mut second = ground.sleeper("address-taken").await;
    second.network = first.network.clone();
    let other = engine.create(&second).await.unwrap();
    let taken = EngineError::AddressTaken { container: second.name.clone() };
    assert_eq!(engine.start(&second.name).await, Err(taken));
    ground.remove(&[&id]).await;
    engine.start(&other).await.unwrap();
    ground.remove(&[&other]).await;
    engine.network_remove(&network.name).await.unwrap();
}

pub async fn containers_join_and_leave_networks(ground: Ground) {
    let engine = &ground.engine;
    let network = ground.network("joined", 4);
    engine.network_ensure(&network).await.unwrap();
    let address = format!("10.{}.4.78", ground.subnet);
    let place = Endpoint {
        network: network.name.clone(),
        ipv4: Some(address.clone()),
        mac: None,
        aliases: vec!["web.stack".to_owned()],
    };
    let id = ground.run(&ground.sleeper("joins").await).await;
    let before = ground.look(&id).await;
    for _ in 0..2 {
        engine.network_connect(&id, &place).await.unwrap();
        let found = ground.look(&id).await;
        assert_eq!(found.ip_on(&network.name), Some(address.as_str()));
        assert_eq!(found.networks.len(), before.networks.len() + 1);
        let there = found.networks.iter().find(|on| on.network == network.name).unwrap();
        assert!(there.aliases.contains(&"web.stack".to_owned()), "{there:?}");
        assert_eq!(found.started_ms, before.started_ms);
    }
    // It has its address again after a restart, and one that is stopped can be connected, too.
    engine.stop(&id, 0).await.unwrap();
    engine.network_connect(&id, &place).await.unwrap();
    engine.start(&id).await.unwrap();
    assert_eq!(ground.look(&id).await.ip_on(&network.name), Some(address.as_str()));
    let nowhere = Endpoint { network: "contract-nowhere".to_owned(), ..Endpoint::default() };
    let missing = EngineError::NoSuchNetwork { network: nowhere.network.clone() };
    assert_eq!(engine.network_connect(&id, &nowhere).await, Err(missing));
    let gone = engine.network_connect("contract-nobody", &place).await;
    assert!(gone.as_ref().is_err_and(EngineError::is_no_container), "{gone:?}");
    for _ in 0..2 {
        engine.network_disconnect(&id, &network.name).await.unwrap();
        assert_eq!(ground.look(&id).await.networks.len(), before.networks.len());
    }
    engine.network_disconnect("contract-nobody", &network.name).await.unwrap();
    ground.remove(&[&id]).await;
    engine.network_remove(&network.name).await.unwrap();
    engine.network_disconnect("contract-nobody", &network.name).await.unwrap();
}

pub async fn networks_are_made_once(ground: Ground) {
    let engine = &ground.engine;
    let network = ground.network("once", 2);
    let id = engine.network_ensure(&network).await.unwrap();
    assert_eq!(engine.network_ensure(&network).await.unwrap(), id);
    let elsewhere = engine.network_ensure(&ground.network("once", 3)).await;
    assert!(matches!(elsewhere, Err(EngineError::BadSpec { .. })), "{elsewhere:?}");

    let mut spec = ground.sleeper("network-user").await;
    let endpoint = Endpoint { network: network.name.clone(), ..Endpoint::default() };
    spec.network = NetworkAttachment::Named(endpoint);
    let user = ground.run(&spec).await;
    let prefix = format!("10.{}.2.", ground.subnet);
    assert!(ground.look(&user).await.ip_on(&network.name).unwrap().starts_with(&prefix));
    let used = engine.network_remove(&network.name).await;
    assert!(matches!(used, Err(EngineError::InUse { .. })), "{used:?}");
    ground.remove(&[&user]).await;
    for _ in 0..2 {
        engine.network_remove(&network.name).await.unwrap();
    }
}

pub async fn ports_are_published(ground: Ground) {
    let engine = &ground.engine;
    let mut first = ground.sleeper("port").await;
    let port = PortBinding { private: 80, protocol: "tcp".to_owned(), ..PortBinding::default() };
    first.names.ports = vec![port.clone()];
    first.names.expose = vec!["443/tcp".to_owned()];
    let id = ground.run(&first).await;
    let published = ground.look(&id).await.ports;
    let public = published.iter().find(|port| port.private == 80).unwrap().public.unwrap();
    assert!(published.iter().any(|port| port.private == 443 && port.public.is_none()));
    let listed = engine.list().await.unwrap().into_iter().find(|c| c.id == id).unwrap();
    assert!(listed.ports.iter().any(|port| port.public == Some(public)));

    let mut second = ground.sleeper("port-taken").await;
    second.names.ports = vec![PortBinding { public: Some(public), ..port }];
    let other = engine.create(&second).await.unwrap();
    let taken = EngineError::PortTaken { port: public, container: second.name.clone() };
    assert_eq!(engine.start(&second.name).await, Err(taken));
    assert!(!ground.look(&other).await.is_running());
    ground.remove(&[&id]).await;
    engine.start(&other).await.unwrap();
    let published = ground.look(&other).await.ports;
    assert!(published.iter().all(|port| port.public == Some(public)), "{published:?}");
    ground.remove(&[&other]).await;
}

pub async fn volumes_are_made_once(ground: Ground) {
    let engine = &ground.engine;
    let volume = VolumeSpec {
        name: "contract-volume".to_owned(),
        labels: [("ranchette.test".to_owned(), "contract".to_owned())].into(),
        ..VolumeSpec::default()
    };
    let first = engine.volume_ensure(&volume).await.unwrap();
    assert_eq!(engine.volume_ensure(&volume).await.unwrap(), first);
    assert_eq!((first.driver.as_str(), &first.labels), ("local", &volume.labels));
    assert!(engine.volumes().await.unwrap().contains(&first));

    let mut spec = ground.sleeper("volume-user").await;
    spec.storage.binds = vec![format!("{}:/data:ro", volume.name), "/tmp:/host-tmp:rw".to_owned()];
    let id = ground.run(&spec).await;
    let mut mounts = ground.look(&id).await.mounts;
    mounts.sort_by(|a, b| a.target.cmp(&b.target));
    let [data, host] = mounts.as_slice() else { panic!("{mounts:?}") };
    assert_eq!((data.kind.as_str(), data.name.as_deref()), ("volume", Some("contract-volume")));
    assert_eq!((data.target.as_str(), data.permissions.as_str()), ("/data", "ro"));
    assert_eq!((host.kind.as_str(), host.source.as_str()), ("bind", "/tmp"));
    let used = engine.volume_remove(&volume.name).await;
    assert!(matches!(used, Err(EngineError::InUse { .. })), "{used:?}");
    ground.remove(&[&id]).await;
    for _ in 0..2 {
        engine.volume_remove(&volume.name).await.unwrap();
    }
}

pub async fn anonymous_volumes_go_with_their_container(ground: Ground) {
    let mut spec = ground.sleeper("anonymous").await;
    spec.storage.volumes = vec!["/data".to_owned()];
    for (remove, kept) in [(RemoveVolumes::None, true), (RemoveVolumes::Anonymous, false)] {
        let id = ground.run(&spec).await;
        let mounts = ground.look(&id).await.mounts;
        let name = mounts[0].name.clone().unwrap();
        assert_eq!((name.len(), mounts[0].target.as_str()), (64, "/data"));
        ground.engine.remove(&id, remove).await.unwrap();
        let left = ground.engine.volumes().await.unwrap().into_iter().any(|v| v.name == name);
        assert_eq!(left, kept, "{remove:?}");
        ground.engine.volume_remove(&name).await.unwrap();
    }
}
