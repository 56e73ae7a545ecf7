using System.Globalization;
using System.Text.RegularExpressions;

namespace PgCluster.Engine.Switchover;

/// <summary>Says every reason why a switchover would fail or lose something. Pure: everything it knows is in the facts.</summary>
public static partial class SwitchoverPreflight
{
    private const int OldestVersion = 120000;
    private const int Listed = 8;

    // The first wait of a run is for transactions that are older than the run.
    private static readonly TimeSpan LongTransaction = TimeSpan.FromSeconds(60);

    /// <summary>Judges.</summary>
    /// <param name="facts">Both servers.</param>
    /// <param name="options">What was asked.</param>
    public static SwitchoverAssessment Assess(SwitchoverFacts facts, SwitchoverOptions options)
    {
        ArgumentNullException.ThrowIfNull(facts);
        ArgumentNullException.ThrowIfNull(options);
        PreflightCheck[] first =
        [
            Options(options), Uri("SourceUri", facts.Source), Uri("TargetUri", facts.Target),
            Reachable("SourceReachable", facts.Source), Reachable("TargetReachable", facts.Target),
        ];
        if (facts.Source.Problem != DatabaseProblem.None || facts.Target.Problem != DatabaseProblem.None)
        {
            var asked = options.Engine == SwitchoverEngine.Auto ? SwitchoverEngine.Logical : options.Engine;
            return new([.. first.Where(c => c.Evidence.Length > 0)], asked, ["the servers could not be read"]);
        }

        PreflightCheck[] logical = [.. LogicalChecks(facts, options)];
        PreflightCheck[] changelog = [.. ChangelogChecks(facts, options)];
        var (engine, reasons) = Choose(options.Engine, logical, changelog);
        return new(
            [
                .. first,
                SameDatabase(facts),
                Direct("SourceDirect", facts.Source), Direct("TargetDirect", facts.Target),
                Versions(facts),
                Writable("SourceWritable", facts.Source), Writable("TargetWritable", facts.Target),
                Pointer("SourceState", facts.Source), Pointer("TargetState", facts.Target),
                .. engine == SwitchoverEngine.Logical ? logical : changelog,
                .. ContentChecks(facts, options),
                .. LossChecks(facts, options),
                .. ActivityChecks(facts, options),
            ],
            engine,
            reasons);
    }

    private static (SwitchoverEngine Engine, IReadOnlyList<string> Reasons) Choose(
        SwitchoverEngine asked, PreflightCheck[] logical, PreflightCheck[] changelog)
    {
        if (asked != SwitchoverEngine.Auto)
        {
            return (asked, ["it was asked for"]);
        }

        string[] against = [.. logical.Where(c => c.Status == CheckStatus.Failed).Select(c => $"{c.Name}: {c.Evidence}")];
        return against.Length == 0
            ? (SwitchoverEngine.Logical, ["versions, settings and rights allow logical replication"])
            : changelog.Any(c => c.Status == CheckStatus.Failed)
                ? (SwitchoverEngine.Logical, ["neither engine can be used as things are; logical replication asks for", .. against])
                : (SwitchoverEngine.Changelog, ["logical replication is not to be had", .. against]);
    }

    private static PreflightCheck Options(SwitchoverOptions options)
    {
        const string Name = "Options";
        return options.Jobs is < 1 or > 64
            ? Fail(Name, Text($"Jobs is {options.Jobs}"), "give 1 to 64", Reason.InvalidArgument)
            : options.MaxLag < 0
                ? Fail(Name, Text($"MaxLag is {options.MaxLag}"), "give 0 or more", Reason.InvalidArgument)
                : Pass(Name, Text($"{options.Jobs} jobs, at most {options.MaxLag} of lag"));
    }

    private static PreflightCheck Uri(string name, DatabaseFacts side) => side.Problem == DatabaseProblem.Uri
        ? Fail(name, side.ProblemText, "give a libpq URI: postgresql://user@host:port/database", Reason.InvalidArgument)
        : side.UriForOtherProblem.Length > 0
            ? Fail(name, $"how the other server reaches this one: {side.UriForOtherProblem}", "give a libpq URI: postgresql://user@host:port/database",
                Reason.InvalidArgument)
            : Pass(name, $"it leads to {side.Address}");

