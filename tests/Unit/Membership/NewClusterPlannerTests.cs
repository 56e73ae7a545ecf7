using PgCluster.Engine.Configuration;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Membership;
using PgCluster.Engine.Nodes;
using PgCluster.Engine.Store;
using PgCluster.Tests.Unit.Configuration;

namespace PgCluster.Tests.Unit.Membership;

public sealed class NewClusterPlannerTests
{
    private static readonly InitializeRequest Request = new() { New = true };

    private static ClusterConfig Config
    {
        get
        {
            var config = ConfigTexts.Load(ConfigTexts.ThreeNodes).Config;
            return config with { Postgres = config.Postgres with { PasswordFile = "/etc/pgcluster/pgpass" } };
        }
    }

    [Fact]
    public void A_cluster_is_made_where_there_is_none()
    {
        var plan = NewClusterPlanner.Plan(Facts(Empty(), Empty()), Request, "id");

        Assert.Equal(
            [InitializeSteps.Lock, InitializeSteps.Recheck, InitializeSteps.Make, InitializeSteps.Begin, InitializeSteps.Lead, InitializeSteps.Stream],
            plan.Steps.Select(s => s.Name));
        Assert.Equal([1, 2, 3, 4, 5, 6], plan.Steps.Select(s => s.Number));
        Assert.Equal(InitializeSteps.Begin, plan.Steps.Single(s => s.PointOfNoReturn).Name);
        Assert.NotEmpty(plan.Steps.Single(s => s.Name == InitializeSteps.Make).Undo);
        Assert.Equal((null, "pg01", "create"), (plan.From, plan.To, plan.Kind));
        Assert.Equal("pg02", plan.Steps[^1].Node);
        Assert.All(plan.Checks, c => Assert.Equal((c.Name, CheckStatus.Passed), (c.Name, c.Status)));
    }

    [Theory]
    [InlineData("", 0, false, "pg01")]
    [InlineData("", 5, false, "pg02")]
    [InlineData("", -1, false, "pg01")]
    [InlineData("", 0, true, "pg02")]
    [InlineData("pg02", 0, false, "pg02")]
    public void The_first_server_is_where_it_was_asked_for_or_weighs_most_of_those_that_may_lead(string asked, int weightOfSecond, bool firstMayNotLead, string chosen)
    {
        var config = Config with { Nodes = [Config.Nodes[0] with { NoFailover = firstMayNotLead }, Config.Nodes[1] with { Weight = weightOfSecond }] };

        Assert.Equal(chosen, NewClusterPlanner.Plan(Facts(Empty(), Empty()) with { Config = config }, Request with { Primary = asked }, "id").To);
    }

    [Fact]
    public void A_single_node_waits_for_nobody()
    {
        var config = Config with { Nodes = [Config.Nodes[0]], Rejoin = new RejoinConfig { BaseBackup = false } };
        var plan = NewClusterPlanner.Plan(Facts(Empty(), Empty()) with { Config = config, Nodes = [new SurveyedNode(config.Nodes[0], Empty(), "")] }, Request, "id");

        Assert.Equal(InitializeSteps.Lead, plan.Steps[^1].Name);
    }

