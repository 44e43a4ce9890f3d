//! The first administrator: nobody can become one without the set-up code that only the operator sees.
//!
//! While no administrator has a login, the server has a one-time code, new at each start. It is shown in
//! the log once and written to a file that only the operator can read. Whoever brings it makes the login of
//! the first administrator; then the code is forgotten and the file deleted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use super::access::{self, Proved};
use super::caller::AuthType;
use super::throttle::Attempt;
use super::tokens::Login;
use super::{Auth, control, keys, local, secret};
use crate::clock::Entropy;
use crate::error::{Error, Result};
use crate::store::Read;

/// Name of the code's file in the data directory.
pub const FILE: &str = "setup-code";
/// The shortest password an administrator may choose, in characters.
pub const SHORTEST_PASSWORD: usize = 8;
/// The name under which wrong codes are counted; no login can be called so.
const THROTTLED: &str = "set-up:";

/// Whether there is an administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// No administrator has a login: the code makes one.
    Needed,
    /// One has.
    Done,
}

/// The code, and who waits for it to be used.
#[derive(Debug)]
pub(super) struct Setup {
    /// Hash of the code, while there is one.
    code: Mutex<Option<String>>,
    phase: watch::Sender<Phase>,
}

impl Setup {
    pub(super) fn new(phase: Phase) -> Self {
        Self { code: Mutex::new(None), phase: watch::channel(phase).0 }
    }
}

/// Whether an administrator has a login, active or not: one that was locked out is not replaced by whoever
/// comes first.
///
/// # Errors
/// When the database fails.
pub fn phase(read: &Read<'_>) -> Result<Phase> {
    let mut found = Phase::Needed;
    read.for_each("credential", |credential| {
        let owner = credential.account_id.filter(|_| credential.kind == keys::PASSWORD);
        if let Some(owner) = owner
            && read.get(owner)?.is_some_and(|account| account.kind == "admin")
        {
            found = Phase::Done;
        }
        Ok(())
    })?;
    Ok(found)
}

/// Where to listen: the wanted port on loopback until there is an administrator.
pub fn listen_address(wanted: SocketAddr, phase: Phase) -> SocketAddr {
    if phase == Phase::Done || wanted.ip().is_loopback() {
        return wanted;
    }
    let loopback = match wanted.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    SocketAddr::new(loopback, wanted.port())
}

/// A code that can be read out and typed: four groups of four hexadecimal digits, 64 bits.
fn new_code(entropy: &Entropy) -> String {
    let digits = entropy.hex_upper(16);
    let groups: Vec<String> = digits
        .as_bytes()
        .chunks(4)
        .map(|group| String::from_utf8_lossy(group).into_owned())
        .collect();
    groups.join("-")
}

/// A code without the ways people type it differently.
fn canonical(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase()
}

/// Who the first administrator wants to be.
#[derive(Clone, Copy)]
pub struct Claim<'a> {
    /// The set-up code.
    pub code: &'a str,
    /// The login to make.
    pub username: &'a str,
    /// Its password.
    pub password: &'a str,
    /// The account's name; the login if empty.
    pub name: &'a str,
}

impl Auth {
    /// Whether there is an administrator. One whose login was made in another way (through the API with
    /// the local operator's key, say) ends the set-up as well.
    pub fn setup_phase(&self) -> Phase {
        let known = *self.setup.phase.borrow();
        if known == Phase::Done {
            return known;
        }
        match self.store.read(phase) {
            Ok(Phase::Done) => self.finish_setup(),
            Ok(Phase::Needed) => {}
            Err(error) => tracing::warn!(%error, "cannot tell whether there is an administrator"),
        }
        *self.setup.phase.borrow()
    }

    /// Forgets the code and lets the server listen to others.
    fn finish_setup(&self) {
        self.remember_code(None);
        self.setup.phase.send_replace(Phase::Done);
        if let Err(error) = local::delete(&self.setup_file()) {
            tracing::warn!(%error, "the set-up code's file could not be deleted");
        }
    }

    /// Waits until there is an administrator.
    pub async fn setup_done(&self) {
        let mut phase = self.setup.phase.subscribe();
        // The sender lives as long as `self`.
        let _ = phase.wait_for(|phase| *phase == Phase::Done).await;
    }

    fn setup_file(&self) -> PathBuf {
        self.options.data_dir.join(FILE)
    }

