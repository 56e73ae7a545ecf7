using PgCluster.Client;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Roles;
using PgCluster.Engine.Topology;
using PgCluster.Tests.Integration.Failover;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Roles;

/// <summary>The roles of a cluster as they are on record.</summary>
internal static class RoleLabs
{
    /// <summary>What stands on record; null when nothing does.</summary>
    public static async Task<RoleRecord?> RolesAsync(this ClusterLab lab) => RoleRecord.FromJson((await lab.Store.GetAsync(StoreKeys.Roles, ClusterLab.Token))?.Value);

    /// <summary>Until the roles are like this; what they are then.</summary>
    public static async Task<RoleRecord> WaitForRolesAsync(this ClusterLab lab, string what, Func<RoleRecord, bool> areThey)
    {
        RoleRecord? record = null;
        try
        {
            await Poll.UntilAsync(what, async () => (record = await lab.RolesAsync()) is not null && areThey(record), TimeSpan.FromSeconds(120));
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message} Last seen: {record?.ToJson()}", e);
        }

        return record!;
    }

    /// <summary>Until the nodes have these roles: V, S or P each.</summary>
    /// <param name="lab">The cluster.</param>
    /// <param name="roles">The roles.</param>
    /// <param name="nodes">The nodes in the order of the roles; by name when null.</param>
    public static Task<RoleRecord> WaitForRolesAsync(this ClusterLab lab, string roles, IReadOnlyList<string>? nodes = null) => lab.WaitForRolesAsync(
        $"the roles are {roles}", r => Shown(r, nodes ?? [.. r.Roles.Keys.Order(StringComparer.Ordinal)]) == roles && r.Roles.Count == roles.Split(',').Length);

    /// <summary>Puts roles on record, as they are decided for members that are all online, and returns when the leader leaves them as they are and commits wait for the voters.</summary>
    public static async Task SettleAsync(this ClusterLab lab, string primary, string roles)
    {
        var (letters, names) = (roles.Split(','), (await lab.Cluster.GetNodesAsync(ClusterLab.Token)).Select(n => n.Name).Order(StringComparer.Ordinal));
        var record = new RoleRecord(primary, names.Zip(letters).ToDictionary(n => n.First, n => RoleOf(n.Second), StringComparer.Ordinal), TimeProvider.System.GetUtcNow());
        RolePlan? plan = null;
        try
        {
            await Poll.UntilAsync(
                $"the leader leaves the roles at {roles}",
                async () =>
                {
                    if ((await lab.RolesAsync())?.Says(primary, record.Roles) != true)
                    {
                        await lab.Store.PutAsync(StoreKeys.Roles, record.ToJson(), null, ClusterLab.Token);
                    }

                    // One that was away is offline for some seconds more.
                    plan = await lab.Cluster.AdjustRolesAsync(new RoleAdjustmentRequest { PlanOnly = true, Actor = "it@here" }, ClusterLab.Token);
                    return plan.Changes.Count == 0 && plan.Members.All(m => m.IsOnline) && (await lab.RolesAsync())!.Says(primary, record.Roles);
                },
                TimeSpan.FromMinutes(3));
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message} Last seen: {(plan is null ? null : RolePlanJson.ToJson(plan))}", e);
        }

        await lab.WaitForVotersAsync(primary, [.. record.Roles.Where(r => r.Value == MemberRole.Voter && r.Key != primary).Select(r => r.Key)]);
    }

    /// <summary>Until the commits of a primary wait for these standbys and no other.</summary>
    public static Task WaitForVotersAsync(this ClusterLab lab, string primary, params IReadOnlyList<string> standbys) => lab.WaitForListAsync(
        primary, $"commits wait for {string.Join(" and ", standbys)}", l => l.Standbys.Order(StringComparer.Ordinal).SequenceEqual(standbys.Order(StringComparer.Ordinal)));

    /// <summary>A node gives its role away, and is a spare that can be stopped.</summary>
    public static async Task<OperationReport> HandOverAsync(this ClusterLab lab, string node)
    {
        var request = new NodeSuspensionRequest { Node = node, HandsOver = true, Limit = TimeSpan.FromMinutes(2), Why = "it", Actor = "it@here" };
        var (report, suspension) = await lab.Cluster.RunNodeSuspensionAsync(await lab.Cluster.PlanNodeSuspensionAsync(request, ClusterLab.Token), request, null, ClusterLab.Token);
        Assert.True(report.Outcome == OperationOutcome.Succeeded, report.Error);
        Assert.Equal(("handover", true, "handed over by it@here: it"), (report.Kind, suspension!.HandsOver, suspension.ToString()));
        return report;
    }

    /// <summary>Puts every node back into service that a test before has left out of it.</summary>
    public static async Task ResumeAsync(this ClusterLab lab)
    {
        foreach (var suspension in (await lab.Cluster.GetClusterAsync(ClusterLab.Token)).SuspendedNodes)
        {
            await lab.Cluster.ResumeNodeAsync(suspension.Name, "it@here", ClusterLab.Token);
        }
    }

    /// <summary>Makes a node a member, and returns when it streams.</summary>
    public static async Task AddAsync(this ClusterLab lab, NodeConfig node)
    {
        var request = new AddNodeRequest
        {
            Name = node.Name,
            Host = node.Host,
            Port = node.Port,
            Agent = node.Agent.ToString(),
            Http = node.Http.ToString(),
            DataDirectory = node.DataDirectory,
            LogFile = node.LogFile,
            FailureDomain = node.FailureDomain,
            Timeout = TimeSpan.FromMinutes(3),
            Actor = "it@here",
        };
        var report = await lab.Cluster.RunAddNodeAsync(await RunnableAsync(() => lab.Cluster.PlanAddNodeAsync(request, ClusterLab.Token)), request, null, ClusterLab.Token);
        Assert.True(report.Outcome == OperationOutcome.Succeeded, report.Error);
    }

    /// <summary>A node is no member any more; its server goes on, and nobody looks at it.</summary>
    public static async Task RemoveAsync(this ClusterLab lab, string node)
    {
        var request = new RemoveNodeRequest { Name = node, Actor = "it@here" };
        var report = await lab.Cluster.RunRemoveNodeAsync(await RunnableAsync(() => lab.Cluster.PlanRemoveNodeAsync(request, ClusterLab.Token)), request, null, ClusterLab.Token);
        Assert.True(report.Outcome == OperationOutcome.Succeeded, report.Error);
    }

    /// <summary>Changes what the cluster knows of a node while it serves.</summary>
    public static async Task SetAsync(this ClusterLab lab, SetNodeRequest request)
    {
        var report = await lab.Cluster.RunSetNodeAsync(await RunnableAsync(() => lab.Cluster.PlanSetNodeAsync(request, ClusterLab.Token)), request, null, ClusterLab.Token);
        Assert.True(report.Outcome == OperationOutcome.Succeeded, report.Error);
    }

    /// <summary>The entries of the history that the role loop, or somebody who asked it, has left; the latest first.</summary>
    public static async Task<IReadOnlyList<OperationReport>> RoleHistoryAsync(this ClusterLab lab) =>
        [.. (await lab.Cluster.GetHistoryAsync(ClusterLab.Token)).Where(r => r.Kind == "role")];

    /// <summary>A plan that may run: after a change of the nodes the agents begin anew, and do not answer for a moment.</summary>
    private static async Task<OperationPlan> RunnableAsync(Func<Task<OperationPlan>> make)
    {
        OperationPlan? plan = null;
        try
        {
            await Poll.UntilAsync("the change of the nodes may run", async () => ClusterConnection.RefusalOf(plan = await make()) is null);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message} {ClusterConnection.RefusalOf(plan!)?.Message}", e);
        }

        return plan!;
    }

    private static MemberRole RoleOf(string letter) => Enum.GetValues<MemberRole>().Single(r => Letter(r) == letter);

    private static string Shown(RoleRecord record, IEnumerable<string> nodes) => string.Join(',', nodes.Select(n => Letter(record.Of(n))));

    private static string Letter(MemberRole role) => role switch { MemberRole.Voter => "V", MemberRole.StandBy => "S", _ => "P" };
}
