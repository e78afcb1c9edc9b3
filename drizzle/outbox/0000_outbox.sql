CREATE SCHEMA "conexxus";
--> statement-breakpoint
CREATE TABLE "conexxus"."outbox" (
	"xid" "xid8" DEFAULT pg_current_xact_id() NOT NULL,
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "conexxus"."outbox_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"job_name" text NOT NULL,
	"data" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "outbox_xid_id_pk" PRIMARY KEY("xid","id")
);
--> statement-breakpoint
CREATE TABLE "conexxus"."payload" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "conexxus"."payload_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"sync_key" text NOT NULL,
	"location_id" text NOT NULL,
	"json" text NOT NULL,
	"sale_ids" bigint[] NOT NULL,
	"parent" bigint,
	"state" text DEFAULT 'open' NOT NULL,
	"reason" text,
	"died_at" timestamp with time zone,
	"refused" text[] DEFAULT '{}' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"since" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "payload_sync_key_unique" UNIQUE("sync_key")
);
--> statement-breakpoint
CREATE TABLE "conexxus"."relay" (
	"one" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"owner" text,
	"held" text,
	"released_at" timestamp with time zone,
	"acts" integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "conexxus"."sale" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "conexxus"."sale_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"row_id" bigint NOT NULL,
	"location_id" text,
	"date" date,
	"transaction_id" text,
	"total" numeric,
	"sale_key" text,
	"corrects" bigint,
	"group_key" text,
	"frame" text,
	"job_name" text,
	"data" text,
	"bytes" integer NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"payload_id" bigint,
	"fate" text,
	"reason" text,
	"since" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "sale_sale_key_unique" UNIQUE("sale_key")
);
--> statement-breakpoint
CREATE TABLE "conexxus"."taken" (
	"one" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"snapshot" "pg_snapshot",
	"started" timestamp with time zone
);
--> statement-breakpoint
CREATE INDEX "payload_unsettled" ON "conexxus"."payload" USING btree ("id") WHERE "conexxus"."payload"."state" in ('planned', 'open', 'splitting', 'dead', 'apart');--> statement-breakpoint
CREATE INDEX "payload_settled" ON "conexxus"."payload" USING btree ("since") WHERE "conexxus"."payload"."state" in ('delivered', 'flagged', 'discarded', 'split');--> statement-breakpoint
CREATE INDEX "payload_store" ON "conexxus"."payload" USING btree ("location_id");--> statement-breakpoint
CREATE INDEX "sale_waiting" ON "conexxus"."sale" USING btree ("location_id","id") WHERE "conexxus"."sale"."payload_id" is null and "conexxus"."sale"."fate" is null;--> statement-breakpoint
CREATE INDEX "sale_fated" ON "conexxus"."sale" USING btree ("fate","location_id","id") WHERE "conexxus"."sale"."fate" is not null;--> statement-breakpoint
CREATE INDEX "sale_given_up" ON "conexxus"."sale" USING btree ("since") WHERE "conexxus"."sale"."fate" = 'discarded';--> statement-breakpoint
CREATE INDEX "sale_day" ON "conexxus"."sale" USING btree ("date","location_id","transaction_id");--> statement-breakpoint
CREATE INDEX "sale_transaction" ON "conexxus"."sale" USING btree ("transaction_id","location_id","date");--> statement-breakpoint
INSERT INTO "conexxus"."relay" DEFAULT VALUES;--> statement-breakpoint
INSERT INTO "conexxus"."taken" DEFAULT VALUES;--> statement-breakpoint
CREATE FUNCTION public.conexxus_enqueue(job_name text, data jsonb) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE written bigint;
BEGIN
  INSERT INTO conexxus.outbox (job_name, data) VALUES ($1, $2) RETURNING id INTO written;
  RETURN written;
END $$;--> statement-breakpoint
REVOKE ALL ON FUNCTION public.conexxus_enqueue(text, jsonb) FROM PUBLIC;--> statement-breakpoint
CREATE FUNCTION "conexxus"."day_of"(given text) RETURNS date
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN CASE WHEN given ~ '^\d{4}-\d{2}-\d{2}$' THEN make_date(left(given, 4)::int, substr(given, 6, 2)::int, right(given, 2)::int) END;
EXCEPTION WHEN datetime_field_overflow THEN
  RETURN NULL;
END $$;--> statement-breakpoint
GRANT EXECUTE ON FUNCTION "conexxus"."day_of"(text) TO PUBLIC;--> statement-breakpoint
-- What the snapshot in "taken" did not see. The upper limit tells the planner that it is little.
CREATE VIEW "conexxus"."untaken" AS
SELECT * FROM conexxus.outbox
WHERE xid BETWEEN coalesce((SELECT pg_snapshot_xmax(snapshot) FROM conexxus.taken WHERE started = pg_postmaster_start_time()), '0')
  AND '18446744073709551615'
UNION ALL
SELECT * FROM conexxus.outbox
WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip(snapshot) FROM conexxus.taken WHERE started = pg_postmaster_start_time()));--> statement-breakpoint
-- OFFSET 0: payloads are looked up by their ids, where a join would read all there are.
CREATE VIEW public.conexxus_sales AS
WITH line AS (
  SELECT s.id AS line, s.location_id, s.date, s.transaction_id, s.total, s.corrects,
    CASE
      WHEN s.fate IS NOT NULL THEN s.fate
      WHEN p.state IS NULL THEN 'waiting'
      WHEN p.state IN ('planned', 'open', 'splitting', 'split') THEN 'enqueued'
      WHEN p.state = 'flagged' AND cardinality(p.refused) > 0 AND s.transaction_id <> ALL (p.refused) THEN 'delivered'
      ELSE p.state
    END AS state,
    greatest(s.since, p.since) AS since,
    coalesce(s.reason, p.reason) AS reason
  FROM conexxus.sale s LEFT JOIN LATERAL (
    SELECT state, since, reason, refused FROM conexxus.payload WHERE id = s.payload_id OFFSET 0
  ) AS p ON true
)
SELECT location_id, date, transaction_id AS id, total,
  CASE
    WHEN state IN ('dead', 'apart', 'discarded') AND EXISTS (
      SELECT FROM conexxus.sale later JOIN conexxus.payload p ON p.id = later.payload_id
      WHERE later.transaction_id = line.transaction_id AND later.location_id = line.location_id
        AND later.date = line.date AND later.id > line.line AND p.state IN ('delivered', 'flagged')
    ) THEN 'replaced'
    ELSE state
  END AS state,
  since, reason, corrects, line
FROM line
UNION ALL
SELECT o.data ->> 'locationId', conexxus.day_of(o.data ->> 'date'), t.one ->> 'id',
  CASE WHEN jsonb_typeof(t.one -> 'total') = 'number' THEN (t.one ->> 'total')::numeric END,
  'waiting', o.created_at, NULL, NULL, NULL
FROM conexxus.untaken o
LEFT JOIN LATERAL jsonb_array_elements(
  CASE WHEN jsonb_typeof(o.data -> 'transactions') = 'array' THEN o.data -> 'transactions' ELSE '[]' END
) AS t(one) ON true
WHERE o.job_name = 'push_sales';
