-- Append-only trails.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER status_changes_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON status_changes
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Tallies: appended deltas, exact in every snapshot, no row that all writers wait for.
CREATE FUNCTION lead_tallies_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO lead_tallies (company_id, list_id, status, problem, pass_number, dials, answered, leads, dial_sum, answered_sum)
  SELECT company_id, list_id, status, problem, pass_number, least(dial_attempts, 10), answered_count > 0,
         count(*), sum(dial_attempts), sum(answered_count)
  FROM new_rows GROUP BY 1, 2, 3, 4, 5, 6, 7;
  RETURN NULL;
END $$;
CREATE FUNCTION lead_tallies_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO lead_tallies (company_id, list_id, status, problem, pass_number, dials, answered, leads, dial_sum, answered_sum)
  SELECT company_id, list_id, status, problem, pass_number, least(dial_attempts, 10), answered_count > 0,
         -count(*), -sum(dial_attempts), -sum(answered_count)
  FROM old_rows GROUP BY 1, 2, 3, 4, 5, 6, 7;
  RETURN NULL;
END $$;
CREATE FUNCTION lead_tallies_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO lead_tallies (company_id, list_id, status, problem, pass_number, dials, answered, leads, dial_sum, answered_sum)
  SELECT company_id, list_id, status, problem, pass_number, dials, answered, sum(n), sum(d), sum(a)
  FROM (
    SELECT company_id, list_id, status, problem, pass_number, least(dial_attempts, 10) AS dials, answered_count > 0 AS answered,
           1 AS n, dial_attempts AS d, answered_count AS a FROM new_rows
    UNION ALL
    SELECT company_id, list_id, status, problem, pass_number, least(dial_attempts, 10), answered_count > 0,
           -1, -dial_attempts, -answered_count FROM old_rows
  ) AS moved
  GROUP BY 1, 2, 3, 4, 5, 6, 7
  HAVING sum(n) <> 0 OR sum(d) <> 0 OR sum(a) <> 0;
  RETURN NULL;
END $$;
CREATE TRIGGER leads_tally_insert AFTER INSERT ON leads REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION lead_tallies_insert();
CREATE TRIGGER leads_tally_update AFTER UPDATE ON leads REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION lead_tallies_update();
CREATE TRIGGER leads_tally_delete AFTER DELETE ON leads REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION lead_tallies_delete();

-- Search lives beside the table whose status changes.
CREATE FUNCTION lead_name_key(first_name text, last_name text, business text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT left(lower(trim(coalesce(nullif(trim(last_name || ' ' || first_name), ''), business))), 200)
$$;
CREATE FUNCTION lead_words(VARIADIC parts text[]) RETURNS tsvector LANGUAGE sql STABLE AS $$
  SELECT to_tsvector('simple', left(translate(array_to_string(parts, ' '), '@._-/+:,;()&''"', '               '), 2000))
$$;
-- Tags are words of their own, so that a rare one is found by the same index: "#vip".
CREATE FUNCTION lead_tag_words(tags text[]) RETURNS tsvector LANGUAGE sql IMMUTABLE AS $$
  SELECT array_to_tsvector(array(SELECT DISTINCT '#' || left(tag, 200) FROM unnest(tags) AS tag WHERE tag <> ''))
$$;
CREATE FUNCTION lead_search_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO lead_search (lead_id, company_id, list_id, name_key, phone, phone_reversed, email, tsv)
  SELECT id, company_id, list_id, lead_name_key(first_name, last_name, business), phone, reverse(phone), lower(email),
         lead_words(first_name, last_name, business, email, city, postal_code, phone) || lead_tag_words(tags)
  FROM new_rows;
  RETURN NULL;
END $$;
CREATE FUNCTION lead_search_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE lead_search SET company_id = NEW.company_id, list_id = NEW.list_id,
    name_key = lead_name_key(NEW.first_name, NEW.last_name, NEW.business),
    phone = NEW.phone, phone_reversed = reverse(NEW.phone), email = lower(NEW.email),
    tsv = lead_words(NEW.first_name, NEW.last_name, NEW.business, NEW.email, NEW.city, NEW.postal_code, NEW.phone)
          || lead_tag_words(NEW.tags)
  WHERE lead_id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER leads_search_insert AFTER INSERT ON leads REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION lead_search_insert();
CREATE TRIGGER leads_search_update
  AFTER UPDATE OF company_id, list_id, first_name, last_name, business, phone, email, city, postal_code, tags ON leads FOR EACH ROW
  WHEN ((OLD.company_id, OLD.list_id, OLD.first_name, OLD.last_name, OLD.business, OLD.phone, OLD.email, OLD.city, OLD.postal_code, OLD.tags)
        IS DISTINCT FROM
        (NEW.company_id, NEW.list_id, NEW.first_name, NEW.last_name, NEW.business, NEW.phone, NEW.email, NEW.city, NEW.postal_code, NEW.tags))
  EXECUTE FUNCTION lead_search_update();

-- What the calls say of a lead, whoever writes them. A writer that moves the lead's facts in the same
-- statement says so by `rebound.calls_counted`, and is spared the second update.
CREATE FUNCTION call_logs_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('rebound.calls_counted', true) = 'on' THEN RETURN NULL; END IF;
  UPDATE leads l SET call_count = l.call_count + c.calls, last_result_at = greatest(l.last_result_at, c.result_at)
  FROM (SELECT lead_id, count(*) AS calls, max(result_at) AS result_at FROM new_rows GROUP BY lead_id) AS c
  WHERE l.id = c.lead_id;
  RETURN NULL;
END $$;
CREATE FUNCTION call_logs_recount(ids bigint[]) RETURNS void LANGUAGE sql AS $$
  UPDATE leads l SET call_count = coalesce(c.calls, 0), last_result_at = c.result_at
  FROM unnest(ids) AS wanted(id)
  LEFT JOIN LATERAL (
    SELECT count(*) AS calls, max(result_at) AS result_at FROM call_logs WHERE lead_id = wanted.id
  ) AS c ON true
  WHERE l.id = wanted.id
    AND (l.call_count, l.last_result_at) IS DISTINCT FROM (coalesce(c.calls, 0)::int, c.result_at)
$$;
CREATE FUNCTION call_logs_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('rebound.calls_counted', true) = 'on' THEN RETURN NULL; END IF;
  PERFORM call_logs_recount(array(
    SELECT o.lead_id FROM old_rows o JOIN new_rows n USING (id)
    WHERE (o.lead_id, o.result_at) IS DISTINCT FROM (n.lead_id, n.result_at)
    UNION
    SELECT n.lead_id FROM old_rows o JOIN new_rows n USING (id)
    WHERE (o.lead_id, o.result_at) IS DISTINCT FROM (n.lead_id, n.result_at)));
  RETURN NULL;
END $$;
CREATE FUNCTION call_logs_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM call_logs_recount(array(SELECT DISTINCT lead_id FROM old_rows));
  RETURN NULL;
END $$;
CREATE TRIGGER call_logs_count_insert AFTER INSERT ON call_logs REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION call_logs_insert();
CREATE TRIGGER call_logs_count_update AFTER UPDATE ON call_logs REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION call_logs_update();
CREATE TRIGGER call_logs_count_delete AFTER DELETE ON call_logs REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION call_logs_delete();

-- Wide rows that change their status often: leave room on the page and vacuum early.
ALTER TABLE leads SET (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
ALTER TABLE lead_tallies SET (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 2000);
