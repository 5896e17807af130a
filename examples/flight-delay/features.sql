-- Will a flight arrive more than 15 minutes late? One row per departure in `batch`, predicted when the wheels leave the ground.
--
-- Point in time: a flight tells something about an airport only once it has landed. `delay` is therefore used (apart from the
-- target and the reason for review) only through flights whose estimated landing, 30 minutes plus 1 minute per 7.5 miles
-- after departure, lies in an hour before the hour of the row. So the same SQL serves: delays that are not known yet change
-- nothing. Sums are of integers and divided once, so that the order of addition cannot change the last bits.
WITH
  -- A record that came twice word for word is one flight.
  records AS (
    SELECT DISTINCT date, origin, destination, distance, delay FROM batch WHERE date IS NOT NULL
  ),
  -- Numbered within its own minute and route only: other batches cannot move a key.
  flights AS (
    SELECT
      *,
      row_number() OVER same_departure AS ordinal,
      count(*) OVER (same_departure ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS versions,
      time_bucket(INTERVAL 1 HOUR, date) AS hour
    FROM records
    WINDOW same_departure AS (PARTITION BY date, origin, destination ORDER BY distance NULLS LAST, delay NULLS LAST)
  ),
  seen AS (
    SELECT
      origin,
      destination,
      greatest(least(delay, 180), -30)::BIGINT AS clipped_delay,
      time_bucket(INTERVAL 1 HOUR, date + to_minutes((30 + distance * 2 // 15)::BIGINT)) AS landed
    FROM (
      SELECT date, origin, destination, distance, delay FROM records
      UNION ALL
      SELECT DISTINCT date, origin, destination, distance, delay FROM context
    )
    WHERE delay IS NOT NULL AND distance IS NOT NULL
  ),
  landings AS (
    SELECT airport, landed, sum(in_n) AS in_n, sum(in_delay) AS in_delay, sum(out_n) AS out_n, sum(out_delay) AS out_delay
    FROM (
      SELECT destination AS airport, landed, 1 AS in_n, clipped_delay AS in_delay, 0 AS out_n, 0 AS out_delay FROM seen
      UNION ALL
      SELECT origin, landed, 0, 0, 1, clipped_delay FROM seen
    )
    WHERE airport IS NOT NULL
    GROUP BY airport, landed
  ),
  -- What an hour may know: the three hours before it.
  airport_state AS (
    SELECT
      airport,
      landed + to_hours(ahead) AS hour,
      sum(in_n)::BIGINT AS in_n,
      sum(in_delay)::BIGINT AS in_delay,
      sum(out_n)::BIGINT AS out_n,
      sum(out_delay)::BIGINT AS out_delay
    FROM landings, (VALUES (1), (2), (3)) AS ahead (ahead)
    GROUP BY ALL
  ),
  places AS (
    SELECT iata, min(latitude) AS latitude, min(longitude) AS longitude FROM airports GROUP BY iata
  )
SELECT
  strftime(f.date, '%Y-%m-%dT%H:%M:%S') || ' ' || coalesce(f.origin, '?') || '-' || coalesce(f.destination, '?')
    || CASE WHEN f.ordinal > 1 THEN '#' || f.ordinal ELSE '' END AS flight_id,
  f.date,
  hour(f.date) * 60 + minute(f.date) AS tod,
  isodow(f.date) AS dow,
  f.distance,
  po.latitude AS o_lat,
  po.longitude AS o_lon,
  pd.latitude AS d_lat,
  pd.longitude AS d_lon,
  o.in_delay / nullif(o.in_n, 0) AS o_in_delay,
  o.out_delay / nullif(o.out_n, 0) AS o_out_delay,
  d.in_delay / nullif(d.in_n, 0) AS d_in_delay,
  d.out_delay / nullif(d.out_n, 0) AS d_out_delay,
  coalesce(o.out_n, 0) AS o_traffic,
  coalesce(d.in_n, 0) AS d_traffic,
  f.delay > 15 AS late,
  CASE
    WHEN f.versions > 1 THEN 'conflicting records'
    WHEN f.delay < -90 OR f.delay > 1000 THEN 'implausible delay'
  END AS review_reason,
  -- What people see who judge the row; no feature.
  f.origin,
  f.destination,
  f.delay
FROM flights AS f
LEFT JOIN places AS po ON po.iata = f.origin
LEFT JOIN places AS pd ON pd.iata = f.destination
LEFT JOIN airport_state AS o ON o.airport = f.origin AND o.hour = f.hour
LEFT JOIN airport_state AS d ON d.airport = f.destination AND d.hour = f.hour
