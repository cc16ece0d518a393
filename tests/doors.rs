//! The two doors to the data: what goes through them is whole, ordered and leaves a trace.

use cplds::domain::permission::Actor;
use cplds::store::{Conn, Lock, StoreError, audit, schema};
use diesel::prelude::*;
use serde_json::json;

use crate::support::{each_engine, tamper};

fn value(conn: &mut Conn, key: &str) -> i64 {
    schema::settings::table.find(key).select(schema::settings::value).first::<String>(conn).unwrap().parse().unwrap()
}

#[test]
fn four_hundred_concurrent_updates_lose_none_and_chain_their_traces() {
    each_engine(|fresh| {
        let actor = Actor::system("test");
        fresh
            .db
            .write_now(&actor, Lock::House, |tx| {
                diesel::insert_into(schema::settings::table)
                    .values((schema::settings::key.eq("n"), schema::settings::value.eq("0")))
                    .execute(tx.conn)?;
                Ok(())
            })
            .unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                let (db, actor) = (fresh.db.clone(), actor.clone());
                scope.spawn(move || {
                    for _ in 0..50 {
                        db.write_now(&actor, Lock::House, |tx| {
                            let n = value(tx.conn, "n");
                            diesel::update(schema::settings::table.find("n"))
                                .set(schema::settings::value.eq((n + 1).to_string()))
                                .execute(tx.conn)?;
                            tx.audit("count", ("counter", "n"), None, Some(&json!(n + 1)), &json!({}))
                        })
                        .unwrap();
                    }
                });
            }
        });
        assert_eq!(fresh.db.read_now(|conn| Ok(value(conn, "n"))).unwrap(), 400);
        assert_eq!(fresh.db.read_now(audit::verify_chains).unwrap(), Ok(400));
    });
}

#[test]
fn a_refused_command_leaves_nothing_behind_and_does_not_spoil_its_neighbours() {
    each_engine(|fresh| {
        let actor = Actor::system("test");
        let insert = |key: &'static str, refuse: bool| {
            fresh.db.write_now(&actor, Lock::House, move |tx| {
                diesel::insert_into(schema::settings::table)
                    .values((schema::settings::key.eq(key), schema::settings::value.eq("1")))
                    .execute(tx.conn)?;
                if refuse { Err(StoreError::NotFound) } else { Ok(()) }
            })
        };
        assert!(insert("refused", true).is_err());
        insert("kept", false).unwrap();
        assert!(insert("kept", false).unwrap_err().is_unique_violation());
        let keys: Vec<String> =
            fresh.db.read_now(|conn| Ok(schema::settings::table.select(schema::settings::key).load(conn)?)).unwrap();
        assert_eq!(keys, ["kept"]);
    });
}

#[test]
fn an_altered_audit_entry_is_named() {
    each_engine(|fresh| {
        let actor = Actor::system("test");
        for n in 0..3 {
            fresh
                .db
                .write_now(&actor, Lock::House, move |tx| {
                    tx.audit("act", ("thing", "1"), None, None, &json!({ "n": n }))
                })
                .unwrap();
        }
        tamper(fresh, "UPDATE audit_entries SET detail = '{}' WHERE seq = 2");
        let broken = fresh.db.read_now(audit::verify_chains).unwrap().unwrap_err();
        assert_eq!((broken.lock_key.as_str(), broken.seq), ("house", 2));
    });
}