    private static PreflightCheck Reachable(string name, DatabaseFacts side) => side.Problem switch
    {
        DatabaseProblem.Unreachable => Fail(name, $"{side.Address} does not answer: {side.ProblemText}",
            "see that the server runs and can be reached from here",
            Reason.PostgresUnavailable),
        DatabaseProblem.Denied => Fail(name, $"{side.Address} refuses: {side.ProblemText}", "see to the role, its password, pg_hba.conf and its rights",
            Reason.PostgresUnavailable),
        DatabaseProblem.Uri => Pass(name, ""),
        _ => Pass(name, $"{side.Address} answers as PostgreSQL {side.Version} to {side.User}"),
    };

    private static PreflightCheck SameDatabase(SwitchoverFacts facts) => facts.SameDatabase
        ? Fail("SameDatabase", $"a lock taken in {facts.Source.Address} is seen in {facts.Target.Address}: both are the same database", "give another target")
        : Pass("SameDatabase", "a lock taken in the source is not seen in the target");

    private static PreflightCheck Direct(string name, DatabaseFacts side) => side.BackendChanges
        ? Fail(name, "the backend changes between statements: a pooler in transaction or statement mode stands in between", "give the server's own address")
        : side.Relayed
            ? Warn(name, "the backend is not the one the connection was made with: something stands in between", "give the server's own address")
            : Pass(name, "connections lead straight to one backend");

    private static PreflightCheck Versions(SwitchoverFacts facts)
    {
        const string Name = "Versions";
        var evidence = $"PostgreSQL {facts.Source.Version} to {facts.Target.Version}";
        return facts.Source.VersionNumber < OldestVersion || facts.Target.VersionNumber < OldestVersion
            ? Fail(Name, evidence, "PostgreSQL 12 is the oldest that is supported")
            : facts.Target.Major < facts.Source.Major
                ? Warn(Name, evidence + ": back to an older major version, where types, functions and settings of the newer one are missing",
                    "try the application and the schema on the older version first")
                : Pass(Name, evidence);
    }

    private static PreflightCheck Writable(string name, DatabaseFacts side) => side.InRecovery
        ? Fail(name, $"{side.Address} is a standby", "give the primary")
        : side.ReadOnly
            ? Fail(name, $"new transactions of {side.User} in {side.Address} are read-only",
                "reset default_transaction_read_only of role, database or server")
            : Pass(name, "a primary that takes writes");

    private static PreflightCheck Pointer(string name, DatabaseFacts side) => side.State == "use_next_db"
        ? Fail(name, $"{side.Address} was left by an earlier switchover: its state is use_next_db",
            name == "SourceState"
                ? "its application uses another database now: take that as the source, or go back with -Rollback"
                : "give a fresh database as the target")
        : side.RunLocked
            ? Fail(name, $"another run holds its lock in {side.Address}", "wait for it or stop it with Stop-PgSwitchover", Reason.LockHeld)
            : side.State == "in_progress"
                ? Warn(name, $"an interrupted run left {side.Address} in_progress",
                    "Reset-PgSwitchover removes what it left, or Start-PgSwitchover resumes it")
                : Pass(name, side.State.Length == 0 ? "no switchover has been here" : "no switchover is under way");

