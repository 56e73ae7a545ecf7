using System.Globalization;
using System.Text;
using Npgsql;
using PgCluster.Adapters.Process;
using PgCluster.Engine.Switchover;

namespace PgCluster.Adapters.Switchover;

/// <summary>
/// Brings the schema over with pg_dump and pg_restore: tables before the copy, and what slows it down or stands in its way after it. Publications and
/// subscriptions stay behind, and everything comes to lie in the default tablespace.
/// </summary>
public sealed class SchemaTransfer : IDisposable
{
    // Entries that make one object each, by the catalog that the object is in; a second run leaves out those that are there.
    private static readonly Dictionary<int, string> MadeOnce = new()
    {
        [1259] = "INDEX ", [2606] = "", [2620] = "", [2618] = "", [3256] = "", [3381] = "", [3466] = "",
    };

    // Everything in a schema depends on it, and on a database-wide object nothing does. An extension's objects come and go with it.
    private const string Inventory = """
        SELECT i.type || ' ' || i.identity
        FROM (
          SELECT d.classid, d.objid FROM pg_depend d JOIN pg_namespace n ON n.oid = d.refobjid
          WHERE d.refclassid = 'pg_namespace'::regclass AND d.deptype = 'n' AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%'
            AND n.nspname <> 'pgcluster_switchover' AND d.classid <> 'pg_extension'::regclass AND d.classid <> 'pg_default_acl'::regclass
          UNION SELECT 'pg_namespace'::regclass, oid FROM pg_namespace
          WHERE nspname <> 'information_schema' AND nspname NOT LIKE 'pg\_%' AND nspname <> 'pgcluster_switchover'
          UNION SELECT 'pg_extension'::regclass, oid FROM pg_extension
          UNION SELECT 'pg_event_trigger'::regclass, oid FROM pg_event_trigger
          UNION SELECT 'pg_foreign_data_wrapper'::regclass, oid FROM pg_foreign_data_wrapper
          UNION SELECT 'pg_foreign_server'::regclass, oid FROM pg_foreign_server
          UNION SELECT 'pg_cast'::regclass, oid FROM pg_cast WHERE oid >= 16384
        ) AS o, pg_identify_object(o.classid, o.objid, 0) AS i
        WHERE NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = o.classid AND e.objid = o.objid AND e.deptype IN ('e', 'i'))
        ORDER BY 1
        """;

    private const string PostDataObjects = """
        SELECT i.type || ' ' || i.identity FROM (
          SELECT 'pg_class'::regclass AS classid, oid FROM pg_class WHERE relkind IN ('i', 'I') AND oid >= 16384
          UNION ALL SELECT 'pg_constraint'::regclass, oid FROM pg_constraint WHERE oid >= 16384
          UNION ALL SELECT 'pg_trigger'::regclass, oid FROM pg_trigger WHERE NOT tgisinternal
          UNION ALL SELECT 'pg_rewrite'::regclass, oid FROM pg_rewrite WHERE oid >= 16384
          UNION ALL SELECT 'pg_policy'::regclass, oid FROM pg_policy
          UNION ALL SELECT 'pg_statistic_ext'::regclass, oid FROM pg_statistic_ext
          UNION ALL SELECT 'pg_event_trigger'::regclass, oid FROM pg_event_trigger) AS o, pg_identify_object(o.classid, o.oid, 0) AS i
        """;

    private static readonly string[] TypesOfSeveralWords =
    [
        "text search configuration", "text search dictionary", "text search template", "text search parser", "materialized view", "foreign-data wrapper",
        "foreign table", "event trigger", "operator family", "operator class", "composite type", "statistics object",
    ];

    private readonly SwitchoverDatabases _databases;
    private readonly SwitchoverOptions _options;
    private readonly TimeProvider _time;
    private string? _directory;

    /// <summary>Does nothing yet.</summary>
    /// <param name="databases">Source and target.</param>
    /// <param name="options">What is moved.</param>
    /// <param name="before">What an interrupted run had kept; null for a new one.</param>
    /// <param name="time">Measures.</param>
    public SchemaTransfer(SwitchoverDatabases databases, SwitchoverOptions options, SchemaInventory? before, TimeProvider time)
    {
        _databases = databases;
        _options = options;
        Before = before;
        _time = time;
    }

