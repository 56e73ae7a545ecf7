using System.Globalization;
using System.Net.Sockets;
using System.Security.Cryptography;
using Npgsql;
using PgCluster.Adapters.Postgres;
using PgCluster.Engine.Switchover;

namespace PgCluster.Adapters.Switchover;

/// <summary>
/// Reads from both servers what <see cref="SwitchoverPreflight"/> judges. Changes nothing; every statement is bounded, and what cannot be read is a fact.
/// </summary>
public static class FactsReader
{
    /// <summary>Table of an earlier run's state, in <see cref="CatalogReader.OwnSchema"/>.</summary>
    public const string StateTable = "state";

    /// <summary>Advisory lock that a run holds in its source.</summary>
    public const long RunLock = 4370;

    private const int StatementSeconds = 15;
    private const int TablesAtOnce = 100;

    private static readonly TimeSpan CatalogBudget = TimeSpan.FromSeconds(60);

    // max_active_replication_origins is there since 18.
    private const string Server = $"""
        SELECT current_setting('server_version_num')::int, current_setting('server_version'), pg_is_in_recovery(),
          current_setting('transaction_read_only')::boolean,
          r.rolname::text, r.rolsuper, r.rolreplication, has_database_privilege(d.oid, 'CREATE'),
          coalesce((SELECT pg_has_role(r.oid, s.oid, 'MEMBER') FROM pg_roles s WHERE s.rolname = 'pg_create_subscription'), false),
          current_setting('wal_level'), current_setting('max_replication_slots')::int, (SELECT count(*)::int FROM pg_replication_slots),
          coalesce(current_setting('max_active_replication_origins', true), current_setting('max_replication_slots'))::int,
          current_setting('max_wal_senders')::int, (SELECT count(*)::int FROM pg_stat_replication), current_setting('max_logical_replication_workers')::int,
          current_setting('max_worker_processes')::int, pg_encoding_to_char(d.encoding)::text,
          (SELECT count(*) FROM (SELECT FROM pg_largeobject_metadata LIMIT 1000000) AS l),
          (SELECT count(*)::int FROM pg_stat_activity a WHERE a.backend_type IS NULL AND a.usesysid IS NOT NULL),
          EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.database = d.oid AND l.classid = 0 AND l.objid = 4370 AND l.objsubid = 1
            AND l.granted),
          EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'pgcluster_switchover'
            AND c.relname = '{StateTable}')
        FROM pg_database d, pg_roles r WHERE d.datname = current_database() AND r.rolname = current_user
        """;

    // Libraries write the same encoding in two ways; the provider's columns came with 15, and have had two names.
    private const string Locale = """
        SELECT concat_ws(', ', replace(lower(j ->> 'datcollate'), '.utf-8', '.utf8'),
          CASE WHEN j ->> 'datctype' <> j ->> 'datcollate' THEN 'ctype ' || replace(lower(j ->> 'datctype'), '.utf-8', '.utf8') END,
          CASE j ->> 'datlocprovider' WHEN 'i' THEN 'icu ' WHEN 'b' THEN 'builtin ' END || coalesce(j ->> 'datlocale', j ->> 'daticulocale'))
        FROM pg_database d, to_jsonb(d) AS j WHERE d.datname = current_database()
        """;

    private const string CollationVersion =
        "SELECT coalesce(pg_database_collation_actual_version(oid), '') FROM pg_database WHERE datname = current_database()";

    private const string Relations = $"""
        SELECT n.nspname || '.' || c.relname, c.relkind::text, pg_has_role(c.relowner, 'USAGE'),
          CASE WHEN c.relkind = 'S' THEN true ELSE has_table_privilege(c.oid, 'TRIGGER') END,
          has_schema_privilege(n.oid, 'USAGE') AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, 'SELECT')
            ELSE has_table_privilege(c.oid, 'SELECT') END,
          has_schema_privilege(n.oid, 'USAGE') AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, 'UPDATE')
            ELSE has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')
              AND has_table_privilege(c.oid, 'TRUNCATE') END,
          c.relkind = 'r' AND row_security_active(c.oid), coalesce((SELECT s.spcname::text FROM pg_tablespace s WHERE s.oid = c.reltablespace), '')
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'S', 'm', 'f') AND c.relpersistence <> 't' AND {CatalogReader.Wanted}
        ORDER BY 1
        """;