    private static IEnumerable<PreflightCheck> LogicalChecks(SwitchoverFacts facts, SwitchoverOptions options)
    {
        yield return Publisher("LogicalSource", facts.Source, slots: 2);
        yield return Subscriber("LogicalTarget", facts.Target, facts.Source);
        if (options.WayBack)
        {
            yield return Publisher("LogicalWayBackTarget", facts.Target, slots: 2);
            yield return Subscriber("LogicalWayBackSource", facts.Source, facts.Target);
        }

        yield return Some("LogicalUnlogged", CheckStatus.Failed, [.. facts.Source.Catalog.Tables.Where(t => t.Unlogged).Select(t => $"{t.Name}")],
            "unlogged tables, which logical replication does not carry", "exclude them, ALTER TABLE … SET LOGGED, or use the changelog engine");
        yield return Some("LogicalKeys", CheckStatus.Warning, [.. facts.Source.Catalog.Tables.Where(WithoutIdentity).Select(t => $"{t.Name}")],
            "tables without a replica identity get REPLICA IDENTITY FULL: each update and delete searches the whole table on the target",
            "give them a primary key, or exclude them");
        yield return Ownership("LogicalOwnership", facts.Source);
        if (options.WayBack)
        {
            yield return Ownership("LogicalWayBackOwnership", facts.Target);
        }

        yield return options.SourceUriForTarget is null
            ? Warn("LogicalRoute",
                $"{facts.Target.Address} has to reach {facts.Source.Address} by that address; only the start of replication shows whether it does",
                "see to network, pg_hba.conf and password, or give SourceUriForTarget")
            : Pass("LogicalRoute", "the address for the target's server is given; only the start of replication shows whether it is right");
    }

    private static PreflightCheck Ownership(string name, DatabaseFacts side) => Some(name, CheckStatus.Failed, side.Superuser ? [] : side.NotOwned,
        $"tables that {side.User} does not own and so cannot publish", "connect as their owner, as a member of it, or as a superuser");

    private static bool WithoutIdentity(SwitchoverTable table) => table.ReplicaIdentity == 'n' || (table.ReplicaIdentity != 'f' && table.Key.Count == 0);

    private static PreflightCheck Publisher(string name, DatabaseFacts side, int slots)
    {
        List<string> missing = [];
        if (side.WalLevel != "logical")
        {
            missing.Add($"wal_level is {side.WalLevel}, not logical (needs a restart)");
        }

        if (side.MaxSlots - side.UsedSlots < slots)
        {
            missing.Add(Text($"{side.UsedSlots} of {side.MaxSlots} max_replication_slots are used, {slots} more are needed"));
        }

        if (side.MaxSenders - side.UsedSenders < 1)
        {
            missing.Add(Text($"{side.UsedSenders} of {side.MaxSenders} max_wal_senders are used"));
        }

        if (!side.Superuser && !side.Replication)
        {
            missing.Add($"{side.User} has no REPLICATION");
        }

        if (!side.CanCreate)
        {
            missing.Add($"{side.User} may not CREATE a publication in the database");
        }

        return Needs(name, side, missing,
            Text($"wal_level logical, {side.MaxSlots - side.UsedSlots} slots and {side.MaxSenders - side.UsedSenders} WAL senders free"));
    }

    private static PreflightCheck Subscriber(string name, DatabaseFacts side, DatabaseFacts publisher)
    {
        List<string> missing = [];
        if (side.MaxApplyWorkers < 1 || side.MaxWorkers < 1)
        {
            missing.Add(Text($"max_logical_replication_workers is {side.MaxApplyWorkers} and max_worker_processes {side.MaxWorkers}"));
        }

        // A subscription keeps its place in a replication origin.
        if (side.MaxOrigins < 1)
        {
            missing.Add("there is no room for a replication origin: max_replication_slots, from 18 on max_active_replication_origins, is 0");
        }

        if (!side.Superuser && !(side.Major >= 16 && side.CanSubscribe && side.CanCreate))
        {
            missing.Add(side.Major >= 16
                ? $"{side.User} is no superuser, or lacks pg_create_subscription or CREATE on the database"
                : $"{side.User} is no superuser, which a subscription needs before PostgreSQL 16");
        }

        return Needs(name, side, missing, Text($"{side.MaxApplyWorkers} apply workers, and {side.User} may subscribe to {publisher.Address}"));
    }