    /// <summary>What the target held before anything was brought over; null until <see cref="PreDataAsync"/> has looked.</summary>
    public SchemaInventory? Before { get; private set; }

    private string Archive => Path.Combine(_directory ??= Directory.CreateTempSubdirectory("pgcluster-schema-").FullName, "schema.dump");

    /// <summary>Looks at what the target holds; to be kept before <see cref="PreDataAsync"/> is called, so that another process can undo it.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<SchemaInventory> LookAsync(CancellationToken cancellationToken) =>
        Before ??= new SchemaInventory(await NamesAsync(_databases.Target, Inventory, cancellationToken).ConfigureAwait(false));

    /// <summary>Reads the source's schema and makes everything rows need: schemas, types, functions, tables, sequences. All of it or nothing.</summary>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>What a report says of it.</returns>
    /// <exception cref="PgClusterException"><see cref="Reason.MissingProgram"/>: no pg_dump that is new enough; <see cref="Reason.PreflightFailed"/>:
    /// pg_dump or pg_restore refused; <see cref="Reason.PostgresUnavailable"/>: a server did.</exception>
    public async Task<string> PreDataAsync(CancellationToken cancellationToken)
    {
        var began = _time.GetTimestamp();
        await LookAsync(cancellationToken).ConfigureAwait(false);
        var tool = await DumpAsync(cancellationToken).ConfigureAwait(false);
        await RestoreAsync(tool, ["--section=pre-data", "--single-transaction"], cancellationToken).ConfigureAwait(false);
        return Text($"tables and types brought over with pg_dump {tool.Major} in {_time.GetElapsedTime(began).TotalSeconds:0.0} s");
    }

    /// <summary>Makes indexes, keys, constraints, triggers and foreign keys. Can be repeated: what is there is left out.</summary>
    /// <inheritdoc cref="PreDataAsync"/>
    public async Task<string> PostDataAsync(CancellationToken cancellationToken)
    {
        var began = _time.GetTimestamp();
        var tool = _directory is not null && File.Exists(Archive)
            ? await FindToolAsync(cancellationToken).ConfigureAwait(false)
            : await DumpAsync(cancellationToken).ConfigureAwait(false);
        var (list, made, left) = await ListAsync(tool, cancellationToken).ConfigureAwait(false);
        try
        {
            await MakeAsync(list, made, _options.Jobs).ConfigureAwait(false);
        }
        catch (PgClusterException) when (_options.Jobs > 1)
        {
            // Workers can deadlock with each other: an index being attached to a partitioned one, and a foreign key. One alone cannot, and meets any other error again.
            var (rest, missing, _) = await ListAsync(tool, cancellationToken).ConfigureAwait(false);
            await MakeAsync(rest, missing, jobs: 1).ConfigureAwait(false);
        }

        return Text($"{made} indexes, constraints and triggers made in {_time.GetElapsedTime(began).TotalSeconds:0.0} s")
            + (left > 0 ? Text($", {left} were there") : "");

        Task MakeAsync(string file, int count, int jobs) => count == 0
            ? Task.CompletedTask
            : RestoreAsync(tool, ["--section=post-data", "--use-list=" + file, Text($"--jobs={jobs}")], cancellationToken);
    }

    /// <summary>Drops what is on the target and was not there before; can be repeated.</summary>
    /// <param name="cancellationToken">Ends it between two objects.</param>
    /// <returns>What a report says of it.</returns>
    public async Task<string> UndoAsync(CancellationToken cancellationToken)
    {
        if (Before is not { } before)
        {
            return "nothing had been brought over";
        }

        var now = await NamesAsync(_databases.Target, Inventory, cancellationToken).ConfigureAwait(false);
        string[] made = [.. now.Except(before.Objects).OrderBy(DropOrder).ThenBy(o => o, StringComparer.Ordinal)];
        var connection = await SwitchoverErrors.GuardAsync(
            "the target does not answer", () => _databases.Target.OpenConnectionAsync(cancellationToken).AsTask()).ConfigureAwait(false);
        await using var connectionGuard = connection.ConfigureAwait(false);
        foreach (var name in made)
        {
            // One at a time: a transaction over thousands of tables would need as many locks.
            var command = new NpgsqlCommand(DropStatement(name), connection);
            await using var commandGuard = command.ConfigureAwait(false);
            await SwitchoverErrors.GuardAsync($"{name} could not be removed from the target", () => command.ExecuteNonQueryAsync(cancellationToken))
                .ConfigureAwait(false);
        }

        return Text($"{made.Length} objects removed from the target");
    }

