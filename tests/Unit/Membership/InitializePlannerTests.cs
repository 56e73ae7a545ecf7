using PgCluster.Engine.Configuration;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Membership;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Store;
using PgCluster.Tests.Unit.Configuration;

namespace PgCluster.Tests.Unit.Membership;

public sealed class InitializePlannerTests
{
    private static ClusterConfig Config => ConfigTexts.Load(ConfigTexts.ThreeNodes).Config;

    [Fact]
    public void A_sound_streaming_cluster_is_taken_over()
    {
        var plan = InitializePlanner.Plan(Facts(Primary(), Standby()), "id");

        Assert.Equal(
            [InitializeSteps.Lock, InitializeSteps.Recheck, InitializeSteps.Identity, InitializeSteps.Lead, InitializeSteps.Stream],
            plan.Steps.Select(s => s.Name));
        Assert.Equal([1, 2, 3, 4, 5], plan.Steps.Select(s => s.Number));
        Assert.Equal(InitializeSteps.Identity, plan.Steps.Single(s => s.PointOfNoReturn).Name);
        Assert.Equal(("pg01", "pg01", "initialize"), (plan.From, plan.To, plan.Kind));
        Assert.All(plan.Checks, c => Assert.Equal((c.Name, CheckStatus.Passed), (c.Name, c.Status)));
    }

    [Theory]
    [InlineData("application_name", "walreceiver", "10.0.0.1:5432")]
    [InlineData("another way to the host", "pg02", "primary.example.com:5432")]
    public void A_standby_that_streams_otherwise_than_configured_is_renamed_by_a_reload(string what, string streamsAs, string upstream)
    {
        var standby = Standby() with { StreamsAs = streamsAs };
        var plan = InitializePlanner.Plan(Facts(Primary(), standby with { Server = standby.Server with { UpstreamAddress = upstream } }), what);

        Assert.Equal("pg02", plan.Steps.Single(s => s.Name == InitializeSteps.Names).Node);
        Assert.True(plan.Steps.Single(s => s.Name == InitializeSteps.Names).Number < plan.Steps.Single(s => s.PointOfNoReturn).Number);
    }

    public static TheoryData<string, CheckStatus, InitializeFacts> Objections => new()
    {
        { "StoreQuorum", CheckStatus.Failed, Facts(Primary(), Standby()) with { Store = new StoreHealth(false, 0, []) } },
        { "NotInitialized", CheckStatus.Failed, Facts(Primary(), Standby()) with { Identity = new ClusterIdentity("7001", "demo", DateTimeOffset.UnixEpoch, "me") } },
        { "NotInitialized", CheckStatus.Failed, Facts(Primary(), Standby()) with { LastLeader = new LastLeader("pg01", 1, "t") } },
        { "NotInitialized", CheckStatus.Failed, Facts(Primary(), Standby()) with { Leader = new LeaderRecord("pg01", 1, "t") } },
        { "AgentAnswers", CheckStatus.Failed, Facts(Primary(), null) },
        { "AgentVersions", CheckStatus.Warning, Facts(Primary(), Standby() with { AgentVersion = "2" }) },
        { "OnePrimary", CheckStatus.Failed, Facts(Primary(), Primary()) },
        { "OnePrimary", CheckStatus.Failed, Facts(Standby(), Standby()) },
        { "OnePrimary", CheckStatus.Failed, Facts(With(Primary(), s => s with { State = NodeState.Stopped }), Standby()) },
        { "OneSystem", CheckStatus.Failed, Facts(Primary(), With(Standby(), s => s with { SystemIdentifier = "7002" })) },
        { "StandbyStreams", CheckStatus.Failed, Facts(Primary(), With(Standby(), s => s with { State = NodeState.NotStreaming })) },
        { "StandbyStreams", CheckStatus.Failed, Facts(Primary(), With(Standby(), s => s with { State = NodeState.Stopped })) },
        { "StandbyStreams", CheckStatus.Failed, Facts(Primary(), With(Standby(), s => s with { Timeline = 2 })) },
        { "StreamingNames", CheckStatus.Failed, Facts(Primary(), Standby() with { StreamsAs = "walreceiver", VersionNumber = 120020 }) },
        { "SynchronousNames", CheckStatus.Failed, Facts(With(Primary(), s => s with { SynchronousStandbyNames = "walreceiver" }), Standby() with { StreamsAs = "walreceiver" }) },
        { "SynchronousNames", CheckStatus.Failed, Facts(With(Primary(), s => s with { SynchronousStandbyNames = "ANY 2 (pg02, x)" }), Standby()) },
        { "SynchronousNames", CheckStatus.Warning, Facts(With(Primary(), s => s with { SynchronousStandbyNames = "ANY 1 (pg02, x)" }), Standby()) },
        { "CanBeRewound", CheckStatus.Warning, Facts(Primary() with { CanBeRewound = false }, Standby()) },
        { "ReplicationLimits", CheckStatus.Failed, Facts(Primary(), Standby() with { MaxWalSenders = 0 }) },
        { "ReplicationLimits", CheckStatus.Warning, Facts(Primary() with { MaxWalSenders = 2 }, Standby()) },
        { "ReplicationLimits", CheckStatus.Warning, Facts(Primary() with { MaxReplicationSlots = 0 }, Standby()) },
        { "ReplicationAccess", CheckStatus.Failed, Facts(Primary() with { Links = [new SurveyedLink("pg02", "28000 no entry", null)] }, Standby()) },
        { "ReplicationAccess", CheckStatus.Failed, Facts(Primary(), Standby() with { Links = [new SurveyedLink("pg01", null, "28P01 wrong password")] }) },
        { "NoOtherManager", CheckStatus.Failed, Facts(Primary() with { ManagerSessions = ["Patroni heartbeat"] }, Standby()) },
        { "NoOtherManager", CheckStatus.Warning, Facts(Primary() with { ManagerPrograms = ["repmgrd"] }, Standby()) },
    };

