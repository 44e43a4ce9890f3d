//! What a resource type is: names, fields, links and actions, as `const` data.
//!
//! Everything here can be built in a `const`, so that a type is a table and not code. The shapes follow
//! the schema objects of the Rancher 1.6 API (`resourceFields`, `collectionMethods`, ...).

use super::audience::{Audience, Methods};
use super::lifecycle::Lifecycle;

pub use super::kind::{Default, Kind};

/// One field of a type.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Name as in the API's JSON.
    pub name: &'static str,
    /// Shape of the value.
    pub kind: Kind,
    /// Whether `null` is accepted.
    pub nullable: bool,
    /// Whether a create must give it.
    pub required: bool,
    /// Whether no two live rows of an environment may share it.
    pub unique: bool,
    /// Value used by a create that gives none.
    pub default: Default,
    /// Accepted values of an [`Kind::Enum`]; empty means any.
    pub options: &'static [&'static str],
    /// Least accepted number.
    pub min: Option<i64>,
    /// Greatest accepted number.
    pub max: Option<i64>,
    /// Least accepted length in characters.
    pub min_length: Option<i64>,
    /// Greatest accepted length in characters. A field that has one is a column, as Rancher kept it:
    /// see [`Field::is_column`].
    pub max_length: Option<i64>,
    /// Characters (as in a regular expression's class) that the whole value must be made of.
    pub valid_chars: Option<&'static str>,
    /// Who is shown the value.
    pub read: Audience,
    /// Who may give it on create.
    pub create: Audience,
    /// Who may change it.
    pub update: Audience,
    /// Shown only in the answer to the create (a secret).
    pub read_on_create_only: bool,
    /// Later reads show the shape of the value, with `null` in place of what is in it.
    pub blanked: bool,
    /// Accepted but never shown.
    pub input_only: bool,
    /// A change of it starts the type's `update` process (`scheduleUpdate`).
    pub schedules: bool,
    /// Kept in the store's reference index, so that rows can be found by it. References always are.
    pub indexed: bool,
}

impl Field {
    /// The limits it has, by the names they have in schemas.
    pub fn limits(&self) -> impl Iterator<Item = (&'static str, i64)> {
        let limits = [
            ("min", self.min),
            ("max", self.max),
            ("minLength", self.min_length),
            ("maxLength", self.max_length),
        ];
        limits.into_iter().filter_map(|(name, limit)| Some((name, limit?)))
    }

    /// A field that everyone may read, and nobody may write.
    pub const fn new(name: &'static str, kind: Kind) -> Self {
        let indexed = matches!(kind, Kind::Reference(_));
        Self {
            name,
            kind,
            nullable: false,
            required: false,
            unique: false,
            default: Default::None,
            options: &[],
            min: None,
            max: None,
            min_length: None,
            max_length: None,
            valid_chars: None,
            read: Audience::Everyone,
            create: Audience::Nobody,
            update: Audience::Nobody,
            read_on_create_only: false,
            blanked: false,
            input_only: false,
            schedules: false,
            indexed,
        }
    }

    /// Accepts `null`.
    pub const fn null(mut self) -> Self {
        self.nullable = true;
        self
    }

    /// Must be given on create.
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Must be unique among the live rows of its environment.
    pub const fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    /// May be given on create.
    pub const fn c(self) -> Self {
        self.c_by(Audience::Everyone)
    }

    /// May be given on create and changed later.
    pub const fn cu(self) -> Self {
        self.c_by(Audience::Everyone).u_by(Audience::Everyone)
    }

    /// May be changed.
    pub const fn u(self) -> Self {
        self.u_by(Audience::Everyone)
    }

    /// May be given on create by this audience.
    pub const fn c_by(mut self, who: Audience) -> Self {
        self.create = who;
        self
    }

    /// May be changed by this audience.
    pub const fn u_by(mut self, who: Audience) -> Self {
        self.update = who;
        self
    }

    /// Shown to this audience only.
    pub const fn r_by(mut self, who: Audience) -> Self {
        self.read = who;
        self
    }

    /// Text used when a create gives none.
    pub const fn or_str(mut self, value: &'static str) -> Self {
        self.default = Default::Str(value);
        self
    }

    /// Integer used when a create gives none.
    pub const fn or_int(mut self, value: i64) -> Self {
        self.default = Default::Int(value);
        self
    }

    /// Boolean used when a create gives none.
    pub const fn or_bool(mut self, value: bool) -> Self {
        self.default = Default::Bool(value);
        self
    }

