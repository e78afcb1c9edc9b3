CREATE TABLE "conexxus"."intake" (
	"job_id" text PRIMARY KEY NOT NULL,
	"job_name" text NOT NULL,
	"location_id" text NOT NULL,
	"date" date,
	"transaction_ids" text[] NOT NULL,
	"token" text NOT NULL,
	"xid" "xid8" DEFAULT pg_current_xact_id() NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE INDEX "intake_age" ON "conexxus"."intake" USING btree ("created_at");