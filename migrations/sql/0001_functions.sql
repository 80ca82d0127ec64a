-- The database's clock. `rebound.now` moves it, which only tests do.
CREATE FUNCTION rebound_now() RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT coalesce(nullif(current_setting('rebound.now', true), '')::timestamptz, now())
$$;
