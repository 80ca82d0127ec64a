-- The moves of a contact status, as webapp.automation.states declares them; tests/automation/test_states.py compares the two.
CREATE FUNCTION check_contact_status() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  moves jsonb := '{
    "pending": ["in_progress", "manual_override", "skipped"],
    "in_progress": ["success", "failed", "blocked", "pending", "manual_override"],
    "success": ["manual_override"],
    "failed": ["in_progress", "manual_override"],
    "manual_override": [],
    "skipped": ["manual_override"],
    "blocked": ["in_progress", "manual_override"]
  }';
BEGIN
  IF NEW.contact_status IS DISTINCT FROM OLD.contact_status AND NOT (moves -> OLD.contact_status) ? NEW.contact_status THEN
    RAISE EXCEPTION 'contact status cannot go from % to %; allowed: %', OLD.contact_status, NEW.contact_status,
      coalesce((SELECT string_agg(m, ', ') FROM jsonb_array_elements_text(moves -> OLD.contact_status) m), 'none')
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_project_dealerships_move';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER project_dealerships_move BEFORE UPDATE OF contact_status ON project_dealerships
  FOR EACH ROW EXECUTE FUNCTION check_contact_status();

-- Great-circle miles between two places; the twin of automation.rules.miles_between.
CREATE FUNCTION miles_between(lat1 double precision, lng1 double precision, lat2 double precision, lng2 double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT 2 * 3958.7613 * asin(least(1.0, sqrt(
    sin(radians(lat2 - lat1) / 2) ^ 2 + cos(radians(lat1)) * cos(radians(lat2)) * sin(radians(lng2 - lng1) / 2) ^ 2)))
$$;
