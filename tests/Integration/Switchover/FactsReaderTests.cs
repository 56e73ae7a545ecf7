using Npgsql;
using PgCluster.Adapters.Switchover;
using PgCluster.Engine.Switchover;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Switchover;

[Collection(ServerPairGroup.Name)]
public sealed class FactsReaderTests(SwitchoverServers servers)
{
    private const string Plain = "CREATE TABLE t (id int PRIMARY KEY)";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task SW_Facts_two_equal_databases_are_ready_and_the_engine_follows_the_settings()
    {
        var options = await servers.CreateAsync(Plain, Plain);
        var assessment = await AssessAsync(options);
        Assert.True(assessment.Ready, string.Join('\n', assessment.Checks.Where(c => c.Status == CheckStatus.Failed)));

        // The target's wal_level is replica: no way back by logical replication.
        Assert.Equal(SwitchoverEngine.Changelog, assessment.Engine);
        Assert.Contains(assessment.EngineReasons, r => r.Contains("wal_level is replica", StringComparison.Ordinal));
        Assert.Equal(SwitchoverEngine.Logical, (await AssessAsync(options with { WayBack = false })).Engine);
    }

    [Fact]
    public async Task SW_Facts_find_what_would_fail_or_be_lost()
    {
        await servers.Source.ExecuteAsync("CREATE ROLE \"Gone Owner\"");
        var options = await servers.CreateAsync(
            Plain + """
            ; CREATE TABLE keyless (v int); CREATE TABLE objects (id int PRIMARY KEY, o regclass, os oid[]);
            ALTER TABLE objects OWNER TO "Gone Owner";
            SELECT lo_create(0); SELECT lo_create(0);
            CREATE MATERIALIZED VIEW m AS SELECT 1 AS x;
            CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
              CREATE FOREIGN TABLE f (x text) SERVER files OPTIONS (filename '/dev/null');
            CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION f();
            CREATE PUBLICATION theirs;
            CREATE SCHEMA pgcluster_switchover; CREATE TABLE pgcluster_switchover.state (current_state text);
              INSERT INTO pgcluster_switchover.state VALUES ('use_next_db');
            """,
            Plain + """
            ; CREATE TABLE keyless (v int); CREATE TABLE objects (id int PRIMARY KEY, o regclass, os oid[]);
            INSERT INTO objects VALUES (1);
            CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
            CREATE TRIGGER always AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION g();
            ALTER TABLE t ENABLE ALWAYS TRIGGER always;
            """,
            "TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
        await using var busy = await SwitchoverServers.ConnectAsync(options.SourceUri, "busy batch");
        await using var transaction = await busy.BeginTransactionAsync(Token);
        await using (var lockCommand = new NpgsqlCommand("SELECT pg_advisory_xact_lock(4370)", busy, transaction))
        {
            await lockCommand.ExecuteNonQueryAsync(Token);
        }

        await SwitchoverServers.ExecuteAsync(options.SourceUri, "BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'forgotten'");
        try
        {
            var facts = await FactsReader.ReadAsync(options with { Stop = SwitchoverStop.Gate }, SwitchoverServers.Application, TimeProvider.System, Token);
            var source = facts.Source;
            Assert.Equal((DatabaseProblem.None, DatabaseProblem.None), (source.Problem, facts.Target.Problem));
            Assert.Equal((15, "LATIN1", 2L), (source.Major, source.Encoding, source.LargeObjects));
            Assert.NotEqual("LATIN1", facts.Target.Encoding);
            Assert.Equal(["public.objects"], facts.Target.NotEmpty);
            Assert.Equal(["public.m"], source.MaterializedViews);
            Assert.Equal(["public.f"], source.ForeignTables);
            Assert.Equal(["watch"], source.EventTriggers);
            Assert.Equal(["publication theirs"], source.Publications);
            Assert.Equal(["public.objects.o (regclass)", "public.objects.os (oid[])"], source.OidColumns);
            Assert.Equal(["public.t.always"], facts.Target.ReplicaTriggers);
            Assert.Equal(["Gone Owner"], source.UsedRoles.Except(facts.Target.Roles));
            Assert.Equal("use_next_db", source.State);
            Assert.True(source.RunLocked);
            Assert.Equal(new SessionFacts("busy batch", "postgres", 1), Assert.Single(source.Sessions));
            Assert.Contains(source.Prepared, p => p.Name == "forgotten");
            Assert.NotNull(source.LongestTransaction);
            Assert.True(source.Superuser && source.CanSetReplicationRole && source.CanCreate);
            Assert.False(source.BackendChanges || source.Relayed || facts.SameDatabase);

            var checks = SwitchoverPreflight.Assess(facts, options with { Stop = SwitchoverStop.Gate }).Checks;
            Assert.Superset(
                new HashSet<string> { "SourceState", "Encoding", "TargetEmpty", "PreparedTransactions", "Gate", "Extensions", "TargetTriggers" },
                checks.Where(c => c.Status == CheckStatus.Failed).Select(c => c.Name).ToHashSet());
            Assert.Superset(
                new HashSet<string> { "LargeObjects", "MaterializedViews", "ForeignTables", "OidColumns", "SourceEventTriggers", "Publications", "Roles" },
                checks.Where(c => c.Status == CheckStatus.Warning).Select(c => c.Name).ToHashSet());
        }
        finally
        {
            await SwitchoverServers.ExecuteAsync(options.SourceUri, "ROLLBACK PREPARED 'forgotten'");
        }
    }

    [Fact]
    public async Task SW_Facts_a_role_with_few_rights_is_told_each_of_them()
    {
        const string Role = "DO 'BEGIN CREATE ROLE poor LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END'; ";
        var options = await servers.CreateAsync(
            Role + Plain + "; CREATE TABLE hidden (id int PRIMARY KEY); GRANT SELECT ON t TO poor; ALTER TABLE t ENABLE ROW LEVEL SECURITY",
            Role + Plain + "; CREATE TABLE hidden (id int PRIMARY KEY)");
        options = options with
        {
            SourceUri = options.SourceUri.Replace("postgres@", "poor@", StringComparison.Ordinal),
            TargetUri = options.TargetUri.Replace("postgres@", "poor@", StringComparison.Ordinal),
        };
        var failed = Failed(await AssessAsync(options with { Engine = SwitchoverEngine.Changelog }));
        Assert.Superset(new HashSet<string> { "SourceReadable", "RowSecurity", "TargetRights", "ChangelogSource", "ChangelogTarget" }, failed);
        failed = Failed(await AssessAsync(options with { Engine = SwitchoverEngine.Logical }));
        Assert.Superset(new HashSet<string> { "LogicalSource", "LogicalTarget", "LogicalOwnership" }, failed);
    }

    [Fact]
    public async Task SW_Facts_the_same_database_is_known_under_two_addresses()
    {
        var options = await servers.CreateAsync(Plain);
        var same = options with { TargetUri = options.SourceUri.Replace(PostgresInstance.FirstHost, PostgresInstance.SecondHost, StringComparison.Ordinal) };
        Assert.Equal(CheckStatus.Failed, (await AssessAsync(same)).Checks.Single(c => c.Name == "SameDatabase").Status);

        // Another database of the same server is another one.
        var other = options with { TargetUri = SwitchoverServers.Uri(servers.Source, "postgres") };
        Assert.Equal(CheckStatus.Passed, (await AssessAsync(other)).Checks.Single(c => c.Name == "SameDatabase").Status);
    }

    [Theory]
    [InlineData("mysql://h/x", "SourceUri")]
    [InlineData("postgresql://postgres@127.0.0.1:1/x", "SourceReachable")]
    [InlineData("missing", "SourceReachable")]
    public async Task SW_Facts_what_cannot_be_reached_is_named(string uri, string check)
    {
        var options = await servers.CreateAsync(Plain, Plain);
        options = options with { SourceUri = uri == "missing" ? SwitchoverServers.Uri(servers.Source, "not there") : uri };
        var assessment = await AssessAsync(options);
        Assert.Equal(check, Assert.Single(assessment.Checks, c => c.Status == CheckStatus.Failed).Name);
    }

    [Theory]
    [InlineData("transaction", CheckStatus.Failed)]
    [InlineData("session", CheckStatus.Warning)]
    public async Task SW_Facts_a_pooler_in_between_is_seen(string mode, CheckStatus status)
    {
        var options = await servers.CreateAsync(Plain, Plain);
        var name = System.Uri.UnescapeDataString(options.SourceUri[(options.SourceUri.LastIndexOf('/') + 1)..]);
        await using var bouncer = await PgBouncerServer.StartAsync(servers.Source, mode, databases: $"app = host=127.0.0.1 port={{0}} dbname='{name}'");
        var assessment = await AssessAsync(options with { SourceUri = $"postgresql://postgres@127.0.0.1:{bouncer.Port}/app" });
        Assert.Equal(status, assessment.Checks.Single(c => c.Name == "SourceDirect").Status);
    }

    private static HashSet<string> Failed(SwitchoverAssessment assessment) =>
        [.. assessment.Checks.Where(c => c.Status == CheckStatus.Failed).Select(c => c.Name)];

    private static async Task<SwitchoverAssessment> AssessAsync(SwitchoverOptions options) => SwitchoverPreflight.Assess(
        await FactsReader.ReadAsync(options, SwitchoverServers.Application, TimeProvider.System, Token), options);
}
