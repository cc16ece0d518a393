//! How our values stand in columns that both engines share: instants as UTC timestamps, days and words as text.
//! The only place that knows a column's shape; nothing here decides anything.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, data_types::PgTimestamp};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{Text, Timestamp as SqlTimestamp};
use diesel::sqlite::Sqlite;

use super::MultiBackend;

/// An instant, stored in UTC to the microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, AsExpression, FromSqlRow, serde::Serialize)]
#[diesel(sql_type = SqlTimestamp)]
pub struct Stamp(pub jiff::Timestamp);

/// Microseconds between 1970 and 2000, PostgreSQL's epoch.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

impl ToSql<SqlTimestamp, Sqlite> for Stamp {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string());
        Ok(IsNull::No)
    }
}

impl FromSql<SqlTimestamp, Sqlite> for Stamp {
    fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let text = <String as FromSql<Text, Sqlite>>::from_sql(value)?;
        let civil: jiff::civil::DateTime = text.parse()?;
        Ok(Stamp(civil.to_zoned(jiff::tz::TimeZone::UTC)?.timestamp()))
    }
}

impl ToSql<SqlTimestamp, Pg> for Stamp {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let value = PgTimestamp(self.0.as_microsecond() - POSTGRES_EPOCH);
        ToSql::<SqlTimestamp, Pg>::to_sql(&value, &mut out.reborrow())
    }
}

impl FromSql<SqlTimestamp, Pg> for Stamp {
    fn from_sql(value: <Pg as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let PgTimestamp(micros) = <PgTimestamp as FromSql<SqlTimestamp, Pg>>::from_sql(value)?;
        Ok(Stamp(jiff::Timestamp::from_microsecond(micros + POSTGRES_EPOCH)?))
    }
}

impl ToSql<SqlTimestamp, MultiBackend> for Stamp {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
        out.set_value((SqlTimestamp, self));
        Ok(IsNull::No)
    }
}

impl FromSql<SqlTimestamp, MultiBackend> for Stamp {
    fn from_sql(value: <MultiBackend as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        value.from_sql::<Self, SqlTimestamp>()
    }
}

/// A calendar day without a zone (birth, contract, order), stored as ISO text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, AsExpression, FromSqlRow, serde::Serialize)]
#[diesel(sql_type = Text)]
pub struct Day(pub jiff::civil::Date);

impl<DB> FromSql<Text, DB> for Day
where
    DB: Backend,
    String: FromSql<Text, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Day(String::from_sql(value)?.parse()?))
    }
}

impl ToSql<Text, Sqlite> for Day {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.to_string());
        Ok(IsNull::No)
    }
}

impl ToSql<Text, Pg> for Day {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        std::io::Write::write_all(out, self.0.to_string().as_bytes())?;
        Ok(IsNull::No)
    }
}

impl ToSql<Text, MultiBackend> for Day {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
        out.set_value((Text, self));
        Ok(IsNull::No)
    }
}

/// Stores a `words!` enum of the domain as its word.
macro_rules! word_columns {
    ($($word:ty),+ $(,)?) => {$(
        impl<DB> FromSql<Text, DB> for $word
        where
            DB: Backend,
            String: FromSql<Text, DB>,
        {
            fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
                let word = String::from_sql(value)?;
                <$word>::from_word(&word).ok_or_else(|| format!("« {word} » n’est pas un mot connu").into())
            }
        }

        impl<DB> ToSql<Text, DB> for $word
        where
            DB: Backend,
            str: ToSql<Text, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                <str as ToSql<Text, DB>>::to_sql(self.as_str(), out)
            }
        }

        impl<DB> diesel::deserialize::Queryable<Text, DB> for $word
        where
            DB: Backend,
            $word: FromSql<Text, DB>,
        {
            type Row = Self;
            fn build(row: Self) -> deserialize::Result<Self> {
                Ok(row)
            }
        }

        impl AsExpression<Text> for $word {
            type Expression = diesel::internal::derives::as_expression::Bound<Text, $word>;
            fn as_expression(self) -> Self::Expression {
                diesel::internal::derives::as_expression::Bound::new(self)
            }
        }

        impl<'a> AsExpression<Text> for &'a $word {
            type Expression = diesel::internal::derives::as_expression::Bound<Text, &'a $word>;
            fn as_expression(self) -> Self::Expression {
                diesel::internal::derives::as_expression::Bound::new(self)
            }
        }
    )+};
}

word_columns!(
    crate::domain::account::LinkPurpose,
    crate::domain::certificate::CertificateState,
    crate::domain::deliberation::Outcome,
    crate::domain::evaluation::EvaluationState,
    crate::domain::handover::HandoverState,
    crate::domain::holder::CheckState,
    crate::domain::holder::EquivalenceGround,
    crate::domain::jury::ConflictKind,
    crate::domain::permission::Role,
    crate::domain::session::SessionState,
    crate::domain::staff::CareerSource,
    crate::domain::staff::EvidenceSource,
    crate::domain::staff::PostingLevel,
);
