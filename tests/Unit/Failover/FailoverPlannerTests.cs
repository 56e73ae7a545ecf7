using PgCluster.Engine.Configuration;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Store;
using PgCluster.Engine.Switchover;
using PgCluster.Engine.Topology;

namespace PgCluster.Tests.Unit.Failover;

public sealed class FailoverPlannerTests
{
    private static readonly FailoverConfig Options = new();

    [Fact]
    public void A_sound_cluster_makes_a_plan_for_its_synchronous_standby()
    {
        var plan = Assess(Sound()).Plan;

        Assert.Null(FailoverAssessment.RefusalOf(plan));
        Assert.Equal(("pg01", "pg02", false), (plan.From, plan.To, plan.Forced));
        Assert.Equal(
            ["lock", "recheck", "cascade", "checkpoint", "pause", "stop", "prove", "promote", "repoint", "resume", "publish", "follow"], plan.Steps.Select(s => s.Name));
        Assert.Equal(["promote"], plan.Steps.Where(s => s.PointOfNoReturn).Select(s => s.Name));
        Assert.Equal("app,pg01", plan.Steps.Single(s => s.Name == "pause").Node);
        Assert.Equal("pg01,pg03", plan.Steps.Single(s => s.Name == "follow").Node);
        Assert.Equal(Enumerable.Range(1, 12), plan.Steps.Select(s => s.Number));
    }

    [Theory]
    [InlineData("", "pg03")]
    [InlineData("FIRST 1 (pg02, pg03)", "pg03")]
    [InlineData("ANY 1 (*)", "pg03")]
    // Their leaving would make commits wait.
    [InlineData("FIRST 2 (pg02, pg03)", "")]
    [InlineData("FIRST 1 (pg03)", "")]
    public void Standbys_cascade_ahead_only_while_no_commit_waits_for_them(string policy, string cascading)
    {
        var plan = Assess(Server(Sound(), "pg01", s => s with { SynchronousStandbyNames = policy })).Plan;

        Assert.Equal(cascading, plan.Steps.FirstOrDefault(s => s.Name == "cascade")?.Node ?? "");
    }

    [Fact]
    public void Steps_whose_effect_clients_feel_have_an_undo_up_to_the_point_of_no_return()
    {
        var steps = Assess(Sound()).Plan.Steps;

        Assert.All(steps.Where(s => s.Name is "lock" or "pause" or "stop"), s => Assert.NotEmpty(s.Undo));
        Assert.All(steps.SkipWhile(s => !s.PointOfNoReturn), s => Assert.Empty(s.Undo));
    }

