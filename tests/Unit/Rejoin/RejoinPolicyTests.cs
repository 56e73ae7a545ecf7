using FsCheck;
using FsCheck.Fluent;
using PgCluster.Engine.Rejoin;

namespace PgCluster.Tests.Unit.Rejoin;

public sealed class RejoinPolicyTests
{
    // The upstream was promoted to timeline 3 at 0/500 and is at 0/900; timeline 1 ended at 0/200.
    private static readonly RejoinUpstream Upstream = new("pg02", "7", TimelineHistory.Parse(3, "1\t0/200\tx\n2\t0/500\tx\n"), Lsn.Parse("0/900"));

    private static readonly RejoinNode Node = new()
    {
        SystemIdentifier = "7",
        Role = NodeRole.Primary,
        History = On(2),
        Checkpoint = Lsn.Parse("0/400"),
        WalEnd = Lsn.Parse("0/480"),
        CanBeRewound = true,
    };

    private static readonly RejoinOptions All = new();

    public static TheoryData<string, RejoinNode, RejoinOptions, RejoinMethod, long?> Cases { get; } = new()
    {
        { "ancestor, ends before the fork", Node, All, RejoinMethod.Follow, 0 },
        { "ancestor, ends at the fork", Node with { WalEnd = Lsn.Parse("0/500") }, All, RejoinMethod.Follow, 0 },
        { "ancestor, one byte beyond", Node with { WalEnd = Lsn.Parse("0/501") }, All, RejoinMethod.Rewind, 1 },
        { "older ancestor, beyond its own end", Node with { History = On(1), WalEnd = Lsn.Parse("0/300") }, All, RejoinMethod.Rewind, 0x100 },
        { "older ancestor, before its end", Node with { History = On(1), Checkpoint = Lsn.Parse("0/100"), WalEnd = Lsn.Parse("0/1F0") }, All, RejoinMethod.Follow, 0 },
        { "same timeline, behind", Node with { History = Upstream.History, WalEnd = Lsn.Parse("0/800") }, All, RejoinMethod.Follow, 0 },
        { "same timeline, level", Node with { History = Upstream.History, WalEnd = Lsn.Parse("0/900") }, All, RejoinMethod.Follow, 0 },
        { "same timeline, ahead: pg_rewind sees nothing to do", Node with { History = Upstream.History, WalEnd = Lsn.Parse("0/910") }, All, RejoinMethod.Clone, 0x10 },
        { "same number, other line", Node with { History = On(3, "1\t0/200\tx\n2\t0/450\tx\n"), WalEnd = Lsn.Parse("0/460") }, All, RejoinMethod.Clone, 0x10 },
        { "a later timeline of its own", Node with { History = On(4, "1\t0/200\tx\n2\t0/500\tx\n3\t0/600\tx\n"), WalEnd = Lsn.Parse("0/600") }, All, RejoinMethod.Rewind, 0 },
        { "a later timeline off an older one", Node with { History = On(5, "1\t0/200\tx\n2\t0/490\tx\n"), WalEnd = Lsn.Parse("0/4A0") }, All, RejoinMethod.Rewind, 0x10 },
        { "a later timeline, the upstream behind the fork", Node with { History = On(4, "1\t0/200\tx\n2\t0/500\tx\n3\t0/A00\tx\n"), WalEnd = Lsn.Parse("0/A01") }, All, RejoinMethod.Clone, 0x101 },
        { "no ancestor in common", Node with { History = On(9, "8\t0/100\tx\n") }, All, RejoinMethod.Clone, null },
        { "no hints and no checksums", Node with { WalEnd = Lsn.Parse("0/600"), CanBeRewound = false }, All, RejoinMethod.Clone, 0x100 },
        { "no rewind allowed", Node with { WalEnd = Lsn.Parse("0/600") }, All with { AllowRewind = false }, RejoinMethod.Clone, 0x100 },
        { "nothing allowed", Node with { WalEnd = Lsn.Parse("0/600") }, All with { AllowRewind = false, AllowClone = false }, RejoinMethod.Impossible, 0x100 },
        { "nothing allowed, nothing needed", Node, All with { AllowRewind = false, AllowClone = false }, RejoinMethod.Follow, 0 },
        { "another cluster", Node with { SystemIdentifier = "8" }, All, RejoinMethod.Impossible, null },
        { "another cluster, clone asked for", Node with { SystemIdentifier = "8" }, All with { CloneAnyway = true }, RejoinMethod.Clone, null },
        { "fine, clone asked for", Node with { WalEnd = Lsn.Parse("0/600") }, All with { CloneAnyway = true, AllowClone = false }, RejoinMethod.Clone, 0x100 },
        { "no data", new RejoinNode { HasData = false }, All, RejoinMethod.Clone, 0 },
        { "no data, no clone", new RejoinNode { HasData = false }, All with { AllowClone = false }, RejoinMethod.Impossible, 0 },
        { "half rewound, would fit", Node with { HalfRewound = true }, All, RejoinMethod.Rewind, null },
        { "half rewound, no rewind", Node with { HalfRewound = true }, All with { AllowRewind = false }, RejoinMethod.Clone, null },
        { "half rewound, on the upstream's timeline", Node with { HalfRewound = true, History = Upstream.History }, All, RejoinMethod.Rewind, null },
        { "runs as a primary", Node with { Running = true }, All, RejoinMethod.Impossible, null },
        { "running standby beyond the fork", Node with { Running = true, Role = NodeRole.Standby, WalEnd = Lsn.Parse("0/600") }, All, RejoinMethod.Rewind, 0x100 },
        { "running standby before the fork", Node with { Running = true, Role = NodeRole.Standby }, All, RejoinMethod.Follow, 0 },
        { "end unknown, clean primary before", Node with { WalEnd = null, CleanShutdown = true }, All, RejoinMethod.Follow, 0 },
        { "end unknown, clean primary beyond", Node with { WalEnd = null, CleanShutdown = true, Checkpoint = Lsn.Parse("0/500") }, All, RejoinMethod.Rewind, null },
        { "end unknown, crashed", Node with { WalEnd = null }, All, RejoinMethod.Rewind, null },
        { "end unknown, clean standby may have received more", Node with { WalEnd = null, CleanShutdown = true, Role = NodeRole.Standby }, All, RejoinMethod.Rewind, null },
        { "end unknown, same timeline, clean primary", Node with { WalEnd = null, CleanShutdown = true, History = Upstream.History }, All, RejoinMethod.Follow, 0 },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Table(string name, RejoinNode node, RejoinOptions options, RejoinMethod method, long? discarded)
    {
        var plan = RejoinPolicy.Decide(new RejoinSituation(node, Upstream), options);
        Assert.True((method, discarded) == (plan.Method, plan.DiscardedBytes), $"{name}: {plan}");
        Assert.NotEmpty(plan.Why);
    }

    [Fact]
    public void A_plan_says_where_they_part_and_what_is_lost()
    {
        var plan = RejoinPolicy.Decide(new RejoinSituation(Node with { WalEnd = Lsn.Parse("0/600") }, Upstream), All with { KeepCopy = true });
        Assert.Equal((Lsn.Parse("0/500"), 2, 0x100L, true), (plan.Fork!.Value, plan.DiscardedTimeline!.Value, plan.DiscardedBytes!.Value, plan.KeepCopy));
        Assert.Contains("beyond what pg02 has", plan.Why, StringComparison.Ordinal);
    }

    [Fact]
    public void Histories_part_where_the_first_of_them_left()
    {
        var one = TimelineHistory.Parse(4, "# comment\n1\t0/200\tno recovery target specified\n\n2 0/500 before 2026\n");
        Assert.Equal([new TimelineSwitch(1, Lsn.Parse("0/200")), new TimelineSwitch(2, Lsn.Parse("0/500"))], one.Switches);
        Assert.Equal(new TimelineFork(2, Lsn.Parse("0/500")), one.ForkFrom(Upstream.History));
        Assert.Equal(new TimelineFork(3, null), Upstream.History.ForkFrom(Upstream.History));
        Assert.Equal(new TimelineFork(1, Lsn.Parse("0/100")), one.ForkFrom(TimelineHistory.Parse(2, "1\t0/100\tx")));
        Assert.Equal((1, 2, 4), (one.TimelineBefore(Lsn.Parse("0/200")), one.TimelineBefore(Lsn.Parse("0/201")), one.TimelineBefore(Lsn.Parse("0/501"))));
        Assert.Equal((Lsn.Zero, Lsn.Parse("0/200"), Lsn.Parse("0/500")), (one.BeginOf(1), one.BeginOf(2), one.BeginOf(4)));
        Assert.Throws<FormatException>(() => TimelineHistory.Parse(2, "1\tsoon\tx"));
    }

    [Fact]
    public void Whatever_is_asked_a_diverged_node_never_only_follows_and_what_is_forbidden_never_happens() =>
        Prop.ForAll(Arb.From(Situations()), Arb.From(Permissions()), (situation, options) =>
        {
            var (node, upstream) = situation;
            var plan = RejoinPolicy.Decide(situation, options);
            var kept = Kept(node, upstream);
            Assert.True(plan.Method != RejoinMethod.Follow || (node.WalEnd <= kept && !node.HalfRewound), $"follows with WAL to {node.WalEnd}, shared to {kept}");
            Assert.True(plan.Method != RejoinMethod.Rewind || (node.CanBeRewound && options.AllowRewind));
            Assert.True(plan.Method != RejoinMethod.Clone || options.AllowClone || options.CloneAnyway);
            Assert.True(plan.Method == RejoinMethod.Follow || plan.DiscardedBytes is null or >= 0);
            if (kept is { } to && node.WalEnd > to && plan.DiscardedBytes is { } lost)
            {
                Assert.Equal(to.BytesBehind(node.WalEnd.Value), lost);
            }

            var everything = RejoinPolicy.Decide(situation, new RejoinOptions());
            Assert.True(plan.Method == RejoinMethod.Impossible || everything.Method != RejoinMethod.Impossible, "more may be done, and less can");
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(3000));

    [Fact]
    public void Names_of_slots_are_legal_and_never_shared()
    {
        Assert.Equal("pgcluster_pg_01_example", SlotName.Of("PG-01.Example"));
        Assert.Equal(["pgcluster_a", "pgcluster_b"], SlotName.OfAll(["a", "b", "a"]).Values);
        Assert.Equal(Reason.InvalidArgument, Assert.Throws<PgClusterException>(() => SlotName.OfAll(["pg-1", "pg_1"])).Reason);
        Assert.Equal(63, SlotName.Of(new string('x', 53)).Length);
        Assert.Equal(Reason.InvalidArgument, Assert.Throws<PgClusterException>(() => SlotName.Of(new string('x', 54))).Reason);
    }

    private static TimelineHistory On(int timeline, string? text = null) =>
        text is null ? new(timeline, [.. Upstream.History.Switches.Where(s => s.Timeline < timeline)]) : TimelineHistory.Parse(timeline, text);

    /// <summary>How far both have the same bytes, found byte by byte from who wrote which: what the histories are an index of.</summary>
    private static Lsn? Kept(RejoinNode node, RejoinUpstream upstream)
    {
        var at = 0UL;
        while (at < 64 && Writer(node.History, at) == Writer(upstream.History, at) && at < Math.Max(upstream.Position.Value, 1))
        {
            at++;
        }

        return at == 0 ? null : new Lsn(at);
    }

    private static string Writer(TimelineHistory history, ulong position)
    {
        // A timeline is told by its number and where it came from: two promoted servers may take the same number.
        var timeline = history.TimelineBefore(new Lsn(position + 1));
        return $"{timeline}:{string.Join(',', history.Switches.TakeWhile(s => s.Timeline != timeline))}";
    }

    private static Gen<RejoinSituation> Situations() =>
        from ownTimelines in Lines()
        from upstreamTimelines in Lines()
        from shared in Gen.Choose(0, 1)
        from end in Gen.Choose(0, 60)
        from position in Gen.Choose(0, 60)
        from flags in Gen.Choose(0, 63)
        let own = shared == 1 && upstreamTimelines.Timeline >= ownTimelines.Timeline
            ? new TimelineHistory(ownTimelines.Timeline, [.. upstreamTimelines.Switches.Take(ownTimelines.Timeline - 1)])
            : ownTimelines
        let ownEnd = Math.Max((ulong)end, own.BeginOf(own.Timeline).Value + 1)
        select new RejoinSituation(
            new RejoinNode
            {
                SystemIdentifier = "7",
                Running = (flags & 3) == 3,
                Role = (flags & 3) == 3 || (flags & 4) > 0 ? NodeRole.Standby : NodeRole.Primary,
                CleanShutdown = (flags & 8) > 0,
                CanBeRewound = (flags & 16) > 0,
                HalfRewound = (flags & 34) == 34,
                History = own,
                Checkpoint = new Lsn(ownEnd - 1),
                WalEnd = new Lsn(ownEnd),
            },
            new RejoinUpstream(
                "up", "7", upstreamTimelines, new Lsn(Math.Max((ulong)position, upstreamTimelines.BeginOf(upstreamTimelines.Timeline).Value + 1))));

    /// <summary>Timelines 1, 2, … that end one after the other.</summary>
    private static Gen<TimelineHistory> Lines() =>
        from count in Gen.Choose(0, 3)
        from ends in Gen.Choose(1, 50).ListOf(count)
        let sorted = ends.Distinct().Order().ToList()
        select new TimelineHistory(sorted.Count + 1, [.. sorted.Select((end, i) => new TimelineSwitch(i + 1, new Lsn((ulong)end)))]);

    private static Gen<RejoinOptions> Permissions() =>
        from flags in Gen.Choose(0, 7)
        select new RejoinOptions { AllowRewind = (flags & 1) > 0, AllowClone = (flags & 2) > 0, CloneAnyway = (flags & 4) > 0 };
}
