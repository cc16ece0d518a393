//! The directory of a large academy: as many queries whatever its size, filters that agree with the counts by place,
//! and the posts that wait for a holder.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cplds::domain::permission::Role;
use cplds::domain::staff::{Holding, PostingLevel};
use cplds::store::staff::{
    COLUMNS, NO_DEPARTMENT, NewPosting, Order, Posted, StaffFilter, column_filter, corps_called, count_places,
    list_staff, list_vacancies, note_activity, record_posting,
};
use cplds::store::{Conn, Stored};
use diesel::connection::{Connection, InstrumentationEvent};
use jiff::civil::date;

use super::{FRAMEWORK, act, actor, load_reference, person, posting};
use crate::support::{Fresh, each_engine, tamper};

/// Five thousand people of Limoges: one in two posted, one in five certified before, one in ten on a post that asks
/// for the certificate.
fn crowd(fresh: &Fresh) {
    let stamp = match fresh.engine {
        "postgres" => "TIMESTAMP '2026-01-01 00:00:00'",
        _ => "'2026-01-01 00:00:00'",
    };
    let count = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) ";
    tamper(
        fresh,
        &format!(
            "{count} INSERT INTO people (id, academy_code, identity_key, homonym, civility, birth_name, first_names, \
                 birth_date, email, email_key, sort_key, created_at, version) \
             SELECT 'p' || i, '22', 'nom ' || i || '|jean|1980-01-01', 0, 'M.', 'Nom ' || i, 'Jean', '1980-01-01', '', \
                 '', 'nom ' || i || '  jean', {stamp}, 1 FROM n; \
             {count} INSERT INTO postings (id, person_id, academy_code, level, place, department, quota, starts_on, \
                 requires_certificate) \
             SELECT 'a' || i, 'p' || i, '22', CASE WHEN i % 4 = 0 THEN 'eple' ELSE 'bassin' END, 'Lieu ' || i, \
                 CASE WHEN i % 6 = 0 THEN NULL WHEN i % 3 = 1 THEN '19' ELSE '87' END, 100, '2025-09-01', i % 10 = 0 \
             FROM n WHERE i % 2 = 0; \
             {count} INSERT INTO earlier_certificates (id, person_id, academy_code, year, evidence, state, \
                 recorded_by_name, recorded_at) \
             SELECT 'c' || i, 'p' || i, '22', 2019, 'PV', 'verified', 'test', {stamp} FROM n WHERE i % 5 = 0 AND i % 20 <> 0;"
        ),
    );
}

