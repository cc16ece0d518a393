//! Tables as diesel sees them, in the order of the life cycle. Written from the migrations; a test compares the two.
#![allow(clippy::wildcard_imports)]

diesel::table! {
    settings (key) {
        key -> Text,
        value -> Text,
    }
}

diesel::table! {
    academies (code) {
        code -> Text,
        name -> Text,
        region -> Text,
        region_code -> Text,
        departments -> Text,
        time_zone -> Text,
        city -> Text,
        court -> Text,
        service -> Text,
        phone -> Text,
        email -> Text,
        signatory_name -> Text,
        signatory_title -> Text,
        delegation -> Nullable<Text>,
    }
}

diesel::table! {
    packs (id) {
        id -> Text,
        kind -> Text,
        version -> Text,
        title -> Text,
        source -> Text,
        sha256 -> Text,
        loaded_at -> Timestamp,
    }
}

diesel::table! {
    pack_validations (id) {
        id -> Text,
        pack_id -> Text,
        path -> Text,
        validated_by -> Text,
        validated_by_name -> Text,
        validated_at -> Timestamp,
        note -> Text,
    }
}

diesel::table! {
    framework_mappings (id) {
        id -> Text,
        from_framework -> Text,
        from_code -> Text,
        to_framework -> Text,
        to_code -> Nullable<Text>,
        reason -> Nullable<Text>,
        recorded_by -> Text,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    framework_drafts (id) {
        id -> Text,
        file_name -> Text,
        source -> Text,
        made_by -> Text,
        made_at -> Timestamp,
    }
}

diesel::table! {
    users (id) {
        id -> Text,
        email -> Text,
        email_key -> Text,
        name -> Text,
        password_hash -> Nullable<Text>,
        created_at -> Timestamp,
        verified_at -> Nullable<Timestamp>,
        disabled_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    role_grants (id) {
        id -> Text,
        user_id -> Text,
        role -> Text,
        academy_code -> Nullable<Text>,
        granted_by -> Text,
        granted_at -> Timestamp,
    }
}

diesel::table! {
    login_sessions (token_hash) {
        token_hash -> Text,
        user_id -> Text,
        created_at -> Timestamp,
        seen_at -> Timestamp,
        expires_at -> Timestamp,
    }
}

diesel::table! {
    login_throttles (key) {
        key -> Text,
        failures -> Integer,
        window_started_at -> Timestamp,
    }
}

diesel::table! {
    people (id) {
        id -> Text,
        academy_code -> Text,
        identity_key -> Text,
        homonym -> Integer,
        civility -> Text,
        birth_name -> Text,
        usage_name -> Nullable<Text>,
        first_names -> Text,
        birth_date -> Text,
        birth_place -> Nullable<Text>,
        email -> Text,
        email_key -> Text,
        phone -> Nullable<Text>,
        sort_key -> Text,
        user_id -> Nullable<Text>,
        created_at -> Timestamp,
        version -> Integer,
    }
}

diesel::table! {
    links (token_hash) {
        token_hash -> Text,
        purpose -> Text,
        email -> Text,
        name -> Text,
        user_id -> Nullable<Text>,
        person_id -> Nullable<Text>,
        juror_id -> Nullable<Text>,
        created_at -> Timestamp,
        expires_at -> Timestamp,
        used_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    account_requests (token_hash) {
        token_hash -> Text,
        email -> Text,
        email_key -> Text,
        created_at -> Timestamp,
        expires_at -> Timestamp,
        used_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    address_changes (user_id) {
        user_id -> Text,
        old_email -> Text,
        new_email -> Text,
        new_email_key -> Text,
        confirm_hash -> Text,
        cancel_hash -> Text,
        asked_at -> Timestamp,
        expires_at -> Timestamp,
        confirmed_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    passkeys (id) {
        id -> Text,
        user_id -> Text,
        credential_id -> Text,
        name -> Text,
        credential -> Text,
        created_at -> Timestamp,
        used_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    passkey_challenges (token_hash) {
        token_hash -> Text,
        user_id -> Nullable<Text>,
        state -> Text,
        expires_at -> Timestamp,
    }
}

diesel::table! {
    corrections (id) {
        id -> Text,
        person_id -> Text,
        academy_code -> Text,
        field -> Text,
        present -> Text,
        proposed -> Text,
        reason -> Text,
        state -> Text,
        asked_by -> Text,
        asked_at -> Timestamp,
        answer -> Nullable<Text>,
        answered_by -> Nullable<Text>,
        answered_by_name -> Nullable<Text>,
        answered_at -> Nullable<Timestamp>,
        version -> Integer,
    }
}

diesel::table! {
    staff_records (person_id) {
        person_id -> Text,
        category -> Nullable<Text>,
        corps -> Text,
        status -> Text,
        contract_date -> Nullable<Text>,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    postings (id) {
        id -> Text,
        person_id -> Text,
        academy_code -> Text,
        level -> Text,
        place -> Text,
        uai -> Nullable<Text>,
        department -> Nullable<Text>,
        quota -> Integer,
        starts_on -> Text,
        ends_on -> Nullable<Text>,
        requires_certificate -> Bool,
        certificate_by -> Nullable<Text>,
    }
}

diesel::table! {
    exercised_activities (id) {
        id -> Text,
        person_id -> Text,
        framework_id -> Text,
        item_code -> Text,
        since -> Text,
        until_on -> Nullable<Text>,
    }
}

diesel::table! {
    evidence (id) {
        id -> Text,
        person_id -> Text,
        framework_id -> Text,
        item_code -> Text,
        source -> Text,
        level -> Integer,
        dated_on -> Text,
        author -> Text,
        reference -> Nullable<Text>,
        created_at -> Timestamp,
        comment -> Nullable<Text>,
        corrects -> Nullable<Text>,
        author_id -> Nullable<Text>,
    }
}

diesel::table! {
    competence_targets (academy_code) {
        academy_code -> Text,
        level -> Integer,
        set_by -> Text,
        set_by_name -> Text,
        set_at -> Timestamp,
    }
}

diesel::table! {
    former_names (id) {
        id -> Text,
        person_id -> Text,
        identity_key -> Text,
        search_key -> Text,
        civility -> Text,
        birth_name -> Text,
        usage_name -> Nullable<Text>,
        first_names -> Text,
        changed_on -> Text,
        reason -> Text,
        recorded_by_name -> Text,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    numens (person_id) {
        person_id -> Text,
        sealed -> Text,
        keyed_hash -> Text,
        recorded_by_name -> Text,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    career_lines (id) {
        id -> Text,
        person_id -> Text,
        rank -> Integer,
        academy_code -> Text,
        source -> Text,
        category -> Nullable<Text>,
        corps -> Text,
        status -> Text,
        contract_date -> Nullable<Text>,
        starts_on -> Text,
        recorded_by_name -> Text,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    mission_letters (id) {
        id -> Text,
        person_id -> Text,
        academy_code -> Text,
        framework_id -> Text,
        version -> Integer,
        starts_on -> Text,
        ends_on -> Text,
        place -> Text,
        missions -> Text,
        recorded_by_name -> Text,
        recorded_at -> Timestamp,
    }
}

diesel::table! {
    mission_shares (letter_id, family_code) {
        letter_id -> Text,
        family_code -> Text,
        share -> Integer,
    }
}

diesel::table! {
    signed_letters (id) {
        id -> Text,
        letter_id -> Text,
        sha256 -> Text,
        file_name -> Text,
        content_type -> Text,
        size -> Integer,
        signed_on -> Text,
        attached_by_name -> Text,
        attached_at -> Timestamp,
    }
}

diesel::table! {
    earlier_certificates (id) {
        id -> Text,
        person_id -> Text,
        academy_code -> Text,
        year -> Integer,
        number -> Nullable<Text>,
        issued_on -> Nullable<Text>,
        evidence -> Text,
        state -> Text,
        recorded_by_name -> Text,
        recorded_at -> Timestamp,
        checked_by_name -> Nullable<Text>,
        checked_at -> Nullable<Timestamp>,
        check_note -> Nullable<Text>,
    }
}

diesel::table! {
    earlier_marks (id) {
        id -> Text,
        person_id -> Text,
        academy_code -> Text,
        year -> Integer,
        epreuve -> Integer,
        mark -> Integer,
        evidence -> Text,
        state -> Text,
        recorded_by_name -> Text,
        recorded_at -> Timestamp,
        checked_by_name -> Nullable<Text>,
        checked_at -> Nullable<Timestamp>,
        check_note -> Nullable<Text>,
    }
}

diesel::table! {
    equivalences (id) {
        id -> Text,
        person_id -> Text,
        academy_code -> Text,
        ground -> Text,
        evidence -> Text,
        state -> Text,
        year -> Nullable<Integer>,
        rank -> Nullable<Integer>,
        number -> Nullable<Text>,
        snapshot -> Nullable<Text>,
        recorded_by_name -> Text,
        recorded_at -> Timestamp,
        checked_by_name -> Nullable<Text>,
        checked_at -> Nullable<Timestamp>,
        check_note -> Nullable<Text>,
    }
}

diesel::table! {
    handovers (id) {
        id -> Text,
        person_id -> Text,
        from_academy -> Text,
        to_academy -> Text,
        takes_effect_on -> Text,
        reason -> Text,
        state -> Text,
        proposed_by_name -> Text,
        proposed_at -> Timestamp,
        answered_by_name -> Nullable<Text>,
        answered_at -> Nullable<Timestamp>,
        answer -> Nullable<Text>,
    }
}

diesel::table! {
    training_sessions (id) {
        id -> Text,
        academy_code -> Text,
        title -> Text,
        school_year -> Integer,
        regulation_id -> Text,
        starts_on -> Text,
        ends_on -> Text,
        place -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    enrolments (id) {
        id -> Text,
        training_session_id -> Text,
        person_id -> Text,
        tutor_person_id -> Nullable<Text>,
        tutor_name -> Nullable<Text>,
        tutor_email_key -> Nullable<Text>,
        enrolled_at -> Timestamp,
        withdrawn_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    attendances (id) {
        id -> Text,
        enrolment_id -> Text,
        module_code -> Text,
        held_on -> Text,
        minutes -> Integer,
        noted_by -> Text,
        noted_at -> Timestamp,
    }
}

diesel::table! {
    training_offers (training_session_id) {
        training_session_id -> Text,
        places -> Nullable<Integer>,
        remote_link -> Nullable<Text>,
        trainers -> Text,
        requires -> Text,
        takes_requests -> Bool,
        version -> Integer,
    }
}

diesel::table! {
    training_requests (id) {
        id -> Text,
        training_session_id -> Text,
        person_id -> Text,
        state -> Text,
        asked_at -> Timestamp,
        asked_by_name -> Text,
        reason -> Nullable<Text>,
        decided_at -> Nullable<Timestamp>,
        decided_by_name -> Nullable<Text>,
        told_state -> Nullable<Text>,
    }
}

diesel::table! {
    training_meetings (id) {
        id -> Text,
        training_session_id -> Text,
        module_code -> Text,
        starts_at -> Timestamp,
        ends_at -> Timestamp,
        place -> Text,
        remote_link -> Nullable<Text>,
        trainers -> Text,
        cancelled_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
        version -> Integer,
    }
}

diesel::table! {
    meeting_presences (meeting_id, enrolment_id) {
        meeting_id -> Text,
        enrolment_id -> Text,
        minutes -> Integer,
        method -> Text,
        noted_by_name -> Text,
        noted_at -> Timestamp,
    }
}

diesel::table! {
    attendance_changes (id) {
        id -> Text,
        enrolment_id -> Text,
        module_code -> Text,
        held_on -> Text,
        minutes_before -> Integer,
        minutes_after -> Integer,
        reason -> Text,
        changed_by_name -> Text,
        changed_at -> Timestamp,
    }
}

diesel::table! {
    module_exemptions (id) {
        id -> Text,
        enrolment_id -> Text,
        module_code -> Text,
        reason -> Text,
        granted_by_name -> Text,
        granted_at -> Timestamp,
    }
}

diesel::table! {
    module_choices (enrolment_id, module_code) {
        enrolment_id -> Text,
        module_code -> Text,
    }
}

diesel::table! {
    tutor_meetings (id) {
        id -> Text,
        enrolment_id -> Text,
        held_on -> Text,
        notes -> Text,
        noted_by_name -> Text,
        noted_at -> Timestamp,
    }
}

diesel::table! {
    training_answered (enrolment_id) {
        enrolment_id -> Text,
    }
}

diesel::table! {
    training_answers (id) {
        id -> Text,
        training_session_id -> Text,
        content -> Integer,
        organisation -> Integer,
        usefulness -> Integer,
        remark -> Text,
    }
}

diesel::table! {
    training_convocations (enrolment_id) {
        enrolment_id -> Text,
        fingerprint -> Text,
        sent_at -> Timestamp,
    }
}

diesel::table! {
    exam_sessions (id) {
        id -> Text,
        academy_code -> Text,
        year -> Integer,
        state -> Text,
        regulation_id -> Text,
        framework_id -> Text,
        registration_opens_at -> Timestamp,
        registration_closes_at -> Timestamp,
        epreuves_from -> Text,
        epreuves_to -> Text,
        centre_name -> Text,
        centre_uai -> Nullable<Text>,
        list_fixed_at -> Nullable<Timestamp>,
        publication_at -> Nullable<Timestamp>,
        published_at -> Nullable<Timestamp>,
        created_by -> Text,
        created_at -> Timestamp,
        version -> Integer,
    }
}

diesel::table! {
    required_pieces (session_id, code) {
        session_id -> Text,
        code -> Text,
        label -> Text,
    }
}

diesel::table! {
    resumed_drafts (draft_id) {
        draft_id -> Text,
        registration_id -> Text,
        resumed_at -> Timestamp,
    }
}

diesel::table! {
    registrations (id) {
        id -> Text,
        session_id -> Text,
        person_id -> Text,
        rank -> Integer,
        number -> Text,
        state -> Text,
        eligibility -> Text,
        category -> Nullable<Text>,
        corps -> Text,
        status -> Text,
        contract_date -> Nullable<Text>,
        uai -> Nullable<Text>,
        school_name -> Text,
        department -> Text,
        trained -> Bool,
        accommodation -> Nullable<Text>,
        source -> Text,
        submitted_at -> Timestamp,
        version -> Integer,
    }
}

diesel::table! {
    drafts (id) {
        id -> Text,
        user_id -> Text,
        session_id -> Text,
        answers -> Text,
        version -> Integer,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    person_identities (identity_key, homonym) {
        identity_key -> Text,
        homonym -> Integer,
        person_id -> Text,
    }
}

diesel::table! {
    identity_checks (id) {
        id -> Text,
        draft_id -> Text,
        session_id -> Text,
        user_id -> Text,
        person_id -> Text,
        asked_at -> Timestamp,
        verdict -> Nullable<Text>,
        reason -> Nullable<Text>,
        decided_by -> Nullable<Text>,
        decided_by_name -> Nullable<Text>,
        decided_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    yearly_registrations (person_id, year) {
        person_id -> Text,
        year -> Integer,
        registration_id -> Text,
    }
}

diesel::table! {
    action_plans (registration_id) {
        registration_id -> Text,
        host_uai -> Nullable<Text>,
        host_name -> Text,
        action -> Text,
        young_people -> Integer,
        days -> Text,
        unavailable -> Text,
    }
}

diesel::table! {
    kept_mark_claims (id) {
        id -> Text,
        registration_id -> Text,
        epreuve -> Integer,
        mark -> Integer,
        origin_year -> Integer,
        origin_academy -> Text,
        state -> Text,
        reason -> Nullable<Text>,
        decided_by_name -> Nullable<Text>,
        decided_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    messages (id) {
        id -> Text,
        file_id -> Text,
        session_id -> Text,
        from_office -> Bool,
        author_id -> Text,
        author_name -> Text,
        body -> Text,
        sent_at -> Timestamp,
        read_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    message_files (id) {
        id -> Text,
        message_id -> Text,
        file_name -> Text,
        content_type -> Text,
        size -> Integer,
        sha256 -> Text,
    }
}

diesel::table! {
    pieces (registration_id, code) {
        registration_id -> Text,
        code -> Text,
        state -> Text,
        noted_by -> Text,
        noted_at -> Timestamp,
    }
}

diesel::table! {
    schools (uai) {
        uai -> Text,
        academy_code -> Text,
        name -> Text,
        commune -> Text,
        department -> Text,
        kind -> Text,
        sort_key -> Text,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    import_drafts (id) {
        id -> Text,
        academy_code -> Text,
        session_id -> Nullable<Text>,
        what -> Text,
        file_name -> Text,
        sheet -> Nullable<Text>,
        bytes -> Binary,
        made_by -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    column_mappings (academy_code, what, headers_key) {
        academy_code -> Text,
        what -> Text,
        headers_key -> Text,
        mapping -> Text,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    piece_files (id) {
        id -> Text,
        file_id -> Text,
        session_id -> Text,
        code -> Text,
        file_name -> Text,
        kind -> Text,
        size -> Integer,
        pages -> Integer,
        sha256 -> Text,
        uploaded_by -> Text,
        uploaded_at -> Timestamp,
        replaced_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    kept_marks (id) {
        id -> Text,
        registration_id -> Text,
        epreuve -> Integer,
        mark -> Integer,
        origin_year -> Integer,
    }
}

diesel::table! {
    decisions (id) {
        id -> Text,
        session_id -> Text,
        registration_id -> Text,
        kind -> Text,
        rule -> Text,
        law -> Text,
        pack_id -> Text,
        facts -> Text,
        explanation -> Text,
        proposed -> Text,
        outcome -> Nullable<Text>,
        reasons -> Nullable<Text>,
        proposed_at -> Timestamp,
        decided_at -> Nullable<Timestamp>,
        decided_by -> Nullable<Text>,
        decided_by_name -> Nullable<Text>,
        superseded_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    juries (session_id) {
        session_id -> Text,
        order_reference -> Text,
        signed_on -> Text,
        signed_by -> Text,
    }
}

diesel::table! {
    jurors (id) {
        id -> Text,
        session_id -> Text,
        user_id -> Nullable<Text>,
        civility -> Text,
        last_name -> Text,
        first_names -> Text,
        email -> Text,
        email_key -> Text,
        phone -> Nullable<Text>,
        quality -> Text,
        uai -> Nullable<Text>,
        school_name -> Nullable<Text>,
        is_president -> Bool,
        availability -> Text,
        sort_key -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    commissions (id) {
        id -> Text,
        session_id -> Text,
        label -> Text,
    }
}

diesel::table! {
    commission_members (commission_id, juror_id) {
        commission_id -> Text,
        juror_id -> Text,
        is_chair -> Bool,
    }
}

diesel::table! {
    conflicts (id) {
        id -> Text,
        session_id -> Text,
        juror_id -> Text,
        registration_id -> Text,
        kind -> Text,
        detail -> Text,
        dismissed_reason -> Nullable<Text>,
        dismissed_by -> Nullable<Text>,
        dismissed_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    slots (id) {
        id -> Text,
        session_id -> Text,
        registration_id -> Text,
        epreuve -> Integer,
        commission_id -> Text,
        starts_at -> Timestamp,
        ends_at -> Timestamp,
        site -> Text,
        uai -> Nullable<Text>,
        room -> Text,
        convoked_at -> Nullable<Timestamp>,
        version -> Integer,
    }
}

diesel::table! {
    evaluations (id) {
        id -> Text,
        session_id -> Text,
        registration_id -> Text,
        epreuve -> Integer,
        state -> Text,
        mark -> Nullable<Integer>,
        origin_year -> Nullable<Integer>,
        appraisal -> Nullable<Text>,
        version -> Integer,
        entered_by -> Nullable<Text>,
        entered_by_name -> Nullable<Text>,
        entered_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    evaluation_lines (evaluation_id, line_code) {
        evaluation_id -> Text,
        line_code -> Text,
        level -> Integer,
    }
}

diesel::table! {
    working_notes (evaluation_id, user_id) {
        evaluation_id -> Text,
        user_id -> Text,
        notes -> Text,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    deliberations (session_id) {
        session_id -> Text,
        state -> Text,
        opened_at -> Timestamp,
        opened_by -> Text,
        president_name -> Text,
        sealed_at -> Nullable<Timestamp>,
        sealed_by -> Nullable<Text>,
        sealed_by_name -> Nullable<Text>,
        seal -> Nullable<Text>,
        reopening_reason -> Nullable<Text>,
        reopening_asked_by -> Nullable<Text>,
        reopening_asked_by_name -> Nullable<Text>,
        reopening_asked_at -> Nullable<Timestamp>,
        reopenings -> Integer,
    }
}

diesel::table! {
    results (registration_id) {
        registration_id -> Text,
        session_id -> Text,
        outcome -> Text,
        explanation -> Text,
        decided_at -> Timestamp,
    }
}

diesel::table! {
    documents (id) {
        id -> Text,
        academy_code -> Text,
        session_id -> Nullable<Text>,
        subject_id -> Text,
        kind -> Text,
        file_name -> Text,
        content_type -> Text,
        sha256 -> Text,
        bytes -> Binary,
        created_at -> Timestamp,
    }
}

diesel::table! {
    certificates (id) {
        id -> Text,
        academy_code -> Text,
        session_id -> Text,
        year -> Integer,
        rank -> Integer,
        number -> Text,
        control_key -> Text,
        registration_id -> Text,
        person_id -> Text,
        snapshot -> Text,
        snapshot_sha256 -> Text,
        state -> Text,
        state_reason -> Nullable<Text>,
        state_changed_at -> Nullable<Timestamp>,
        issued_at -> Timestamp,
        issued_by -> Text,
        previous_hash -> Text,
        hash -> Text,
    }
}

diesel::table! {
    audit_entries (lock_key, seq) {
        lock_key -> Text,
        seq -> BigInt,
        at -> Timestamp,
        actor_id -> Text,
        actor_name -> Text,
        action -> Text,
        object_kind -> Text,
        object_id -> Text,
        before_hash -> Nullable<Text>,
        after_hash -> Nullable<Text>,
        detail -> Text,
        previous_hash -> Text,
        hash -> Text,
    }
}

diesel::table! {
    outbox (id) {
        id -> Text,
        academy_code -> Nullable<Text>,
        session_id -> Nullable<Text>,
        kind -> Text,
        dedupe_key -> Text,
        recipient -> Text,
        recipient_name -> Text,
        subject -> Text,
        body_text -> Text,
        body_html -> Nullable<Text>,
        attachments -> Text,
        state -> Text,
        attempts -> Integer,
        next_attempt_at -> Timestamp,
        last_error -> Nullable<Text>,
        created_at -> Timestamp,
        sent_at -> Nullable<Timestamp>,
        bounced_at -> Nullable<Timestamp>,
        bounce_status -> Nullable<Text>,
        bounce_reason -> Nullable<Text>,
        read_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    jobs (id) {
        id -> Text,
        kind -> Text,
        session_id -> Nullable<Text>,
        subject_id -> Text,
        state -> Text,
        attempts -> Integer,
        next_attempt_at -> Timestamp,
        last_error -> Nullable<Text>,
        created_at -> Timestamp,
        done_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    assignments (registration_id) {
        registration_id -> Text,
        user_id -> Text,
        user_name -> Text,
        assigned_by -> Text,
        assigned_at -> Timestamp,
    }
}

diesel::table! {
    saved_views (id) {
        id -> Text,
        user_id -> Text,
        name -> Text,
        query -> Text,
        is_default -> Bool,
        created_at -> Timestamp,
    }
}

diesel::table! {
    wordings (id) {
        id -> Text,
        academy_code -> Text,
        kind -> Text,
        title -> Text,
        body -> Text,
        version -> Integer,
    }
}

diesel::table! {
    piece_reasons (registration_id, code) {
        registration_id -> Text,
        code -> Text,
        reason -> Text,
    }
}

diesel::table! {
    piece_requests (id) {
        id -> Text,
        session_id -> Text,
        registration_id -> Text,
        message -> Text,
        due_on -> Text,
        asked_at -> Timestamp,
        asked_by -> Text,
        asked_by_name -> Text,
        reminded_at -> Nullable<Timestamp>,
        closed_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    piece_request_items (request_id, code) {
        request_id -> Text,
        code -> Text,
    }
}

diesel::table! {
    file_presences (registration_id, user_id) {
        registration_id -> Text,
        user_id -> Text,
        user_name -> Text,
        seen_at -> Timestamp,
    }
}

diesel::table! {
    file_notes (id) {
        id -> Text,
        registration_id -> Text,
        author_id -> Text,
        author_name -> Text,
        body -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    paper_files (registration_id) {
        registration_id -> Text,
        received_on -> Text,
        entered_by_name -> Text,
        entered_at -> Timestamp,
    }
}

diesel::table! {
    letters (id) {
        id -> Text,
        session_id -> Text,
        registration_id -> Text,
        decision_id -> Text,
        kind -> Text,
        content -> Text,
        issued_at -> Timestamp,
        issued_by_name -> Text,
        opened_at -> Nullable<Timestamp>,
        posted_on -> Nullable<Text>,
        superseded_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    bulk_acts (id) {
        id -> Text,
        session_id -> Text,
        act -> Text,
        done_by -> Text,
        done_at -> Timestamp,
        files -> Integer,
    }
}

diesel::table! {
    list_reopenings (id) {
        id -> Text,
        session_id -> Text,
        reason -> Text,
        asked_by -> Text,
        asked_by_name -> Text,
        asked_at -> Timestamp,
        granted_by -> Nullable<Text>,
        granted_by_name -> Nullable<Text>,
        granted_at -> Nullable<Timestamp>,
    }
}

diesel::joinable!(pack_validations -> packs (pack_id));
diesel::joinable!(role_grants -> users (user_id));
diesel::joinable!(role_grants -> academies (academy_code));
diesel::joinable!(login_sessions -> users (user_id));
diesel::joinable!(people -> academies (academy_code));
diesel::joinable!(people -> users (user_id));
diesel::joinable!(links -> users (user_id));
diesel::joinable!(passkeys -> users (user_id));
diesel::joinable!(corrections -> people (person_id));
diesel::joinable!(links -> people (person_id));
diesel::joinable!(staff_records -> people (person_id));
diesel::joinable!(postings -> people (person_id));
diesel::joinable!(postings -> academies (academy_code));
diesel::joinable!(exercised_activities -> people (person_id));
diesel::joinable!(exercised_activities -> packs (framework_id));
diesel::joinable!(evidence -> people (person_id));
diesel::joinable!(evidence -> packs (framework_id));
diesel::joinable!(former_names -> people (person_id));
diesel::joinable!(numens -> people (person_id));
diesel::joinable!(career_lines -> people (person_id));
diesel::joinable!(mission_letters -> people (person_id));
diesel::joinable!(earlier_certificates -> people (person_id));
diesel::joinable!(earlier_marks -> people (person_id));
diesel::joinable!(equivalences -> people (person_id));
diesel::joinable!(handovers -> people (person_id));
diesel::joinable!(mission_shares -> mission_letters (letter_id));
diesel::joinable!(signed_letters -> mission_letters (letter_id));
diesel::joinable!(training_sessions -> academies (academy_code));
diesel::joinable!(training_sessions -> packs (regulation_id));
diesel::joinable!(enrolments -> training_sessions (training_session_id));
diesel::joinable!(attendances -> enrolments (enrolment_id));
diesel::joinable!(training_offers -> training_sessions (training_session_id));
diesel::joinable!(training_requests -> training_sessions (training_session_id));
diesel::joinable!(training_requests -> people (person_id));
diesel::joinable!(training_meetings -> training_sessions (training_session_id));
diesel::joinable!(meeting_presences -> training_meetings (meeting_id));
diesel::joinable!(meeting_presences -> enrolments (enrolment_id));
diesel::joinable!(attendance_changes -> enrolments (enrolment_id));
diesel::joinable!(module_exemptions -> enrolments (enrolment_id));
diesel::joinable!(module_choices -> enrolments (enrolment_id));
diesel::joinable!(tutor_meetings -> enrolments (enrolment_id));
diesel::joinable!(training_answered -> enrolments (enrolment_id));
diesel::joinable!(training_answers -> training_sessions (training_session_id));
diesel::joinable!(training_convocations -> enrolments (enrolment_id));
diesel::joinable!(exam_sessions -> academies (academy_code));
diesel::joinable!(required_pieces -> exam_sessions (session_id));
diesel::joinable!(registrations -> exam_sessions (session_id));
diesel::joinable!(registrations -> people (person_id));
diesel::joinable!(drafts -> users (user_id));
diesel::joinable!(drafts -> exam_sessions (session_id));
diesel::joinable!(person_identities -> people (person_id));
diesel::joinable!(identity_checks -> people (person_id));
diesel::joinable!(identity_checks -> users (user_id));
diesel::joinable!(yearly_registrations -> registrations (registration_id));
diesel::joinable!(yearly_registrations -> people (person_id));
diesel::joinable!(action_plans -> registrations (registration_id));
diesel::joinable!(kept_mark_claims -> registrations (registration_id));
diesel::joinable!(messages -> exam_sessions (session_id));
diesel::joinable!(message_files -> messages (message_id));
diesel::joinable!(pieces -> registrations (registration_id));
diesel::joinable!(schools -> academies (academy_code));
diesel::joinable!(import_drafts -> academies (academy_code));
diesel::joinable!(column_mappings -> academies (academy_code));
diesel::joinable!(piece_files -> exam_sessions (session_id));
diesel::joinable!(kept_marks -> registrations (registration_id));
diesel::joinable!(assignments -> registrations (registration_id));
diesel::joinable!(assignments -> users (user_id));
diesel::joinable!(saved_views -> users (user_id));
diesel::joinable!(wordings -> academies (academy_code));
diesel::joinable!(resumed_drafts -> registrations (registration_id));
diesel::joinable!(piece_reasons -> registrations (registration_id));
diesel::joinable!(piece_requests -> exam_sessions (session_id));
diesel::joinable!(piece_requests -> registrations (registration_id));
diesel::joinable!(piece_request_items -> piece_requests (request_id));
diesel::joinable!(file_presences -> registrations (registration_id));
diesel::joinable!(file_presences -> users (user_id));
diesel::joinable!(file_notes -> registrations (registration_id));
diesel::joinable!(paper_files -> registrations (registration_id));
diesel::joinable!(letters -> exam_sessions (session_id));
diesel::joinable!(letters -> registrations (registration_id));
diesel::joinable!(letters -> decisions (decision_id));
diesel::joinable!(bulk_acts -> exam_sessions (session_id));
diesel::joinable!(list_reopenings -> exam_sessions (session_id));
diesel::joinable!(decisions -> exam_sessions (session_id));
diesel::joinable!(decisions -> registrations (registration_id));
diesel::joinable!(decisions -> packs (pack_id));
diesel::joinable!(juries -> exam_sessions (session_id));
diesel::joinable!(jurors -> exam_sessions (session_id));
diesel::joinable!(jurors -> users (user_id));
diesel::joinable!(commissions -> exam_sessions (session_id));
diesel::joinable!(commission_members -> commissions (commission_id));
diesel::joinable!(commission_members -> jurors (juror_id));
diesel::joinable!(conflicts -> exam_sessions (session_id));
diesel::joinable!(conflicts -> jurors (juror_id));
diesel::joinable!(conflicts -> registrations (registration_id));
diesel::joinable!(slots -> exam_sessions (session_id));
diesel::joinable!(slots -> registrations (registration_id));
diesel::joinable!(slots -> commissions (commission_id));
diesel::joinable!(evaluations -> exam_sessions (session_id));
diesel::joinable!(evaluations -> registrations (registration_id));
diesel::joinable!(evaluation_lines -> evaluations (evaluation_id));
diesel::joinable!(working_notes -> evaluations (evaluation_id));
diesel::joinable!(working_notes -> users (user_id));
diesel::joinable!(deliberations -> exam_sessions (session_id));
diesel::joinable!(results -> registrations (registration_id));
diesel::joinable!(results -> exam_sessions (session_id));
diesel::joinable!(documents -> academies (academy_code));
diesel::joinable!(documents -> exam_sessions (session_id));
diesel::joinable!(certificates -> academies (academy_code));
diesel::joinable!(certificates -> exam_sessions (session_id));
diesel::joinable!(certificates -> registrations (registration_id));
diesel::joinable!(certificates -> people (person_id));
diesel::joinable!(outbox -> academies (academy_code));
diesel::joinable!(outbox -> exam_sessions (session_id));
diesel::joinable!(jobs -> exam_sessions (session_id));

diesel::allow_tables_to_appear_in_same_query!(
    settings,
    academies,
    packs,
    pack_validations,
    framework_mappings,
    framework_drafts,
    users,
    role_grants,
    login_sessions,
    login_throttles,
    people,
    links,
    account_requests,
    address_changes,
    passkeys,
    passkey_challenges,
    corrections,
    staff_records,
    postings,
    exercised_activities,
    evidence,
    competence_targets,
    former_names,
    numens,
    career_lines,
    mission_letters,
    mission_shares,
    signed_letters,
    earlier_certificates,
    earlier_marks,
    equivalences,
    handovers,
    training_sessions,
    enrolments,
    training_offers,
    training_requests,
    training_meetings,
    meeting_presences,
    attendance_changes,
    module_exemptions,
    module_choices,
    tutor_meetings,
    training_answered,
    training_answers,
    training_convocations,
    attendances,
    exam_sessions,
    required_pieces,
    registrations,
    resumed_drafts,
    drafts,
    person_identities,
    identity_checks,
    yearly_registrations,
    action_plans,
    kept_mark_claims,
    messages,
    message_files,
    pieces,
    piece_files,
    assignments,
    saved_views,
    wordings,
    piece_reasons,
    piece_requests,
    piece_request_items,
    file_presences,
    file_notes,
    paper_files,
    letters,
    bulk_acts,
    list_reopenings,
    kept_marks,
    schools,
    import_drafts,
    column_mappings,
    decisions,
    juries,
    jurors,
    commissions,
    commission_members,
    conflicts,
    slots,
    evaluations,
    evaluation_lines,
    working_notes,
    deliberations,
    results,
    documents,
    certificates,
    audit_entries,
    outbox,
    jobs,
);
