using PgCluster.Adapters.Postgres;
using PgCluster.Adapters.Switchover;

namespace PgCluster.Tests.Unit.Switchover;

public sealed class SchemaTransferRulesTests
{
    [Theory]
    [InlineData("pg_dump (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)", 15)]
    [InlineData("pg_dump (PostgreSQL) 18beta1", 18)]
    [InlineData("pg_dump (PostgreSQL) 17.5\n", 17)]
    [InlineData("command not found", null)]
    public void The_major_version_is_read_from_what_pg_dump_says(string said, int? major) => Assert.Equal(major, SchemaTool.ReadMajor(said));

    [Theory]
    [InlineData("table public.\"A b\"", "DROP TABLE IF EXISTS public.\"A b\" CASCADE")]
    [InlineData("materialized view public.m", "DROP MATERIALIZED VIEW IF EXISTS public.m CASCADE")]
    [InlineData("composite type public.pair", "DROP TYPE IF EXISTS public.pair CASCADE")]
    [InlineData("statistics object public.s", "DROP STATISTICS IF EXISTS public.s CASCADE")]
    [InlineData("foreign-data wrapper w", "DROP FOREIGN DATA WRAPPER IF EXISTS w CASCADE")]
    [InlineData("cast (public.a AS text)", "DROP CAST IF EXISTS (public.a AS text) CASCADE")]
    [InlineData("function public.f(integer)", "DROP FUNCTION IF EXISTS public.f(integer) CASCADE")]
    public void Objects_are_dropped_as_what_they_are(string name, string statement) => Assert.Equal(statement, SchemaTransfer.DropStatement(name));

    [Fact]
    public void A_line_of_the_archive_is_read_and_a_comment_is_not()
    {
        var entry = SchemaEntry.TryParse("3214; 2606 16400 CONSTRAINT public my table t_pkey owner");
        Assert.Equal((2606, 16400u, "CONSTRAINT public my table t_pkey owner"), (entry!.Catalog, entry.Oid, entry.Text));
        Assert.Null(SchemaEntry.TryParse("; Archive created at 2026-01-01 00:00:00 UTC"));
        Assert.Null(SchemaEntry.TryParse(""));
    }

    [Fact]
    public void Passwords_go_through_the_environment()
    {
        var uri = LibpqUri.Parse("postgresql://mover:s%20ecret@h:1/d%20b?sslmode=verify-full");
        var environment = ClientEnvironment.Of(uri);
        Assert.Equal(("s ecret", "mover", "h", "1", "verify-full"),
            (environment["PGPASSWORD"], environment["PGUSER"], environment["PGHOST"], environment["PGPORT"], environment["PGSSLMODE"]));
        Assert.Null(environment["PGSERVICE"]);
        Assert.Equal("dbname='d b'", ClientEnvironment.Database(uri));
    }
}