/// What is read, and how many queries it took.
fn counted<T>(fresh: &Fresh, read: impl FnOnce(&mut Conn) -> Stored<T>) -> (T, usize) {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let found = fresh.db.read_now(move |conn| {
        conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if matches!(event, InstrumentationEvent::StartQuery { .. }) {
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        let found = read(conn);
        conn.set_instrumentation(diesel::connection::get_default_instrumentation());
        found
    });
    (found.unwrap(), seen.load(Ordering::Relaxed))
}

#[test]
fn five_thousand_people_cost_as_many_queries_as_three() {
    each_engine(|fresh| {
        load_reference(fresh);
        for name in ["Faure", "Costa", "Morel"] {
            person(fresh, "22", name, "Nadia");
        }
        let at = fresh.clock.now();
        let every = StaffFilter::default();
        let narrow = StaffFilter {
            name: "jean nom".into(),
            department: "87".into(),
            posted: Some(Posted::At(PostingLevel::Basin)),
            holding: Some(Holding::Certified),
            exercised: vec!["D1.O1.A1".into()],
            corps: Some(vec!["PLP".into()]),
            order: Order::CorpsDown,
        };
        let list =
            |filter: &StaffFilter, page: usize| counted(fresh, |conn| list_staff(conn, "22", filter, page, at)).1;
        let (few, few_narrow) = (list(&every, 1), list(&narrow, 1));
        let few_places = counted(fresh, |conn| count_places(conn, "22", Holding::Certified, at)).1;
        let few_vacant = counted(fresh, |conn| list_vacancies(conn, "22", at)).1;
        crowd(fresh);
        let (page, many) = counted(fresh, |conn| list_staff(conn, "22", &every, 99, at));
        assert_eq!((page.total, page.lines.len()), (5_003, 50));
        assert_eq!((many, list(&narrow, 1)), (few, few_narrow));
        assert!(many <= 9 && many > 2, "{many} queries");
        assert_eq!(counted(fresh, |conn| count_places(conn, "22", Holding::Certified, at)).1, few_places);
        assert_eq!(counted(fresh, |conn| list_vacancies(conn, "22", at)).1, few_vacant);
    });
}

#[test]
fn every_number_of_the_table_of_places_is_the_length_of_its_list() {
    each_engine(|fresh| {
        load_reference(fresh);
        crowd(fresh);
        let at = fresh.clock.now();
        let total =
            |filter: StaffFilter| fresh.db.read_now(|conn| list_staff(conn, "22", &filter, 1, at)).unwrap().total;
        for holding in [Holding::Certified, Holding::Nothing] {
            let places = fresh.db.read_now(|conn| count_places(conn, "22", holding, at)).unwrap();
            let certified = StaffFilter { holding: Some(holding), ..StaffFilter::default() };
            assert_eq!(places.total, total(certified.clone()));
            assert!(places.rows.iter().any(|row| row.department == NO_DEPARTMENT && row.total > 0));
            for row in &places.rows {
                let here = StaffFilter { department: row.department.clone(), ..certified.clone() };
                assert_eq!(row.total, total(here.clone()), "{holding} {}", row.department);
                for column in 0..COLUMNS {
                    let cell = StaffFilter { posted: Some(column_filter(column)), ..here.clone() };
                    assert_eq!(row.counts[column], total(cell), "{holding} {} {column}", row.department);
                }
            }
        }
        // By hand: 1,000 multiples of five, without the 250 multiples of twenty.
        let certified = StaffFilter { holding: Some(Holding::Certified), ..StaffFilter::default() };
        assert_eq!(total(certified), 750);
        let (posts, vacant) = fresh.db.read_now(|conn| list_vacancies(conn, "22", at)).unwrap();
        assert_eq!((posts, vacant.len()), (500, 250));
    });
}

#[test]
fn the_directory_is_narrowed_by_domain_and_level_and_sorted_by_corps() {
    each_engine(|fresh| {
        load_reference(fresh);
        let manager = actor(Role::TrainingManager, "22");
        let (nadia, loic) = (person(fresh, "22", "Lefèvre", "Nadia"), person(fresh, "22", "Faure", "Loïc"));
        let of = nadia.clone();
        act(fresh, &manager, move |tx| note_activity(tx, &of, FRAMEWORK, "D1.O1.A1", date(2025, 9, 1))).unwrap();
        let new = NewPosting {
            requires_certificate: true,
            certificate_by: Some(date(2026, 5, 31)),
            ..posting(&loic, "Lycée Renoir", 50, date(2025, 9, 1))
        };
        act(fresh, &manager, move |tx| record_posting(tx, &new)).unwrap();
        let names = |filter: StaffFilter| {
            let page = fresh.db.read_now(|conn| list_staff(conn, "22", &filter, 1, fresh.clock.now())).unwrap();
            page.lines.into_iter().map(|line| line.name).collect::<Vec<_>>()
        };
        let every = StaffFilter::default;
        assert_eq!(names(StaffFilter { exercised: vec!["D1.O1.A1".into()], ..every() }), ["Lefèvre Nadia"]);
        assert_eq!(names(StaffFilter { posted: Some(Posted::At(PostingLevel::School)), ..every() }), ["Faure Loïc"]);
        assert_eq!(names(StaffFilter { posted: Some(Posted::Nowhere), ..every() }), ["Lefèvre Nadia"]);
        assert_eq!(names(StaffFilter { order: Order::NameDown, ..every() }), ["Lefèvre Nadia", "Faure Loïc"]);
        let corps = |typed: &str| Some(fresh.db.read_now(|conn| corps_called(conn, "22", typed)).unwrap());
        assert_eq!(names(StaffFilter { corps: corps("pl"), order: Order::Corps, ..every() }).len(), 2);
        assert!(names(StaffFilter { corps: corps("agrégé"), ..every() }).is_empty());
        let (posts, vacant) = fresh.db.read_now(|conn| list_vacancies(conn, "22", fresh.clock.now())).unwrap();
        assert_eq!((posts, vacant.len()), (1, 1));
        assert!(vacant[0].is_overdue, "the commitment of May has passed in June");
    });
}
