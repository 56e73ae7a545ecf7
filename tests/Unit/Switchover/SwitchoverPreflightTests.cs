using PgCluster.Engine.Switchover;

namespace PgCluster.Tests.Unit.Switchover;

public sealed class SwitchoverPreflightTests
{
    private const string Tagged = "Shop 1.0 SWO:B:AAAAAAAAAAAAAAAAAAAAAA";

    private static readonly SwitchoverOptions Logical = Facts.Options with { Engine = SwitchoverEngine.Logical };
    private static readonly SwitchoverOptions Changelog = Facts.Options with { Engine = SwitchoverEngine.Changelog };
    private static readonly SwitchoverOptions Schema = Facts.Options with { CopySchema = true };

    private static readonly SwitchoverFacts SchemaGood = Target(t => t with { Catalog = new([], []) });

    // Name of the check, how it ends, facts and options that make it so. Where it passes is told by the good facts, with the same options.
    private static readonly (string Check, CheckStatus Status, SwitchoverFacts Facts, SwitchoverOptions Options)[] Findings =
    [
        ("Options", CheckStatus.Failed, Facts.Good, Facts.Options with { Jobs = 0 }),
        ("Options", CheckStatus.Failed, Facts.Good, Facts.Options with { Jobs = 65 }),
        ("Options", CheckStatus.Failed, Facts.Good, Facts.Options with { MaxLag = -1 }),
        ("SourceUri", CheckStatus.Failed, Source(s => s with { Problem = DatabaseProblem.Uri, ProblemText = "bad" }), Facts.Options),
        ("TargetUri", CheckStatus.Failed, Target(s => s with { Problem = DatabaseProblem.Uri, ProblemText = "bad" }), Facts.Options),
        ("SourceUri", CheckStatus.Failed, Source(s => s with { UriForOtherProblem = "bad" }), Facts.Options),
        ("TargetUri", CheckStatus.Failed, Target(s => s with { UriForOtherProblem = "bad" }), Facts.Options),
        ("SourceReachable", CheckStatus.Failed, Source(s => s with { Problem = DatabaseProblem.Unreachable, ProblemText = "refused" }), Facts.Options),
        ("TargetReachable", CheckStatus.Failed, Target(s => s with { Problem = DatabaseProblem.Denied, ProblemText = "no password" }), Facts.Options),
        ("SameDatabase", CheckStatus.Failed, Facts.Good with { SameDatabase = true }, Facts.Options),
        ("SourceDirect", CheckStatus.Failed, Source(s => s with { BackendChanges = true, Relayed = true }), Facts.Options),
        ("TargetDirect", CheckStatus.Warning, Target(s => s with { Relayed = true }), Facts.Options),
        ("Versions", CheckStatus.Failed, Source(s => s with { VersionNumber = 110022, Version = "11.22" }), Facts.Options),
        ("Versions", CheckStatus.Failed, Target(s => s with { VersionNumber = 90624, Version = "9.6.24" }), Facts.Options),
        ("Versions", CheckStatus.Warning, Target(s => s with { VersionNumber = 140001, Version = "14.1" }), Facts.Options),
        ("SourceWritable", CheckStatus.Failed, Source(s => s with { InRecovery = true }), Facts.Options),
        ("TargetWritable", CheckStatus.Failed, Target(s => s with { ReadOnly = true }), Facts.Options),
        ("SourceState", CheckStatus.Failed, Source(s => s with { State = "use_next_db" }), Facts.Options),
        ("TargetState", CheckStatus.Failed, Target(s => s with { State = "use_next_db" }), Facts.Options),
        ("SourceState", CheckStatus.Failed, Source(s => s with { State = "in_progress", RunLocked = true }), Facts.Options),
        ("SourceState", CheckStatus.Warning, Source(s => s with { State = "in_progress" }), Facts.Options),
        ("LogicalSource", CheckStatus.Failed, Source(s => s with { WalLevel = "replica" }), Logical),
        ("LogicalSource", CheckStatus.Failed, Source(s => s with { UsedSlots = 9 }), Logical),
        ("LogicalSource", CheckStatus.Failed, Source(s => s with { UsedSenders = 10 }), Logical),
        ("LogicalSource", CheckStatus.Failed, Source(s => s with { Superuser = false }), Logical),
        ("LogicalSource", CheckStatus.Failed, Source(s => s with { CanCreate = false }), Logical),
        ("LogicalTarget", CheckStatus.Failed, Target(s => s with { MaxApplyWorkers = 0 }), Logical),
        ("LogicalTarget", CheckStatus.Failed, Target(s => s with { MaxOrigins = 0 }), Logical),
        ("LogicalTarget", CheckStatus.Failed, Target(s => s with { Superuser = false, CanSubscribe = true }), Logical),
        ("LogicalTarget", CheckStatus.Failed, Target(s => s with { VersionNumber = 160001, Superuser = false }), Logical),
        ("LogicalWayBackTarget", CheckStatus.Failed, Target(s => s with { WalLevel = "replica" }), Logical),
        ("LogicalWayBackSource", CheckStatus.Failed, Source(s => s with { MaxWorkers = 0 }), Logical),
        ("LogicalUnlogged", CheckStatus.Failed, Source(s => s with { Catalog = Facts.Catalog(Facts.Table("t") with { Unlogged = true }) }), Logical),
        ("LogicalKeys", CheckStatus.Warning, Source(s => s with { Catalog = Facts.Catalog(Facts.Table("t") with { Key = [] }) }), Logical),
        ("LogicalKeys", CheckStatus.Warning, Source(s => s with { Catalog = Facts.Catalog(Facts.Table("t") with { ReplicaIdentity = 'n' }) }), Logical),
        ("LogicalOwnership", CheckStatus.Failed, Source(s => s with { Superuser = false, Replication = true, NotOwned = ["public.t"] }), Logical),
        ("LogicalWayBackOwnership", CheckStatus.Failed, Target(s => s with { Superuser = false, NotOwned = ["public.t"] }), Logical),
        ("ChangelogKeys", CheckStatus.Failed, Source(s => s with { Catalog = Facts.Catalog(Facts.Table("t") with { Key = [] }) }), Changelog),
        ("ChangelogSource", CheckStatus.Failed, Source(s => s with { Superuser = false, NoTrigger = ["public.t"] }), Changelog),
        ("ChangelogSource", CheckStatus.Failed, Source(s => s with { CanCreate = false }), Changelog),
        ("ChangelogTarget", CheckStatus.Failed, Target(s => s with { CanSetReplicationRole = false }), Changelog),
        ("ChangelogWayBackTarget", CheckStatus.Failed, Target(s => s with { Superuser = false, NoTrigger = ["public.t"] }), Changelog),
        ("ChangelogWayBackSource", CheckStatus.Failed, Source(s => s with { CanSetReplicationRole = false }), Changelog),
        ("Schemas", CheckStatus.Failed, Facts.Good, Facts.Options with { Schemas = ["shop"] }),
        ("Tables", CheckStatus.Failed, Source(s => s with { Catalog = new([], []) }), Facts.Options),
        ("SourceReadable", CheckStatus.Failed, Source(s => s with { NotReadable = ["public.t"] }), Facts.Options),
        ("RowSecurity", CheckStatus.Failed, Source(s => s with { RowSecurity = ["public.t"] }), Facts.Options),
        ("TargetRights", CheckStatus.Failed, Target(s => s with { NotWritable = ["public.t"] }), Facts.Options),
        ("TargetRights", CheckStatus.Failed, Target(s => s with { CanCreate = false }), Schema),
        ("Encoding", CheckStatus.Failed, Target(s => s with { Encoding = "LATIN1" }), Facts.Options),
        ("Collation", CheckStatus.Warning, Target(s => s with { Locale = "de_de.utf8" }), Facts.Options),
        ("Collation", CheckStatus.Warning, Both(s => s with { CollationVersion = "2.31" }, t => t with { CollationVersion = "2.36" }), Facts.Options),
        ("Extensions", CheckStatus.Failed, Source(s => s with { Extensions = Pairs("hstore", "1.8") }), Facts.Options),
        ("Extensions", CheckStatus.Failed,
            Both(s => s with { Extensions = Pairs("hstore", "1.8") }, t => t with { AvailableExtensions = Pairs("hstore", "1.8") }), Facts.Options),
        ("Extensions", CheckStatus.Warning,
            Both(s => s with { Extensions = Pairs("postgis", "3.10") }, t => t with { Extensions = Pairs("postgis", "3.9") }), Facts.Options),
        ("Roles", CheckStatus.Warning, Source(s => s with { UsedRoles = ["gone"] }), Facts.Options),
        ("Roles", CheckStatus.Failed, Source(s => s with { UsedRoles = ["gone"] }), Schema),
        ("SchemaTool", CheckStatus.Failed, Facts.Good with { DumpMajor = null }, Schema),
        ("SchemaTool", CheckStatus.Failed, Facts.Good with { DumpMajor = 14 }, Schema),
        ("TargetSchema", CheckStatus.Failed, Facts.Good, Schema),
        ("Schema", CheckStatus.Failed, Target(s => s with { Catalog = new([], []) }), Facts.Options),
        ("Schema", CheckStatus.Warning, Target(s => s with { Catalog = Facts.Catalog(Facts.Table("t", Facts.Column("extra"))) }), Facts.Options),
        ("TargetEmpty", CheckStatus.Failed, Target(s => s with { NotEmpty = ["public.t"] }), Facts.Options),
        ("TargetEmpty", CheckStatus.Warning, Target(s => s with { NotEmpty = ["public.t"] }), Facts.Options with { TruncateTarget = true }),
        ("LargeObjects", CheckStatus.Warning, Source(s => s with { LargeObjects = 3 }), Facts.Options),
        ("MaterializedViews", CheckStatus.Warning, Source(s => s with { MaterializedViews = ["public.m"] }), Facts.Options),
        ("ForeignTables", CheckStatus.Warning, Source(s => s with { ForeignTables = ["public.f"] }), Facts.Options),
        ("OidColumns", CheckStatus.Warning, Source(s => s with { OidColumns = ["public.t.c (regclass)"] }), Facts.Options),
        ("SourceEventTriggers", CheckStatus.Warning, Source(s => s with { EventTriggers = ["audit"] }), Facts.Options),
        ("TargetEventTriggers", CheckStatus.Warning, Target(s => s with { EventTriggers = ["audit"] }), Facts.Options),
        ("TargetTriggers", CheckStatus.Failed, Target(s => s with { ReplicaTriggers = ["public.t.always"] }), Facts.Options),
        ("SourceTriggers", CheckStatus.Warning, Source(s => s with { ReplicaTriggers = ["public.t.always"] }), Facts.Options),
        ("SourceTriggers", CheckStatus.Failed, Source(s => s with { ReplicaTriggers = ["public.t.always"] }), Schema),
        ("Tablespaces", CheckStatus.Warning, Source(s => s with { Tablespaces = ["fast"] }), Schema),
        ("Publications", CheckStatus.Warning, Source(s => s with { Publications = ["publication p"] }), Facts.Options),
        ("ForeignKeysOut", CheckStatus.Failed, Keys(Facts.Key("t", "left_out")), Facts.Options),
        ("ForeignKeysIn", CheckStatus.Warning, Keys(Facts.Key("left_out", "t")), Facts.Options),
        ("LongestTransaction", CheckStatus.Warning, Source(s => s with { LongestTransaction = new("4711", "other", "batch", 3600) }), Facts.Options),
        ("LongestTransaction", CheckStatus.Warning, Source(s => s with { HiddenSessions = 2 }), Facts.Options),
        ("PreparedTransactions", CheckStatus.Failed, Source(s => s with { Prepared = [new("gid", "x", "app", 10)] }), Facts.Options),
        ("Gate", CheckStatus.Failed, Source(s => s with { Sessions = [new(Tagged, "app", 1), new("psql", "dba", 2)] }),
            Facts.Options with { Stop = SwitchoverStop.Gate }),
        ("Gate", CheckStatus.Failed, Source(s => s with { Sessions = [new("Shop SWO:B:short", "app", 1)] }),
            Facts.Options with { Stop = SwitchoverStop.Gate }),
    ];

