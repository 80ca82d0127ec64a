-- The moment when so many seconds of a campaign's calling hours have passed since `since`, on the lead's own clock:
-- the twin of dialer.hours.add_open_time, for statements over many leads. NULL when the campaign never opens.
CREATE FUNCTION add_calling_time(since timestamptz, seconds double precision, zone text, windows jsonb, holidays text[])
RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
DECLARE
  at timestamptz := since; left_over interval := make_interval(secs => seconds); span_from timestamptz; span_to timestamptz;
  day date := (since AT TIME ZONE zone)::date - 1; part jsonb; opens time; closes time;
BEGIN
  FOR n IN 1..400 LOOP
    part := CASE WHEN windows ? (extract(isodow FROM day)::int - 1)::text THEN windows -> (extract(isodow FROM day)::int - 1)::text
                 WHEN extract(isodow FROM day) < 7 THEN '["09:00", "20:00"]'::jsonb END;
    IF part IS NOT NULL AND jsonb_typeof(part) = 'array' AND NOT day::text = ANY(holidays) THEN
      opens := (part ->> 0)::time; closes := (part ->> 1)::time;
      span_from := (day + opens) AT TIME ZONE zone;
      span_to := (day + CASE WHEN closes <= opens THEN 1 ELSE 0 END + closes) AT TIME ZONE zone;
      IF span_to > at THEN
        at := greatest(at, span_from);
        IF span_to - at >= left_over AND (left_over > interval '0' OR at < span_to) THEN RETURN at + left_over; END IF;
        left_over := left_over - (span_to - at); at := span_to;
      END IF;
    END IF;
    day := day + 1;
  END LOOP;
  RETURN NULL;
EXCEPTION WHEN invalid_parameter_value THEN
  RETURN since + make_interval(secs => seconds);  -- a zone that this server does not know
END $$;
-- Whether a campaign may call now, on the lead's own clock: the twin of dialer.hours.is_open.
CREATE FUNCTION calling_now(zone text, windows jsonb, holidays text[]) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
  here timestamp := rebound_now() AT TIME ZONE zone; day date; part jsonb; opens time; closes time;
BEGIN
  FOR back IN 0..1 LOOP  -- today's window, and yesterday's where it runs past midnight
    day := here::date - back;
    part := CASE WHEN windows ? (extract(isodow FROM day)::int - 1)::text THEN windows -> (extract(isodow FROM day)::int - 1)::text
                 WHEN extract(isodow FROM day) < 7 THEN '["09:00", "20:00"]'::jsonb END;
    IF part IS NOT NULL AND jsonb_typeof(part) = 'array' AND NOT day::text = ANY(holidays) THEN
      opens := (part ->> 0)::time; closes := (part ->> 1)::time;
      IF (day + opens) AT TIME ZONE zone <= rebound_now()
         AND rebound_now() < (day + CASE WHEN closes <= opens THEN 1 ELSE 0 END + closes) AT TIME ZONE zone THEN
        RETURN true;
      END IF;
    END IF;
  END LOOP;
  RETURN false;
EXCEPTION WHEN invalid_parameter_value THEN
  RETURN false;
END $$;
ALTER TABLE hopper_entries SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 200);
