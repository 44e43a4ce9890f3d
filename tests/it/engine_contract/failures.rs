//! What goes wrong, in cases code can branch on.

use futures_util::StreamExt;
use ranchette::engine::spec::{Endpoint, NetworkAttachment};
use ranchette::engine::{EngineError, ExecSpec, LogOptions};

use super::Ground;

pub async fn a_missing_image_is_named(ground: Ground) {
    let mut spec = ground.sleeper("no-image").await;
    spec.image.clone_from(&ground.missing);
    let missing = ground.engine.create(&spec).await.unwrap_err();
    let expected = EngineError::ImageNotFound { image: spec.image.clone(), detail: String::new() };
    assert_eq!(missing, expected);
    assert_eq!(ground.engine.image_id(&ground.missing).await.unwrap(), None);
    let missing = ground.engine.pull(&ground.missing, None, &|_| ()).await.unwrap_err();
    let named =
        matches!(&missing, EngineError::ImageNotFound { image, .. } if *image == spec.image);
    assert!(named && !missing.retryable(), "{missing:?}");
}

pub async fn a_missing_command_is_named(ground: Ground) {
    let mut spec = ground.sleeper("no-command").await;
    spec.process.command = vec!["/nonexistent".to_owned()];
    let id = ground.engine.create(&spec).await.unwrap();
    let failed = ground.engine.start(&spec.name).await.unwrap_err();
    let named = matches!(&failed, EngineError::CommandNotFound { container, detail }
        if *container == spec.name && detail.contains("/nonexistent"));
    assert!(named && !failed.retryable(), "{failed:?}");
    let found = ground.look(&id).await;
    assert!(!found.is_running() && found.error.unwrap().contains("/nonexistent"));
    ground.remove(&[&id]).await;
}

pub async fn a_missing_network_is_named(ground: Ground) {
    let mut spec = ground.sleeper("no-network").await;
    let endpoint = Endpoint { network: "contract-nowhere".to_owned(), ..Endpoint::default() };
    spec.network = NetworkAttachment::Named(endpoint);
    let id = ground.engine.create(&spec).await.unwrap();
    let failed = ground.engine.start(&id).await.unwrap_err();
    assert_eq!(failed, EngineError::NoSuchNetwork { network: "contract-nowhere".to_owned() });
    assert!(failed.retryable(), "the network may be made later");
    ground.remove(&[&id]).await;
}

pub async fn what_is_not_there_is_named(ground: Ground) {
    let engine = &ground.engine;
    for container in ["contract-nobody", "not/a name"] {
        let missing = EngineError::NoSuchContainer { container: container.to_owned() };
        assert_eq!(engine.start(container).await, Err(missing.clone()));
        let uploaded = engine.upload(container, "/", super::tar_with("x", "x")).await;
        assert_eq!(uploaded, Err(missing.clone()));
        assert_eq!(engine.inspect(container).await, Ok(None));
        let lines = engine.logs(container, &LogOptions::default()).next().await;
        assert_eq!(lines, Some(Err(missing.clone())));
        assert_eq!(engine.stats(container).next().await, Some(Err(missing)));
    }
    let id = engine.create(&ground.sleeper("idle").await).await.unwrap();
    let command = ExecSpec { command: vec!["true".to_owned()], ..ExecSpec::default() };
    let refused = engine.exec(&id, &command).await.err();
    assert_eq!(refused, Some(EngineError::NotRunning { container: id.clone() }));
    ground.remove(&[&id]).await;
}