    public static TheoryData<int> Rows => [.. Enumerable.Range(0, Findings.Length)];

    [Theory]
    [MemberData(nameof(Rows))]
    public void SW_Preflight_names_each_finding_once_with_evidence_and_remedy(int row)
    {
        var (name, status, facts, options) = Findings[row];
        var assessment = SwitchoverPreflight.Assess(facts, options);
        var check = Assert.Single(assessment.Checks, c => c.Name == name);
        Assert.Equal((name, status), (check.Name, check.Status));
        Assert.NotEmpty(check.Evidence);
        Assert.NotEmpty(check.Remedy);
        if (status == CheckStatus.Failed)
        {
            Assert.False(assessment.Ready);
        }
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void SW_Preflight_passes_each_check_where_nothing_is_in_the_way(int row)
    {
        var (name, _, _, options) = Findings[row];
        var good = options.CopySchema ? SchemaGood : Facts.Good;
        var reasonable = options with { Jobs = 2, MaxLag = 10, Schemas = ["public"] };
        var check = Assert.Single(SwitchoverPreflight.Assess(good, reasonable).Checks, c => c.Name == name);
        Assert.Equal((name, CheckStatus.Passed, ""), (check.Name, check.Status, check.Remedy));
    }

    [Fact]
    public void SW_Preflight_finds_good_servers_ready_with_either_engine()
    {
        foreach (var options in new[] { Facts.Options, Logical, Changelog, Facts.Options with { Stop = SwitchoverStop.Gate } })
        {
            var assessment = SwitchoverPreflight.Assess(Source(s => s with { Sessions = [new(Tagged, "app", 3)] }), options);
            Assert.True(assessment.Ready, string.Join('\n', assessment.Checks.Where(c => c.Status == CheckStatus.Failed)));
            Assert.All(assessment.Checks.Where(c => c.Status != CheckStatus.Passed), c => Assert.Contains(c.Name, new[] { "DiskSpace", "LogicalRoute" }));
        }

        Assert.True(SwitchoverPreflight.Assess(SchemaGood, Schema).Ready);
    }

    [Fact]
    public void SW_Preflight_checks_have_names_of_their_own()
    {
        foreach (var options in new[] { Logical, Changelog, Schema })
        {
            var names = SwitchoverPreflight.Assess(Facts.Good, options).Checks.Select(c => c.Name).ToList();
            Assert.Equal(names.Distinct(), names);
        }
    }

    [Fact]
    public void SW_Preflight_chooses_the_engine_and_says_why()
    {
        var noLogical = Source(s => s with { WalLevel = "replica" });
        var neither = noLogical with { Target = noLogical.Target with { CanSetReplicationRole = false } };

        Assert.Equal(SwitchoverEngine.Logical, SwitchoverPreflight.Assess(Facts.Good, Facts.Options).Engine);
        var chosen = SwitchoverPreflight.Assess(noLogical, Facts.Options);
        Assert.Equal(SwitchoverEngine.Changelog, chosen.Engine);
        Assert.Contains(chosen.EngineReasons, r => r.Contains("wal_level is replica", StringComparison.Ordinal));
        Assert.True(chosen.Ready);
        Assert.DoesNotContain(chosen.Checks, c => c.Name.StartsWith("Logical", StringComparison.Ordinal));
        var none = SwitchoverPreflight.Assess(neither, Facts.Options);
        Assert.Equal((SwitchoverEngine.Logical, false), (none.Engine, none.Ready));
        Assert.Equal(SwitchoverEngine.Logical, SwitchoverPreflight.Assess(noLogical, Logical).Engine);
    }

    [Fact]
    public void SW_Preflight_needs_less_without_a_way_back()
    {
        var facts = Target(s => s with { WalLevel = "replica", CanCreate = false });
        Assert.Equal(SwitchoverEngine.Logical, SwitchoverPreflight.Assess(facts, Facts.Options with { WayBack = false }).Engine);
        Assert.True(SwitchoverPreflight.Assess(facts, Facts.Options with { WayBack = false }).Ready);
        Assert.False(SwitchoverPreflight.Assess(facts, Logical).Ready);
    }

    [Fact]
    public void SW_Preflight_from_16_on_a_member_of_pg_create_subscription_may_subscribe()
    {
        var facts = Target(s => s with { VersionNumber = 160001, Superuser = false, CanSubscribe = true });
        Assert.True(SwitchoverPreflight.Assess(facts, Logical with { WayBack = false }).Ready);
    }

    [Fact]
    public void SW_19_cycles_and_self_references_pass_and_are_named()
    {
        var facts = Keys(Facts.Key("t", "t"));
        var catalog = facts.Source.Catalog with { Tables = [Facts.Table("a"), Facts.Table("b"), Facts.Table("c"), Facts.Table("t")] };
        catalog = catalog with { ForeignKeys = [Facts.Key("t", "t"), Facts.Key("a", "b"), Facts.Key("b", "a"), Facts.Key("c", "a")] };
        facts = new SwitchoverFacts(facts.Source with { Catalog = catalog }, facts.Target with { Catalog = catalog });
        var assessment = SwitchoverPreflight.Assess(facts, Facts.Options);
        var check = Assert.Single(assessment.Checks, c => c.Name == "ForeignKeyCycles");
        Assert.Equal((CheckStatus.Passed, "carried as they are: public.a - public.b, public.t (itself)"), (check.Status, check.Evidence));
        Assert.True(assessment.Ready);
    }

    [Fact]
    public void SW_16_a_source_that_was_left_is_refused_with_what_to_do()
    {
        var assessment = SwitchoverPreflight.Assess(Source(s => s with { State = "use_next_db" }), Facts.Options);
        Assert.False(assessment.Ready);
        Assert.Contains("-Rollback", assessment.Checks.Single(c => c.Name == "SourceState").Remedy, StringComparison.Ordinal);
    }

    private static SwitchoverFacts Source(Func<DatabaseFacts, DatabaseFacts> change) => Facts.Good with { Source = change(Facts.Good.Source) };

    private static SwitchoverFacts Target(Func<DatabaseFacts, DatabaseFacts> change) => Facts.Good with { Target = change(Facts.Good.Target) };

    private static SwitchoverFacts Both(Func<DatabaseFacts, DatabaseFacts> source, Func<DatabaseFacts, DatabaseFacts> target) =>
        Facts.Good with { Source = source(Facts.Good.Source), Target = target(Facts.Good.Target) };

    private static SwitchoverFacts Keys(params SwitchoverForeignKey[] keys) => Both(
        s => s with { Catalog = s.Catalog with { ForeignKeys = keys } }, t => t with { Catalog = t.Catalog with { ForeignKeys = keys } });

    private static Dictionary<string, string> Pairs(string name, string version) => new() { [name] = version };
}
