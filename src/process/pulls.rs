//! Pulling images with the login of their registry.

use crate::engine::{Engine, EngineError, PullReport, RegistryAuth};

use super::images::registry_of;

/// Pulls an image with a login, if there is one, and then as anybody: a login that is no longer good must
/// not keep us from what everybody may have. Of two failures the first is told.
///
/// # Errors
/// Those of [`Engine::pull`]; a refusal says who was refused.
pub async fn pull(
    engine: &dyn Engine,
    image: &str,
    login: Option<&RegistryAuth>,
    report: PullReport<'_>,
) -> Result<(), EngineError> {
    let first = match engine.pull(image, login, report).await {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    if login.is_some() && may_be_for_all(&first) && engine.pull(image, None, report).await.is_ok() {
        return Ok(());
    }
    Err(told(first, login))
}

/// Whether a failure is about the login, so that it may go better without.
fn may_be_for_all(error: &EngineError) -> bool {
    matches!(
        error,
        EngineError::PullDenied { .. }
            | EngineError::PullFailed { .. }
            | EngineError::ImageNotFound { .. }
    )
}

/// A refusal, with who was refused.
fn told(error: EngineError, login: Option<&RegistryAuth>) -> EngineError {
    let EngineError::PullDenied { image, detail } = error else { return error };
    let registry = registry_of(&image);
    let detail = match login {
        Some(login) => format!("{detail}; registry `{registry}` was asked as `{}`", login.username),
        None => format!("{detail}; there is no active login for registry `{registry}`"),
    };
    EngineError::PullDenied { image, detail }
}
