//! The result of authentication: an account, the environment it acts in, and its role there.

/// What a caller is to the policy. The words are Rancher's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The built-in root.
    Superadmin,
    /// Site administrator outside an environment.
    Admin,
    /// Internal service.
    Service,
    /// Administrator who only reads.
    ReadAdmin,
    /// Any login outside an environment.
    User,
    /// Owner of the environment acted in; an administrator acting in any environment.
    Owner,
    /// Member of the environment acted in.
    Member,
    /// Member without a say over infrastructure.
    Restricted,
    /// Reader of the environment acted in.
    ReadOnly,
    /// The environment itself, by its own API key.
    Project,
    /// A container acting for its environment (`io.rancher.container.agent.role=environment`).
    Environment,
    /// A container administering its environment (`environmentAdmin`).
    ProjectAdmin,
    /// A host's agent.
    Agent,
    /// An agent that may make agents.
    AgentRegister,
    /// A host that registers with a registration token.
    Register,
    /// Nobody in particular: may log in and little else.
    Token,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 16] = [
        Self::Superadmin,
        Self::Admin,
        Self::Service,
        Self::ReadAdmin,
        Self::User,
        Self::Owner,
        Self::Member,
        Self::Restricted,
        Self::ReadOnly,
        Self::Project,
        Self::Environment,
        Self::ProjectAdmin,
        Self::Agent,
        Self::AgentRegister,
        Self::Register,
        Self::Token,
    ];

    /// The word in the API and in golden files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Superadmin => "superadmin",
            Self::Admin => "admin",
            Self::Service => "service",
            Self::ReadAdmin => "readAdmin",
            Self::User => "user",
            Self::Owner => "owner",
            Self::Member => "member",
            Self::Restricted => "restricted",
            Self::ReadOnly => "readonly",
            Self::Project => "project",
            Self::Environment => "environment",
            Self::ProjectAdmin => "projectadmin",
            Self::Agent => "agent",
            Self::AgentRegister => "agentRegister",
            Self::Register => "register",
            Self::Token => "token",
        }
    }
}

/// How a caller proved who it is; the words are those of the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthType {
    /// API key or user name and password over HTTP basic.
    Basic,
    /// A login session's token.
    Token,
    /// A token that hosts register with.
    RegistrationToken,
    /// Nothing was proved: the built-in account that can only log in.
    TokenAccount,
    /// Access control is off.
    Admin,
}

impl AuthType {
    /// The word in the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "BasicAuth",
            Self::Token => "TokenAuth",
            Self::RegistrationToken => "RegistrationToken",
            Self::TokenAccount => "TokenAccount",
            Self::Admin => "AdminAuth",
        }
    }
}

/// An authenticated caller.
#[derive(Clone, Debug, PartialEq)]
pub struct Caller {
    /// Acting account: the environment acted in, else the own account.
    pub account_id: i64,
    /// The account that proved itself.
    pub user_id: i64,
    /// Its kind (`admin`, `user`, `project`, ...).
    pub user_kind: String,
    /// Its name.
    pub user_name: Option<String>,
    /// What the policy goes by.
    pub role: Role,
    /// How it proved itself.
    pub auth_type: AuthType,
    /// Whether rows of every account are open to it by id and link, and (outside an environment) listed.
    pub all_accounts: bool,
    /// Hash of the session's key, when it logged in; ends with the session.
    pub session: Option<String>,
}

impl Caller {
    /// What people know the caller by: its name, else what kind of account it is.
    pub fn known_as(&self) -> String {
        self.user_name.clone().unwrap_or_else(|| self.user_kind.clone())
    }

    /// Whether the caller acts in an environment rather than as its own account.
    pub fn in_project(&self) -> bool {
        self.account_id != self.user_id || self.user_kind == "project"
    }
}
