//! Lists of resources: conditions, order and paging turned into SQL.

use rusqlite::types::Value as Sql;

use super::Read;
use super::resource::{COLUMNS, from_row};
use crate::error::Result;
use crate::model::registry;
use crate::model::resource::Resource;

/// How a condition compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Equal; text in any letter case.
    Eq,
    /// Not equal and not null.
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Begins with.
    Prefix,
    /// Matches the SQL pattern.
    Like,
    /// Does not match the SQL pattern.
    NotLike,
    /// Is null; the value is ignored.
    Null,
    /// Is not null; the value is ignored.
    NotNull,
}

/// One condition on one field.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// API name of the field.
    pub field: String,
    /// Comparison.
    pub op: Op,
    /// Value: text, integer or null.
    pub value: serde_json::Value,
}

/// Direction of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Smallest first.
    #[default]
    Ascending,
    /// Greatest first.
    Descending,
}

/// The last row of the page before: a page goes on after it, whatever came and went in between.
#[derive(Clone, Debug, PartialEq)]
pub struct After {
    /// Its value of the field sorted by; null without one.
    pub value: serde_json::Value,
    /// Its id: a number, or text for rows that are not in the table.
    pub id: serde_json::Value,
}

/// Which rows, in which order.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Base type.
    pub ty: &'static str,
    /// Kinds to show; empty means all.
    pub kinds: Vec<&'static str>,
    /// Owner, unless rows of every owner are wanted.
    pub account_id: Option<i64>,
    /// Whether soft-removed rows are listed too.
    pub with_removed: bool,
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// Field to sort by; ties and none: id.
    pub sort: Option<String>,
    /// Direction.
    pub order: Order,
    /// The row to go on after.
    pub after: Option<After>,
    /// Rows to skip.
    pub offset: usize,
    /// Rows to return at most.
    pub limit: usize,
}

/// A field's place in a row: a column, or a value of the JSON.
fn place(field: &str, values: &mut Vec<Sql>) -> String {
    match field {
        "id" | "kind" | "name" | "uuid" | "state" | "created" | "removed" | "type" => {
            field.to_owned()
        }
        "accountId" => "account_id".to_owned(),
        other => {
            values.push(Sql::Text(format!("$.\"{}\"", other.replace('"', ""))));
            format!("json_extract(data, ?{})", values.len())
        }
    }
}

fn sql_value(value: &serde_json::Value) -> Sql {
    match value {
        serde_json::Value::Null => Sql::Null,
        serde_json::Value::Bool(flag) => Sql::Integer(i64::from(*flag)),
        serde_json::Value::Number(number) => {
            number.as_i64().map_or_else(|| Sql::Real(number.as_f64().unwrap_or(0.0)), Sql::Integer)
        }
        serde_json::Value::String(text) => Sql::Text(text.clone()),
        serde_json::Value::Array(_) | serde_json::Value::Object(_) => Sql::Text(value.to_string()),
    }
}

/// Whether rows that fulfil a condition are found through the reference table.
fn is_indexed(query: &Query, condition: &Condition) -> bool {
    let entry = registry::lookup(query.ty);
    condition.op == Op::Eq
        && entry.is_some_and(|entry| entry.indexed.contains(&condition.field.as_str()))
}

fn comparison(query: &Query, condition: &Condition, values: &mut Vec<Sql>) -> String {
    if is_indexed(query, condition) {
        values.push(Sql::Text(condition.field.clone()));
        let field = values.len();
        values.push(sql_value(&condition.value));
        let target = values.len();
        return format!(
            "id IN (SELECT id FROM reference
                    WHERE field = ?1 || '.' || ?{field} AND target = ?{target})"
        );
    }
    let place = place(&condition.field, values);
    let operator = match condition.op {
        Op::Null => return format!("{place} IS NULL"),
        Op::NotNull => return format!("{place} IS NOT NULL"),
        Op::Eq => "=",
        Op::Ne => "<>",
        Op::Lt => "<",
        Op::Lte => "<=",
        Op::Gt => ">",
        Op::Gte => ">=",
        Op::Prefix | Op::Like => "LIKE",
        Op::NotLike => "NOT LIKE",
    };
    let value = match (condition.op, &condition.value) {
        (Op::Prefix, serde_json::Value::String(text)) => {
            let literal = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            Sql::Text(format!("{literal}%"))
        }
        (_, value) => sql_value(value),
    };
    let text = matches!(value, Sql::Text(_));
    values.push(value);
    let number = values.len();
    let suffix = if condition.op == Op::Prefix {
        " ESCAPE '\\'"
    } else if text && matches!(condition.op, Op::Eq | Op::Ne) {
        " COLLATE NOCASE"
    } else {
        ""
    };
    format!("{place} {operator} ?{number}{suffix}")
}

