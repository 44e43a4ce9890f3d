//! Whom a type, a field, a method or an action is open to, as `const` data.

/// Who may see or use something. Which roles are in an audience, and where a single role departs from
/// it, says `auth/policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Nobody: the value is internal or computed.
    Nobody,
    /// Only the built-in superadmin.
    Super,
    /// Internal services, too.
    Service,
    /// Site administrators and internal services.
    Admin,
    /// Whoever acts in an environment.
    Inside,
    /// Whoever acts as the own account, outside of environments.
    Outside,
    /// Whoever acts in an environment or outside of it.
    Everyone,
}

/// Who may use each method of a type.
#[derive(Clone, Copy, Debug)]
pub struct Methods {
    /// `GET` on the collection.
    pub list: Audience,
    /// `POST` on the collection.
    pub create: Audience,
    /// `GET` on a resource.
    pub get: Audience,
    /// `PUT` on a resource.
    pub update: Audience,
    /// `DELETE` on a resource.
    pub delete: Audience,
}

impl Methods {
    /// Nothing.
    pub const NONE: Self = Self {
        list: Audience::Nobody,
        create: Audience::Nobody,
        get: Audience::Nobody,
        update: Audience::Nobody,
        delete: Audience::Nobody,
    };
    /// Only the schema can be read: inputs and value types. Rancher offers `GET` for them all the same.
    pub const VALUE: Self = Self { get: Audience::Everyone, ..Self::NONE };
    /// The same for the inputs of what is done inside environments. Rancher offers `POST` for them.
    pub const INPUT: Self = Self { create: Audience::Inside, ..Self::VALUE };
    /// Listed and shown.
    pub const READ: Self = Self { list: Audience::Everyone, get: Audience::Everyone, ..Self::NONE };
    /// Everything.
    pub const CRUD: Self = Self {
        create: Audience::Everyone,
        update: Audience::Everyone,
        delete: Audience::Everyone,
        ..Self::READ
    };
    /// Listed and shown everywhere, changed inside environments.
    pub const INSIDE: Self = Self {
        create: Audience::Inside,
        update: Audience::Inside,
        delete: Audience::Inside,
        ..Self::READ
    };
    /// Listed and shown to administrators.
    pub const ADMIN_READ: Self = Self { list: Audience::Admin, get: Audience::Admin, ..Self::NONE };
    /// Everything, for the superadmin.
    pub const SUPER: Self = Self {
        list: Audience::Super,
        create: Audience::Super,
        get: Audience::Super,
        update: Audience::Super,
        delete: Audience::Super,
    };
}
