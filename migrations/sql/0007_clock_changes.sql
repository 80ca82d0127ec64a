-- Where the clocks change a time comes twice or never: in doubt it is closed. PostgreSQL takes the later of the two readings, by
-- which a window opens; this is the earlier one, by which it closes. The twin of timeline.rules.span_of.
CREATE FUNCTION window_closes(clock timestamp, zone text) RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
DECLARE
  later timestamptz := clock AT TIME ZONE zone; earlier timestamptz;
  shift interval := ((later + interval '4 hours') AT TIME ZONE zone) - ((later - interval '4 hours') AT TIME ZONE zone) - interval '8 hours';
BEGIN
  IF shift = interval '0' THEN RETURN later; END IF;
  earlier := later - greatest(shift, -shift);
  IF later AT TIME ZONE zone <> clock OR earlier AT TIME ZONE zone = clock THEN RETURN earlier; END IF;
  RETURN later;
END $$;
-- The moment when so many seconds of a campaign's calling hours have passed since `since`, on the lead's own clock:
-- the twin of dialer.hours.add_open_time, for statements over many leads. NULL when the campaign never opens.
CREATE OR REPLACE FUNCTION add_calling_time(since timestamptz, seconds double precision, zone text, windows jsonb, holidays text[])
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
      span_to := window_closes(day + CASE WHEN closes <= opens THEN 1 ELSE 0 END + closes, zone);
      IF span_to > at AND span_to > span_from THEN
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
CREATE OR REPLACE FUNCTION calling_now(zone text, windows jsonb, holidays text[]) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
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
         AND rebound_now() < window_closes(day + CASE WHEN closes <= opens THEN 1 ELSE 0 END + closes, zone) THEN
        RETURN true;
      END IF;
    END IF;
  END LOOP;
  RETURN false;
EXCEPTION WHEN invalid_parameter_value THEN
  RETURN false;
END $$;
