//! Whether callers must prove who they are, by which provider, and who may log in.
//!
//! Access control is off only while the configuration says that it may be; then `localAuthConfig` (or the
//! setting) switches it on, for good: it stays on after a restart, whatever the configuration says. When
//! the configuration does not say so, nothing can switch it off.

use std::net::IpAddr;

use super::access;
use super::setup::{self, Phase};
use super::throttle::Attempt;
use super::tokens::PROVIDER;
use super::{Access, Auth, identities, keys};
use crate::error::{Error, Result};
use crate::model::id;
use crate::model::resource::Resource;
use crate::model::settings::{self, Layer, SECURITY};
use crate::process;
use crate::store::{Read, Tx};

/// What stands for no provider.
const NOBODY: &str = "none";
/// The setting that says who may log in.
const ACCESS_MODE: &str = "api.auth.local.access.mode";
/// The setting that lists identities who may log in whatever the mode.
const ALLOWED: &str = "api.auth.allowed.identities";
/// Who may log in: anybody with a login, members of environments, or those who are listed.
const MODES: &[&str] = &["unrestricted", "restricted", "required"];

/// What connections end with that were opened while access control was off.
pub(super) const OPEN_PROOF: &str = "open";

/// What `localAuthConfig` is given.
#[derive(Clone, Copy, Debug)]
pub struct LocalConfig<'a> {
    /// Login; nothing is made of it when it is blank.
    pub username: &'a str,
    /// Its password.
    pub password: &'a str,
    /// The account's new name, unless it is blank.
    pub name: &'a str,
    /// Who may log in.
    pub access_mode: &'a str,
    /// Whether access control is on; nothing said is off, and without a provider.
    pub enabled: Option<bool>,
}

/// A login that is to become the first administrator's.
struct NewLogin {
    login: String,
    phc: String,
    name: String,
}

impl Auth {
    /// Whether callers must prove who they are. When that cannot be found out, they must.
    pub fn is_controlled(&self) -> bool {
        match self.options.access {
            Access::Controlled => true,
            Access::Open => self.store.read(|read| read.setting_flag(SECURITY)).unwrap_or(true),
        }
    }

    /// `POST /localAuthConfig`: the login of an administrator, who may log in, and access control.
    ///
    /// # Errors
    /// 401 `IncorrectPassword` for a login that exists with another password, 400
    /// `UserCredentialCreation` when nobody could log in afterwards, 403 when the configuration does not let
    /// access control be off, and those of [`Auth::hash_password`].
    pub async fn configure_local(
        &self,
        config: LocalConfig<'_>,
        address: Option<IpAddr>,
    ) -> Result<()> {
        let mode = access_mode(config.access_mode)?;
        let on = config.enabled.unwrap_or(false);
        if !on && self.options.access == Access::Controlled {
            return Err(stays_on());
        }
        let new = self.new_login(config, address).await?;
        let provider = if config.enabled.is_some() { PROVIDER } else { NOBODY };
        self.store
            .write(move |tx| {
                if let Some(new) = &new {
                    replace_login(tx, new)?;
                }
                if on && setup::phase(tx)? == Phase::Needed {
                    return Err(nobody_could_log_in());
                }
                tx.set_setting(SECURITY, Some(if on { "true" } else { "false" }))?;
                tx.set_setting(settings::PROVIDER, Some(provider))?;
                tx.set_setting(ACCESS_MODE, Some(mode))
            })
            .await?;
        self.end(on.then(|| OPEN_PROOF.to_owned()));
        self.setup_phase();
        Ok(())
    }

    /// The login to make; none when it is there already with this password.
    async fn new_login(
        &self,
        config: LocalConfig<'_>,
        address: Option<IpAddr>,
    ) -> Result<Option<NewLogin>> {
        let login = config.username.trim();
        if login.is_empty() {
            return Ok(None);
        }
        keys::check_login(login)?;
        let attempt = Attempt { login, address };
        if self.store.read(|read| keys::usable(read, &[keys::PASSWORD], login))?.is_some() {
            return match self.by_password(attempt, config.password).await? {
                Some(_) => Ok(None),
                None => Err(Error::code("IncorrectPassword")
                    .message(format!("`{login}` exists and has another password"))),
            };
        }
        let phc = self.hash_password(config.password).await?;
        Ok(Some(NewLogin { login: login.to_owned(), phc, name: config.name.trim().to_owned() }))
    }
}

