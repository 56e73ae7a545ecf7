using System.Globalization;
using Npgsql;
using PgCluster.Client;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Switchover;

/// <summary>A database on each, the rows in the first.</summary>
internal sealed class Move : IAsyncDisposable
{
    private const string Flows = """
        SELECT (SELECT count(*) FROM pg_replication_slots WHERE database = current_database()) + (SELECT count(*) FROM pg_publication)
          + (SELECT count(*) FROM pg_subscription JOIN pg_database d ON d.oid = subdbid WHERE d.datname = current_database())
          + (SELECT count(*) FROM pg_trigger WHERE tgname LIKE '%pgcluster%' AND tgname <> 'pgcluster_switched_over')
        """;

    private readonly PublishingServers _servers;
    private readonly string _name;

    private Move(PublishingServers servers, string name, SwitchoverEngine engine)
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

    public static async Task<Move> CreateAsync(PublishingServers servers, SwitchoverEngine engine, string schema, string rows)
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

    public SwitchoverConnection Open() => SwitchoverConnection.Open(Options.SourceUri, Options.TargetUri, new SwitchoverLimits { HelloWindow = TimeSpan.FromSeconds(0.4) });

    /// <summary>Fails when rows or sequences differ.</summary>
    public async Task AssertEqualAsync()
    {
        Assert.Equal(await SumsAsync(Source), await SumsAsync(Target));
        Assert.Equal(await SequencesAsync(Source), await SequencesAsync(Target));
    }

    /// <summary>Sessions of switchovers on either side, but for our own connection's.</summary>
    public async Task<long> SessionsAsync()
    {
        const string Ours = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle' AND backend_type = 'client backend' AND pid <> pg_backend_pid()";
        return await TwoDatabases.ScalarAsync<long>(Source, Ours) + await TwoDatabases.ScalarAsync<long>(Target, Ours);
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
