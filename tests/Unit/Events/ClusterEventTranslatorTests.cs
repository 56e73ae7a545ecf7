using PgCluster.Engine.Configuration;
using PgCluster.Engine.Events;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Health;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Operations;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Tests.Unit.Events;

public sealed class ClusterEventTranslatorTests
{
    private const string Suspension = """{"cluster":"c","owner":"me@here","why":"disks","since":"2026-01-01T00:00:00Z","until":"2026-01-01T01:00:00Z"}""";

    private static readonly DateTimeOffset Origin = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static readonly ClusterConfig Config = new() { Name = "c", Nodes = [Node("pg01", 5001), Node("pg02", 5002)] };

    private readonly ClusterEventTranslator _translator = new(Config);

    [Fact]
    public void It_begins_with_how_everything_stands()
    {
        var first = _translator.Begin(
            Range(9, (StoreKeys.Leader, Leader("pg01", 1, "a")), (Primary, "h:5001"), (StoreKeys.Suspended, Suspension), (StoreKeys.History + "1", Report("1", "failover"))), At(0));
        Assert.Equal((ClusterEventKind.Current, "pg01", 9L), (first.Kind, first.Node, first.Revision));
        Assert.Equal("pg01 leads; the primary is pg01 (h:5001); suspended by me@here until 2026-01-01 01:00:00Z", first.Evidence);
    }

    [Fact]
    public void A_leader_that_gives_back_says_why_and_one_that_is_lost_does_not()
    {
        _translator.Begin(Range(1), At(0));
        var taken = Assert.Single(Put(2, 10, StoreKeys.Leader, Leader("pg01", 1, "a")));
        Assert.Equal((ClusterEventKind.LeaderTaken, "pg01", (double?)null), (taken.Kind, taken.Node, taken.DurationSeconds));

        Assert.Empty(Delete(3, 15, StoreKeys.Leader));
        var back = Assert.Single(Put(3, 15, StoreKeys.LastLeader, new LastLeader("pg01", 1, "a", Left: "its server crashed").ToJson()));
        Assert.Equal((ClusterEventKind.LeaderGivenBack, "pg01", "its server crashed", 5.0, 3L), (back.Kind, back.Node, back.Why, back.DurationSeconds, back.Revision));

        taken = Assert.Single(Put(4, 15.5, StoreKeys.Leader, Leader("pg02", 2, "b")));
        Assert.Equal((ClusterEventKind.LeaderTaken, "pg02", 0.5), (taken.Kind, taken.Node, taken.DurationSeconds));

        Assert.Empty(Delete(5, 20, StoreKeys.Leader));
        var lost = Assert.Single(_translator.Settle(At(21)));
        Assert.Equal((ClusterEventKind.LeaderLost, "pg02", "", 5L), (lost.Kind, lost.Node, lost.Why, lost.Revision));
        Assert.Empty(_translator.Settle(At(22)));
    }

    [Fact]
    public void A_leader_is_lost_as_soon_as_something_else_happens()
    {
        _translator.Begin(Range(1, (StoreKeys.Leader, Leader("pg01", 1, "a"))), At(0));
        Assert.Empty(Delete(3, 1, StoreKeys.Leader));
        var events = Put(4, 2, StoreKeys.Leader, Leader("pg02", 2, "b"));
        Assert.Equal([ClusterEventKind.LeaderLost, ClusterEventKind.LeaderTaken], events.Select(e => e.Kind));
        Assert.Null(events[0].DurationSeconds);
    }

    [Fact]
    public void What_an_older_term_left_behind_is_not_the_reason_of_this_one()
    {
        _translator.Begin(Range(1, (StoreKeys.Leader, Leader("pg01", 1, "a"))), At(0));
        Assert.Empty(Delete(3, 1, StoreKeys.Leader));
        Assert.Empty(Put(3, 1, StoreKeys.LastLeader, new LastLeader("pg01", 1, "old", Left: "something else").ToJson()));
        Assert.Equal(ClusterEventKind.LeaderLost, Assert.Single(_translator.Settle(At(2))).Kind);
    }

