-- Will a customer cancel within the month? One row per customer who was looked at, known at that moment.
SELECT
  customer || ' ' || strftime(seen_at, '%Y-%m-%d') AS row_id,
  seen_at,
  tenure_days,
  orders,
  tickets,
  discount_share,
  orders / (1 + tenure_days / 30.0) AS orders_per_month,
  cancelled = 1 AS cancelled
FROM batch
