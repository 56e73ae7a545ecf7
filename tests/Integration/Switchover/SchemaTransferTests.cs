using PgCluster.Adapters.Switchover;
using PgCluster.Engine.Switchover;

namespace PgCluster.Tests.Integration.Switchover;

[Collection(ServerPairGroup.Name)]
public sealed class SchemaTransferTests(SwitchoverServers servers)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task SW_Schema_goes_over_in_two_parts_with_cycles_and_self_references_and_can_be_taken_back()
    {
        var options = await servers.CreateAsync(
            Schemas.Hard + "CREATE SCHEMA pgcluster_switchover; CREATE TABLE pgcluster_switchover.own (id int); CREATE PUBLICATION theirs FOR ALL TABLES",
            "CREATE TABLE public.was_there (id int); CREATE TYPE public.kept AS ENUM ('x')");
        await using var databases = SwitchoverServers.Open(options);
        using var transfer = new SchemaTransfer(databases, options, null, TimeProvider.System);

        await transfer.PreDataAsync(Token);
        var halfway = await CatalogReader.ReadAsync(databases.Target, options, Token);
        Assert.Equal(8, halfway.Tables.Count(t => t.Name.Name != "was_there"));
        Assert.Empty(halfway.ForeignKeys);

        await transfer.PostDataAsync(Token);
        await AssertSameAsync(databases, options);
        var own = await CountAsync(databases, "SELECT count(*) FROM pg_namespace WHERE nspname = 'pgcluster_switchover'");
        Assert.Equal((0L, 0L), (own, await CountAsync(databases, "SELECT count(*) FROM pg_publication")));
        Assert.Equal(1, await CountAsync(databases, "SELECT count(*) FROM pg_trigger WHERE tgname = 'touch'"));

        // Another process knows only what was kept.
        using var other = new SchemaTransfer(databases, options, transfer.Before, TimeProvider.System);
        await other.UndoAsync(Token);
        using var look = new SchemaTransfer(databases, options, null, TimeProvider.System);
        Assert.Equal(transfer.Before!.Objects, (await look.LookAsync(Token)).Objects);
        Assert.Contains("table public.was_there", transfer.Before.Objects);
        await other.UndoAsync(Token);
    }

    [Fact]
    public async Task SW_Schema_the_second_part_goes_on_where_it_was_interrupted()
    {
        var options = await servers.CreateAsync(Schemas.Hard);
        await using var databases = SwitchoverServers.Open(options);
        using var transfer = new SchemaTransfer(databases, options, null, TimeProvider.System);
        await transfer.PreDataAsync(Token);
        await transfer.PostDataAsync(Token);
        await SwitchoverServers.ExecuteAsync(
            options.TargetUri,
            "ALTER TABLE a DROP CONSTRAINT a_b_fkey; DROP INDEX item_lower; DROP TRIGGER touch ON item; ALTER TABLE part DROP CONSTRAINT part_item_fkey");

        using var again = new SchemaTransfer(databases, options, transfer.Before, TimeProvider.System);
        await again.PostDataAsync(Token);
        await AssertSameAsync(databases, options);
        Assert.Equal(2, await CountAsync(databases,
            "SELECT (SELECT count(*) FROM pg_trigger WHERE tgname = 'touch') + (SELECT count(*) FROM pg_class WHERE relname = 'item_lower')"));
        await again.PostDataAsync(Token);
    }

    [Fact]
    public async Task SW_Schema_workers_that_deadlock_leave_the_rest_to_one_of_them()
    {
        var options = await servers.CreateAsync(Schemas.Hard) with { Jobs = 4 };
        await using var databases = SwitchoverServers.Open(options);
        using var transfer = new SchemaTransfer(databases, options, null, TimeProvider.System);
        await transfer.PreDataAsync(Token);

        // The server ends one of two transactions that wait for each other with this error. What a sequence has given stays given.
        await SwitchoverServers.ExecuteAsync(
            options.TargetUri,
            """
            CREATE SEQUENCE public.seen;
            CREATE FUNCTION public.collide() RETURNS event_trigger LANGUAGE plpgsql AS $$
              BEGIN IF nextval('public.seen') = 4 THEN RAISE deadlock_detected; END IF; END $$;
            CREATE EVENT TRIGGER collide ON ddl_command_end EXECUTE FUNCTION public.collide();
            """);
        await transfer.PostDataAsync(Token);
        await SwitchoverServers.ExecuteAsync(
            options.TargetUri, "DROP EVENT TRIGGER collide; DROP FUNCTION public.collide; DROP SEQUENCE public.seen");
        await AssertSameAsync(databases, options);
    }

    [Fact]
    public async Task SW_Schema_only_chosen_schemas_go_over()
    {
        const string Two =
            "CREATE SCHEMA \"My.Schema*\"; CREATE TABLE \"My.Schema*\".t (id int PRIMARY KEY); CREATE SCHEMA other; CREATE TABLE other.t (id int)";
        var options = await servers.CreateAsync(Two) with { Schemas = ["My.Schema*"] };
        await using var databases = SwitchoverServers.Open(options);
        using var transfer = new SchemaTransfer(databases, options, null, TimeProvider.System);
        await transfer.PreDataAsync(Token);
        await transfer.PostDataAsync(Token);
        var there = await CatalogReader.ReadAsync(databases.Target, options with { Schemas = [] }, Token);
        Assert.Equal("My.Schema*.t", Assert.Single(there.Tables).Name.ToString());
    }

    [Fact]
    public async Task SW_Schema_a_table_that_is_there_is_named_and_nothing_is_made()
    {
        var options = await servers.CreateAsync("CREATE TABLE aa (id int); CREATE TABLE bb (id int)", "CREATE TABLE bb (other text)");
        await using var databases = SwitchoverServers.Open(options);
        using var transfer = new SchemaTransfer(databases, options, null, TimeProvider.System);
        var error = await Assert.ThrowsAsync<PgClusterException>(() => transfer.PreDataAsync(Token));
        Assert.Equal(Reason.PreflightFailed, error.Reason);
        Assert.Contains("bb", error.Message, StringComparison.Ordinal);
        Assert.Equal("bb", Assert.Single((await CatalogReader.ReadAsync(databases.Target, options, Token)).Tables).Name.Name);
    }

    private static async Task AssertSameAsync(SwitchoverDatabases databases, SwitchoverOptions options) => Assert.Empty(SchemaComparison.Compare(
        await CatalogReader.ReadAsync(databases.Source, options, Token), await CatalogReader.ReadAsync(databases.Target, options, Token)));

    private static async Task<long> CountAsync(SwitchoverDatabases databases, string sql)
    {
        await using var command = databases.Target.CreateCommand(sql);
        return (long)(await command.ExecuteScalarAsync(Token))!;
    }
}
