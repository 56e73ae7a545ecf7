using System.Globalization;
using Npgsql;
using PgCluster.Client;
using PgCluster.Engine.Switchover;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Switchover;

/// <summary>Whole runs, from the definition to the completion, between two servers.</summary>
public sealed class SwitchoverTests(SwitchoverTests.Servers servers, ITestOutputHelper output) : IClassFixture<SwitchoverTests.Servers>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(SwitchoverEngine.Logical)]
    [InlineData(SwitchoverEngine.Changelog)]
    public async Task SW_15_SW_17_SW_18_An_application_moves_under_load_and_comes_back_with_every_row_and_sequence(SwitchoverEngine engine)
    {
        await using var move = await Move.CreateAsync(servers, engine, NastySchema.Schema, NastySchema.Rows);
        await using var switchover = move.Open();
        await switchover.DefineAsync(move.Options, Token);
        await using var load = new SwitchoverLoad(move.Source, other: move.Target);
        await CommittedAsync(load, 300);

        OperationReport there = await RunAsync(switchover, rollback: false);
        Assert.Equal(move.TargetAddress, there.NewPrimary);
        SwitchoverStatus status = await switchover.GetStatusAsync(Token);
        Assert.Equal((SwitchoverPointer.UseNextDb, SwitchoverPointer.Idle, move.TargetAddress), (status.SourcePointer, status.TargetPointer, status.InCharge));
        Assert.True(status.WayBack);
        await CommittedAsync(load, 500);

        OperationReport back = await RunAsync(switchover, rollback: true);
        Assert.Equal(move.SourceAddress, back.NewPrimary);
        await CommittedAsync(load, 500);

        // Nobody writes any more, so that both sides can be compared to the last sequence.
        await load.StopAsync();
        OperationReport again = await RunAsync(switchover, rollback: true);
        Assert.Equal(move.TargetAddress, again.NewPrimary);
        output.WriteLine($"write stop {there.PausedSeconds:0.000} {back.PausedSeconds:0.000} {again.PausedSeconds:0.000} s, longest gap of the writers {load.LongestGap.TotalSeconds:0.000} s");

        await SettledAsync(switchover);
        await move.AssertEqualAsync();
        await load.AssertLedgersAsync(move.Source);
        await load.AssertLedgersAsync(move.Target);

        status = await switchover.CompleteAsync(Token);
        Assert.False(status.WayBack);
        Assert.Equal(SwitchoverPointer.UseNextDb, status.SourcePointer);
        Assert.Equal(0, await move.FlowsAsync());
        await TwoDatabases.ExecuteAsync(move.Target, "INSERT INTO employee (boss, name) VALUES (1, 'after')");
        var refused = await Assert.ThrowsAsync<PostgresException>(() => TwoDatabases.ExecuteAsync(move.Source, "DELETE FROM employee"));
        Assert.Equal(PostgresErrorCodes.ReadOnlySqlTransaction, refused.SqlState);
    }

    private async Task<OperationReport> RunAsync(SwitchoverConnection switchover, bool rollback)
    {
        OperationPlan plan = await switchover.PlanAsync(null, rollback, Token);
        OperationReport report = await switchover.RunAsync(plan, null, "test", "test@here", null, null, Token);
        foreach (StepReport step in report.Steps)
        {
            output.WriteLine($"{step.Phase,-8} {step.Name,-10} {(step.Succeeded ? "" : "FAILED"),-6} {step.StartedSeconds,7:0.000} {step.ElapsedSeconds,7:0.000}  {step.Detail}");
        }

        Assert.True(report.Outcome == OperationOutcome.Succeeded, report.Error);
        return report;
    }

    private static Task CommittedAsync(SwitchoverLoad load, int more)
    {
        long goal = load.Committed + more;
        return ServerProcess.WaitAsync($"{more} more commits", () => Task.FromResult(load.Committed >= goal));
    }

    private static Task SettledAsync(SwitchoverConnection switchover) =>
        ServerProcess.WaitAsync("the other database to be in step", async () => (await switchover.GetStatusAsync(Token)).Lag == 0);

    /// <summary>Two servers that can both publish.</summary>
    public sealed class Servers : IAsyncLifetime
    {
        public PostgresInstance Source { get; } = new("wal_level=logical", "max_replication_slots=20", "max_wal_senders=20");

        public PostgresInstance Target { get; } = new("wal_level=logical", "max_replication_slots=20", "max_wal_senders=20");

        public async ValueTask InitializeAsync() => await Task.WhenAll(Source.InitializeAsync().AsTask(), Target.InitializeAsync().AsTask());

        public async ValueTask DisposeAsync()
        {
            await Source.DisposeAsync();
            await Target.DisposeAsync();
        }
    }

    /// <summary>A database on each, the rows in the first.</summary>
    private sealed class Move : IAsyncDisposable
    {
        private const string Flows = """
            SELECT (SELECT count(*) FROM pg_replication_slots WHERE database = current_database()) + (SELECT count(*) FROM pg_publication)
              + (SELECT count(*) FROM pg_subscription JOIN pg_database d ON d.oid = subdbid WHERE d.datname = current_database())
              + (SELECT count(*) FROM pg_trigger WHERE tgname LIKE '%pgcluster%' AND tgname <> 'pgcluster_switched_over')
            """;

        private readonly Servers _servers;
        private readonly string _name;

        private Move(Servers servers, string name, SwitchoverEngine engine)
        {
            _servers = servers;
            _name = name;
            Options = new SwitchoverOptions
            {
                SourceUri = SwitchoverServers.Uri(servers.Source, name),
                TargetUri = SwitchoverServers.Uri(servers.Target, name),
                Engine = engine,
                Stop = SwitchoverStop.ReadOnly,
                CopySchema = true,
                Verify = SwitchoverVerify.Full,
            };
        }

        public SwitchoverOptions Options { get; }

        public string Source => PostgresInstance.ConnectionString(_servers.Source.Port, _name);

        public string Target => PostgresInstance.ConnectionString(_servers.Target.Port, _name);

        public string SourceAddress => Address(_servers.Source);

        public string TargetAddress => Address(_servers.Target);

        public static async Task<Move> CreateAsync(Servers servers, SwitchoverEngine engine, string schema, string rows)
        {
            var move = new Move(servers, $"move_{Guid.NewGuid():N}", engine);
            await servers.Source.ExecuteAsync($"CREATE DATABASE {move._name}");
            await servers.Target.ExecuteAsync($"CREATE DATABASE {move._name}");

            // Oids must not be the same on both sides by chance.
            await TwoDatabases.ExecuteAsync(move.Target, "CREATE TABLE in_between (id serial PRIMARY KEY, t text); DROP TABLE in_between");
            await TwoDatabases.ExecuteAsync(move.Source, schema);
            if (engine == SwitchoverEngine.Logical)
            {
                // Unlogged tables are the other engine's.
                await TwoDatabases.ExecuteAsync(move.Source, "ALTER TABLE IF EXISTS scratch SET LOGGED");
            }

            await TwoDatabases.ExecuteAsync(move.Source, rows);
            return move;
        }

        public SwitchoverConnection Open() => SwitchoverConnection.Open(Options.SourceUri, Options.TargetUri);

        /// <summary>Fails when rows or sequences differ.</summary>
        public async Task AssertEqualAsync()
        {
            Assert.Equal(await SumsAsync(Source), await SumsAsync(Target));
            Assert.Equal(await SequencesAsync(Source), await SequencesAsync(Target));
        }

        /// <summary>What carries changes on either side.</summary>
        public async Task<long> FlowsAsync() => await TwoDatabases.ScalarAsync<long>(Source, Flows) + await TwoDatabases.ScalarAsync<long>(Target, Flows);

        public async ValueTask DisposeAsync()
        {
            foreach ((PostgresInstance server, string database) in new[] { (_servers.Target, Target), (_servers.Source, Source) })
            {
                await TwoDatabases.ExecuteAsync(database, """
                    DO $$ DECLARE s record; BEGIN
                      FOR s IN SELECT subname FROM pg_subscription JOIN pg_database d ON d.oid = subdbid WHERE d.datname = current_database() LOOP
                        EXECUTE format('ALTER SUBSCRIPTION %I DISABLE', s.subname); EXECUTE format('ALTER SUBSCRIPTION %I SET (slot_name = NONE)', s.subname);
                        EXECUTE format('DROP SUBSCRIPTION %I', s.subname);
                      END LOOP; END $$
                    """);
            }

            foreach (PostgresInstance server in new[] { _servers.Source, _servers.Target })
            {
                await ServerProcess.WaitAsync("slots to be given up", async () =>
                {
                    try
                    {
                        await server.ExecuteAsync($"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = '{_name}'");
                        await server.ExecuteAsync($"DROP DATABASE {_name} WITH (FORCE)");
                        return true;
                    }
                    catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.ObjectInUse)
                    {
                        return false;
                    }
                });
            }
        }

        private static Task<string> SumsAsync(string connectionString) => TwoDatabases.ScalarAsync<string>(connectionString, """
            SELECT string_agg(format('%s %s', c.oid::regclass, (xpath('//s/text()', query_to_xml(format(
              'SELECT count(*) || '' '' || coalesce(sum((''x'' || left(md5(t::text), 15))::bit(60)::bigint), 0) AS s FROM ONLY %s AS t', c.oid::regclass),
              false, true, '')))[1]), E'\n' ORDER BY c.oid::regclass::text)
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pgcluster_switchover') AND n.nspname NOT LIKE 'pg_toast%'
            """);

        private static Task<string> SequencesAsync(string connectionString) => TwoDatabases.ScalarAsync<string>(
            connectionString, "SELECT string_agg(format('%I.%I %s', schemaname, sequencename, last_value), ', ' ORDER BY schemaname, sequencename) FROM pg_sequences WHERE schemaname <> 'pgcluster_switchover'");

        private string Address(PostgresInstance server) => string.Create(CultureInfo.InvariantCulture, $"{PostgresInstance.FirstHost}:{server.Port}/{_name}");
    }
}