    public static TheoryData<string, CheckStatus, InitializeFacts> Objections => new()
    {
        { "StoreQuorum", CheckStatus.Failed, Facts(Empty(), Empty()) with { Store = new StoreHealth(false, 0, []) } },
        { "NotInitialized", CheckStatus.Failed, Facts(Empty(), Empty()) with { Identity = new ClusterIdentity("7001", "demo", DateTimeOffset.UnixEpoch, "me") } },
        { "NotInitialized", CheckStatus.Failed, Facts(Empty(), Empty()) with { LastLeader = new LastLeader("pg01", 1, "t") } },
        { "NotInitialized", CheckStatus.Failed, Facts(Empty(), Empty()) with { Leader = new LeaderRecord("pg01", 1, "t") } },
        { "AgentAnswers", CheckStatus.Failed, Facts(Empty(), null) },
        { "AgentVersions", CheckStatus.Warning, Facts(Empty(), Empty() with { AgentVersion = "2" }) },
        { "EmptyDirectory", CheckStatus.Failed, Facts(Empty(), With(DataDirectoryState.Cluster)) },
        { "EmptyDirectory", CheckStatus.Failed, Facts(With(DataDirectoryState.Other), Empty()) },
        { "EmptyDirectory", CheckStatus.Failed, Facts(Empty(), With(DataDirectoryState.Unknown)) },
        { "CanBeMade", CheckStatus.Failed, Facts(Empty(), Empty() with { NewServer = new NewServerSurvey(15, "the directory around it is missing") }) },
        { "OneVersion", CheckStatus.Failed, Facts(Empty(), Empty() with { NewServer = new NewServerSurvey(16, null) }) },
        { "FirstServer", CheckStatus.Failed, Facts(Empty(), Empty()) with { Config = Config with { Nodes = [.. Config.Nodes.Select(n => n with { NoFailover = true })] } } },
        { "CopiesAllowed", CheckStatus.Failed, Facts(Empty(), Empty()) with { Config = Config with { Rejoin = new RejoinConfig { BaseBackup = false } } } },
        { "CopiesAllowed", CheckStatus.Failed, Facts(Empty(), Empty()) with { Suspended = true } },
        { "Passwords", CheckStatus.Failed, Facts(Empty(), Empty()) with { Config = Config with { Postgres = new PostgresConfig() } } },
        { "Passwords", CheckStatus.Warning, Facts(Empty(), Empty()) with { Config = Config with { Postgres = new PostgresConfig(), Nodes = [.. Config.Nodes.Select(n => n with { Host = "127.0.0.1" })] } } },
        { "NoOtherManager", CheckStatus.Warning, Facts(Empty() with { ManagerPrograms = ["repmgrd"] }, Empty()) },
    };

    [Theory]
    [MemberData(nameof(Objections))]
    public void What_speaks_against_it_is_named_with_a_remedy_and_keeps_it_from_running_when_it_failed(string name, CheckStatus status, InitializeFacts facts)
    {
        var plan = NewClusterPlanner.Plan(facts, Request, "id");

        var check = Assert.Single(plan.Checks, c => c.Name == name);
        Assert.Equal(status, check.Status);
        Assert.NotEmpty(check.Remedy);
        Assert.Equal(status == CheckStatus.Failed, plan.Steps.Count == 0);
    }

    [Fact]
    public void A_node_that_must_never_lead_is_not_where_it_begins()
    {
        var config = Config with { Nodes = [Config.Nodes[0], Config.Nodes[1] with { NoFailover = true }] };
        var plan = NewClusterPlanner.Plan(Facts(Empty(), Empty()) with { Config = config }, Request with { Primary = "pg02" }, "id");

        Assert.Empty(plan.Steps);
        Assert.Equal(Reason.TargetNotEligible, plan.Checks.Single(c => c.Status == CheckStatus.Failed).Reason);
    }

    [Theory]
    [InlineData("nobody", "C", "UTF8", 60, Reason.NodeNotFound)]
    [InlineData("", "", "UTF8", 60, Reason.InvalidArgument)]
    [InlineData("", "C", "", 60, Reason.InvalidArgument)]
    [InlineData("", "C", "UTF8", 0, Reason.InvalidArgument)]
    public void A_request_that_makes_no_sense_is_refused(string primary, string locale, string encoding, int seconds, Reason reason) => Assert.Equal(
        reason,
        Assert.Throws<PgClusterException>(() => NewClusterPlanner.Plan(
            Facts(Empty(), Empty()), Request with { Primary = primary, Locale = locale, Encoding = encoding, Timeout = TimeSpan.FromSeconds(seconds) }, "id")).Reason);

    private static InitializeFacts Facts(NodeSurvey? first, NodeSurvey? second) => new()
    {
        Config = Config,
        Store = new StoreHealth(true, 7, []),
        Nodes = [new SurveyedNode(Config.Nodes[0], first, "silent"), new SurveyedNode(Config.Nodes[1], second, "silent")],
    };

    private static NodeSurvey Empty() => With(DataDirectoryState.Empty) with { NewServer = new NewServerSurvey(15, null) };

    private static NodeSurvey With(DataDirectoryState data) => new() { Server = new PostgresStatus { State = NodeState.Unknown, Data = data, Evidence = "as seen" }, AgentVersion = "1" };
}