    private static PreflightCheck Needs(string name, DatabaseFacts side, List<string> missing, string evidence) => missing.Count > 0
        ? Fail(name, $"{side.Address}: {string.Join("; ", missing)}", "change that, or use the changelog engine")
        : Pass(name, $"{side.Address}: {evidence}");

    private static IEnumerable<PreflightCheck> ChangelogChecks(SwitchoverFacts facts, SwitchoverOptions options)
    {
        yield return Some("ChangelogKeys", CheckStatus.Failed, [.. facts.Source.Catalog.Tables.Where(t => t.Key.Count == 0).Select(t => $"{t.Name}")],
            "tables without a key, whose changed rows cannot be named", "give them a primary key, exclude them, or use the logical engine");
        yield return Triggers("ChangelogSource", facts.Source);
        yield return Silent("ChangelogTarget", facts.Target);
        if (options.WayBack)
        {
            yield return Triggers("ChangelogWayBackTarget", facts.Target);
            yield return Silent("ChangelogWayBackSource", facts.Source);
        }
    }

    private static PreflightCheck Triggers(string name, DatabaseFacts side) => !side.CanCreate && side.State.Length == 0
        ? Fail(name, $"{side.User} may not CREATE a schema in {side.Address}", "GRANT CREATE ON DATABASE")
        : Some(name, CheckStatus.Failed, side.Superuser ? [] : side.NoTrigger, $"tables on which {side.User} lacks TRIGGER",
            "GRANT TRIGGER on them, or connect as their owner");

    private static PreflightCheck Silent(string name, DatabaseFacts side) => side.CanSetReplicationRole
        ? Pass(name, $"{side.User} may set session_replication_role in {side.Address}")
        : Fail(name, $"{side.User} may not set session_replication_role in {side.Address}: triggers and foreign keys would act on carried rows",
            "connect as a superuser, or GRANT SET ON PARAMETER session_replication_role (15 and later)");

    private static IEnumerable<PreflightCheck> ContentChecks(SwitchoverFacts facts, SwitchoverOptions options)
    {
        var (source, target) = (facts.Source, facts.Target);
        yield return Some("Schemas", CheckStatus.Failed, [.. options.Schemas.Except(source.Schemas)], "schemas the source does not have",
            "correct the names");
        yield return source.Catalog.Tables.Count == 0
            ? Fail("Tables", "no table of the source is to be moved", "correct schemas and exclusions")
            : Pass("Tables", Text($"{source.Catalog.Tables.Count} tables, {source.Catalog.Sequences.Count} sequences"));
        yield return Some("SourceReadable", CheckStatus.Failed, source.NotReadable, $"objects that {source.User} cannot read",
            "GRANT SELECT on them, or exclude them");
        yield return Some("RowSecurity", CheckStatus.Failed, source.RowSecurity, $"tables of which row security hides rows from {source.User}",
            "connect as a role with BYPASSRLS, or as their owner");
        yield return options.CopySchema && !target.CanCreate
            ? Fail("TargetRights", $"{target.User} may not CREATE a schema in {target.Address}", "GRANT CREATE ON DATABASE, or connect as its owner")
            : Some("TargetRights", CheckStatus.Failed, target.NotWritable, $"objects that {target.User} may not write on the target",
            "connect as their owner or a superuser");
        yield return source.Encoding == target.Encoding
            ? Pass("Encoding", source.Encoding)
            : Fail("Encoding", $"{source.Encoding} on the source, {target.Encoding} on the target",
                $"create the target's database with ENCODING '{source.Encoding}'");
        yield return Collations(source, target);
        yield return Extensions(source, target, options);
        yield return Some("Roles", options.CopySchema ? CheckStatus.Failed : CheckStatus.Warning, [.. source.UsedRoles.Except(target.Roles)],
            "roles that own or use what is moved and do not exist on the target", "CREATE ROLE on the target (pg_dumpall --roles-only shows how)");

        if (options.CopySchema)
        {
            yield return Dump(facts);
            var there = target.Catalog.Tables.Select(t => t.Name).Concat(target.Catalog.Parents).ToHashSet();
            string[] both = [.. source.Catalog.Tables.Select(t => t.Name).Concat(source.Catalog.Parents).Where(there.Contains).Select(n => $"{n}")];
            yield return facts.Resumes && both.Length > 0
                ? Pass("TargetSchema", Text($"{both.Length} tables are there from the interrupted run"))
                : Some("TargetSchema", CheckStatus.Failed, both, "tables that are on the target already, so that the schema cannot be brought over",
                    "empty the target's database, or leave CopySchema out");
        }
        else
        {
            var differences = SchemaComparison.Compare(source.Catalog, target.Catalog);
            yield return differences.Any(d => d.Refuses)
                ? Some("Schema", CheckStatus.Failed, Texts(differences.Where(d => d.Refuses)), "differences of the schema that would lose or refuse rows",
                    "bring the target's schema in line, or use CopySchema with an empty target")
                : Some("Schema", CheckStatus.Warning, Texts(differences), "differences of the schema that no row fails on", "see whether they are meant");
            var carried = source.Catalog.Tables.Select(t => $"{t.Name}").ToHashSet();
            var filled = target.NotEmpty.Where(carried.Contains).ToArray();
            yield return facts.Resumes && filled.Length > 0
                ? Pass("TargetEmpty", Text($"{filled.Length} tables hold rows of the interrupted run"))
                : options.TruncateTarget
                ? Some("TargetEmpty", CheckStatus.Warning, filled, "tables of the target hold rows, which will be removed", "see that nobody needs them")
                : Some("TargetEmpty", CheckStatus.Failed, filled, "tables of the target that hold rows", "empty them, or use TruncateTarget");
        }

        yield return Warn("DiskSpace",
            Text($"the tables have {source.Catalog.Tables.Sum(t => t.Bytes) / 1048576.0:0.0} MiB without indexes")
                + "; no SQL says what the target's disk has free",
            "see that the target has about twice that, and WAL, free");
    }

