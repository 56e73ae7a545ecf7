namespace PgCluster.Tests.Integration.Switchover;

/// <summary>A schema with everything that makes moving rows hard, and rows to begin with. Those
/// that <see cref="SwitchoverLoad"/> changes have ids up to 500.</summary>
internal static class NastySchema
{
    /// <summary>Types, tables and constraints, without rows.</summary>
    public const string Schema = """
        CREATE SCHEMA "Odd ""Schema"".1";
        CREATE TYPE mood AS ENUM ('sad', 'so-so', 'it''s "great"');
        CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
        CREATE TYPE pair AS (a integer, b mood);

        -- Composite key of which one column is the second in the table; every kind of value.
        CREATE TABLE values_of_all_kinds (
          t text NOT NULL, k timestamptz NOT NULL, n numeric(20, 4), u uuid, j jsonb, b bytea, a integer[], m mood, ms mood[], p positive, pr pair, rc regclass,
          f double precision, i interval, r tstzrange, doubled numeric GENERATED ALWAYS AS (n * 2) STORED, big text,
          PRIMARY KEY (k, t));
        ALTER TABLE values_of_all_kinds ALTER COLUMN big SET STORAGE EXTERNAL;

        -- Self reference.
        CREATE TABLE employee (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, boss integer REFERENCES employee, name text NOT NULL);

        -- Cycle.
        CREATE TABLE team (id integer PRIMARY KEY, captain integer);
        CREATE TABLE player (id integer PRIMARY KEY, team integer NOT NULL REFERENCES team ON DELETE CASCADE);
        ALTER TABLE team ADD FOREIGN KEY (captain) REFERENCES player DEFERRABLE INITIALLY DEFERRED;

        -- Partitions of partitions; keys of leaves; a foreign key to and from them.
        CREATE TABLE event (id bigint NOT NULL, region text NOT NULL, at date NOT NULL, team integer, payload jsonb, PRIMARY KEY (region, id))
          PARTITION BY LIST (region);
        CREATE TABLE event_eu PARTITION OF event FOR VALUES IN ('eu') PARTITION BY RANGE (id);
        CREATE TABLE event_eu_1 PARTITION OF event_eu FOR VALUES FROM (MINVALUE) TO (250);
        CREATE TABLE event_eu_2 (payload jsonb, id bigint NOT NULL, at date NOT NULL, region text NOT NULL, team integer);
        ALTER TABLE event_eu ATTACH PARTITION event_eu_2 FOR VALUES FROM (250) TO (MAXVALUE);
        CREATE TABLE event_rest PARTITION OF event DEFAULT;
        CREATE TABLE event_note (region text NOT NULL, event bigint NOT NULL, line smallint NOT NULL, note text,
          PRIMARY KEY (region, event, line), FOREIGN KEY (region, event) REFERENCES event ON DELETE CASCADE ON UPDATE CASCADE);

        -- Unique values that rows exchange, one constraint at once and one deferred; a replica identity that is not the primary key.
        CREATE TABLE seat (id integer PRIMARY KEY, place integer NOT NULL, rank integer NOT NULL UNIQUE DEFERRABLE INITIALLY DEFERRED, code char(6) NOT NULL);
        CREATE UNIQUE INDEX seat_place ON seat (place);
        CREATE UNIQUE INDEX seat_code ON seat (code);
        ALTER TABLE seat REPLICA IDENTITY USING INDEX seat_code;
        CREATE TABLE booking (id integer PRIMARY KEY, during int4range NOT NULL, EXCLUDE USING gist (during WITH &&));

        CREATE TABLE "Odd ""Schema"".1"."Od;d $$ 'Tab""le" (
          "Ke""y; 'a" text, "select" double precision, "v $1 :p @q" text, PRIMARY KEY ("select", "Ke""y; 'a"));
        CREATE TABLE ledger (writer integer, entry bigint, PRIMARY KEY (writer, entry));
        CREATE UNLOGGED TABLE scratch (id uuid PRIMARY KEY, v integer);
        CREATE TABLE parent (id integer PRIMARY KEY, v text);
        CREATE TABLE child (extra integer, PRIMARY KEY (id)) INHERITS (parent);

        -- A trigger of the application, which must not work again on rows that are brought over.
        CREATE TABLE audit (id bigserial PRIMARY KEY, what text);
        CREATE FUNCTION audited() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO audit (what) VALUES (TG_OP || NEW.id); RETURN NULL; END $$;
        CREATE TRIGGER audited AFTER INSERT OR UPDATE ON team FOR EACH ROW EXECUTE FUNCTION audited();
        """;

    /// <summary>Rows to begin with.</summary>
    public const string Rows = """
        INSERT INTO values_of_all_kinds (t, k, n, u, j, b, a, m, ms, p, pr, rc, f, i, r, big)
          SELECT E'k\t\\' || g, timestamptz '0044-03-15 12:00 BC' + g * interval '1 day 1 microsecond', g / 7.0, gen_random_uuid(),
            jsonb_build_object('g', g, 'x', NULL),
            decode(md5(g::text), 'hex'), ARRAY[g, NULL, -g], 'it''s "great"', ARRAY['sad', NULL]::mood[], g, ROW(g, 'so-so')::pair, 'team',
            CASE g % 4 WHEN 0 THEN 'NaN' WHEN 1 THEN '-Infinity' ELSE g / 3.0::float8 END, g * interval '1 month -3 days', tstzrange(now(), NULL),
            repeat(md5(g::text), g * 3)
          FROM generate_series(1, 400) g;
        INSERT INTO employee (boss, name) SELECT nullif(g / 2, 0), 'e' || g FROM generate_series(1, 500) g;
        INSERT INTO team SELECT g, NULL FROM generate_series(1, 100) g;
        INSERT INTO player SELECT g, (g - 1) % 100 + 1 FROM generate_series(1, 500) g;
        UPDATE team SET captain = id;
        INSERT INTO event SELECT g, (ARRAY['eu', 'us', 'asia'])[g % 3 + 1], date '2020-01-01' + g, g, '{"a": [1]}' FROM generate_series(1, 500) g;
        INSERT INTO event_note SELECT region, id, 1, 'n' FROM event;
        INSERT INTO seat SELECT g, g, g, 'c' || g FROM generate_series(1, 200) g;
        INSERT INTO booking SELECT g, int4range(g * 10, g * 10 + 10) FROM generate_series(1, 200) g;
        INSERT INTO "Odd ""Schema"".1"."Od;d $$ 'Tab""le" SELECT E'\\x\n"' || g, g / 3.0::float8, 'v' FROM generate_series(1, 300) g;
        INSERT INTO scratch SELECT gen_random_uuid(), g FROM generate_series(1, 100) g;
        INSERT INTO parent SELECT g, 'p' FROM generate_series(1, 50) g;
        INSERT INTO child SELECT g, 'c', g FROM generate_series(1, 50) g;
        """;
}
