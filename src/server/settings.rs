//! What the configuration and the environment say of settings, told to the store at each start.

use crate::auth::{Access, control};
use crate::config::Config;
use crate::error::Result;
use crate::model::settings::{self, Layer};
use crate::store::Tx;

/// Makes the layers of settings that are not stored by administrators what they are now.
///
/// # Errors
/// When the database fails.
pub fn settle(tx: &mut Tx<'_>, config: &Config) -> Result<()> {
    for layer in Layer::ALL {
        let values = match layer.variables() {
            Some(prefix) => given(config, prefix),
            None if *layer == Layer::Configuration => configured(config),
            None => continue,
        };
        tx.set_setting_layer(*layer, &values)?;
    }
    control::settle(tx, access(config))
}

/// What the configuration says of access.
pub fn access(config: &Config) -> Access {
    if config.auth.enabled { Access::Controlled } else { Access::Open }
}

/// The settings of variables; none of them opens the server, which takes a line in its configuration.
fn given(config: &Config, prefix: &str) -> Vec<(String, String)> {
    let mut values = settings::from_variables(&config.cattle, prefix);
    values.retain(|(name, value)| {
        let opens = name == settings::SECURITY && (config.auth.enabled || value != "true");
        if opens {
            tracing::warn!(name, "a variable is passed over: `auth.enabled` says who must log in");
        }
        !opens
    });
    values
}

/// Options that are settings as well, where they are not as packaged.
fn configured(config: &Config) -> Vec<(String, String)> {
    let rows = [
        ("api.auth.jwt.token.expiry", (config.auth.token_lifetime_s * 1000).to_string()),
        ("api.host", config.server.url.clone()),
        ("audit_log.purge.after.seconds", config.keep.audit_s.to_string()),
        ("main_tables.purge.after.seconds", config.keep.removed_s.to_string()),
        ("process_instance.purge.after.seconds", config.keep.process_s.to_string()),
        ("service_log.purge.after.seconds", config.keep.service_log_s.to_string()),
    ];
    let differs = |name: &str, value: &str| {
        let packaged = settings::setting(name).and_then(|setting| setting.default);
        packaged.unwrap_or("") != value
    };
    rows.into_iter()
        .filter(|(name, value)| differs(name, value))
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, Entropy};
    use crate::store::Store;

    #[tokio::test]
    async fn what_is_said_at_the_start_counts_until_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let store =
            Store::open(&folder.path().join("db"), Clock::System, Entropy::seeded(1)).unwrap();
        let start = async |config: Config| store.write(move |tx| settle(tx, &config)).await;
        let layers = || store.read(|read| read.settings_given()).unwrap();
        let controlled = (settings::SECURITY.to_owned(), Layer::Configuration, "true".to_owned());
        start(Config::default()).await.unwrap();
        assert_eq!(layers(), std::slice::from_ref(&controlled), "all other defaults are the same");

        let mut config = Config::default();
        config.keep.audit_s = 60;
        config.cattle = vec![
            ("CATTLE_API_HOST".to_owned(), "http://e".to_owned()),
            ("CATTLE_API_SECURITY_ENABLED".to_owned(), "false".to_owned()),
            ("DEFAULT_CATTLE_TELEMETRY_OPT".to_owned(), "in".to_owned()),
        ];
        start(config).await.unwrap();
        let expect = [
            ("api.host", Layer::Environment, "http://e"),
            (settings::SECURITY, Layer::Configuration, "true"),
            ("audit_log.purge.after.seconds", Layer::Configuration, "60"),
            ("telemetry.opt", Layer::DefaultEnvironment, "in"),
        ];
        let expect: Vec<_> = expect
            .iter()
            .map(|(name, layer, value)| ((*name).to_owned(), *layer, (*value).to_owned()))
            .collect();
        assert_eq!(layers(), expect);
        let stored = |tx: &mut Tx<'_>| tx.set_setting(settings::SECURITY, Some("false"));
        store.write(stored).await.unwrap();
        start(Config::default()).await.unwrap();
        assert_eq!(layers(), [controlled], "what was stored while it was open opens nothing");
        let mut open = Config::default();
        open.auth.enabled = false;
        start(open).await.unwrap();
        assert_eq!(layers(), []);
    }
}