    public static TheoryData<string, Func<ClusterView, ClusterView>, Reason, string> Refusals => new()
    {
        { "no quorum", v => v with { Store = v.Store with { HasQuorum = false } }, Reason.NoQuorum, "StoreQuorum" },
        { "lock held", v => v with { Lock = new StoreLockState("k", 1, new LockHolder("ann@db", "failover to pg03")) }, Reason.LockHeld, "ann@db for failover to pg03" },
        { "two primaries", v => With(v, "pg02", n => n with { Role = NodeRole.Primary }), Reason.SplitBrain, "pg01 and pg02" },
        { "key names another", v => v with { PublishedPrimary = new StoreEntry("/master", "127.0.0.1:5502", 1, 1, 1) }, Reason.PreflightFailed, "etcd names 127.0.0.1:5502" },
        { "an agent is silent", v => Silent(v, "pg03"), Reason.AgentUnreachable, "pg03" },
        { "nobody is synchronous", v => With(With(v, "pg02", n => n with { SyncState = SyncState.Async }), "pg03", n => n with { SyncState = SyncState.Async }), Reason.NoEligibleCandidate, "no standby is synchronous" },
        { "archiver behind", v => Server(v, "pg01", s => s with { ArchiveBacklog = 17 }), Reason.PreflightFailed, "17 WAL segments" },
        { "archiver failing", v => Server(v, "pg01", s => s with { ArchiverFailing = true }), Reason.PreflightFailed, "whose last run failed" },
        { "logical slot", v => Server(v, "pg01", s => s with { Slots = [new ReplicationSlot("sub1", true, true, false)] }), Reason.PreflightFailed, "sub1" },
        { "pooler silent", v => Pooler(v, "app", p => p with { State = PoolerState.Unreachable, Evidence = "refused" }), Reason.PoolerUnreachable, "app" },
        { "pooler paused", v => Pooler(v, "app", p => p with { State = PoolerState.Paused }), Reason.PreflightFailed, "app is Paused" },
        { "pooler elsewhere", v => Pooler(v, "app", p => p with { PointsTo = "127.0.0.1:5502" }), Reason.PreflightFailed, "app leads to 127.0.0.1:5502" },
        { "no proxy", v => v with { Poolers = [.. v.Poolers.Select(p => p with { Proxy = null })] }, Reason.PoolerUnreachable, "no proxy" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void A_check_that_says_no_names_what_it_saw(string what, Func<ClusterView, ClusterView> change, Reason reason, string evidence)
    {
        var assessment = Assess(change(Sound()));

        Assert.True(assessment.Refusal is not null, what);
        Assert.Equal(reason, assessment.Refusal!.Reason);
        Assert.Contains(evidence, assessment.Refusal.Message, StringComparison.Ordinal);
        Assert.Empty(assessment.Plan.Steps);
    }

    [Fact]
    public void Blockers_are_named_and_the_policy_decides()
    {
        var view = Sound() with { Blockers = [new PauseBlocker { Node = "pg01", Pid = 4711, User = "ann", Database = "app", State = "idle in transaction", AgeSeconds = 12.5 }] };

        Assert.Null(Assess(view).Refusal);
        Assert.Null(Assess(view, new FailoverRequest { BlockerPolicy = BlockerPolicy.Terminate }).Refusal);
        var refusal = Assess(view, new FailoverRequest { BlockerPolicy = BlockerPolicy.Abort }).Refusal;
        Assert.Equal(Reason.BlockedBySessions, refusal!.Reason);
        Assert.Contains("pid 4711 of ann in app, idle in transaction, for 12.5 s", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("pg09", Reason.NodeNotFound, "pg09")]
    [InlineData("pg01", Reason.TargetNotEligible, "is the primary already")]
    public void A_target_that_cannot_be_is_refused(string target, Reason reason, string evidence)
    {
        var refusal = Assess(Sound(), new FailoverRequest { Target = target }).Refusal;

        Assert.Equal(reason, refusal!.Reason);
        Assert.Contains(evidence, refusal.Message, StringComparison.Ordinal);
    }

    public static TheoryData<Func<ClusterView, ClusterView>, string> Ineligible => new()
    {
        { v => With(v, "pg02", n => n with { NoFailover = true }), "no_failover" },
        { v => With(v, "pg02", n => n with { Suspended = "suspended by ann@db: a new disk" }), "suspended by ann@db: a new disk" },
        { v => With(v, "pg02", n => n with { State = NodeState.NotStreaming, SyncState = SyncState.None }), "NotStreaming" },
        { v => With(v, "pg02", n => n with { Upstream = "pg03" }), "does not stream from the primary but from pg03" },
        { v => With(v, "pg02", n => n with { LagBytes = 17L << 20 }), "17825792 bytes to replay" },
        { v => Server(v, "pg02", s => s with { ReplayPaused = true }), "replay is paused" },
        { v => Server(v, "pg02", s => s with { ApplyDelayMs = 5000 }), "recovery_min_apply_delay is 5000 ms" },
        { v => Server(v, "pg02", s => s with { SystemIdentifier = "2" }), "another cluster" },
    };

    [Theory]
    [MemberData(nameof(Ineligible))]
    public void A_node_that_may_not_take_over_says_why_and_another_does(Func<ClusterView, ClusterView> change, string why)
    {
        var plan = Assess(change(With(Sound(), "pg03", n => n with { SyncState = SyncState.Sync }))).Plan;

        Assert.Equal("pg03", plan.To);
        Assert.Contains(plan.Candidates.Single(c => c.Node == "pg02").Reasons, r => r.Contains(why, StringComparison.Ordinal));
    }

    [Fact]
    public void Weight_then_another_failure_domain_then_lag_then_name_order_equals()
    {
        var equal = With(Sound(), "pg03", n => n with { SyncState = SyncState.Sync });
        Assert.Equal("pg02", Assess(equal).Plan.To);
        Assert.Equal("pg03", Assess(With(equal, "pg02", n => n with { LagBytes = 8 })).Plan.To);
        Assert.Equal("pg03", Assess(With(equal, "pg03", n => n with { Weight = 1, LagBytes = 99 })).Plan.To);

        var near = With(With(equal, "pg01", n => n with { FailureDomain = "a" }), "pg02", n => n with { FailureDomain = "a" });
        Assert.Equal("pg03", Assess(With(near, "pg03", n => n with { LagBytes = 8 })).Plan.To);
        Assert.Equal("pg02", Assess(With(near, "pg02", n => n with { Weight = 1 })).Plan.To);
    }

    [Fact]
    public void A_primary_that_is_gone_asks_for_force()
    {
        Assert.Equal(Reason.ForceRequired, Assess(PrimaryGone()).Refusal!.Reason);
        var forced = Assess(PrimaryGone(), new FailoverRequest { Force = true });
        Assert.Null(forced.Refusal);
        Assert.True(forced.Plan.Forced);
        Assert.Equal(["lock", "recheck", "pause", "promote", "repoint", "resume", "publish", "follow"], forced.Plan.Steps.Select(s => s.Name));
        Assert.Equal("pg03", forced.Plan.Steps.Single(s => s.Name == "follow").Node);
    }

    [Fact]
    public void The_most_advanced_standby_takes_over_by_force()
    {
        var view = Server(Server(PrimaryGone(), "pg02", s => s with { Lsn = new Lsn(100) }), "pg03", s => s with { Lsn = new Lsn(200) });

        Assert.Equal("pg03", Assess(view, new FailoverRequest { Force = true }).Plan.To);
        Assert.Equal("pg02", Assess(With(view, "pg02", n => n with { Timeline = 2 }), new FailoverRequest { Force = true }).Plan.To);
    }

    [Fact]
    public void Without_enough_standbys_to_vouch_data_loss_has_to_be_allowed()
    {
        // FIRST 1 of two: either may be the one that has the last commit, so both have to be asked.
        var view = Silent(PrimaryGone(), "pg03");

        Assert.Equal(Reason.DataLossNotAllowed, Assess(view, new FailoverRequest { Force = true }).Refusal!.Reason);
        Assert.Null(Assess(view, new FailoverRequest { Force = true, AllowDataLoss = true }).Refusal);
        Assert.Equal(Reason.ForceRequired, Assess(view, new FailoverRequest { AllowDataLoss = true }).Refusal!.Reason);
        Assert.Equal(Reason.DataLossNotAllowed, Assess(PrimaryGone() with { Synchronous = null }, new FailoverRequest { Force = true }).Refusal!.Reason);
    }

    [Fact]
    public void An_old_primary_that_still_answers_is_never_outvoted()
    {
        var refusal = Assess(PrimaryGone() with { PublishedPrimaryAnswers = true }, new FailoverRequest { Force = true, AllowDataLoss = true }).Refusal;

        Assert.Equal(Reason.OldPrimaryStillRunning, refusal!.Reason);
    }

    [Fact]
    public void A_node_that_takes_no_part_may_be_missing_by_force()
    {
        Assert.Null(Assess(Silent(Sound(), "pg03"), new FailoverRequest { Force = true }).Refusal);
        Assert.NotNull(Assess(Silent(Sound(), "pg02"), new FailoverRequest { Target = "pg02", Force = true }).Refusal);
    }

    [Fact]
    public void A_node_out_of_service_may_be_switched_off_with_its_pooler()
    {
        var off = With(Silent(Sound(), "pg03"), "pg03", n => n with { Suspended = "handed over by agent of pg03: its agent was asked to stop" });
        off = Pooler(off, "app", p => p with { Node = "pg03", State = PoolerState.Unreachable, Evidence = "refused" });

        var (plan, refusal) = (Assess(off).Plan, Assess(off).Refusal);

        Assert.Null(refusal);
        Assert.Equal("pg02", plan.To);
        Assert.DoesNotContain("pg03", string.Join(',', plan.Steps.Select(s => s.Node)), StringComparison.Ordinal);
        Assert.Equal(
            ["the agent of pg03, handed over by agent of pg03: its agent was asked to stop, does not answer: connection refused",
                "pooler app beside pg03, handed over by agent of pg03: its agent was asked to stop, does not answer: refused"],
            plan.Checks.Where(c => c.Name is "AgentAnswers" or "PoolerAnswers").Select(c => c.Status == CheckStatus.Warning ? c.Evidence : ""));

        // A pooler that stands elsewhere may have clients.
        Assert.Equal(Reason.PoolerUnreachable, Assess(Pooler(off, "app", p => p with { Node = null })).Refusal!.Reason);
        Assert.NotNull(Assess(off, new FailoverRequest { Target = "pg03" }).Refusal);
    }

    [Fact]
    public void A_node_out_of_service_that_still_answers_follows_afterwards_and_nothing_waits_for_it()
    {
        var plan = Assess(With(Sound(), "pg03", n => n with { Suspended = "handed over by agent of pg03: its agent was asked to stop" })).Plan;

        Assert.DoesNotContain(plan.Steps, s => s.Name == "cascade");
        Assert.Equal("pg01,pg03", plan.Steps.Single(s => s.Name == "follow").Node);
    }

    [Fact]
    public void Under_the_callers_lock_its_own_pauses_are_left_to_it()
    {
        var view = Pooler(Sound(), "pg01", p => p with { State = PoolerState.Paused }) with { Lock = new StoreLockState("/master/1", 1, new LockHolder("", "")) };
        var assessment = Assess(view, new FailoverRequest { HeldLockKey = "/master/1" });

        Assert.Null(assessment.Refusal);
        Assert.Equal("app", assessment.Plan.Steps.Single(s => s.Name == "pause").Node);
        Assert.Equal("app", assessment.Plan.Steps.Single(s => s.Name == "resume").Node);
        Assert.Equal("app,pg01", assessment.Plan.Steps.Single(s => s.Name == "repoint").Node);
    }

    [Fact]
    public void A_cluster_that_its_clients_have_left_is_failed_over_and_its_poolers_are_left_alone()
    {
        var view = Pooler(Sound(), "app", p => p with { PointsTo = "db.new:5432", State = PoolerState.Unreachable });
        var redirect = new Redirect(Guid.NewGuid(), RedirectState.Active, "db.new", 5432, "orders", "orders");
        Assert.NotNull(Assess(view).Refusal);

        var plan = Assess(view with { Redirect = redirect }).Plan;

        Assert.Null(FailoverAssessment.RefusalOf(plan));
        Assert.Equal(["lock", "recheck", "cascade", "checkpoint", "stop", "prove", "promote", "publish", "follow"], plan.Steps.Select(s => s.Name));
        var check = Assert.Single(plan.Checks, c => c.Name == "ClientsElsewhere");
        Assert.Equal(CheckStatus.Warning, check.Status);
        Assert.Contains($"{redirect.RunId} has moved the clients of orders to db.new:5432/orders", check.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public void A_redirect_that_is_only_announced_is_a_warning_and_the_poolers_are_still_the_clusters()
    {
        var view = Sound() with { Redirect = new Redirect(Guid.NewGuid(), RedirectState.Pending, "db.new", 5432, "orders", "orders") };

        var plan = Assess(view).Plan;

        Assert.Equal("app,pg01", plan.Steps.Single(s => s.Name == "pause").Node);
        Assert.Equal(CheckStatus.Warning, Assert.Single(plan.Checks, c => c.Name == "SwitchoverPending").Status);
    }

    private static FailoverAssessment Assess(ClusterView view, FailoverRequest? request = null) =>
        FailoverPlanner.Assess(view, request ?? new FailoverRequest(), Options, "op1");

    private static ClusterView Sound()
    {
        var lsn = new Lsn(0x3000028);
        NodeObservation Node(string name, int port, NodeRole role, SyncState sync) => new(
            new ClusterNode
            {
                Cluster = "test", Name = name, Host = "127.0.0.1", Port = port, Role = role, SyncState = sync, State = NodeState.Running, Timeline = 1,
                Lsn = lsn.ToString(), LagBytes = role == NodeRole.Standby ? 0 : null, Upstream = role == NodeRole.Standby ? "pg01" : null,
            },
            new PostgresStatus
            {
                State = NodeState.Running, Role = role, Timeline = 1, Lsn = lsn, SystemIdentifier = "1",
                SynchronousStandbyNames = role == NodeRole.Primary ? "FIRST 1 (pg02, pg03)" : "",
            });
        PoolerObservation Pooler(string name) => new(
            new PoolerInfo { Cluster = "test", Name = name, Host = "127.0.0.1", Port = 6432, State = PoolerState.Active, PointsTo = "127.0.0.1:5501", PoolMode = "transaction" },
            new ProxyReport(name, 1, "127.0.0.1:5501", null, "0.1.0"), true);
        return new ClusterView
        {
            Cluster = "test",
            Store = new StoreHealth(true, 10, [new StoreEndpointHealth("http://127.0.0.1:2379", true, true, "3.4", "")]),
            PublishedPrimary = new StoreEntry("/master", "127.0.0.1:5501", 1, 1, 1),
            Synchronous = SynchronousPolicyRecord.Parse("pg01", 1, "FIRST 1 (pg02, pg03)"),
            Nodes = [Node("pg01", 5501, NodeRole.Primary, SyncState.None), Node("pg02", 5502, NodeRole.Standby, SyncState.Sync), Node("pg03", 5503, NodeRole.Standby, SyncState.Potential)],
            Poolers = [Pooler("app"), Pooler("pg01")],
        };
    }

    private static ClusterView PrimaryGone()
    {
        var view = Silent(Sound(), "pg01");
        foreach (var name in (string[])["pg02", "pg03"])
        {
            view = With(view, name, n => n with { State = NodeState.NotStreaming, SyncState = SyncState.None, Upstream = null, LagBytes = null });
        }

        return view;
    }

    private static ClusterView With(ClusterView view, string name, Func<ClusterNode, ClusterNode> change) => view with
    {
        Nodes = [.. view.Nodes.Select(n => n.Name == name
            ? n with { Node = change(n.Node), Postgres = n.Postgres is null ? null : n.Postgres with { Role = change(n.Node).Role, State = change(n.Node).State } }
            : n)],
    };

    private static ClusterView Server(ClusterView view, string name, Func<PostgresStatus, PostgresStatus> change) => view with
    {
        Nodes = [.. view.Nodes.Select(n => n.Name == name ? n with { Postgres = change(n.Postgres!) } : n)],
    };

    private static ClusterView Silent(ClusterView view, string name) => view with
    {
        Nodes = [.. view.Nodes.Select(n => n.Name == name
            ? new NodeObservation(n.Node with { Role = NodeRole.Unknown, State = NodeState.Unreachable, SyncState = SyncState.None, Evidence = "connection refused" }, null)
            : n)],
    };

    private static ClusterView Pooler(ClusterView view, string name, Func<PoolerInfo, PoolerInfo> change) => view with
    {
        Poolers = [.. view.Poolers.Select(p => p.Name == name ? p with { Pooler = change(p.Pooler) } : p)],
    };
}