    /// <summary>Forgets the schema that was read.</summary>
    public void Dispose()
    {
        if (_directory is not null)
        {
            Directory.Delete(_directory, recursive: true);
            _directory = null;
        }
    }

    /// <summary>Schemas take what is in them along; tables go before the sequences and types of their columns.</summary>
    internal static int DropOrder(string name) => name switch
    {
        _ when name.StartsWith("event trigger ", StringComparison.Ordinal) => 0,
        _ when name.StartsWith("schema ", StringComparison.Ordinal) => 1,
        _ when name.StartsWith("extension ", StringComparison.Ordinal) => 2,
        _ when name.StartsWith("table ", StringComparison.Ordinal) => 3,
        _ => 4,
    };

    /// <summary>The statement that drops an object of the inventory.</summary>
    internal static string DropStatement(string name)
    {
        var type = TypesOfSeveralWords.FirstOrDefault(t => name.StartsWith(t + " ", StringComparison.Ordinal))
            ?? name[..name.IndexOf(' ', StringComparison.Ordinal)];
        var keyword = type switch
        {
            "composite type" => "TYPE",
            "statistics object" => "STATISTICS",
            _ => type.Replace('-', ' ').ToUpperInvariant(),
        };
        return $"DROP {keyword} IF EXISTS{name[type.Length..]} CASCADE";
    }

    private async Task<SchemaTool> FindToolAsync(CancellationToken cancellationToken)
    {
        var tool = await SchemaTool.FindAsync(_time, cancellationToken).ConfigureAwait(false)
            ?? throw new PgClusterException(
                Reason.MissingProgram, "pg_dump is not installed here; on Debian and Ubuntu it is in the package 'postgresql-client'.");
        var version = await NamesAsync(_databases.Source, "SHOW server_version_num", cancellationToken).ConfigureAwait(false);
        var major = int.Parse(version[0], CultureInfo.InvariantCulture) / 10000;
        return tool.Major >= major
            ? tool
            : throw new PgClusterException(
                Reason.MissingProgram,
                Text($"pg_dump {tool.Major} ({tool.Dump}) cannot read PostgreSQL {major}; install the client programs of version {major} or later."));
    }

    private async Task<SchemaTool> DumpAsync(CancellationToken cancellationToken)
    {
        var tool = await FindToolAsync(cancellationToken).ConfigureAwait(false);
        List<string> arguments =
        [
            "--schema-only", "--format=custom", "--no-password", "--no-publications", "--no-subscriptions", "--no-tablespaces", "--lock-wait-timeout=30s",
            "--exclude-schema=" + CatalogReader.OwnSchema, "--file=" + Archive,
        ];
        arguments.AddRange(_options.Schemas.Select(s => "--schema=" + TableName.Quote(s)));
        if (_options.Schemas.Count > 0 && tool.Major >= 14)
        {
            // With chosen schemas pg_dump leaves extensions out, and with them the types of columns.
            arguments.Add("--extension=*");
        }

        await RunAsync(tool.Dump, arguments, ClientEnvironment.Of(_databases.SourceUri), cancellationToken).ConfigureAwait(false);
        return tool;
    }

    private Task<string> RestoreAsync(SchemaTool tool, IReadOnlyList<string> arguments, CancellationToken cancellationToken) => RunAsync(
        tool.Restore,
        [.. arguments, "--exit-on-error", "--no-password", "--no-publications", "--no-subscriptions",
            "--dbname=" + ClientEnvironment.Database(_databases.TargetUri), Archive],
        ClientEnvironment.Of(_databases.TargetUri),
        cancellationToken);

