CREATE TABLE "event_log" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"event_type" text NOT NULL,
	"aggregate_id" text NOT NULL,
	"location_id" text,
	"timestamp" timestamp with time zone NOT NULL,
	"payload" jsonb NOT NULL,
	"metadata" jsonb,
	"transaction_ids" text[] DEFAULT '{}' NOT NULL,
	"dedupe_key" text NOT NULL,
	CONSTRAINT "event_log_dedupe_key_unique" UNIQUE("dedupe_key")
);
--> statement-breakpoint
CREATE TABLE "inventory_items" (
	"location_id" text NOT NULL,
	"sku" text NOT NULL,
	"name" text NOT NULL,
	"price" numeric(12, 2) NOT NULL,
	"category" text,
	"description" text,
	"first_seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "inventory_items_location_id_sku_pk" PRIMARY KEY("location_id","sku")
);
--> statement-breakpoint
CREATE INDEX "event_log_type" ON "event_log" USING btree ("event_type" text_pattern_ops,"timestamp");--> statement-breakpoint
CREATE INDEX "event_log_location" ON "event_log" USING btree ("location_id","timestamp");--> statement-breakpoint
CREATE INDEX "event_log_aggregate" ON "event_log" USING btree ("aggregate_id","timestamp");--> statement-breakpoint
CREATE INDEX "event_log_timestamp" ON "event_log" USING btree ("timestamp");--> statement-breakpoint
CREATE INDEX "event_log_transactions" ON "event_log" USING gin ("transaction_ids");