    private static PreflightCheck Dump(SwitchoverFacts facts) => facts.DumpMajor is not { } major
        ? Fail("SchemaTool", "pg_dump is not installed here", Text($"install the client programs of PostgreSQL {facts.Source.Major} or later"),
            Reason.MissingProgram)
        : major < facts.Source.Major
            ? Fail("SchemaTool", Text($"pg_dump {major} cannot read PostgreSQL {facts.Source.Major}"),
                Text($"install the client programs of PostgreSQL {facts.Source.Major} or later"), Reason.MissingProgram)
            : Pass("SchemaTool", Text($"pg_dump {major}"));

    private static PreflightCheck Collations(DatabaseFacts source, DatabaseFacts target)
    {
        const string Name = "Collation";
        return source.Locale != target.Locale
            ? Warn(Name, $"{source.Locale} on the source, {target.Locale} on the target: texts sort and compare differently",
                "create the target's database with the source's locale")
            : source.CollationVersion != target.CollationVersion && source.CollationVersion.Length > 0 && target.CollationVersion.Length > 0
                ? Warn(Name,
                    $"{source.Locale}, version {source.CollationVersion} on the source and {target.CollationVersion} on the target: texts may sort differently",
                    "nothing for indexes, which the target builds anew; range-partitioned tables by text need a look")
                : Pass(Name, source.Locale);
    }

    private static PreflightCheck Extensions(DatabaseFacts source, DatabaseFacts target, SwitchoverOptions options)
    {
        const string Name = "Extensions";
        List<string> missing = [];
        List<string> older = [];
        foreach (var (extension, version) in source.Extensions.OrderBy(e => e.Key, StringComparer.Ordinal))
        {
            var there = target.Extensions.GetValueOrDefault(extension)
                ?? (options.CopySchema ? target.AvailableExtensions.GetValueOrDefault(extension) : null);
            if (there is null)
            {
                missing.Add(target.AvailableExtensions.ContainsKey(extension) ? $"{extension} (available)" : $"{extension} (not available)");
            }
            else if (CompareVersions(there, version) < 0)
            {
                older.Add($"{extension} {there} instead of {version}");
            }
        }

        return missing.Count > 0
            ? Some(Name, CheckStatus.Failed, missing, "extensions of the source that the target lacks",
                "install their packages, and CREATE EXTENSION without CopySchema")
            : older.Count > 0
                ? Some(Name, CheckStatus.Warning, older, "extensions that are older on the target", "ALTER EXTENSION … UPDATE, or install newer packages")
                : Pass(Name, Text($"{source.Extensions.Count} of the source, none missing or older on the target"));
    }

