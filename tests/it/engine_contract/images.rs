//! Pulling and building.

use std::sync::Mutex;

use futures_util::{StreamExt, stream};
use ranchette::engine::{
    BuildOptions, ByteStream, ContainerSpec, EngineError, PullProgress, RegistryAuth,
};

use super::{Ground, tar_with};

pub async fn pulling_reports_progress(ground: Ground) {
    let engine = &ground.engine;
    assert_eq!(engine.image_id(&ground.open).await.unwrap(), None);
    let reports = Mutex::new(Vec::new());
    let report = |progress: PullProgress| reports.lock().unwrap().push(progress);
    engine.pull(&ground.open, None, &report).await.unwrap();
    assert!(engine.image_id(&ground.open).await.unwrap().is_some());

    let reports = reports.into_inner().unwrap();
    let (first, last) = (&reports[0], &reports[reports.len() - 1]);
    assert_eq!((&first.image, first.layers_done), (&ground.open, 0));
    assert!(last.layers > 0 && last.layers_done == last.layers, "{last}");
    assert!(last.bytes > 0 && last.bytes_done == last.bytes, "{last}");
    assert!(reports.windows(2).all(|pair| pair[0].layers_done <= pair[1].layers_done));
    engine.pull(&ground.open, None, &|_| ()).await.unwrap();
}

pub async fn pulling_needs_the_right_login(ground: Ground) {
    let engine = &ground.engine;
    let wrong = RegistryAuth { password: "wrong".to_owned(), ..ground.login.clone() };
    for auth in [None, Some(&wrong)] {
        let refused = engine.pull(&ground.locked, auth, &|_| ()).await.unwrap_err();
        assert!(matches!(refused, EngineError::PullDenied { .. }), "{refused}");
    }
    engine.pull(&ground.locked, Some(&ground.login), &|_| ()).await.unwrap();
    assert!(engine.image_id(&ground.locked).await.unwrap().is_some());
    assert!(!format!("{wrong:?}").contains("wrong"), "a password does not reach the log");
}

pub async fn building_makes_an_image(ground: Ground) {
    let context = |dockerfile: &str| -> ByteStream {
        stream::iter([Ok(tar_with("Dockerfile", dockerfile))]).boxed()
    };
    let tag = "ranchette-test/built:1".to_owned();
    let options = BuildOptions { tag: tag.clone(), ..BuildOptions::default() };
    let lines = Mutex::new(Vec::new());
    let report = |line: &str| lines.lock().unwrap().push(line.to_owned());
    let dockerfile = format!("FROM {}\nENV COLOUR=green\n", ground.image);
    ground.engine.build(context(&dockerfile), &options, &report).await.unwrap();
    let lines = lines.into_inner().unwrap();
    assert!(lines.iter().any(|line| line.contains("ENV COLOUR")), "{lines:?}");
    assert!(ground.engine.image_id(&tag).await.unwrap().is_some());
    let spec = ContainerSpec { image: tag, ..ground.script("built", "echo built").await };
    let id = ground.run(&spec).await;
    assert_eq!(ground.output(&id).await, "out: built\n");
    ground.remove(&[&id]).await;

    let lost = BuildOptions { dockerfile: Some("Missing".to_owned()), ..options };
    let failed = ground.engine.build(context("FROM scratch\n"), &lost, &|_| ()).await.unwrap_err();
    assert!(
        matches!(&failed, EngineError::BuildFailed { detail, .. } if detail.contains("Missing"))
    );
}

pub async fn the_engine_introduces_itself(ground: Ground) {
    let info = ground.engine.info().await.unwrap();
    let words = [&info.id, &info.hostname, &info.kernel, &info.os, &info.architecture];
    assert!(words.iter().all(|word| !word.is_empty()), "{info:?}");
    assert!(info.version.split('.').count() >= 3, "{info:?}");
    assert!(info.api_version.starts_with("1."), "{info:?}");
    assert!(info.cpus > 0 && info.memory_bytes > 1 << 20, "{info:?}");
    assert!(info.root_dir.starts_with('/') && !info.storage_driver.is_empty(), "{info:?}");
    assert!(info.volume_drivers.contains(&"local".to_owned()), "{info:?}");
    let disk = info.disk.unwrap();
    assert!(disk.total_bytes > disk.used_bytes && disk.used_bytes > 0, "{info:?}");
    let Some(stats) = ground.engine.host_stats() else {
        assert!(ground.is_elsewhere, "what this machine uses can be seen");
        return;
    };
    assert_eq!(stats.cpus.len(), info.cpus as usize, "{stats:?}");
    assert!(stats.cpus.iter().all(|cpu| cpu.busy_ns() > 0 && cpu.idle_ns > 0), "{stats:?}");
    assert!(stats.memory.total > stats.memory.available, "{stats:?}");
    assert!(stats.memory.available > 0 && !stats.network.is_empty(), "{stats:?}");
}