    /// At the start of the server: makes a code if one is needed, writes its file, and returns it to be
    /// shown once. Without need it deletes what a crash may have left.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn prepare_setup(&self) -> Result<Option<String>> {
        let file = self.setup_file();
        if self.setup_phase() == Phase::Done || !self.is_controlled() {
            return local::delete(&file).map(|()| None);
        }
        let code = new_code(&self.entropy);
        local::write_private(&file, format!("{code}\n").as_bytes())?;
        self.remember_code(Some(&code));
        Ok(Some(code))
    }

    fn remember_code(&self, code: Option<&str>) {
        let hash = code.map(|code| secret::sha256_hex(&canonical(code)));
        *self.setup.code.lock().unwrap_or_else(PoisonError::into_inner) = hash;
    }

    fn is_code(&self, code: &str) -> bool {
        let stored = self.setup.code.lock().unwrap_or_else(PoisonError::into_inner);
        let given = secret::sha256_hex(&canonical(code));
        stored.as_deref().is_some_and(|stored| secret::same(&given, stored))
    }

    /// Uses the code: gives the first administrator a login and logs in.
    ///
    /// # Errors
    /// 405 when there is an administrator already, 401 for a wrong code, 429 after too many, 400 or 422 for
    /// a login or password that will not do.
    pub async fn claim(&self, claim: Claim<'_>, address: Option<IpAddr>) -> Result<Login> {
        if self.setup_phase() == Phase::Done {
            return Err(already_done());
        }
        let attempt = Attempt { login: THROTTLED, address };
        self.throttle.check(attempt, self.clock.now_ms())?;
        if !self.is_code(claim.code) {
            self.throttle.failed(attempt, self.clock.now_ms());
            return Err(Error::status(401).message("this is not the set-up code; the server's log and the file `setup-code` in its data directory show it"));
        }
        keys::check_login(claim.username)?;
        secret::check_password(claim.password)?;
        if claim.password.chars().count() < SHORTEST_PASSWORD {
            return Err(Error::field("MinLengthExceeded", "password")
                .message(format!("the password needs at least {SHORTEST_PASSWORD} characters")));
        }
        let phc = self.hash_password(claim.password).await?;
        let login = claim.username.to_owned();
        let name = match claim.name.trim() {
            "" => login.clone(),
            name => name.to_owned(),
        };
        let account = self
            .store
            .write(move |tx| {
                // Two may bring the code at once; the writer lets one through.
                if phase(tx)? == Phase::Done {
                    return Err(already_done());
                }
                let Some(admin) = access::first_admin(tx)? else {
                    return Err(Error::internal("there is no administrator's account"));
                };
                keys::insert_password(tx, admin.id, &login, phc)?;
                control::note_provider(tx)?;
                tx.update(admin.id, |row| {
                    row.name = Some(name);
                    Ok(())
                })
            })
            .await?;
        self.finish_setup();
        let proved =
            Proved { account, auth_type: AuthType::Token, session: None, expires: i64::MAX };
        self.open_session(proved, claim.username, address).await
    }
}

fn already_done() -> Error {
    Error::status(405).message("the set-up is done; log in instead")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::request::Authenticator;
    use crate::auth::testing::{World, bearer};
    use std::os::unix::fs::PermissionsExt;

    fn claim<'a>(code: &'a str, password: &'a str) -> Claim<'a> {
        Claim { code, username: "root", password, name: "" }
    }

    #[tokio::test]
    async fn the_code_makes_one_administrator_and_is_gone() {
        let world = World::seeded().await;
        let auth = world.auth();
        assert_eq!(auth.setup_phase(), Phase::Needed);
        let error = auth.login("root:long enough", None).await.unwrap_err();
        assert_eq!((error.status, error.code), (500, "NoAuthProvider"));

        let code = auth.prepare_setup().unwrap().unwrap();
        let file = world.folder.path().join(FILE);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), format!("{code}\n"));
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

        let typed = code.to_lowercase().replace('-', " ");
        let login = auth.claim(claim(&typed, "long enough"), None).await.unwrap();
        assert!(!file.exists());
        let caller = auth.authenticate(&bearer(&login.key)).await.unwrap();
        assert_eq!((caller.user_id, caller.user_name.as_deref()), (1, Some("root")));
        auth.setup_done().await;
        let error = auth.claim(claim(&code, "long enough"), None).await.unwrap_err();
        assert_eq!(error.status, 405);
        auth.login("root:long enough", None).await.unwrap();

        let again = world.auth();
        assert_eq!((again.setup_phase(), again.prepare_setup()), (Phase::Done, Ok(None)));
    }

    #[tokio::test]
    async fn wrong_codes_and_poor_logins_are_refused_and_codes_cannot_be_guessed() {
        let world = World::seeded().await;
        let auth = world.auth();
        let error = auth.claim(claim("", "long enough"), None).await.unwrap_err();
        assert_eq!(error.status, 401, "no code was made yet");
        let code = auth.prepare_setup().unwrap().unwrap();
        for (username, password, status) in [
            ("", "long enough", 400),
            ("a:b", "long enough", 422),
            ("root", "", 400),
            ("root", "short", 422),
        ] {
            let claim = Claim { code: &code, username, password, name: "" };
            assert_eq!(auth.claim(claim, None).await.unwrap_err().status, status, "{username}");
        }
        for expect in [401, 401, 429] {
            let error = auth.claim(claim("AAAA", "long enough"), None).await.unwrap_err();
            assert_eq!(error.status, expect);
        }
        let error = auth.claim(claim(&code, "long enough"), None).await.unwrap_err();
        assert_eq!(error.status, 429, "the right code has to wait as well");
        world.hands.advance(1000);
        auth.claim(claim(&code, "long enough"), None).await.unwrap();
    }

    #[tokio::test]
    async fn a_login_made_otherwise_ends_the_set_up_too() {
        let world = World::seeded().await;
        let auth = world.auth();
        let code = auth.prepare_setup().unwrap().unwrap();
        world.user(&auth, "user", "bob").await;
        assert_eq!(auth.setup_phase(), Phase::Needed, "bob is no administrator");
        let watcher = tokio::spawn(std::sync::Arc::clone(&auth).watch());
        tokio::task::yield_now().await;
        world.user(&auth, "admin", "ann").await;
        auth.setup_done().await;
        assert!(!world.folder.path().join(FILE).exists());
        let error = auth.claim(claim(&code, "long enough"), None).await.unwrap_err();
        assert_eq!(error.status, 405);
        watcher.abort();
    }

    #[test]
    fn only_loopback_is_served_before_the_set_up() {
        for (wanted, before) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("192.168.1.2:80", "127.0.0.1:80"),
            ("[::]:8080", "[::1]:8080"),
            ("127.0.0.5:1", "127.0.0.5:1"),
        ] {
            let wanted: SocketAddr = wanted.parse().unwrap();
            assert_eq!(listen_address(wanted, Phase::Needed).to_string(), before);
            assert_eq!(listen_address(wanted, Phase::Done), wanted);
        }
    }
}