/// The new login takes the place of those the first administrator had.
fn replace_login(tx: &mut Tx<'_>, new: &NewLogin) -> Result<()> {
    let Some(admin) = access::first_admin(tx)? else {
        return Err(Error::internal("there is no administrator's account"));
    };
    for old in keys::passwords_of(tx, admin.id)? {
        process::retire(tx, old.id)?;
    }
    keys::insert_password(tx, admin.id, &new.login, new.phc.clone())?;
    if !new.name.is_empty() {
        tx.update(admin.id, |row| {
            row.name = Some(new.name.clone());
            Ok(())
        })?;
    }
    Ok(())
}

fn access_mode(text: &str) -> Result<&'static str> {
    let text = if text.trim().is_empty() { "unrestricted" } else { text.trim() };
    MODES.iter().find(|mode| **mode == text).copied().ok_or_else(|| {
        let modes = MODES.join(", ");
        Error::field("InvalidOption", "accessMode")
            .message(format!("the access mode is one of {modes}, not `{text}`"))
    })
}

fn stays_on() -> Error {
    Error::forbidden(
        "access control can only be off if `auth.enabled = false` is in the server's configuration",
    )
}

fn nobody_could_log_in() -> Error {
    Error::code("UserCredentialCreation")
        .message("no administrator has a login; give a username and a password")
}

/// Who may log in, as it is set.
///
/// # Errors
/// When the database fails.
pub fn mode_of(read: &Read<'_>) -> Result<&'static str> {
    let set = read.setting(ACCESS_MODE)?.unwrap_or_default();
    Ok(access_mode(&set).unwrap_or("required"))
}

/// The provider of logins; `None` when there is none.
///
/// # Errors
/// When the database fails.
pub fn provider(read: &Read<'_>) -> Result<Option<String>> {
    let set = read.setting(settings::PROVIDER)?;
    Ok(set.map(|set| set.trim().to_owned()).filter(|set| !set.is_empty() && set != NOBODY))
}

/// Notes that logins are local, once an administrator has one; for the start and the set-up.
///
/// # Errors
/// When the database fails.
pub fn note_provider(tx: &mut Tx<'_>) -> Result<()> {
    if tx.setting(settings::PROVIDER)?.is_none() && setup::phase(tx)? == Phase::Done {
        tx.set_setting(settings::PROVIDER, Some(PROVIDER))?;
    }
    Ok(())
}

/// Whether an account that has proved itself may log in. Administrators may, or nobody could change it.
///
/// # Errors
/// 403 `AuthError`.
pub(super) fn check_mode(read: &Read<'_>, account: &Resource) -> Result<()> {
    let mode = mode_of(read)?;
    let own = format!("{}:{}", identities::LOCAL, id::format("a", account.id));
    let listed = || -> Result<bool> {
        let allowed = read.setting_list(ALLOWED)?;
        Ok(allowed.iter().any(|one| *one == own || one.strip_prefix("1i!") == Some(own.as_str())))
    };
    let may = account.kind == "admin"
        || mode == "unrestricted"
        || listed()?
        || (mode == "restricted" && !access::projects_of(read, account.id)?.is_empty());
    if may {
        return Ok(());
    }
    Err(Error::code("AuthError").message("you may not log in here: ask an administrator"))
}

/// Asked before a setting is stored or (`None`) its stored value taken away.
///
/// # Errors
/// 403 or 400 for what would open the server or lock everybody out, 422 for a provider there is not.
pub fn check_setting(read: &Read<'_>, name: &str, value: Option<&str>) -> Result<()> {
    let value = value.unwrap_or_default().trim();
    if name == SECURITY {
        let layers = read.setting_layers(SECURITY)?;
        let fixed = layers.iter().any(|given| given.0 == Layer::Configuration);
        return match value {
            "true" if setup::phase(read)? == Phase::Needed => Err(nobody_could_log_in()),
            "false" if fixed => Err(stays_on()),
            _ => Ok(()),
        };
    }
    let known = ["", NOBODY, PROVIDER].contains(&value);
    if name == settings::PROVIDER && !known {
        return Err(Error::field("InvalidOption", "value")
            .message(format!("logins are checked by {PROVIDER} or nobody, not by `{value}`")));
    }
    Ok(())
}

/// What the configuration says of access, told to the store at each start: whoever reads the setting sees
/// what is true, and a stored value of another time opens nothing.
///
/// # Errors
/// When the database fails.
pub fn settle(tx: &mut Tx<'_>, access: Access) -> Result<()> {
    match access {
        Access::Controlled => {
            tx.set_setting(SECURITY, None)?;
            tx.set_setting_in(Layer::Configuration, SECURITY, Some("true"))?;
        }
        Access::Open => tx.set_setting_in(Layer::Configuration, SECURITY, None)?,
    }
    note_provider(tx)
}

#[cfg(test)]
mod tests;
