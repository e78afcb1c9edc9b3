CREATE TABLE "schedules" (
	"location_id" text NOT NULL,
	"job" text NOT NULL,
	"zone" text NOT NULL,
	"at" text,
	"next_date" date,
	"next_run" timestamp with time zone NOT NULL,
	CONSTRAINT "schedules_location_id_job_pk" PRIMARY KEY("location_id","job")
);
--> statement-breakpoint
ALTER TABLE "inventory_items" ADD COLUMN "listed_at" timestamp with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
ALTER TABLE "inventory_items" ADD COLUMN "missing_since" timestamp with time zone;--> statement-breakpoint
CREATE INDEX "schedules_next_run" ON "schedules" USING btree ("next_run");