CREATE TABLE "alert_incidents" (
	"id" uuid PRIMARY KEY NOT NULL,
	"namespace" text NOT NULL,
	"kind" text NOT NULL,
	"key" text NOT NULL,
	"begun_at" timestamp with time zone NOT NULL,
	"text" text NOT NULL,
	"told_at" timestamp with time zone,
	"quiet_since" timestamp with time zone,
	"ended_at" timestamp with time zone,
	"end_text" text,
	"end_told_at" timestamp with time zone,
	"tries" integer NOT NULL,
	"facts" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "alert_sender" (
	"namespace" text PRIMARY KEY NOT NULL,
	"owner" uuid NOT NULL,
	"until" timestamp with time zone NOT NULL,
	"revision" bigint NOT NULL,
	"marks" jsonb NOT NULL
);
--> statement-breakpoint
CREATE INDEX "alert_incidents_end" ON "alert_incidents" USING btree ("namespace","end_told_at");