    // Predefined roles are there on every server that needs them.
    private const string UsedRoles = $"""
        WITH used (owner, acl) AS (
          SELECT c.relowner, c.relacl FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
            AND {CatalogReader.Wanted}
          UNION ALL
          SELECT p.proowner, p.proacl FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
          WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pgcluster_switchover') AND (cardinality(@schemas) = 0 OR n.nspname = ANY (@schemas))
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
          UNION ALL
          SELECT n.nspowner, n.nspacl FROM pg_namespace n
          WHERE n.nspname NOT IN ('information_schema', 'pgcluster_switchover') AND n.nspname NOT LIKE 'pg\_%'
            AND (cardinality(@schemas) = 0 OR n.nspname = ANY (@schemas)))
        SELECT DISTINCT r.rolname::text FROM (SELECT owner FROM used UNION SELECT a.grantee FROM used, aclexplode(used.acl) AS a) AS u
          JOIN pg_roles r ON r.oid = u.owner
        WHERE r.rolname NOT LIKE 'pg\_%' ORDER BY 1
        """;

    private const string OidColumns = $"""
        SELECT n.nspname || '.' || c.relname || '.' || a.attname || ' (' || format_type(a.atttypid, a.atttypmod) || ')'
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          JOIN pg_type t ON t.oid = a.atttypid
        WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND t.oid < 16384 AND (t.typname ~ '^_?reg' OR t.typname IN ('oid', '_oid', 'oidvector'))
          AND {CatalogReader.Wanted}
        ORDER BY 1
        """;

    private const string ReplicaTriggers = $"""
        SELECT n.nspname || '.' || c.relname || '.' || g.tgname
        FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_proc p ON p.oid = g.tgfoid
        WHERE NOT g.tgisinternal AND g.tgenabled IN ('A', 'R')
          AND p.pronamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname = 'pgcluster_switchover') AND {CatalogReader.Wanted}
        ORDER BY 1
        """;

    private const string EventTriggers = """
        SELECT e.evtname::text FROM pg_event_trigger e WHERE e.evtenabled <> 'D'
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_event_trigger'::regclass AND d.objid = e.oid AND d.deptype = 'e')
        ORDER BY 1
        """;

    private const string Publications = """
        SELECT 'publication ' || pubname FROM pg_publication WHERE pubname NOT LIKE 'pgcluster%'
        UNION ALL SELECT 'subscription ' || subname FROM pg_subscription
          WHERE subname NOT LIKE 'pgcluster%' AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        ORDER BY 1
        """;

    private const string SchemaNames =
        "SELECT nspname::text FROM pg_namespace WHERE nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%' ORDER BY 1";

    private const string LongestTransaction = """
        SELECT pid::text, coalesce(datname::text, ''), coalesce(usename::text, ''), extract(epoch FROM clock_timestamp() - xact_start)::float8
        FROM pg_stat_activity
        WHERE xact_start IS NOT NULL AND backend_type = 'client backend' AND application_name <> current_setting('application_name')
        ORDER BY xact_start LIMIT 1
        """;

    private const string Prepared =
        "SELECT gid, database::text, owner::text, extract(epoch FROM clock_timestamp() - prepared)::float8 FROM pg_prepared_xacts ORDER BY prepared";

    private const string Sessions = """
        SELECT coalesce(application_name, ''), usename::text, count(*)::int FROM pg_stat_activity
        WHERE datname = current_database() AND usename IS NOT NULL AND coalesce(backend_type, 'client backend') = 'client backend'
          AND application_name <> current_setting('application_name')
        GROUP BY 1, 2 ORDER BY 1, 2
        """;