    /// <summary>Numbers in version texts compare as numbers: 1.10 is newer than 1.9.</summary>
    private static int CompareVersions(string one, string other)
    {
        long[] left = [.. Digits().Matches(one).Select(m => long.Parse(m.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture))];
        long[] right = [.. Digits().Matches(other).Select(m => long.Parse(m.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture))];
        return left.AsSpan().SequenceCompareTo(right);
    }

    private static IEnumerable<PreflightCheck> LossChecks(SwitchoverFacts facts, SwitchoverOptions options)
    {
        var (source, target) = (facts.Source, facts.Target);
        yield return source.LargeObjects > 0
            ? Warn("LargeObjects", Text($"{source.LargeObjects}{(source.LargeObjects >= 1_000_000 ? " or more" : "")} large objects are not carried"),
                "move them yourself, or do without")
            : Pass("LargeObjects", "none");
        yield return Some("MaterializedViews", CheckStatus.Warning, source.MaterializedViews, "materialized views are not filled by the switchover",
            "REFRESH MATERIALIZED VIEW on the target before the application reads them");
        yield return Some("ForeignTables", CheckStatus.Warning, source.ForeignTables, "foreign tables: their rows stay where they are",
            "see that the target's server reaches them");
        yield return Some("OidColumns", CheckStatus.Warning, source.OidColumns,
            "columns that may hold oids of the source's objects, which are others on the target",
            "reg* types are carried by name; plain oids need a look");
        yield return Some("SourceEventTriggers", CheckStatus.Warning, source.EventTriggers,
            "event triggers of the source fire when the run makes or drops its own objects",
            "see that they let that pass");
        yield return Some("TargetEventTriggers", CheckStatus.Warning, target.EventTriggers,
            "event triggers of the target fire when the run makes or drops objects there",
            "see that they let that pass");
        yield return Some("TargetTriggers", CheckStatus.Failed, target.ReplicaTriggers,
            "triggers ENABLE ALWAYS or REPLICA on the target would act on carried rows a second time",
            "ALTER TABLE … DISABLE TRIGGER until the switchover is done");
        if (options.WayBack || options.CopySchema)
        {
            yield return Some("SourceTriggers", options.CopySchema ? CheckStatus.Failed : CheckStatus.Warning, source.ReplicaTriggers,
                options.CopySchema ? "triggers ENABLE ALWAYS or REPLICA would come over with the schema and act on carried rows a second time"
                    : "triggers ENABLE ALWAYS or REPLICA on the source act on rows that flow back",
                "ALTER TABLE … DISABLE TRIGGER, or ENABLE TRIGGER without ALWAYS");
        }

        yield return Some("Tablespaces", CheckStatus.Warning, options.CopySchema ? source.Tablespaces : [],
            "tablespaces of the source are not brought over: all lies in the default one",
            "move tables afterwards, or bring the schema over yourself");
        yield return Some("Publications", CheckStatus.Warning, source.Publications, "publications and subscriptions of the source are not brought over",
            "create them on the target after the switchover");
        foreach (var check in ForeignKeys(source))
        {
            yield return check;
        }
    }

