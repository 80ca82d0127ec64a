"""The statements behind the compliance report. `{where}` bounds `a` or `v`, attempts of the project; hosts are asked in the whole company."""

from __future__ import annotations

# What forbids before a page is opened: the site's robots.txt, and our own guard.
SKIPPED = """
SELECT a.id, a.skip_reason, coalesce(nullif(a.error_message, ''), a.evidence->>0, '') AS rule, a.started_at, d.name, d.host
FROM automation_attempts a JOIN project_dealerships pd ON pd.id = a.project_dealership_id JOIN dealerships d ON d.id = pd.dealership_id
WHERE {where} AND a.status = 'skipped' ORDER BY a.id
"""
# A visit opened the host: all attempts but those that the guard stopped before. Its gap goes from the end of the visit before it, of
# whatever project of the company, to its own start; that one's project and the host's crawl-delay say how long it has to be.
_VISITS = """
WITH visits AS (
  SELECT a.id, a.company_id, a.project_id, a.run_id, a.started_at, a.completed_at, a.dry_run, a.status, d.host, d.name,
         p.host_gap_seconds AS gap
  FROM automation_attempts a JOIN project_dealerships pd ON pd.id = a.project_dealership_id
  JOIN dealerships d ON d.id = pd.dealership_id JOIN projects p ON p.id = a.project_id
  WHERE a.company_id = :company AND (a.status <> 'skipped' OR a.skip_reason = 'robots') AND d.host <> ''
    AND d.host IN (SELECT e.host FROM dealerships e JOIN project_dealerships q ON q.dealership_id = e.id WHERE q.project_id = :project)
), v AS (
  SELECT x.*, lag(x.id) OVER w AS before_id,
         round(extract(epoch FROM x.started_at - lag(coalesce(x.completed_at, x.started_at)) OVER w), 1) AS gap_seconds,
         greatest(lag(x.gap) OVER w, h.crawl_delay) AS limit_seconds, h.crawl_delay
  FROM visits x LEFT JOIN host_paces h ON h.host = x.host
  WINDOW w AS (PARTITION BY x.host ORDER BY x.started_at, x.id)
)
"""
HOSTS = (
    _VISITS
    + """
SELECT v.host, count(*) AS visits, min(v.gap_seconds) AS smallest,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY v.gap_seconds) AS middle, max(v.limit_seconds) AS limit_seconds, max(v.crawl_delay) AS crawl_delay,
       count(*) FILTER (WHERE v.gap_seconds < v.limit_seconds) AS violations,
       (SELECT h.robots_at FROM host_paces h WHERE h.host = v.host) AS robots_at,
       count(v.gap_seconds) AS gaps
FROM v WHERE {where} GROUP BY v.host ORDER BY violations DESC, smallest ASC NULLS LAST, v.host
"""
)
TOO_SOON = (
    _VISITS
    + """
SELECT v.host, v.before_id, v.id, v.started_at, v.gap_seconds, v.limit_seconds
FROM v WHERE {where} AND v.gap_seconds < v.limit_seconds ORDER BY v.started_at, v.id
"""
)
# Visits of a host on one day of UTC, the day by which they are rationed.
PER_DAY = (
    _VISITS
    + """
SELECT w.host, w.day, w.visits, w.most FROM (
  SELECT v.host, (coalesce(v.completed_at, v.started_at) AT TIME ZONE 'UTC')::date AS day, count(*) AS visits, bool_or({where}) AS ours,
         CAST(:most AS int) AS most
  FROM v GROUP BY 1, 2
) AS w WHERE w.ours ORDER BY w.visits DESC, w.day, w.host
"""
)
# Attempts of the project within the minute that ends with each one's start, as the claim counts them.
PER_MINUTE = """
SELECT t.id, t.started_at, t.inside, p.per_minute FROM (
  SELECT a.*, count(*) OVER (ORDER BY a.started_at RANGE BETWEEN '59.999 seconds' PRECEDING AND CURRENT ROW) AS inside
  FROM automation_attempts a WHERE a.company_id = :company AND a.project_id = :project AND a.status <> 'skipped'
) AS t JOIN projects p ON p.id = t.project_id WHERE {where} ORDER BY t.inside DESC, t.started_at LIMIT 1000
"""
# A run of chosen dealerships is a person's own hour: its attempts outside the window are told apart.
WINDOW = """
SELECT t.id, t.name, t.started_at, t.by_hand FROM (
  SELECT a.id, d.name, a.started_at, r.chosen IS NOT NULL AS by_hand, p.window_open, p.window_close, p.window_days,
         (a.started_at AT TIME ZONE p.zone) AS here
  FROM automation_attempts a JOIN projects p ON p.id = a.project_id JOIN runs r ON r.id = a.run_id
  JOIN project_dealerships pd ON pd.id = a.project_dealership_id JOIN dealerships d ON d.id = pd.dealership_id
  WHERE {where} AND (a.status <> 'skipped' OR a.skip_reason = 'robots')
) AS t
WHERE NOT (extract(isodow FROM t.here)::int - 1 = ANY(t.window_days)
           AND (t.window_open = t.window_close OR (t.here::time >= t.window_open::time AND t.here::time < t.window_close::time)))
ORDER BY t.started_at, t.id
"""
# Walls that are never tried at again by a machine: `again` is a later attempt of the same run.
WALLS = """
SELECT a.id, a.error_type, a.started_at, a.submit_pressed_at IS NOT NULL AS pressed, d.name, d.host, a.project_dealership_id AS row_id,
       CASE WHEN a.error_type <> 'rate_limited' THEN (
         SELECT min(b.id) FROM automation_attempts b WHERE b.project_dealership_id = a.project_dealership_id AND b.run_id = a.run_id
           AND b.attempt_number > a.attempt_number AND b.status NOT IN ('cancelled', 'skipped')) END AS again
FROM automation_attempts a JOIN project_dealerships pd ON pd.id = a.project_dealership_id JOIN dealerships d ON d.id = pd.dealership_id
WHERE {where} AND a.error_type IN ('captcha_detected', 'bot_detection', 'ip_blocked', 'rate_limited') ORDER BY a.id
"""
RETRY_AFTER = """
SELECT a.id, d.host, a.retry_after_seconds AS asked, b.id AS next_id, round(extract(epoch FROM b.started_at - a.completed_at), 1) AS waited
FROM automation_attempts a JOIN project_dealerships pd ON pd.id = a.project_dealership_id JOIN dealerships d ON d.id = pd.dealership_id
LEFT JOIN LATERAL (SELECT n.id, n.started_at FROM automation_attempts n WHERE n.project_dealership_id = a.project_dealership_id
                   AND n.attempt_number > a.attempt_number AND n.status NOT IN ('cancelled', 'skipped')
                   ORDER BY n.attempt_number LIMIT 1) AS b ON true
WHERE {where} AND a.retry_after_seconds IS NOT NULL AND a.error_type = 'rate_limited' ORDER BY a.id
"""
# Fields that are left alone: what the engine saw of them, and whether any was filled all the same.
LEFT_ALONE = """
SELECT a.id, d.name, f->>'kind' AS kind, coalesce(f->>'label', '') AS label, f->>'filled' = 'true' AS filled
FROM automation_attempts a JOIN project_dealerships pd ON pd.id = a.project_dealership_id JOIN dealerships d ON d.id = pd.dealership_id
CROSS JOIN LATERAL jsonb_array_elements(a.fields) AS f
WHERE {where} AND f->>'kind' IN ('marketing', 'honeypot', 'captcha', 'password', 'file')
"""
AGENTS = """
SELECT a.user_agent, count(*) AS attempts, min(a.started_at) AS first_at, max(a.started_at) AS last_at
FROM automation_attempts a WHERE {where} AND a.user_agent IS NOT NULL GROUP BY a.user_agent ORDER BY attempts DESC, a.user_agent
"""