    /// Accepts only these values.
    pub const fn options(mut self, options: &'static [&'static str]) -> Self {
        self.options = options;
        self
    }

    /// Least accepted number.
    pub const fn min(mut self, value: i64) -> Self {
        self.min = Some(value);
        self
    }

    /// Greatest accepted number.
    pub const fn max(mut self, value: i64) -> Self {
        self.max = Some(value);
        self
    }

    /// Least accepted length.
    pub const fn min_len(mut self, value: i64) -> Self {
        self.min_length = Some(value);
        self
    }

    /// Greatest accepted length.
    pub const fn max_len(mut self, value: i64) -> Self {
        self.max_length = Some(value);
        self
    }

    /// Characters the whole value must be made of.
    pub const fn chars(mut self, class: &'static str) -> Self {
        self.valid_chars = Some(class);
        self
    }

    /// Shown only in the answer to the create.
    pub const fn once(mut self) -> Self {
        self.read_on_create_only = true;
        self
    }

    /// Shown whole only in the answer to the create, and later as a shape without values.
    pub const fn blanked(self) -> Self {
        let mut field = self.once();
        field.blanked = true;
        field
    }

    /// Accepted but never shown.
    pub const fn input_only(mut self) -> Self {
        self.input_only = true;
        self
    }

    /// A change of it starts the `update` process.
    pub const fn schedules(mut self) -> Self {
        self.schedules = true;
        self
    }

    /// Rows can be found by it through the reference index.
    pub const fn indexed(mut self) -> Self {
        self.indexed = true;
        self
    }

    /// Whether lists can be filtered and sorted by it: what Rancher kept in a column of its own rather
    /// than inside a row's JSON. Columns are what has a greatest length, whatever the kind of value.
    pub const fn is_column(&self) -> bool {
        self.max_length.is_some() && !matches!(self.kind, Kind::Map(_))
    }
}

/// How a link of a resource finds its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// `name`: the one resource that `field` refers to.
    Ref {
        /// Link name.
        name: &'static str,
        /// Reference field of this type.
        field: &'static str,
        /// Type linked to.
        to: &'static str,
    },
    /// `name`: the rows of type `of` whose `field` refers to this resource.
    Child {
        /// Link name.
        name: &'static str,
        /// Type linked to.
        of: &'static str,
        /// Its reference field.
        field: &'static str,
    },
    /// `name`: the rows of type `to` that live rows of `through` join to this resource.
    Map {
        /// Link name.
        name: &'static str,
        /// The joining type.
        through: &'static str,
        /// Its field that refers here.
        here: &'static str,
        /// Its field that refers there.
        there: &'static str,
        /// Type linked to.
        to: &'static str,
    },
    /// `name`: the rows of type `to` that `field` of this resource refers to: one or a list of ids.
    Many {
        /// Link name.
        name: &'static str,
        /// Reference field of this type, or list of references.
        field: &'static str,
        /// Type linked to.
        to: &'static str,
    },
    /// `name`: answered by a handler of its own.
    Computed {
        /// Link name.
        name: &'static str,
    },
}

impl Link {
    /// The link's name as in `links`.
    pub const fn name(&self) -> &'static str {
        match self {
            Link::Ref { name, .. }
            | Link::Child { name, .. }
            | Link::Map { name, .. }
            | Link::Many { name, .. }
            | Link::Computed { name } => name,
        }
    }

    /// The type linked to, where rows of one type are.
    pub const fn to(&self) -> &'static str {
        match self {
            Link::Ref { to, .. }
            | Link::Child { of: to, .. }
            | Link::Map { to, .. }
            | Link::Many { to, .. } => to,
            Link::Computed { .. } => "",
        }
    }
}

/// An action on a resource: a transition of its lifecycle, or a handler's.
#[derive(Clone, Copy, Debug)]
pub struct Action {
    /// Name as in `actions`.
    pub name: &'static str,
    /// Type of the body, if it takes one.
    pub input: Option<&'static str>,
    /// Type of the answer.
    pub output: Option<&'static str>,
    /// States it is offered in; empty means the lifecycle's, or any if it has no such transition.
    pub states: &'static [&'static str],
    /// Who is offered it.
    pub by: Audience,
}

impl Action {
    /// An action without body whose answer is of type `output`, offered to members.
    pub const fn new(name: &'static str, output: &'static str) -> Self {
        Self { name, input: None, output: Some(output), states: &[], by: Audience::Everyone }
    }

    /// Takes a body of this type.
    pub const fn input(mut self, input: &'static str) -> Self {
        self.input = Some(input);
        self
    }

    /// Answers without a typed body.
    pub const fn no_output(mut self) -> Self {
        self.output = None;
        self
    }