    private Task<string> RunAsync(
        string program, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string?> environment, CancellationToken cancellationToken) =>
        ProgramRunner.RunCheckedAsync(
            new ProgramCommand(program, arguments) { Environment = environment }, Reason.PreflightFailed, Timeout.InfiniteTimeSpan, _time, cancellationToken);

    /// <summary>Writes the list of what is to be made: the archive names each object by its oid on the source, so nothing has to be guessed from
    /// names.</summary>
    private async Task<(string File, int Made, int Left)> ListAsync(SchemaTool tool, CancellationToken cancellationToken)
    {
        var all = await RunAsync(tool.Restore, ["--list", "--section=post-data", Archive], new Dictionary<string, string?>(), cancellationToken)
            .ConfigureAwait(false);
        var entries = all.Split('\n').Select(SchemaEntry.TryParse).OfType<SchemaEntry>().Where(e => !IsOurs(e)).ToList();
        var once = entries.Where(e => MadeOnce.TryGetValue(e.Catalog, out var kind) && e.Text.StartsWith(kind, StringComparison.Ordinal)).ToList();
        var ours = await SwitchoverErrors.GuardAsync("the source's catalog could not be read", () => IdentifyAsync(once, cancellationToken))
            .ConfigureAwait(false);
        var theirs = (await NamesAsync(_databases.Target, PostDataObjects, cancellationToken).ConfigureAwait(false)).ToHashSet(StringComparer.Ordinal);
        var there = once.Where(e => ours.TryGetValue((e.Catalog, e.Oid), out var name) && theirs.Contains(name)).ToHashSet();
        var list = new StringBuilder();
        foreach (var entry in entries.Where(e => !there.Contains(e)))
        {
            list.Append(entry.Line).Append('\n');
        }

        var file = Archive + ".list";
        await File.WriteAllTextAsync(file, list.ToString(), cancellationToken).ConfigureAwait(false);
        return (file, entries.Count - there.Count, there.Count);
    }

    /// <summary>Triggers of a run that goes on, or of the run before, stand on the application's tables.</summary>
    private static bool IsOurs(SchemaEntry entry) => entry.Text.StartsWith("TRIGGER ", StringComparison.Ordinal)
        && (entry.Text.Contains($" {ChangeTracking.RowTrigger}", StringComparison.Ordinal) || entry.Text.Contains($" {WriteFence.TriggerName} ", StringComparison.Ordinal));

    private async Task<Dictionary<(int Catalog, uint Oid), string>> IdentifyAsync(List<SchemaEntry> entries, CancellationToken cancellationToken)
    {
        var found = new Dictionary<(int, uint), string>();
        var connection = await _databases.Source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var connectionGuard = connection.ConfigureAwait(false);
        var command = new NpgsqlCommand(
            """
            SELECT o.catalog, o.oid, i.type || ' ' || i.identity
            FROM unnest(@catalogs, @oids) AS o (catalog, oid), pg_identify_object(o.catalog::oid, o.oid::oid, 0) AS i WHERE i.identity IS NOT NULL
            """,
            connection);
        await using var commandGuard = command.ConfigureAwait(false);
        command.Parameters.AddWithValue("catalogs", entries.Select(e => (long)e.Catalog).ToArray());
        command.Parameters.AddWithValue("oids", entries.Select(e => (long)e.Oid).ToArray());
        var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        await using var readerGuard = reader.ConfigureAwait(false);
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            found[((int)reader.GetInt64(0), (uint)reader.GetInt64(1))] = reader.GetString(2);
        }

        return found;
    }

    private static Task<List<string>> NamesAsync(NpgsqlDataSource database, string sql, CancellationToken cancellationToken) =>
        SwitchoverErrors.GuardAsync("the catalog could not be read", () => ReadNamesAsync(database, sql, cancellationToken));

    private static async Task<List<string>> ReadNamesAsync(NpgsqlDataSource database, string sql, CancellationToken cancellationToken)
    {
        var command = database.CreateCommand(sql);
        await using var commandGuard = command.ConfigureAwait(false);
        var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        await using var readerGuard = reader.ConfigureAwait(false);
        var names = new List<string>();
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            names.Add(reader.GetString(0));
        }

        return names;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