    [Fact]
    public void A_planned_failover_from_beginning_to_end()
    {
        _translator.Begin(Range(1, (StoreKeys.Leader, Leader("pg01", 1, "a")), (Primary, "h:5001")), At(0));
        var began = Assert.Single(Put(2, 1, StoreKeys.Operation, new OperationDecision("op", DecisionState.Running, "pg01", "pg02").ToJson()));
        Assert.Equal((ClusterEventKind.OperationBegan, "pg02", "op"), (began.Kind, began.Node, began.Operation));
        Assert.Empty(Put(3, 1.5, StoreKeys.Nodes + "pg01", "{}"));
        var yields = Assert.Single(Put(4, 2, StoreKeys.Leader, new LeaderRecord("pg01", 1, "a", "op").ToJson()));
        Assert.Equal((ClusterEventKind.LeaderYields, "pg01", "op"), (yields.Kind, yields.Node, yields.Operation));
        Assert.Equal(ClusterEventKind.LeaderTaken, Assert.Single(Put(5, 2.2, StoreKeys.Leader, Leader("pg02", 2, "b"))).Kind);
        Assert.Equal(ClusterEventKind.OperationDecided, Assert.Single(Put(5, 2.2, StoreKeys.Operation, new OperationDecision("op", DecisionState.Promoted, "pg01", "pg02").ToJson())).Kind);
        Assert.Empty(Put(6, 2.3, StoreKeys.Operation, new OperationDecision("op", DecisionState.Promoted, "pg01", "pg02", 2).ToJson()));
        var published = Assert.Single(Put(7, 2.4, Primary, "h:5002"));
        Assert.Equal((ClusterEventKind.PrimaryPublished, "pg02", "the primary is pg02 (h:5002), before it was pg01 (h:5001)"), (published.Kind, published.Node, published.Evidence));
        var ended = Assert.Single(Put(8, 3, StoreKeys.History + "op", Report("op", "failover")));
        Assert.Equal(
            (ClusterEventKind.OperationEnded, "pg02", "op", OperationOutcome.Succeeded, "me@here", "a try", 2.0, "failover: Succeeded, pg01 to pg02"),
            (ended.Kind, ended.Node, ended.Operation, ended.Outcome, ended.Actor, ended.Why, ended.DurationSeconds, ended.Evidence));
    }

    [Fact]
    public void A_takeover_begins_decided_and_one_that_is_called_off_names_who_stays()
    {
        _translator.Begin(Range(1), At(0));
        Assert.Equal(
            [ClusterEventKind.OperationBegan, ClusterEventKind.OperationDecided],
            Put(2, 1, StoreKeys.Operation, new OperationDecision("t", DecisionState.Promoted, "pg01", "pg02").ToJson()).Select(e => e.Kind));
        Put(3, 2, StoreKeys.Operation, new OperationDecision("u", DecisionState.Running, "pg02", "pg01").ToJson());
        var off = Assert.Single(Put(4, 3, StoreKeys.Operation, new OperationDecision("u", DecisionState.Abandoned, "pg02", "pg01").ToJson()));
        Assert.Equal(("pg02", "called off: pg02 stays the primary"), (off.Node, off.Evidence));
    }

    [Theory]
    [InlineData(600, "ended early; me@here had asked for it until 2026-01-01 01:00:00Z")]
    [InlineData(3600, "its time is over; me@here had asked for it")]
    public void A_suspension_begins_and_ends(double after, string evidence)
    {
        _translator.Begin(Range(1), At(0));
        var began = Assert.Single(Put(2, 0, StoreKeys.Suspended, Suspension));
        Assert.Equal((ClusterEventKind.SuspensionBegan, "me@here", "disks"), (began.Kind, began.Actor, began.Why));
        Assert.StartsWith("changed: ", Assert.Single(Put(3, 1, StoreKeys.Suspended, Suspension.Replace("disks", "fans", StringComparison.Ordinal))).Evidence, StringComparison.Ordinal);
        var ended = Assert.Single(Delete(4, after, StoreKeys.Suspended));
        Assert.Equal((ClusterEventKind.SuspensionEnded, "fans", after, evidence), (ended.Kind, ended.Why, ended.DurationSeconds, ended.Evidence));
    }