/// The WHERE clause of a query and its values.
fn filter(query: &Query) -> (String, Vec<Sql>) {
    let mut values = vec![Sql::Text(query.ty.to_owned())];
    // Rows found by whom they refer to are looked up by id; an index by type would read every live row
    // of the type.
    let by_reference = query.conditions.iter().any(|condition| is_indexed(query, condition));
    let ty = if by_reference { "+type = ?1" } else { "type = ?1" };
    let mut clauses = vec![ty.to_owned()];
    if let Some(account_id) = query.account_id {
        values.push(Sql::Integer(account_id));
        clauses.push(format!("account_id = ?{}", values.len()));
    }
    if !query.with_removed {
        clauses.push("removed IS NULL".to_owned());
    }
    if !query.kinds.is_empty() {
        let places: Vec<String> = query
            .kinds
            .iter()
            .map(|kind| {
                values.push(Sql::Text((*kind).to_owned()));
                format!("?{}", values.len())
            })
            .collect();
        clauses.push(format!("kind IN ({})", places.join(", ")));
    }
    for condition in &query.conditions {
        clauses.push(comparison(query, condition, &mut values));
    }
    if let Some(after) = &query.after {
        clauses.push(going_on(query, after, &mut values));
    }
    (clauses.join(" AND "), values)
}

/// The field sorted by; ids need no other order.
fn sorted_by(query: &Query) -> Option<&str> {
    query.sort.as_deref().filter(|field| *field != "id")
}

/// What comes after a row in the order of [`Read::list`]: null is less than every value.
fn going_on(query: &Query, after: &After, values: &mut Vec<Sql>) -> String {
    let beyond = match query.order {
        Order::Ascending => ">",
        Order::Descending => "<",
    };
    values.push(sql_value(&after.id));
    let id = format!("id {beyond} ?{}", values.len());
    let Some(field) = sorted_by(query) else { return id };
    let place = place(field, values);
    match (query.order, sql_value(&after.value)) {
        (Order::Ascending, Sql::Null) => format!("({place} IS NOT NULL OR {id})"),
        (Order::Descending, Sql::Null) => format!("({place} IS NULL AND {id})"),
        (_, value) => {
            values.push(value);
            let value = format!("?{} COLLATE NOCASE", values.len());
            let nulls = match query.order {
                Order::Ascending => String::new(),
                Order::Descending => format!("{place} IS NULL OR "),
            };
            format!("({nulls}{place} {beyond} {value} OR ({place} = {value} AND {id}))")
        }
    }
}

impl Read<'_> {
    /// The rows that a query asks for.
    ///
    /// # Errors
    /// When the database fails.
    pub fn list(&self, query: &Query) -> Result<Vec<Resource>> {
        let (filter, mut values) = filter(query);
        let direction = match query.order {
            Order::Ascending => "ASC",
            Order::Descending => "DESC",
        };
        let order = match sorted_by(query) {
            Some(field) => {
                let place = place(field, &mut values);
                format!("{place} COLLATE NOCASE {direction}, id {direction}")
            }
            None => format!("id {direction}"),
        };
        values.push(Sql::Integer(i64::try_from(query.limit).unwrap_or(i64::MAX)));
        let limit = values.len();
        values.push(Sql::Integer(i64::try_from(query.offset).unwrap_or(i64::MAX)));
        let offset = values.len();
        let mut statement = self.table(Some(query.ty))?.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM resource WHERE {filter}
             ORDER BY {order} LIMIT ?{limit} OFFSET ?{offset}"
        ))?;
        let rows = statement.query_map(rusqlite::params_from_iter(values), from_row)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// How many rows a query would list without paging.
    ///
    /// # Errors
    /// When the database fails.
    pub fn count(&self, query: &Query) -> Result<i64> {
        let (filter, values) = filter(query);
        let mut statement = self
            .table(Some(query.ty))?
            .prepare_cached(&format!("SELECT COUNT(*) FROM resource WHERE {filter}"))?;
        Ok(statement.query_row(rusqlite::params_from_iter(values), |row| row.get(0))?)
    }
}
