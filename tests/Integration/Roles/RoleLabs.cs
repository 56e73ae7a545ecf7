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

    /// <summary>Until the nodes, by name, have these roles: V, S or P each.</summary>
    public static Task<RoleRecord> WaitForRolesAsync(this ClusterLab lab, string roles) => lab.WaitForRolesAsync(
        $"the roles are {roles}", r => string.Join(',', r.Roles.OrderBy(n => n.Key, StringComparer.Ordinal).Select(n => n.Value switch { MemberRole.Voter => 'V', MemberRole.StandBy => 'S', _ => 'P' })) == roles);

    /// <summary>The entries of the history that the role loop, or somebody who asked it, has left; the latest first.</summary>
    public static async Task<IReadOnlyList<OperationReport>> RoleHistoryAsync(this ClusterLab lab) =>
        [.. (await lab.Cluster.GetHistoryAsync(ClusterLab.Token)).Where(r => r.Kind == "role")];
}