    [Theory]
    [MemberData(nameof(Objections))]
    public void What_speaks_against_it_is_named_with_a_remedy_and_keeps_it_from_running_when_it_failed(string name, CheckStatus status, InitializeFacts facts)
    {
        var plan = InitializePlanner.Plan(facts, "id");

        var check = Assert.Single(plan.Checks, c => c.Name == name);
        Assert.Equal(status, check.Status);
        Assert.NotEmpty(check.Remedy);
        Assert.Equal(plan.Checks.Any(c => c.Status == CheckStatus.Failed), plan.Steps.Count == 0);
        Assert.True(status == CheckStatus.Failed || plan.Steps.Count > 0);
    }

    [Fact]
    public void The_list_that_would_do_is_in_the_remedy()
    {
        var plan = InitializePlanner.Plan(Facts(With(Primary(), s => s with { SynchronousStandbyNames = "walreceiver" }), Standby() with { StreamsAs = "walreceiver" }), "id");

        Assert.Contains("ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 (\"walreceiver\", \"pg02\")'", plan.Checks.Single(c => c.Name == "SynchronousNames").Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void A_node_without_a_server_gets_a_copy_afterwards()
    {
        var plan = InitializePlanner.Plan(Facts(Primary(), new NodeSurvey { Server = new PostgresStatus { State = NodeState.Unknown, Data = DataDirectoryState.Empty, SystemIdentifier = "7001" }, AgentVersion = "1" }), "id");

        Assert.NotEmpty(plan.Steps);
        Assert.Equal(CheckStatus.Warning, plan.Checks.Single(c => c.Name == "StandbyStreams").Status);
    }

    private static InitializeFacts Facts(NodeSurvey? first, NodeSurvey? second) => new()
    {
        Config = Config,
        Store = new StoreHealth(true, 7, []),
        Nodes = [new SurveyedNode(Config.Nodes[0], first, "silent"), new SurveyedNode(Config.Nodes[1], second, "silent")],
    };

    private static NodeSurvey Primary() => new()
    {
        Server = new PostgresStatus { State = NodeState.Running, Role = NodeRole.Primary, Timeline = 1, SystemIdentifier = "7001", Data = DataDirectoryState.Cluster },
        VersionNumber = 150003,
        StartedAt = DateTimeOffset.UnixEpoch,
        CanBeRewound = true,
        MaxWalSenders = 10,
        MaxReplicationSlots = 10,
        AgentVersion = "1",
    };

    private static NodeSurvey Standby() => With(Primary(), s => s with { Role = NodeRole.Standby, UpstreamAddress = "10.0.0.1:5432" }) with { StreamsAs = "pg02" };

    private static NodeSurvey With(NodeSurvey survey, Func<PostgresStatus, PostgresStatus> change) => survey with { Server = change(survey.Server) };
}