    [Fact]
    public void Health_is_told_when_it_changes_and_not_the_first_time()
    {
        _translator.Begin(Range(5), At(0));
        Assert.Empty(_translator.Look(View(HealthState.Healthy, HealthState.Unknown), At(1)));
        Assert.Empty(_translator.Look(View(HealthState.Healthy, HealthState.Unknown), At(2)));
        var changed = Assert.Single(_translator.Look(View(HealthState.Unhealthy, HealthState.Unknown), At(3)));
        Assert.Equal((ClusterEventKind.HealthChanged, "pg01", HealthState.Unhealthy, 5L), (changed.Kind, changed.Node, changed.Health, changed.Revision));
        Assert.StartsWith("was Healthy; pg01 is Unhealthy", changed.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public void After_a_gap_comes_what_differs()
    {
        _translator.Begin(Range(1, (StoreKeys.Leader, Leader("pg01", 1, "a")), (Primary, "h:5001"), (StoreKeys.Suspended, Suspension)), At(0));
        var gap = Assert.Single(_translator.Take(new StoreEvent.Gap(20), At(5)));
        Assert.Equal((ClusterEventKind.Gap, 20L), (gap.Kind, gap.Revision));
        var events = _translator.Resume(
            new StoreRange(
                [
                    Entry(StoreKeys.History + "op", Report("op", "takeover"), 16), Entry(StoreKeys.LastLeader, new LastLeader("pg02", 2, "b").ToJson(), 15), Entry(StoreKeys.Leader, Leader("pg02", 2, "b"), 15),
                    Entry(Primary, "h:5002", 17),
                ],
                25),
            At(6));
        Assert.Equal(
            [ClusterEventKind.SuspensionEnded, ClusterEventKind.LeaderTaken, ClusterEventKind.OperationEnded, ClusterEventKind.PrimaryPublished],
            events.Select(e => e.Kind));

        // What the watch still had to deliver is known, and the suspension does not come back.
        Assert.Empty(Put(14, 7, StoreKeys.Suspended, Suspension));
        Assert.Empty(Put(17, 7, Primary, "h:5002"));
        Assert.Single(Put(26, 8, Primary, "h:5001"));
    }

    [Fact]
    public void A_leader_that_is_gone_after_a_gap_is_told_with_its_reason()
    {
        _translator.Begin(Range(1, (StoreKeys.Leader, Leader("pg01", 1, "a"))), At(0));
        var back = Assert.Single(_translator.Resume(new StoreRange([Entry(StoreKeys.LastLeader, new LastLeader("pg01", 1, "a", Left: "asked to").ToJson(), 8)], 9), At(1)));
        Assert.Equal((ClusterEventKind.LeaderGivenBack, "asked to"), (back.Kind, back.Why));
    }

    [Fact]
    public void A_primary_that_is_removed_and_what_is_not_readable()
    {
        _translator.Begin(Range(1, (Primary, "h:5001")), At(0));
        var removed = Assert.Single(Delete(2, 1, Primary));
        Assert.Equal((ClusterEventKind.PrimaryRemoved, "pg01"), (removed.Kind, removed.Node));
        Assert.Empty(Put(3, 1, StoreKeys.Leader, "nonsense"));
        Assert.Empty(Put(4, 1, StoreKeys.Operation, "nonsense"));
        Assert.Empty(Put(5, 1, StoreKeys.Suspended, "nonsense"));
        Assert.Empty(Put(6, 1, StoreKeys.History + "x", "nonsense"));
        Assert.Null(Assert.Single(Put(7, 1, Primary, "elsewhere:1")).Node);
    }

    private static string Primary => Config.Etcd.PrimaryKey;

    [Fact]
    public void A_pause_is_told_when_it_begins_and_when_it_ends()
    {
        _translator.Begin(Range(1, (StoreKeys.Poolers + "app", Pooler(null))), At(0));
        var paused = Assert.Single(Put(2, 1, StoreKeys.Poolers + "app", Pooler(Pause("a", 1))));
        Assert.Equal((ClusterEventKind.PoolerPaused, "app", "pg01", "me@here", (double?)null), (paused.Kind, paused.Pooler, paused.Node, paused.Actor, paused.DurationSeconds));
        Assert.Empty(Put(3, 1.5, StoreKeys.Poolers + "app", Pooler(Pause("a", 1))));
        var resumed = Assert.Single(Put(4, 2, StoreKeys.Poolers + "app", Pooler(Pause("a", 1, 1.25))));
        Assert.Equal((ClusterEventKind.PoolerResumed, "app", "asked for", 0.25), (resumed.Kind, resumed.Pooler, resumed.Why, resumed.DurationSeconds));
        Assert.Empty(Put(5, 3, StoreKeys.Poolers + "app", Pooler(Pause("a", 1, 1.25))));
    }

    [Fact]
    public void A_pause_that_came_and_went_unseen_is_told_all_the_same()
    {
        _translator.Begin(Range(1, (StoreKeys.Poolers + "app", Pooler(Pause("a", 1, 2)))), At(0));
        Assert.Equal(
            [(ClusterEventKind.PoolerPaused, null), (ClusterEventKind.PoolerResumed, 3.0)],
            Put(2, 9, StoreKeys.Poolers + "app", Pooler(Pause("b", 5, 8))).Select(e => (e.Kind, e.DurationSeconds)));

        // The same operation may pause again.
        Assert.Equal([ClusterEventKind.PoolerPaused], Put(3, 9, StoreKeys.Poolers + "app", Pooler(Pause("b", 9))).Select(e => e.Kind));
        Assert.Equal([ClusterEventKind.PoolerResumed, ClusterEventKind.PoolerPaused], Put(4, 9, StoreKeys.Poolers + "app", Pooler(null)).Concat(Put(5, 9, StoreKeys.Poolers + "app", Pooler(Pause("c", 9)))).Select(e => e.Kind));
    }

    [Fact]
    public void It_begins_with_who_waits_and_goes_on_from_there()
    {
        Assert.Contains("paused: app", _translator.Begin(Range(1, (StoreKeys.Poolers + "app", Pooler(Pause("a", 1)))), At(0)).Evidence, StringComparison.Ordinal);
        Assert.Empty(Delete(2, 1, StoreKeys.Poolers + "app"));
        Assert.Equal([ClusterEventKind.PoolerResumed], Put(3, 2, StoreKeys.Poolers + "app", Pooler(Pause("a", 1, 2))).Select(e => e.Kind));
        Assert.Empty(Put(4, 3, StoreKeys.Poolers + "app", "nonsense"));
    }

    private static string Pooler(PoolerPause? last) =>
        PoolerRegistration.ToJson(new PoolerInfo { Cluster = "c", Name = "app", Host = "h", Port = 6432, Node = "pg01", LastPause = last });

    private static PoolerPause Pause(string id, double since, double? until = null) =>
        new() { Id = id, Holder = "me@here", Since = At(since), Until = until is { } end ? At(end) : null, EndedBy = until is null ? "" : "asked for" };

    private IReadOnlyList<ClusterEvent> Put(long revision, double at, string key, string value) => _translator.Take(new StoreEvent.Put(Entry(key, value, revision)), At(at));

    private IReadOnlyList<ClusterEvent> Delete(long revision, double at, string key) => _translator.Take(new StoreEvent.Delete(key, revision), At(at));

    private static StoreRange Range(long revision, params (string Key, string Value)[] entries) => new([.. entries.Select(e => Entry(e.Key, e.Value, 1))], revision);

    private static StoreEntry Entry(string key, string value, long revision) => new(key, value, 1, revision, 1);

    private static string Leader(string node, int timeline, string term) => new LeaderRecord(node, timeline, term).ToJson();

    private static string Report(string id, string kind) => OperationHistory.ToJson(new OperationReport
    {
        Id = id, Kind = kind, Cluster = "c", Outcome = OperationOutcome.Succeeded, OldPrimary = "pg01", NewPrimary = "pg02", Actor = "me@here", Why = "a try",
        StartedAt = Origin, DurationSeconds = 2, Steps = [],
    });

    private static ConsensusView View(HealthState first, HealthState second) =>
        new([], [], 1, [new HealthVerdict("pg01", first, 0, 1, []), new HealthVerdict("pg02", second, 0, 1, [])]);

    private static DateTimeOffset At(double seconds) => Origin.AddSeconds(seconds);

    private static NodeConfig Node(string name, int port) => new() { Name = name, Host = "h", Port = port, Agent = new HostPort("h", 1), Http = new HostPort("h", 2) };
}