    /// Offered only in these states.
    pub const fn states(mut self, states: &'static [&'static str]) -> Self {
        self.states = states;
        self
    }

    /// Offered to this audience only.
    pub const fn by(mut self, who: Audience) -> Self {
        self.by = who;
        self
    }
}

/// Where the rows of a type are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// No rows: an input, an output or a value inside another type.
    Value,
    /// The resource table.
    Resource,
    /// Served by the source of this name (process table, audit log, registries, settings, ...).
    Computed(&'static str),
}

/// Which caller a row of the resource table belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// To the environment (or account) in `accountId`.
    Account,
    /// To the whole installation.
    Global,
}

/// A resource type.
#[derive(Clone, Copy, Debug)]
pub struct Type {
    /// Name, singular.
    pub name: &'static str,
    /// Name of the collection.
    pub plural: &'static str,
    /// The type it specialises (`container` is an `instance`), whose rows it shares.
    pub parent: Option<&'static str>,
    /// Where its rows are.
    pub source: Source,
    /// Who owns its rows.
    pub scope: Scope,
    /// Its states, if it has any.
    pub lifecycle: Option<&'static Lifecycle>,
    /// Field groups, in schema order: shared ones and its own.
    pub fields: &'static [&'static [Field]],
    /// Links besides `self`.
    pub links: &'static [Link],
    /// Actions offered, transitions of the lifecycle among them.
    pub actions: &'static [Action],
    /// Who may use each method.
    pub methods: Methods,
    /// Who is served the schema.
    pub audience: Audience,
    /// Id prefix, when it is not derived from the name.
    pub prefix: Option<&'static str>,
}

impl Type {
    /// A value type: only a schema.
    pub const fn value(
        name: &'static str,
        plural: &'static str,
        fields: &'static [&'static [Field]],
    ) -> Self {
        Self {
            name,
            plural,
            parent: None,
            source: Source::Value,
            scope: Scope::Account,
            lifecycle: None,
            fields,
            links: &[],
            actions: &[],
            methods: Methods::VALUE,
            audience: Audience::Everyone,
            prefix: None,
        }
    }

    /// A type with rows in the resource table.
    pub const fn resource(
        name: &'static str,
        plural: &'static str,
        lifecycle: &'static Lifecycle,
        fields: &'static [&'static [Field]],
    ) -> Self {
        Self {
            source: Source::Resource,
            lifecycle: Some(lifecycle),
            methods: Methods::CRUD,
            ..Self::value(name, plural, fields)
        }
    }

    /// A type with rows in the resource table that have no states: records of what happened.
    pub const fn record(
        name: &'static str,
        plural: &'static str,
        fields: &'static [&'static [Field]],
    ) -> Self {
        Self {
            source: Source::Resource,
            methods: Methods::READ,
            ..Self::value(name, plural, fields)
        }
    }

    /// A type whose rows a named source computes.
    pub const fn computed(
        name: &'static str,
        plural: &'static str,
        source: &'static str,
        fields: &'static [&'static [Field]],
    ) -> Self {
        Self {
            source: Source::Computed(source),
            methods: Methods::READ,
            ..Self::value(name, plural, fields)
        }
    }

    /// Specialises `parent`, whose rows it shares.
    pub const fn child_of(mut self, parent: &'static str) -> Self {
        self.parent = Some(parent);
        self
    }

    /// Shows states of this lifecycle, although its rows are not in the resource table.
    pub const fn states_of(mut self, lifecycle: &'static Lifecycle) -> Self {
        self.lifecycle = Some(lifecycle);
        self
    }

    /// Belongs to the whole installation.
    pub const fn global(mut self) -> Self {
        self.scope = Scope::Global;
        self
    }

    /// Sets the links.
    pub const fn links(mut self, links: &'static [Link]) -> Self {
        self.links = links;
        self
    }

    /// Sets the actions.
    pub const fn actions(mut self, actions: &'static [Action]) -> Self {
        self.actions = actions;
        self
    }

    /// Sets who may use each method.
    pub const fn methods(mut self, methods: Methods) -> Self {
        self.methods = methods;
        self
    }

    /// Serves the schema to this audience only.
    pub const fn for_audience(mut self, audience: Audience) -> Self {
        self.audience = audience;
        self
    }

    /// Sets the id prefix.
    pub const fn prefix(mut self, prefix: &'static str) -> Self {
        self.prefix = Some(prefix);
        self
    }

    /// Every field, in schema order.
    pub fn all_fields(&self) -> impl Iterator<Item = &'static Field> + use<> {
        self.fields.iter().flat_map(|group| group.iter())
    }
}