    /// <summary>Reads both servers.</summary>
    /// <param name="options">What is to be done.</param>
    /// <param name="applicationName">application_name of its connections; others with the same name are taken for ours.</param>
    /// <param name="time">The clock of the budgets.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<SwitchoverFacts> ReadAsync(
        SwitchoverOptions options, string applicationName, TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        var (sourceUri, sourceProblem) = Parse(options.SourceUri);
        var (targetUri, targetProblem) = Parse(options.TargetUri);
        var source = sourceUri is null ? null : SwitchoverDatabases.Build(sourceUri, applicationName);
        var target = targetUri is null ? null : SwitchoverDatabases.Build(targetUri, applicationName);
        try
        {
            var sides = await Task.WhenAll(
                SideAsync(source, sourceUri, sourceProblem, options, time, cancellationToken),
                SideAsync(target, targetUri, targetProblem, options, time, cancellationToken)).ConfigureAwait(false);
            var facts = new SwitchoverFacts(
                sides[0] with { UriForOtherProblem = options.SourceUriForTarget is { } forTarget ? Parse(forTarget).Problem : "" },
                sides[1] with { UriForOtherProblem = options.TargetUriForSource is { } forSource ? Parse(forSource).Problem : "" })
            {
                DumpMajor = options.CopySchema && await SchemaTool.FindAsync(time, cancellationToken).ConfigureAwait(false) is { } tool ? tool.Major : null,
            };
            return source is null || target is null || sides.Any(s => s.Problem != DatabaseProblem.None)
                ? facts
                : await TogetherAsync(source, target, facts, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            foreach (var database in new[] { source, target }.OfType<NpgsqlDataSource>())
            {
                await database.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    private static (LibpqUri? Uri, string Problem) Parse(string text)
    {
        try
        {
            return (LibpqUri.Parse(text), "");
        }
        catch (PgClusterException e) when (e.Reason == Reason.InvalidArgument)
        {
            return (null, e.Message);
        }
    }

    private static async Task<DatabaseFacts> SideAsync(
        NpgsqlDataSource? database, LibpqUri? uri, string problem, SwitchoverOptions options, TimeProvider time, CancellationToken cancellationToken)
    {
        if (database is null || uri is null)
        {
            return new DatabaseFacts { Problem = DatabaseProblem.Uri, ProblemText = problem };
        }

        var facts = new DatabaseFacts { Address = uri.ToString() };
        using var deadline = new CancellationTokenSource(CatalogBudget, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            facts = await PathAsync(database, facts, either.Token).ConfigureAwait(false);

            // Behind a pooler that changes backends nothing else that is read here could be trusted.
            return facts.BackendChanges ? facts : await ReadSideAsync(database, facts, options, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return facts with { Problem = DatabaseProblem.Unreachable, ProblemText = Text($"it could not be read within {CatalogBudget.TotalSeconds:0} s") };
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException or SocketException)
        {
            return Failed(facts, e);
        }
    }

    private static DatabaseFacts Failed(DatabaseFacts facts, Exception e) => e is PostgresException { SqlState: var state, MessageText: var text }
        ? facts with
        {
            Problem = state.StartsWith("28", StringComparison.Ordinal)
                || state is PostgresErrorCodes.InvalidCatalogName or PostgresErrorCodes.InsufficientPrivilege
                ? DatabaseProblem.Denied
                : DatabaseProblem.Unreachable,
            ProblemText = $"{text} ({state})",
        }
        : facts with { Problem = DatabaseProblem.Unreachable, ProblemText = e.Message };

    /// <summary>A pooler per transaction gives the first connection's idle backend to the second, and then another one to the first.</summary>
    private static async Task<DatabaseFacts> PathAsync(NpgsqlDataSource database, DatabaseFacts facts, CancellationToken cancellationToken)
    {
        const string Pid = "SELECT pg_backend_pid()";
        var first = await database.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var firstGuard = first.ConfigureAwait(false);
        var second = await database.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var secondGuard = second.ConfigureAwait(false);
        var before = await ScalarAsync<int>(first, Pid, cancellationToken).ConfigureAwait(false);
        var transaction = await second.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
        await using var transactionGuard = transaction.ConfigureAwait(false);
        var other = await ScalarAsync<int>(second, Pid, cancellationToken).ConfigureAwait(false);
        var changes = before == other || before != await ScalarAsync<int>(first, Pid, cancellationToken).ConfigureAwait(false);
        return facts with { BackendChanges = changes, Relayed = first.ProcessID != before };
    }

    private static async Task<DatabaseFacts> ReadSideAsync(
        NpgsqlDataSource database, DatabaseFacts facts, SwitchoverOptions options, CancellationToken cancellationToken)
    {
        var connection = await database.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var connectionGuard = connection.ConfigureAwait(false);
        var hasState = false;
        await ListAsync(Server, row =>
        {
            hasState = row.GetBoolean(21);
            return facts = facts with
            {
                VersionNumber = row.GetInt32(0),
                Version = row.GetString(1),
                InRecovery = row.GetBoolean(2),
                ReadOnly = row.GetBoolean(3),
                User = row.GetString(4),
                Superuser = row.GetBoolean(5),
                Replication = row.GetBoolean(6),
                CanCreate = row.GetBoolean(7),
                CanSubscribe = row.GetBoolean(8),
                WalLevel = row.GetString(9),
                MaxSlots = row.GetInt32(10),
                UsedSlots = row.GetInt32(11),
                MaxOrigins = row.GetInt32(12),
                MaxSenders = row.GetInt32(13),
                UsedSenders = row.GetInt32(14),
                MaxApplyWorkers = row.GetInt32(15),
                MaxWorkers = row.GetInt32(16),
                Encoding = row.GetString(17),
                LargeObjects = row.GetInt64(18),
                HiddenSessions = row.GetInt32(19),
                RunLocked = row.GetBoolean(20),
            };
        }).ConfigureAwait(false);
        if (facts.VersionNumber < 120000)
        {
            return facts;
        }

        var relations = await ListAsync(Relations, row => (
            Name: row.GetString(0), Kind: row.GetString(1), Owned: row.GetBoolean(2), Trigger: row.GetBoolean(3), Read: row.GetBoolean(4),
            Write: row.GetBoolean(5), Hides: row.GetBoolean(6), Tablespace: row.GetString(7))).ConfigureAwait(false);
        var carried = relations.Where(r => r.Kind is "r" or "S").ToList();
        return facts with
        {
            State = hasState
                ? (await NamesAsync($"SELECT current_state::text FROM {CatalogReader.OwnSchema}.{StateTable}").ConfigureAwait(false)).FirstOrDefault("")
                : "",
            CanSetReplicationRole = await CanSetReplicationRoleAsync(connection, cancellationToken).ConfigureAwait(false),
            Locale = (await NamesAsync(Locale).ConfigureAwait(false))[0],
            CollationVersion = facts.Major >= 15 ? (await NamesAsync(CollationVersion).ConfigureAwait(false))[0] : "",
            Extensions = await PairsAsync("SELECT extname::text, extversion FROM pg_extension").ConfigureAwait(false),
            AvailableExtensions = await PairsAsync("SELECT name::text, default_version FROM pg_available_extensions WHERE default_version IS NOT NULL")
                .ConfigureAwait(false),
            Roles = await NamesAsync("SELECT rolname::text FROM pg_roles ORDER BY 1").ConfigureAwait(false),
            UsedRoles = await NamesAsync(UsedRoles).ConfigureAwait(false),
            Schemas = await NamesAsync(SchemaNames).ConfigureAwait(false),
            Catalog = await CatalogReader.ReadAsync(database, options, cancellationToken).ConfigureAwait(false),
            NotOwned = [.. carried.Where(r => r.Kind == "r" && !r.Owned).Select(r => r.Name)],
            NoTrigger = [.. carried.Where(r => !r.Trigger).Select(r => r.Name)],
            NotReadable = [.. carried.Where(r => !r.Read).Select(r => r.Name)],
            NotWritable = [.. carried.Where(r => !r.Write).Select(r => r.Name)],
            RowSecurity = [.. carried.Where(r => r.Hides).Select(r => r.Name)],
            MaterializedViews = [.. relations.Where(r => r.Kind == "m").Select(r => r.Name)],
            ForeignTables = [.. relations.Where(r => r.Kind == "f").Select(r => r.Name)],
            Tablespaces = [.. relations.Select(r => r.Tablespace).Where(t => t.Length > 0).Distinct()],
            OidColumns = await NamesAsync(OidColumns).ConfigureAwait(false),
            EventTriggers = await NamesAsync(EventTriggers).ConfigureAwait(false),
            ReplicaTriggers = await NamesAsync(ReplicaTriggers).ConfigureAwait(false),
            Publications = await NamesAsync(Publications).ConfigureAwait(false),
            LongestTransaction = (await ListAsync(LongestTransaction, Transaction).ConfigureAwait(false)).FirstOrDefault(),
            Prepared = await ListAsync(Prepared, Transaction).ConfigureAwait(false),
            Sessions = await ListAsync(Sessions, row => new SessionFacts(row.GetString(0), row.GetString(1), row.GetInt32(2))).ConfigureAwait(false),
        };

        Task<List<T>> ListAsync<T>(string sql, Func<NpgsqlDataReader, T> read) => FactsReader.ListAsync(connection, sql, options, read, cancellationToken);

        Task<List<string>> NamesAsync(string sql) => ListAsync(sql, row => row.GetString(0));

        async Task<IReadOnlyDictionary<string, string>> PairsAsync(string sql) =>
            (await ListAsync(sql, row => (row.GetString(0), row.GetString(1))).ConfigureAwait(false)).ToDictionary(p => p.Item1, p => p.Item2);
    }

    /// <summary>What only both together show: whether they are one, and whether the tables that will be filled are empty.</summary>
    private static async Task<SwitchoverFacts> TogetherAsync(
        NpgsqlDataSource source, NpgsqlDataSource target, SwitchoverFacts facts, CancellationToken cancellationToken)
    {
        var side = facts.Source;
        try
        {
            var holder = await source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
            await using var holderGuard = holder.ConfigureAwait(false);

            // Of the transaction, not the session: it is let go with the backend that took it, whatever stands in between.
            var transaction = await holder.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
            await using var transactionGuard = transaction.ConfigureAwait(false);
            var key = BitConverter.ToInt64(RandomNumberGenerator.GetBytes(8)) & long.MaxValue;
            await ScalarAsync<object>(holder, Text($"SELECT pg_advisory_xact_lock({key})"), cancellationToken).ConfigureAwait(false);

            side = facts.Target;
            var connection = await target.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
            await using var connectionGuard = connection.ConfigureAwait(false);
            var same = await ScalarAsync<bool>(
                connection,
                Text($"""
                    SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE d.datname = current_database()
                      AND l.locktype = 'advisory' AND l.objsubid = 1 AND (l.classid::bigint << 32 | l.objid::bigint) = {key})
                    """),
                cancellationToken).ConfigureAwait(false);
            return facts with
            {
                SameDatabase = same,
                Target = facts.Target with { NotEmpty = await NotEmptyAsync(connection, facts, cancellationToken).ConfigureAwait(false) },
            };
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException or SocketException)
        {
            var failed = Failed(side, e);
            return ReferenceEquals(side, facts.Source) ? facts with { Source = failed } : facts with { Target = failed };
        }
    }

    private static async Task<IReadOnlyList<string>> NotEmptyAsync(NpgsqlConnection connection, SwitchoverFacts facts, CancellationToken cancellationToken)
    {
        var there = facts.Target.Catalog.Tables.Select(t => t.Name).ToHashSet();
        var closed = facts.Target.NotReadable.ToHashSet(StringComparer.Ordinal);
        var found = new List<string>();
        foreach (var tables in facts.Source.Catalog.Tables.Select(t => t.Name).Where(n => there.Contains(n) && !closed.Contains($"{n}")).Chunk(TablesAtOnce))
        {
            var sql = string.Join(" UNION ALL ", tables.Select(n => $"SELECT {TableName.Literal($"{n}")}::text WHERE EXISTS (SELECT FROM ONLY {n.Sql})"));
            found.AddRange(await ListAsync(connection, sql, null, row => row.GetString(0), cancellationToken).ConfigureAwait(false));
        }

        return found;
    }

    private static async Task<bool> CanSetReplicationRoleAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        try
        {
            await ListAsync(connection, "SET LOCAL session_replication_role = replica", null, _ => true, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            return false;
        }
    }

    /// <summary>Each statement in a transaction of its own, so that nothing it sets outlives it.</summary>
    private static async Task<List<T>> ListAsync<T>(
        NpgsqlConnection connection, string sql, SwitchoverOptions? options, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken)
    {
        var transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
        await using var transactionGuard = transaction.ConfigureAwait(false);
        await ScalarAsync<object>(
            connection, Text($"SET LOCAL statement_timeout = '{StatementSeconds}s'; SET LOCAL search_path = pg_catalog"), cancellationToken)
            .ConfigureAwait(false);
        var command = new NpgsqlCommand(sql, connection, transaction);
        await using var commandGuard = command.ConfigureAwait(false);
        if (options is not null && sql.Contains('@', StringComparison.Ordinal))
        {
            CatalogReader.AddParameters(command, options);
        }

        var list = new List<T>();
        var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        await using var readerGuard = reader.ConfigureAwait(false);
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            list.Add(read(reader));
        }

        return list;
    }

    private static async Task<T> ScalarAsync<T>(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        var command = new NpgsqlCommand(sql, connection);
        await using var commandGuard = command.ConfigureAwait(false);
        return (T)(await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false))!;
    }

    private static TransactionFacts Transaction(NpgsqlDataReader row) => new(row.GetString(0), row.GetString(1), row.GetString(2), row.GetDouble(3));

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