    private static IEnumerable<PreflightCheck> ForeignKeys(DatabaseFacts source)
    {
        var catalog = source.Catalog;
        var moved = catalog.Tables.Select(t => t.Name).Concat(catalog.Parents).ToHashSet();
        yield return Some("ForeignKeysOut", CheckStatus.Failed,
            [.. catalog.ForeignKeys.Where(f => moved.Contains(f.Table) && !moved.Contains(f.Referenced)).Select(f => $"{f.Table} to {f.Referenced}")],
            "foreign keys from tables that are moved to tables that are not: the rows referred to would be missing", "move both, or drop the foreign key");
        yield return Some("ForeignKeysIn", CheckStatus.Warning,
            [.. catalog.ForeignKeys.Where(f => !moved.Contains(f.Table) && moved.Contains(f.Referenced)).Select(f => $"{f.Table} to {f.Referenced}")],
            "foreign keys from tables that are left out: TRUNCATE of the target's tables and rows kept there may break",
                "move both, or see that the target has none of those rows");
        var cyclic = ForeignKeyCycles.Find(catalog.ForeignKeys);
        yield return Pass("ForeignKeyCycles", cyclic.Count == 0 ? "none" : $"carried as they are: {List(cyclic)}");
    }

    private static IEnumerable<PreflightCheck> ActivityChecks(SwitchoverFacts facts, SwitchoverOptions options)
    {
        var source = facts.Source;
        var hidden = source.HiddenSessions > 0 ? Text($"; {source.HiddenSessions} sessions cannot be seen (GRANT pg_read_all_stats)") : "";
        yield return source.LongestTransaction is { } longest && longest.Seconds > LongTransaction.TotalSeconds
            ? Warn("LongestTransaction",
                Text($"backend {longest.Name} of {longest.User} in {longest.Database} has been in a transaction for {longest.Seconds:0} s")
                    + $"; the run waits for every transaction of the server that is older than it{hidden}",
                "end it before the run")
            : hidden.Length > 0
                ? Warn("LongestTransaction", $"none seen over {LongTransaction.TotalSeconds:0} s{hidden}", "let the role see all sessions")
                : Pass("LongestTransaction", source.LongestTransaction is { } some ? Text($"{some.Seconds:0.0} s") : "none");
        yield return Some("PreparedTransactions", CheckStatus.Failed,
            [.. source.Prepared.Select(p => Text($"{p.Name} of {p.User} in {p.Database} ({p.Seconds:0} s)"))],
            "prepared transactions, for which the run would wait until somebody ends them", "COMMIT PREPARED or ROLLBACK PREPARED");
        if (options.Stop == SwitchoverStop.Gate)
        {
            yield return Some("Gate", CheckStatus.Failed,
                [.. source.Sessions.Where(s => !Tag().IsMatch(s.Application))
                    .Select(s => Text($"{s.Count} of {s.User} as {(s.Application.Length > 0 ? s.Application : "(no name)")}"))],
                "connections to the source without the gate, which would not follow to the target",
                    "close them, give their applications the gate, or stop by pooler or read-only");
        }
    }

    private static PreflightCheck Some(string name, CheckStatus status, IReadOnlyList<string> found, string what, string remedy) => found.Count == 0
        ? Pass(name, "none")
        : new(name, status, Text($"{found.Count}: {List(found)}: {what}"), remedy);

    private static string List(IReadOnlyList<string> all) =>
        string.Join(", ", all.Take(Listed)) + (all.Count > Listed ? Text($" and {all.Count - Listed} more") : "");

    private static IReadOnlyList<string> Texts(IEnumerable<SchemaDifference> differences) => [.. differences.Select(d => d.ToString())];

    private static PreflightCheck Pass(string name, string evidence) => new(name, CheckStatus.Passed, evidence);

    private static PreflightCheck Warn(string name, string evidence, string remedy) => new(name, CheckStatus.Warning, evidence, remedy);

    private static PreflightCheck Fail(string name, string evidence, string remedy, Reason reason = Reason.PreflightFailed) =>
        new(name, CheckStatus.Failed, evidence, remedy, reason);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex("[0-9]+")]
    private static partial Regex Digits();

    // SWO's tag: type, and 16 bytes as base64url.
    [GeneratedRegex(" SWO:[A-D]:[A-Za-z0-9_-]{22}$")]
    private static partial Regex Tag();
}
